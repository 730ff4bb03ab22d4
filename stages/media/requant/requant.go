// Package requant makes JPEGs of lower quality out of JPEGs without going
// through their pixels: it decodes the Huffman codes of a picture, divides its
// DCT coefficients by coarser quantisers, and codes them anew (ITU-T T.81,
// whose clauses the comments name). That costs a fraction of a decoder and an
// encoder, and loses less than they do.
//
// A picture whose quantisers are coarse already is passed through: its coded
// data are checked and copied. In both cases the metadata stay behind.
//
// Only what is common and in order is taken. Anything else, damaged pictures
// included, is refused with ErrUnsupported before a byte is written, and is for
// a decoder to look at.
package requant

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// ErrUnsupported means that a file is no JPEG of the kind that can be
// requantised, or not a whole one.
var ErrUnsupported = errors.New("not a JPEG that can be requantised")

// unsupported returns an ErrUnsupported with the reason.
func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, args...))
}

// errDamaged means that coded data make no sense. What of them does is for a
// decoder to find out.
var errDamaged = unsupported("the coded data are damaged")

// Picture is a file, and what is wanted of it.
type Picture struct {
	Bytes         int64 // of the file
	Width, Height int64 // of the picture, without any turn that metadata ask for
	Quality       int   // 1 to 100, as libjpeg counts
}

// maxBytes is the largest file that is taken, for all of it is held in memory.
const maxBytes = 128 << 20

// Cost returns the bytes of memory that a picture takes at most: the file, up
// to five times as much for its coefficients, and what becomes of it.
func (p Picture) Cost() int64 { return 1<<20 + 2*p.Bytes + p.tokenBytes() }

// tokenBytes returns what the coefficients may take. Four bytes each are about
// three times the coded data of photographs; the pictures that are almost empty
// have two to a block.
func (p Picture) tokenBytes() int64 { return 5*p.Bytes + p.Width*p.Height*3*2*tokenSize/64 }

// Engine requantises pictures, any number of them at a time.
type Engine struct {
	coders sync.Pool // of *coder, with the buffers of the last picture
}

// New returns an engine.
func New() *Engine {
	return &Engine{coders: sync.Pool{New: func() any { return new(coder) }}}
}

// Write reads the file of a picture from r and writes it to w in the quality
// that is wanted. Nothing is written if the error is ErrUnsupported; any other
// is the reader's, the writer's or the context's.
func (e *Engine) Write(ctx context.Context, w io.Writer, r io.Reader, p Picture) error {
	if p.Bytes > maxBytes {
		return unsupported("%d bytes are too many", p.Bytes)
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	c, _ := e.coders.Get().(*coder)
	defer func() {
		c.trim()
		e.coders.Put(c)
	}()
	if err := c.read(r, p.Bytes); err != nil {
		return err
	}
	return c.recode(w, p)
}

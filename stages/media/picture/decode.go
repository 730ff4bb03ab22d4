package picture

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"io"
	"math"

	"github.com/hhrutter/tiff"
	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"

	"framemill/pipeline"
)

// bitmap is a decoded picture, upright.
type bitmap struct {
	image.Image
	bilevel   bool
	truncated bool // the source ended early, and what is missing was made up
}

// load decodes the picture that info describes and turns it upright. It reads
// the header again, so a source that changed since cannot make it allocate
// more than info says.
func load(ctx context.Context, r io.ReadSeeker, info Info) (bitmap, error) {
	h, err := reread(r, info)
	if err != nil {
		return bitmap{}, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return bitmap{}, fmt.Errorf("rewind picture: %w", err)
	}
	src := &source{ctx: ctx, r: r}
	m, truncated, err := decode(src, &h)
	if src.err != nil {
		return bitmap{}, fmt.Errorf("read picture: %w", src.err)
	}
	if err != nil {
		return bitmap{}, failf(pipeline.CodeDecodeFailed, "the %s cannot be decoded: %v", h.Format, err)
	}
	width, height := h.stored()
	if got := m.Bounds().Size(); int64(got.X) != width || int64(got.Y) != height {
		return bitmap{}, failf(pipeline.CodeDecodeFailed, "the %s has %d×%d pixels, but its header says %d×%d", h.Format, got.X, got.Y, width, height)
	}
	return bitmap{Image: upright(m, h.Orient), bilevel: h.bilevel, truncated: truncated}, nil
}

// reread reads the header anew and compares it with what probing found.
func reread(r io.ReadSeeker, info Info) (header, error) {
	size, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return header{}, fmt.Errorf("measure picture: %w", err)
	}
	// The limit was judged by Probe, and the comparison below upholds it.
	h, err := readHeader(&window{src: r, size: size, pos: size}, Limits{MaxPixels: math.MaxInt64})
	if err != nil && pipeline.KindOf(err) == pipeline.Internal {
		return header{}, err
	}
	if err != nil || h.Format != info.Format || h.Width != info.Width || h.Height != info.Height || h.Orient != max(info.Orient, 1) {
		return header{}, failf(pipeline.CodeSourceChanged, "the picture is not the one that was there when the task was created")
	}
	return h, nil
}

// decode picks the decoder. It reports whether the source was found to end
// early.
func decode(src *source, h *header) (m image.Image, truncated bool, err error) {
	defer guard(&err)
	switch h.Format {
	case JPEG:
		return decodeJPEG(src)
	case TIFF:
		m, err = tiff.Decode(src)
		return m, false, err
	case PNG:
		return decodePNG(src, h)
	}
	buffered := bufio.NewReaderSize(src, 64<<10)
	switch h.Format {
	case BMP:
		m, err = bmp.Decode(buffered)
	case WebP:
		m, err = webp.Decode(buffered)
	case GIF:
		m, err = decodeGIF(buffered, h)
	default:
		err = errors.New("unknown format")
	}
	if err == nil && m == nil {
		err = errors.New("no picture in it")
	}
	return m, false, err
}

// decodeGIF decodes the first frame and lays it onto the canvas.
func decodeGIF(r io.Reader, h *header) (image.Image, error) {
	m, err := gif.Decode(r)
	if err != nil {
		return nil, err
	}
	p, ok := m.(*image.Paletted)
	canvas := image.Rect(0, 0, int(h.Width), int(h.Height))
	if !ok || p.Rect == canvas {
		return m, nil
	}
	out := image.NewPaletted(canvas, p.Palette)
	for y := p.Rect.Min.Y; y < p.Rect.Max.Y; y++ {
		from := p.PixOffset(p.Rect.Min.X, y)
		copy(out.Pix[out.PixOffset(p.Rect.Min.X, y):], p.Pix[from:from+p.Rect.Dx()])
	}
	return out, nil
}

// source is the file under a decoder. It ends when its context does, and keeps
// the error of a failing storage apart from what the decoder makes of it.
type source struct {
	ctx   context.Context
	r     io.ReadSeeker
	pos   int64
	ended bool // a read found the end
	err   error
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	if err := context.Cause(s.ctx); err != nil {
		s.err = err
		return 0, err
	}
	n, err := s.r.Read(p)
	s.pos += int64(n)
	if errors.Is(err, io.EOF) {
		s.ended = true
	} else if err != nil {
		s.err = err
	}
	return n, err
}

// ReadAt implements io.ReaderAt for the TIFF decoder, which jumps about. It is
// not for concurrent use.
func (s *source) ReadAt(p []byte, off int64) (int, error) {
	if s.pos != off {
		if _, err := s.r.Seek(off, io.SeekStart); err != nil {
			return 0, io.ErrUnexpectedEOF // offsets come from the file
		}
		s.pos = off
	}
	n, err := io.ReadFull(s, p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

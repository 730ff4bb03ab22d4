package requant

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"framemill/stages/media/jpeg"
)

// coder holds the picture under way, and the buffers that the next one uses
// again.
type coder struct {
	file   []byte // with margin zeros behind
	header header
	scan   scan
	dcs    [4]decoding // codes of the source, by slot
	acs    [4]acCodes
	fines  [3]fineTable
	lanes  [3]lane
	unit   []*lane // the lane of each block of a coded unit
	tokens tokens
	page   *page // of the tokens, under way
	writer bitWriter
}

// margin is how far behind the coded data a decoder may look: no coded unit
// takes more, and each is preceded by a check.
const margin = 4 << 10

// maxKept is the most memory that a coder keeps for the next picture.
const maxKept = 16 << 20

// trim lets go of the buffers of large pictures.
func (c *coder) trim() {
	if cap(c.file) > maxKept {
		c.file = nil
	}
	c.tokens.trim()
}

// read reads the whole file.
func (c *coder) read(r io.Reader, size int64) error {
	c.file = slices.Grow(c.file[:0], int(size)+margin)[:size+margin]
	clear(c.file[size:])
	_, err := io.ReadFull(r, c.file[:size])
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return unsupported("the file is shorter than it was")
	}
	if err != nil {
		return fmt.Errorf("read picture: %w", err)
	}
	return nil
}

// recode writes the picture that was read.
func (c *coder) recode(w io.Writer, p Picture) error {
	file := c.file[:len(c.file)-margin]
	if err := c.header.parse(file); err != nil {
		return err
	}
	if int64(c.header.width) != p.Width || int64(c.header.height) != p.Height {
		return unsupported("it has %d×%d pixels, not %d×%d", c.header.width, c.header.height, p.Width, p.Height)
	}
	target := jpeg.Quantisers(p.Quality)
	units, each := c.header.units()
	if err := c.scan.unstuff(file[c.header.scanAt:], (units+each-1)/each); err != nil {
		return err
	}
	if c.header.coarse(&target) {
		return c.pass(w)
	}
	if c.header.fullChroma() {
		return unsupported("its chroma would take a fifth more than halved")
	}
	if err := c.prepare(&target); err != nil {
		return err
	}
	c.tokens.reset(p.tokenBytes())
	if err := c.decode(); err != nil {
		return err
	}
	return c.encode(w, &target)
}

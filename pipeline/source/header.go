package source

import (
	"context"
	"io"

	"framemill/pipeline"
)

// What is read of an object whose header is wanted: the first block has the
// header of nearly every picture, later ones what a jump leads to.
const (
	firstBlock = 16 << 10
	laterBlock = 8 << 10
)

// header is an object of which a little is read, here and there.
type header struct {
	*remote
	enter func() error // waits for the right to a request
	leave func()
	pos   int64
	at    int64 // where the block lies
	block []byte
}

// header opens an object for whoever reads its header. The first block comes
// at once, and tells the version.
func (c *clouds) header(ctx context.Context, rest string, stamp pipeline.Stamp) (File, error) {
	r, err := c.find(ctx, rest, stamp)
	if err != nil {
		return nil, err
	}
	h := &header{remote: r, enter: func() error { return c.enter(ctx) }, leave: func() { c.requests.Release(1) }}
	if err := h.load(0, firstBlock); err != nil {
		return nil, err
	}
	return h, nil
}

// Size returns the length of the object.
func (h *header) Size() int64 { return h.size }

// load reads the block at a place, as far as there is one.
func (h *header) load(off, n int64) error {
	if err := h.enter(); err != nil {
		return err
	}
	defer h.leave()
	body, err := h.open(off, n)
	if err != nil {
		return err
	}
	defer body.Close()
	block := make([]byte, min(n, h.size-off))
	if _, err := io.ReadFull(body, block); err != nil {
		return h.brokenOff(err)
	}
	h.at, h.block = off, block
	return nil
}

// Read implements io.Reader.
func (h *header) Read(p []byte) (int, error) {
	if h.pos >= h.size {
		return 0, io.EOF
	}
	if h.pos < h.at || h.pos >= h.at+int64(len(h.block)) {
		if err := h.load(h.pos, laterBlock); err != nil {
			return 0, err
		}
	}
	n := copy(p, h.block[h.pos-h.at:])
	h.pos += int64(n)
	return n, nil
}

// Seek implements io.Seeker.
func (h *header) Seek(off int64, whence int) (int64, error) {
	to, err := seek(h.pos, h.size, off, whence)
	if err == nil {
		h.pos = to
	}
	return to, err
}

// Close has nothing to close: each block is a request of its own.
func (h *header) Close() error { return nil }

package cloud

import (
	"context"
	"errors"
	"io"
)

// body reads exactly what was asked for of an object: it ends without an error
// only after the last byte.
type body struct {
	ctx  context.Context //nolint:containedctx // of the request that the body belongs to
	key  string
	from io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.from.Read(p)
	b.left -= int64(n)
	switch {
	case b.left == 0:
		return n, nil
	case errors.Is(err, io.EOF):
		err = Failure{Key: b.key, Err: io.ErrUnexpectedEOF}.Error(b.ctx)
	case err != nil:
		err = Failure{Key: b.key, Err: err}.Error(b.ctx)
	}
	return n, err
}

// Close implements io.Closer.
func (b *body) Close() error { return b.from.Close() }

// length returns how many of the bytes of an object lie in a range that Open
// was asked for.
func length(size, off, n int64) int64 {
	rest := max(size-off, 0)
	if n < 0 || n > rest {
		return rest
	}
	return n
}

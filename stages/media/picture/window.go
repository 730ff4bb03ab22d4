package picture

import (
	"encoding/binary"
	"errors"
	"io"
)

const (
	firstRead = 8 << 10 // covers the header of most files
	laterRead = 1 << 10
	maxReads  = 4096 // of one header; each is at most firstRead bytes
)

// errShort means that the file ends before what its header promises.
var errShort = errors.New("unexpected end of file")

// window gives random access to the header of a file, by as few small reads
// as possible.
type window struct {
	src   io.ReadSeeker
	size  int64
	pos   int64 // of src
	at    int64 // file offset of buf[0]
	buf   []byte
	reads int
	err   error // of the source, apart from its end
}

// prefix returns up to n bytes from the beginning of the file.
func (w *window) prefix(n int64) []byte {
	b, _ := w.bytes(0, min(n, w.size))
	return b
}

// bytes returns the n bytes at offset off, valid until the next call. n must
// be small.
func (w *window) bytes(off, n int64) ([]byte, error) {
	if off < 0 || off+n > w.size {
		return nil, errShort
	}
	if off < w.at || off+n > w.at+int64(len(w.buf)) {
		if err := w.load(off, n); err != nil {
			return nil, err
		}
	}
	return w.buf[off-w.at:][:n], nil
}

// load reads a fresh window that begins at off and has at least n bytes.
func (w *window) load(off, n int64) error {
	if w.reads++; w.reads > maxReads {
		return errShort
	}
	want := max(int64(laterRead), n)
	if w.reads == 1 {
		want = firstRead
	}
	want = min(want, w.size-off)
	if int64(cap(w.buf)) < want {
		w.buf = make([]byte, want)
	}
	w.buf, w.at = w.buf[:want], off
	if err := w.fill(off); err != nil {
		w.buf = w.buf[:0]
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return errShort
		}
		w.err = err
		return err
	}
	return nil
}

func (w *window) fill(off int64) error {
	if w.pos != off {
		if _, err := w.src.Seek(off, io.SeekStart); err != nil {
			return err
		}
		w.pos = off
	}
	n, err := io.ReadFull(w.src, w.buf)
	w.pos += int64(n)
	return err
}

func (w *window) u16(off int64, order binary.ByteOrder) (int64, error) {
	b, err := w.bytes(off, 2)
	if err != nil {
		return 0, err
	}
	return int64(order.Uint16(b)), nil
}

package video

import (
	"encoding/binary"
	"errors"
	"io"
)

// maxBoxes bounds the boxes of one container, and those at the top of a file.
// A fragmented file has two for each fragment.
const maxBoxes = 1 << 17

// errBoxes is the error of boxes that do not fit where they lie.
var errBoxes = errors.New("the boxes of the file do not fit")

// box is one box of an MP4 file: where its content lies.
type box struct {
	kind   string
	lo, hi int64 // of the content; hi may lie behind the end of the file
	uncut  bool  // hi lies inside the container
}

// boxes calls yield for each box between lo and hi. It ends without an error
// where what follows is no box.
func boxes(r io.ReaderAt, lo, hi int64, yield func(box) error) error {
	for range maxBoxes {
		if lo+8 > hi {
			return nil
		}
		b, ok := readBox(r, lo, hi)
		if !ok {
			return nil
		}
		if err := yield(b); err != nil {
			return err
		}
		if !b.uncut {
			return nil
		}
		lo = b.hi
	}
	return errBoxes
}

// readBox reads the header at an offset.
func readBox(r io.ReaderAt, at, end int64) (box, bool) {
	var head [16]byte
	if n, _ := r.ReadAt(head[:], at); n < 8 {
		return box{}, false
	}
	size, header := int64(binary.BigEndian.Uint32(head[:])), int64(8)
	switch {
	case size == 1 && at+16 <= end:
		long := binary.BigEndian.Uint64(head[8:])
		if long > 1<<62 {
			return box{}, false
		}
		size, header = int64(long), 16
	case size == 0:
		size = end - at
	}
	if size < header {
		return box{}, false
	}
	return box{kind: string(head[4:8]), lo: at + header, hi: at + size, uncut: at+size <= end}, true
}

// table is the content of a box that lists entries of one width behind a
// version, flags and a count.
type table struct {
	version byte
	head    []byte // what stands between the flags and the entries, the count last
	rows    []byte
	width   int
}

func (t table) len() int { return len(t.rows) / t.width }

// u32 returns a number of row i.
func (t table) u32(i, at int) uint32 { return binary.BigEndian.Uint32(t.rows[i*t.width+at:]) }

// readTable reads a table of at most limit rows, of which head bytes precede
// the rows. It allocates only what the box really holds.
func readTable(r io.ReaderAt, b box, head, width, limit int) (table, error) {
	if !b.uncut || b.hi-b.lo < int64(4+head) {
		return table{}, errBoxes
	}
	first := make([]byte, 4+head)
	if _, err := r.ReadAt(first, b.lo); err != nil {
		return table{}, err
	}
	t := table{version: first[0], head: first[4:], width: width}
	count := int64(binary.BigEndian.Uint32(first[len(first)-4:]))
	if count > int64(limit) {
		return table{}, errTooManyFrames
	}
	if count*int64(width) > b.hi-b.lo-int64(4+head) {
		return table{}, errBoxes
	}
	t.rows = make([]byte, count*int64(width))
	_, err := r.ReadAt(t.rows, b.lo+int64(4+head))
	return t, err
}

// readSmall reads the whole content of a box that has no reason to be large.
func readSmall(r io.ReaderAt, b box, limit int64) ([]byte, error) {
	if !b.uncut || b.hi-b.lo > limit {
		return nil, errBoxes
	}
	p := make([]byte, b.hi-b.lo)
	_, err := r.ReadAt(p, b.lo)
	return p, err
}

package picture

import (
	"bytes"
	"errors"
	"io"
)

// maxScans bounds the scans of one JPEG. Real ones have up to a dozen; each
// makes the decoder visit every block again.
const maxScans = 500

var errTooManyScans = errors.New("too many scans")

// patient feeds a JPEG to the decoder. Where the file ends early it goes on
// with bytes that decode to something, so that what is there is not lost: the
// standard decoder gives no picture at all for half a file.
type patient struct {
	src     *source
	scans   int
	last    byte // of the previous read
	padding *padding
}

// Read implements io.Reader.
func (p *patient) Read(b []byte) (int, error) {
	if p.padding != nil {
		return p.padding.Read(b)
	}
	n, err := p.src.Read(b)
	p.watch(b[:n])
	if p.scans > maxScans {
		return 0, errTooManyScans
	}
	if n > 0 || !errors.Is(err, io.EOF) {
		return n, err
	}
	if p.padding, err = newPadding(p.src); err != nil {
		return 0, err
	}
	return p.padding.Read(b)
}

// watch counts scan headers. Inside coded data the pair cannot occur; inside
// metadata it may by chance, hence the generous bound.
func (p *patient) watch(b []byte) {
	if len(b) == 0 {
		return
	}
	if p.last == 0xff && b[0] == mSOS {
		p.scans++
	}
	p.scans += bytes.Count(b, []byte{0xff, mSOS})
	p.last = b[len(b)-1]
}

// padding is what stands in for the missing end of a JPEG: for each restart
// interval that is left a run of zero bits, which any Huffman table decodes,
// then the restart marker, and at last the end of the image. Between markers
// decoders skip the surplus.
type padding struct {
	zeros    int64 // left before the next marker
	interval int64 // zeros of each interval
	left     int64 // restart markers to come
	next     byte  // the next restart marker
	marker   []byte
	done     bool
}

// zerosPerBlock is one byte a coefficient: more than a block of the shortest
// code takes.
const zerosPerBlock = 64

// maxPadding bounds the zeros of one file, for they cost time.
const maxPadding = 512 << 20

func newPadding(src *source) (*padding, error) {
	size := src.pos
	w := &window{src: src.r, size: size, pos: -1}
	l, err := readLayout(w)
	if err != nil {
		return nil, io.ErrUnexpectedEOF // it ends before its pixels begin
	}
	next, err := nextRestart(src.r, l.scan)
	if err != nil {
		return nil, err
	}
	blocks, units := l.frame.blocks()
	p := &padding{interval: zerosPerBlock * blocks, next: next}
	if l.restart > 0 && l.restart < units {
		p.left = units / l.restart
		p.interval = zerosPerBlock * (blocks/units*l.restart + 1)
	}
	if p.interval > maxPadding/(p.left+1) {
		return nil, io.ErrUnexpectedEOF
	}
	p.zeros = p.interval
	return p, nil
}

// Read implements io.Reader.
func (p *padding) Read(b []byte) (int, error) {
	n := 0
	for n < len(b) {
		switch {
		case len(p.marker) > 0:
			c := copy(b[n:], p.marker)
			p.marker = p.marker[c:]
			n += c
		case p.zeros > 0:
			c := int(min(int64(len(b)-n), p.zeros))
			clear(b[n : n+c])
			p.zeros -= int64(c)
			n += c
		case p.done:
			if n == 0 {
				return 0, io.EOF
			}
			return n, nil
		default:
			p.advance()
		}
	}
	return n, nil
}

// advance goes on to the next marker and what follows it.
func (p *padding) advance() {
	if p.left == 0 {
		p.marker, p.done = []byte{0xff, mEOI}, true
		return
	}
	p.marker = []byte{0xff, p.next}
	p.next = mRST0 + (p.next-mRST0+1)%8
	p.left--
	p.zeros = p.interval
}

// layout is what the headers say of the coded data.
type layout struct {
	frame   frame
	restart int64 // units between restart markers, 0 for none
	scan    int64 // where the first scan's data begin
}

func readLayout(w *window) (layout, error) {
	var l layout
	err := walkJPEG(w, func(marker byte, off, n int64) (err error) {
		switch {
		case isFrame(marker):
			l.frame, err = readFrame(w, marker, off, n)
		case marker == mDRI && n == 2:
			b, err := w.bytes(off, 2)
			if err != nil {
				return err
			}
			l.restart = int64(b[0])<<8 | int64(b[1])
		case marker == mSOS:
			l.scan = off + n
		}
		return err
	})
	if err == nil && (l.frame.width == 0 || l.frame.height == 0) {
		err = errShort
	}
	return l, err
}

// nextRestart returns the restart marker that the decoder waits for at the end
// of the file: the one after the last of the last scan.
func nextRestart(r io.ReadSeeker, scan int64) (byte, error) {
	if _, err := r.Seek(scan, io.SeekStart); err != nil {
		return 0, err
	}
	next := byte(mRST0)
	buf := make([]byte, 64<<10)
	marked := false
	for {
		n, err := r.Read(buf)
		for _, c := range buf[:n] {
			if marked && c >= mRST0 && c <= mRST7 {
				next = mRST0 + (c-mRST0+1)%8
			} else if marked && c == mSOS {
				next = mRST0
			}
			marked = c == 0xff
		}
		if errors.Is(err, io.EOF) {
			return next, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

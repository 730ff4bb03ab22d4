package picture

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"io"
	"strings"
)

// maxScans bounds the scans of one JPEG. Real ones have up to a dozen; each
// makes the decoder visit every block again.
const maxScans = 100

var errTooManyScans = errors.New("too many scans")

// decodeJPEG decodes a JPEG. The standard decoder gives no picture at all for
// one that is damaged or ends early. Such a file is mended if it is baseline,
// as most are, and else cut or padded where it ends; truncated is true then.
func decodeJPEG(src *source) (m image.Image, truncated bool, err error) {
	first := &patient{src: src}
	m, err = jpeg.Decode(first)
	if err == nil || src.err != nil || first.marks.scans == 0 || errors.Is(err, errTooManyScans) {
		return m, false, err
	}
	size, seekErr := src.r.Seek(0, io.SeekEnd)
	if seekErr != nil {
		return nil, false, seekErr
	}
	m, mendErr := throughPipe(jpeg.Decode, func(w io.Writer) error { return mendJPEG(w, seekable{src}, size) })
	if !errors.Is(mendErr, errCannotMend) || !src.ended {
		if mendErr != nil {
			return nil, false, err // the first error says more
		}
		return m, true, nil
	}
	if _, err := src.r.Seek(0, io.SeekStart); err != nil {
		return nil, false, err
	}
	if first.marks.scans > 1 {
		// The scans of a progressive picture refine each other: the ones that
		// are whole make a picture, and half of one more would spoil it.
		m, err = jpeg.Decode(io.MultiReader(io.LimitReader(src, first.marks.segment), strings.NewReader("\xff\xd9")))
		return m, true, err
	}
	m, err = jpeg.Decode(&patient{src: src, size: size, pad: true})
	return m, true, err
}

// throughPipe decodes what write writes.
func throughPipe(decode func(io.Reader) (image.Image, error), write func(io.Writer) error) (image.Image, error) {
	in, out := io.Pipe()
	written := make(chan struct{})
	go func() {
		defer close(written)
		out.CloseWithError(write(out))
	}()
	// A decoder that panics must not leave the writer behind either.
	defer func() { <-written }()
	defer in.Close()
	return decode(in)
}

// seekable reads through the source, and seeks beneath it.
type seekable struct{ *source }

// Seek implements io.Seeker.
func (s seekable) Seek(off int64, whence int) (int64, error) { return s.r.Seek(off, whence) }

// patient feeds a JPEG to the decoder and follows its markers. If it is to
// pad, it goes on where the file ends with bytes that decode to something.
type patient struct {
	src     *source
	size    int64
	pad     bool
	marks   marks
	padding *padding
}

// Read implements io.Reader.
func (p *patient) Read(b []byte) (int, error) {
	if p.padding != nil {
		return p.padding.Read(b)
	}
	n, err := p.src.Read(b)
	p.marks.follow(b[:n])
	if p.marks.scans > maxScans {
		return 0, errTooManyScans
	}
	if n > 0 || !p.pad || !errors.Is(err, io.EOF) {
		return n, err
	}
	if p.padding, err = newPadding(p.src, p.size, p.marks.restarts); err != nil {
		return 0, err
	}
	return p.padding.Read(b)
}

// marks follows the markers of a JPEG as its bytes pass by.
type marks struct {
	scans    int
	restarts int   // restart markers of the scan under way
	segment  int64 // where the last segment begins, a scan's header included
	pos      int64

	step func(m *marks, c byte) // what to do with the next byte; nil looks for a marker
	high int                    // of a segment's length
	skip int                    // bytes of a segment still to come
}

func (m *marks) follow(b []byte) {
	for len(b) > 0 {
		n := 1
		switch {
		case m.skip > 0:
			n = min(m.skip, len(b))
			m.skip -= n
		case m.step != nil:
			m.step(m, b[0])
		default:
			if n = bytes.IndexByte(b, 0xff) + 1; n == 0 {
				n = len(b)
				break
			}
			m.step = (*marks).marker
		}
		b = b[n:]
		m.pos += int64(n)
	}
}

// marker takes the byte behind 0xff.
func (m *marks) marker(c byte) {
	m.step = nil
	switch {
	case c == 0xff: // a fill byte
		m.step = (*marks).marker
	case c >= mRST0 && c <= mRST7:
		m.restarts++
	case c < 0xc0 || c == mSOI || c == mEOI:
	default:
		if c == mSOS {
			m.scans++
			m.restarts = 0
		}
		m.segment = m.pos - 1
		m.step = (*marks).lengthHigh
	}
}

func (m *marks) lengthHigh(c byte) { m.high, m.step = int(c)<<8, (*marks).lengthLow }

func (m *marks) lengthLow(c byte) { m.skip, m.step = max((m.high|int(c))-2, 0), nil }

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

// newPadding reads the headers of the file again; restarts markers of the scan
// in which it ends were seen.
func newPadding(src *source, size int64, restarts int) (*padding, error) {
	l, err := readLayout(&window{src: src.r, size: size, pos: -1})
	if err != nil {
		return nil, io.ErrUnexpectedEOF // it ends before its pixels begin
	}
	blocks, units := l.frame.blocks()
	p := &padding{interval: zerosPerBlock * blocks, next: mRST0 + byte(restarts%8)}
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

package video

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"math"
)

// ffmpeg hands raw frames over in the container NUT, because it is the one that
// states the exact time of each. Only what ffmpeg writes for one stream is
// understood.
const (
	nutFileID    = "nut/multimedia container\x00"
	nutMain      = 0x4e4d7a561f5f04ad
	nutStream    = 0x4e5311405bf2f9db
	nutSyncpoint = 0x4e4be4adeeca4569
	nutInfo      = 0x4e49ab68b596ba78

	nutPTS      = 1 << 3 // flags of a frame
	nutStreamID = 1 << 4
	nutSize     = 1 << 5
	nutChecksum = 1 << 6
	nutReserved = 1 << 7
	nutSideData = 1 << 8
	nutHeader   = 1 << 10
	nutMatch    = 1 << 11
	nutCoded    = 1 << 12
	nutInvalid  = 1 << 13
)

// maxNutHeader bounds a header, of which the metadata of the video are a part.
const maxNutHeader = 4 << 20

var errNut = errors.New("ffmpeg did not put out frames as it should")

// nutCode says what a frame with this first byte is like.
type nutCode struct {
	flags              uint64
	pts                int64
	mul, lsb, reserved uint64
	header             uint64
}

// nutReader reads frames.
type nutReader struct {
	r     *bufio.Reader
	codes [256]nutCode
	clock ratio // as the file says
	base  ratio // as the stream says, which comes later
	shift uint64
	last  int64

	headers [][]byte // what frames may begin with without saying so
	prefix  []byte   // of the frame at hand, as far as it was not read
}

// ratio is num/den seconds.
type ratio struct{ num, den int64 }

// newNutReader reads the headers.
func newNutReader(r io.Reader) (*nutReader, error) {
	n := &nutReader{r: bufio.NewReaderSize(r, 256<<10)}
	id := make([]byte, len(nutFileID))
	if _, err := io.ReadFull(n.r, id); err != nil {
		return nil, err // io.EOF: no frame at all
	}
	if string(id) != nutFileID {
		return nil, errNut
	}
	for n.base.den == 0 {
		code, err := n.uint64()
		if err != nil {
			return nil, err
		}
		if err := n.packet(code); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// next reads the head of a frame: its time and its size. The frame follows.
func (n *nutReader) next() (pts int64, size int64, err error) {
	for {
		code, err := n.r.ReadByte()
		if err != nil {
			return 0, 0, err
		}
		if code != 'N' {
			return n.frame(n.codes[code])
		}
		if err := n.r.UnreadByte(); err != nil {
			return 0, 0, err
		}
		start, err := n.uint64()
		if err != nil {
			return 0, 0, err
		}
		if err := n.packet(start); err != nil {
			return 0, 0, err
		}
	}
}

// packet reads what is not a frame.
func (n *nutReader) packet(start uint64) error {
	size, err := n.uvarint()
	if err != nil {
		return err
	}
	if size < 4 || size > maxNutHeader {
		return errNut
	}
	if size > 4096 {
		if _, err := n.uint32(); err != nil { // checksum of the head
			return err
		}
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(n.r, body); err != nil {
		return err
	}
	c := &nutCursor{b: body[:size-4]}
	switch start {
	case nutMain:
		n.main(c)
	case nutStream:
		n.stream(c)
	case nutSyncpoint:
		n.last = int64(c.uint()) // there is one clock only
	case nutInfo:
	default:
		return errNut
	}
	if c.bad {
		return errNut
	}
	return nil
}

// main reads the clocks and what frames can be like.
func (n *nutReader) main(c *nutCursor) {
	if c.uint() > 3 {
		c.uint() // minor version
	}
	streams, _ := c.uint(), c.uint()
	count := c.uint()
	n.clock = ratio{int64(c.uint()), int64(c.uint())}
	if streams != 1 || count != 1 || n.clock.num < 1 || n.clock.den < 1 {
		c.bad = true
		return
	}
	row := nutCode{mul: 1}
	for i := 0; i < 256 && !c.bad; {
		row.flags = c.uint()
		size, repeat := n.codeFields(c, &row)
		for j := uint64(0); j < repeat && i < 256; i++ {
			if i == 'N' {
				n.codes[i].flags = nutInvalid
				continue
			}
			n.codes[i] = row
			n.codes[i].lsb = size + j
			j++
		}
	}
	n.headers = [][]byte{nil}
	for range c.uint() {
		n.headers = append(n.headers, c.text())
		if len(n.headers) > 128 {
			c.bad = true
			return
		}
	}
}

// codeFields reads the fields of a row that differ from the row before, and
// returns the size of the first code and the number of codes in the row.
func (n *nutReader) codeFields(c *nutCursor, row *nutCode) (size, repeat uint64) {
	fields := c.uint()
	row.reserved, row.header = 0, 0
	if fields > 0 {
		row.pts = c.int()
	}
	if fields > 1 {
		row.mul = c.uint()
	}
	if fields > 2 {
		c.uint() // stream
	}
	if fields > 3 {
		size = c.uint()
	}
	if fields > 4 {
		row.reserved = c.uint()
	}
	repeat = row.mul - size
	if fields > 5 {
		repeat = c.uint()
	}
	if fields > 6 {
		c.int() // match
	}
	if fields > 7 {
		row.header = c.uint()
	}
	for i := uint64(8); i < fields && !c.bad; i++ {
		c.uint()
	}
	if repeat == 0 || repeat > 256 || row.mul > 1<<16 {
		c.bad = true
	}
	return size, repeat
}

// stream reads the clock of the stream.
func (n *nutReader) stream(c *nutCursor) {
	c.uint() // id
	c.uint() // class
	c.text() // codec
	base := c.uint()
	n.shift = c.uint()
	n.base = n.clock
	if base != 0 || n.shift > 16 {
		c.bad = true
	}
}

// frame reads the rest of the head of a frame.
func (n *nutReader) frame(code nutCode) (pts int64, size int64, err error) {
	flags := code.flags
	field := func(flag uint64) (v uint64) {
		if flags&flag != 0 && err == nil {
			v, err = n.uvarint()
		}
		return v
	}
	flags ^= field(nutCoded)
	field(nutStreamID)
	if flags&nutPTS == 0 {
		n.last += code.pts
	} else {
		n.last = n.full(field(nutPTS))
	}
	msb := field(nutSize)
	if flags&nutSize == 0 {
		msb = 0
	}
	field(nutMatch)
	header := code.header
	if flags&nutHeader != 0 {
		header = field(nutHeader)
	}
	reserved := code.reserved
	if flags&nutReserved != 0 {
		reserved = field(nutReserved)
	}
	if err == nil && (flags&(nutSideData|nutInvalid) != 0 || reserved > 16 || msb > math.MaxInt32) {
		return 0, 0, errNut
	}
	for range reserved {
		if err == nil {
			_, err = n.uvarint()
		}
	}
	if flags&nutChecksum != 0 && err == nil {
		_, err = n.uint32()
	}
	size = int64(msb*code.mul + code.lsb)
	if header >= uint64(len(n.headers)) || int64(len(n.headers[header])) > size {
		return 0, 0, errNut
	}
	n.prefix = n.headers[header]
	return n.last, size, err
}

// read fills p with the next bytes of the frame at hand.
func (n *nutReader) read(p []byte) error {
	had := copy(p, n.prefix)
	n.prefix = n.prefix[had:]
	_, err := io.ReadFull(n.r, p[had:])
	return err
}

// full completes a time of which only the low bits are stated.
func (n *nutReader) full(coded uint64) int64 {
	if coded >= 1<<n.shift {
		return int64(coded - 1<<n.shift)
	}
	mask := int64(1)<<n.shift - 1
	delta := n.last - mask/2
	return (int64(coded)-delta)&mask + delta
}

func (n *nutReader) uvarint() (v uint64, err error) {
	for range 10 {
		b, err := n.r.ReadByte()
		if err != nil {
			return 0, err
		}
		v = v<<7 | uint64(b&0x7f)
		if b < 0x80 {
			return v, nil
		}
	}
	return 0, errNut
}

func (n *nutReader) uint64() (uint64, error) {
	var b [8]byte
	_, err := io.ReadFull(n.r, b[:])
	return binary.BigEndian.Uint64(b[:]), err
}

func (n *nutReader) uint32() (uint32, error) {
	var b [4]byte
	_, err := io.ReadFull(n.r, b[:])
	return binary.BigEndian.Uint32(b[:]), err
}

// nutCursor takes values off the content of a header.
type nutCursor struct {
	b   []byte
	bad bool
}

func (c *nutCursor) uint() (v uint64) {
	for i, b := range c.b {
		v = v<<7 | uint64(b&0x7f)
		if b < 0x80 {
			c.b = c.b[i+1:]
			return v
		}
	}
	c.bad, c.b = true, nil
	return 0
}

func (c *nutCursor) int() int64 {
	v := c.uint() + 1
	if v&1 != 0 {
		return -int64(v >> 1)
	}
	return int64(v >> 1)
}

func (c *nutCursor) text() []byte {
	n := c.uint()
	if n > uint64(len(c.b)) {
		c.bad, n = true, 0
	}
	text := c.b[:n]
	c.b = c.b[n:]
	return text
}

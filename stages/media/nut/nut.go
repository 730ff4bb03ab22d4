// Package nut reads the container in which ffmpeg hands frames over: the one that
// states the exact time of each. Only what ffmpeg writes for one stream is
// understood.
package nut

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"math"
)

const (
	fileID         = "nut/multimedia container\x00"
	startMain      = 0x4e4d7a561f5f04ad
	startStream    = 0x4e5311405bf2f9db
	startSyncpoint = 0x4e4be4adeeca4569
	startInfo      = 0x4e49ab68b596ba78

	flagPTS      = 1 << 3 // flags of a frame
	flagStreamID = 1 << 4
	flagSize     = 1 << 5
	flagChecksum = 1 << 6
	flagReserved = 1 << 7
	flagSideData = 1 << 8
	flagHeader   = 1 << 10
	flagMatch    = 1 << 11
	flagCoded    = 1 << 12
	flagInvalid  = 1 << 13
)

// maxHeader bounds a header, of which the metadata of the video are a part.
const maxHeader = 4 << 20

// ErrFormat is the error of what is not as ffmpeg writes it.
var ErrFormat = errors.New("ffmpeg did not put out frames as it should")

// frameCode says what a frame with this first byte is like.
type frameCode struct {
	flags              uint64
	pts                int64
	mul, lsb, reserved uint64
	header             uint64
}

// Reader reads frames.
type Reader struct {
	r     *bufio.Reader
	codes [256]frameCode
	clock Ratio // as the file says
	base  Ratio // as the stream says, which comes later
	shift uint64
	last  int64

	headers [][]byte // what frames may begin with without saying so
	prefix  []byte   // of the frame at hand, as far as it was not read
}

// Ratio is Num/Den seconds.
type Ratio struct{ Num, Den int64 }

// NewReader reads the headers. Its error is io.EOF where there is no frame at all.
func NewReader(r io.Reader) (*Reader, error) {
	n := &Reader{r: bufio.NewReaderSize(r, 256<<10)}
	id := make([]byte, len(fileID))
	if _, err := io.ReadFull(n.r, id); err != nil {
		return nil, err // io.EOF: no frame at all
	}
	if string(id) != fileID {
		return nil, ErrFormat
	}
	for n.base.Den == 0 {
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

// Clock returns how long a tick of the frames' times is.
func (n *Reader) Clock() Ratio { return n.base }

// Next reads the head of a frame: its time and its size. The frame follows.
func (n *Reader) Next() (pts int64, size int64, err error) {
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
func (n *Reader) packet(start uint64) error {
	size, err := n.uvarint()
	if err != nil {
		return err
	}
	if size < 4 || size > maxHeader {
		return ErrFormat
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
	c := &cursor{b: body[:size-4]}
	switch start {
	case startMain:
		n.main(c)
	case startStream:
		n.stream(c)
	case startSyncpoint:
		n.last = int64(c.uint()) // there is one clock only
	case startInfo:
	default:
		return ErrFormat
	}
	if c.bad {
		return ErrFormat
	}
	return nil
}

// main reads the clocks and what frames can be like.
func (n *Reader) main(c *cursor) {
	if c.uint() > 3 {
		c.uint() // minor version
	}
	streams, _ := c.uint(), c.uint()
	count := c.uint()
	n.clock = Ratio{int64(c.uint()), int64(c.uint())}
	if streams != 1 || count != 1 || n.clock.Num < 1 || n.clock.Den < 1 {
		c.bad = true
		return
	}
	row := frameCode{mul: 1}
	for i := 0; i < 256 && !c.bad; {
		row.flags = c.uint()
		size, repeat := n.codeFields(c, &row)
		for j := uint64(0); j < repeat && i < 256; i++ {
			if i == 'N' {
				n.codes[i].flags = flagInvalid
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
func (n *Reader) codeFields(c *cursor, row *frameCode) (size, repeat uint64) {
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
func (n *Reader) stream(c *cursor) {
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
func (n *Reader) frame(code frameCode) (pts int64, size int64, err error) {
	flags := code.flags
	field := func(flag uint64) (v uint64) {
		if flags&flag != 0 && err == nil {
			v, err = n.uvarint()
		}
		return v
	}
	flags ^= field(flagCoded)
	field(flagStreamID)
	if flags&flagPTS == 0 {
		n.last += code.pts
	} else {
		n.last = n.full(field(flagPTS))
	}
	msb := field(flagSize)
	if flags&flagSize == 0 {
		msb = 0
	}
	field(flagMatch)
	header := code.header
	if flags&flagHeader != 0 {
		header = field(flagHeader)
	}
	reserved := code.reserved
	if flags&flagReserved != 0 {
		reserved = field(flagReserved)
	}
	if err == nil && (flags&(flagSideData|flagInvalid) != 0 || reserved > 16 || msb > math.MaxInt32) {
		return 0, 0, ErrFormat
	}
	for range reserved {
		if err == nil {
			_, err = n.uvarint()
		}
	}
	if flags&flagChecksum != 0 && err == nil {
		_, err = n.uint32()
	}
	size = int64(msb*code.mul + code.lsb)
	if header >= uint64(len(n.headers)) || int64(len(n.headers[header])) > size {
		return 0, 0, ErrFormat
	}
	n.prefix = n.headers[header]
	return n.last, size, err
}

// Fill fills p with the next bytes of the frame at hand.
func (n *Reader) Fill(p []byte) error {
	had := copy(p, n.prefix)
	n.prefix = n.prefix[had:]
	_, err := io.ReadFull(n.r, p[had:])
	return err
}

// full completes a time of which only the low bits are stated.
func (n *Reader) full(coded uint64) int64 {
	if coded >= 1<<n.shift {
		return int64(coded - 1<<n.shift)
	}
	mask := int64(1)<<n.shift - 1
	delta := n.last - mask/2
	return (int64(coded)-delta)&mask + delta
}

func (n *Reader) uvarint() (v uint64, err error) {
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
	return 0, ErrFormat
}

func (n *Reader) uint64() (uint64, error) {
	var b [8]byte
	_, err := io.ReadFull(n.r, b[:])
	return binary.BigEndian.Uint64(b[:]), err
}

func (n *Reader) uint32() (uint32, error) {
	var b [4]byte
	_, err := io.ReadFull(n.r, b[:])
	return binary.BigEndian.Uint32(b[:]), err
}

// cursor takes values off the content of a header.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) uint() (v uint64) {
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

func (c *cursor) int() int64 {
	v := c.uint() + 1
	if v&1 != 0 {
		return -int64(v >> 1)
	}
	return int64(v >> 1)
}

func (c *cursor) text() []byte {
	n := c.uint()
	if n > uint64(len(c.b)) {
		c.bad, n = true, 0
	}
	text := c.b[:n]
	c.b = c.b[n:]
	return text
}

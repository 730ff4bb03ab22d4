package picture

import (
	"bufio"
	"errors"
	"io"
)

// errScanEnd means that the coded data of a scan, or of a restart interval,
// are over: a marker stands there, or nothing.
var errScanEnd = errors.New("end of coded data")

// bitReader reads the coded data of a JPEG. Markers that cannot stand there
// are skipped as damage.
type bitReader struct {
	r      *bufio.Reader
	acc    uint32
	n      uint
	marker byte // found, and not passed yet; 0 if none
}

// bit returns the next bit.
func (b *bitReader) bit() (uint32, error) {
	if b.n == 0 {
		c, err := b.next()
		if err != nil {
			return 0, err
		}
		b.acc, b.n = uint32(c), 8
	}
	b.n--
	return b.acc >> b.n & 1, nil
}

// bits returns the next n bits, at most 16.
func (b *bitReader) bits(n int) (v uint32, err error) {
	for range n {
		bit, err := b.bit()
		if err != nil {
			return 0, err
		}
		v = v<<1 | bit
	}
	return v, nil
}

// next returns the next byte of data.
func (b *bitReader) next() (byte, error) {
	if b.marker != 0 {
		return 0, errScanEnd
	}
	for {
		c, err := b.byte()
		if err != nil || c != 0xff {
			return c, err
		}
		for c == 0xff {
			if c, err = b.byte(); err != nil {
				return 0, err
			}
		}
		switch {
		case c == 0:
			return 0xff, nil
		case c >= mRST0 && c <= mRST7 || c == mEOI:
			b.marker = c
			return 0, errScanEnd
		}
	}
}

func (b *bitReader) byte() (byte, error) {
	c, err := b.r.ReadByte()
	if errors.Is(err, io.EOF) {
		b.marker, err = mEOI, errScanEnd
	}
	return c, err
}

// restart goes on to the next restart marker, unless it stands there already,
// and returns its number. It returns false at the end of the picture.
func (b *bitReader) restart() (int, bool, error) {
	b.n = 0
	for b.marker == 0 {
		if _, err := b.next(); err != nil && !errors.Is(err, errScanEnd) {
			return 0, false, err
		}
	}
	return int(b.marker) - mRST0, b.marker != mEOI, nil
}

// pass passes the marker that restart found.
func (b *bitReader) pass() { b.marker = 0 }

// bitWriter writes coded data.
type bitWriter struct {
	w   *bufio.Writer
	acc uint32
	n   uint
}

// emit appends n bits, at most 16. Errors show when the writer is flushed.
func (b *bitWriter) emit(v uint32, n int) {
	for i := n - 1; i >= 0; i-- {
		b.acc = b.acc<<1 | v>>i&1
		if b.n++; b.n < 8 {
			continue
		}
		c := byte(b.acc)
		_ = b.w.WriteByte(c)
		if c == 0xff {
			_ = b.w.WriteByte(0)
		}
		b.acc, b.n = 0, 0
	}
}

// mark fills the last byte with ones and writes a marker.
func (b *bitWriter) mark(marker byte) {
	if b.n > 0 {
		b.emit(0xff, int(8-b.n))
	}
	_, _ = b.w.Write([]byte{0xff, marker})
}

// huffman is a table of codes, by length and in ascending order.
type huffman struct {
	counts  [17]int
	symbols []byte
	codes   map[byte]code // of each symbol
}

// code is n bits.
type code struct {
	v uint32
	n int
}

// newHuffman reads a table from the payload of a DHT segment, behind its class
// and slot, and returns the rest of the payload.
func newHuffman(b []byte) (*huffman, []byte, error) {
	if len(b) < 16 {
		return nil, nil, errShort
	}
	h := &huffman{codes: map[byte]code{}}
	total := 0
	for i, n := range b[:16] {
		h.counts[i+1] = int(n)
		total += int(n)
	}
	b = b[16:]
	if len(b) < total || total > 256 {
		return nil, nil, errShort
	}
	h.symbols = append(h.symbols, b[:total]...)
	next, k := uint32(0), 0
	for length, n := range h.counts {
		for range n {
			h.codes[h.symbols[k]] = code{next, length}
			next++
			k++
		}
		next <<= 1
	}
	return h, b[total:], nil
}

// read returns the next symbol. After 16 bits that are no code it returns
// false: the data are damaged here.
func (h *huffman) read(b *bitReader) (symbol byte, ok bool, err error) {
	value, first, index := 0, 0, 0
	for length := 1; length <= 16; length++ {
		bit, err := b.bit()
		if err != nil {
			return 0, false, err
		}
		value |= int(bit)
		if n := h.counts[length]; value-first < n {
			return h.symbols[index+value-first], true, nil
		}
		index += h.counts[length]
		first = (first + h.counts[length]) << 1
		value <<= 1
	}
	return 0, false, nil
}

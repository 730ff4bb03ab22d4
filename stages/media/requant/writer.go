package requant

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

// bitWriter writes coded data, a block of bytes at a time.
type bitWriter struct {
	w    io.Writer
	err  error
	acc  uint64 // pending bits, left-aligned
	have uint64 // how many, less than 8 between tokens
	n    int    // bytes in raw
	raw  [blockBytes + 8]byte
	out  [2 * blockBytes]byte // raw, protected
}

const blockBytes = 16 << 10

// reset begins to write to w.
func (b *bitWriter) reset(w io.Writer) {
	b.w, b.err, b.acc, b.have, b.n = w, nil, 0, 0, 0
}

// tokens writes the tokens of a page, two at a time: together they have at most
// 54 bits.
func (b *bitWriter) tokens(p *page, codes *codeTable) {
	list := p.tokens[:p.n]
	if len(list)%2 != 0 {
		p.tokens[p.n%pageTokens] = emptyToken
		list = p.tokens[:p.n+1]
	}
	acc, have, n := b.acc, b.have, b.n
	for ; len(list) >= 2; list = list[2:] {
		s, t := list[0], list[1]
		first, second := codes[s&symbolMask], codes[t&symbolMask]
		length := uint64(second & 31)
		pair := uint64(first>>5|s>>valueShift)<<(length&63) | uint64(second>>5|t>>valueShift)
		have += uint64(first&31) + length
		acc |= pair << ((64 - have) & 63)
		binary.BigEndian.PutUint64(b.raw[n:], acc)
		n += int(have >> 3)
		acc <<= have & 56
		have &= 7
		if n >= blockBytes-8 {
			b.write(b.raw[:n])
			n = 0
		}
	}
	b.acc, b.have, b.n = acc, have, n
}

// write writes coded data with a zero behind each byte 0xff, lest it be taken
// for a marker (B.1.1.5).
func (b *bitWriter) write(raw []byte) {
	if b.err != nil {
		return
	}
	n := 0
	for {
		i := bytes.IndexByte(raw, 0xff)
		if i < 0 {
			break
		}
		n += copy(b.out[n:], raw[:i+1])
		b.out[n] = 0
		n++
		raw = raw[i+1:]
	}
	n += copy(b.out[n:], raw)
	_, b.err = b.w.Write(b.out[:n])
}

// copy writes coded data of any length.
func (b *bitWriter) copy(raw []byte) {
	for part := range slices.Chunk(raw, blockBytes) {
		b.write(part)
	}
}

// close fills the last byte with ones and ends the picture.
func (b *bitWriter) close() error {
	if b.have > 0 {
		b.raw[b.n] = byte(b.acc>>56) | 0xff>>b.have
		b.n++
	}
	b.write(b.raw[:b.n])
	return b.mark(mEOI)
}

// mark writes a marker.
func (b *bitWriter) mark(marker byte) error {
	if b.err == nil {
		_, b.err = b.w.Write([]byte{0xff, marker})
	}
	return wrap(b.err)
}

func wrap(err error) error {
	if err != nil {
		return fmt.Errorf("write picture: %w", err)
	}
	return nil
}

package requant

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// lookBits is how many bits the tables of codes are looked up by. Few codes are
// longer, and fewer still if they are frequent.
const lookBits = 11

// decoding is a Huffman table to decode by (F.2.2.3).
type decoding struct {
	// look has the code that each sequence of bits begins with: its length in
	// the upper byte, its symbol in the lower. Zero stands for longer ones.
	look [1 << lookBits]uint16
	// The longer codes by length: the first value that is too large for them,
	// left-aligned to 16 bits, and where their symbols are.
	limit   [17]uint32
	offset  [17]int32
	counts  [16]byte
	symbols []byte
}

// build makes the table, unless it is the one that there is already: pictures
// of a kind have the same. It reports whether it made one, and refuses codes
// that overlap (C.2).
func (d *decoding) build(s codeSpec) (made bool, err error) {
	if d.counts == s.counts && bytes.Equal(d.symbols, s.symbols) {
		return false, nil
	}
	clear(d.look[:])
	d.symbols = d.symbols[:0] // until it is whole
	code, k := uint32(0), int32(0)
	for length := 1; length <= 16; length++ {
		n := uint32(s.counts[length-1])
		if code+n > 1<<length {
			return false, unsupported("a Huffman table has too many codes")
		}
		d.offset[length] = k - int32(code)
		if length <= lookBits {
			d.fill(code, n, length, s.symbols[k:])
		}
		code += n
		k += int32(n)
		d.limit[length] = code << (16 - length)
		code <<= 1
	}
	d.counts, d.symbols = s.counts, append(d.symbols, s.symbols...)
	return true, nil
}

// fill enters n codes of one length.
func (d *decoding) fill(code, n uint32, length int, symbols []byte) {
	spread := uint32(1) << (lookBits - length)
	for i := range n {
		entry := uint16(length)<<8 | uint16(symbols[i])
		at := (code + i) * spread
		for j := range spread {
			d.look[at+j] = entry
		}
	}
}

// next returns the length and the symbol of the code that acc begins with.
// The length is 0 if it is none.
func (d *decoding) next(acc uint64) (length uint, symbol byte) {
	if e := d.look[acc>>(64-lookBits)]; e != 0 {
		return uint(e >> 8), byte(e)
	}
	top := uint32(acc >> 48)
	for n := uint(lookBits + 1); n <= 16; n++ {
		if top < d.limit[n] {
			return n, d.symbols[int32(top>>(16-n))+d.offset[n]]
		}
	}
	return 0, 0
}

// extend returns the value that the size bits at the top of acc stand for
// (F.2.2.1): magnitude and sign, which is all ones for negative ones.
func extend(acc uint64, size uint) (magnitude, sign uint64) {
	sign = ^uint64(int64(acc) >> 63)
	return (acc ^ sign) >> 1 >> (63 - size&63), sign
}

// peek returns the bits of data that begin at pos, left-aligned: at least 57.
func peek(data []byte, pos uint) uint64 {
	return binary.BigEndian.Uint64(data[pos>>3:]) << (pos & 7)
}

// size returns how many bits a value is coded in.
func size(magnitude uint64) uint32 { return uint32(bits.Len64(magnitude)) }

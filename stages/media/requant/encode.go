package requant

import (
	"io"
)

// encode writes the tokens as a baseline JPEG with the target's quantisers and
// the best Huffman tables for it.
func (c *coder) encode(w io.Writer, target *[2][64]uint8) error {
	tables := min(len(c.header.comps), 2)
	var specs [2][2]codeSpec // by table and class
	var codes codeTable
	counts := c.tokens.count()
	for t := range tables {
		for class := range 2 {
			from := t*chromaToken + class*acToken
			specs[t][class] = optimal((*[256]uint32)(counts[from:]))
			codes.enter(specs[t][class], from)
		}
	}
	head := c.header.rewritten(target, &specs)
	if _, err := w.Write(head); err != nil {
		return wrap(err)
	}
	b := &c.writer
	b.reset(w)
	for _, p := range c.tokens.pages[:c.tokens.used] {
		b.tokens(p, &codes)
	}
	return b.close()
}

// rewritten returns the segments of the new picture. It has JFIF's marker,
// which makes three components YCbCr, and none of the old metadata.
func (h *header) rewritten(target *[2][64]uint8, specs *[2][2]codeSpec) []byte {
	n := len(h.comps)
	b := append(make([]byte, 0, 2<<10), 0xff, mSOI)
	b = segment(b, mAPP0, []byte(jfifIntro)...)
	for t := range min(n, 2) {
		b = segment(b, mDQT, append([]byte{byte(t)}, target[t][:]...)...)
	}
	frame := []byte{8, byte(h.height >> 8), byte(h.height), byte(h.width >> 8), byte(h.width), byte(n)}
	scan := []byte{byte(n)}
	for i, c := range h.comps {
		t := byte(min(i, 1))
		frame = append(frame, byte(i+1), byte(c.h<<4|c.v), t)
		scan = append(scan, byte(i+1), t<<4|t)
	}
	b = segment(b, mSOF0, frame...)
	for t := range min(n, 2) {
		for class, s := range specs[t] {
			table := append([]byte{byte(class<<4 | t)}, s.counts[:]...)
			b = segment(b, mDHT, append(table, s.symbols...)...)
		}
	}
	return segment(b, mSOS, append(scan, 0, 63, 0)...)
}

const jfifIntro = "JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"

// segment appends a segment to b.
func segment(b []byte, marker byte, payload ...byte) []byte {
	n := len(payload) + 2
	return append(append(b, 0xff, marker, byte(n>>8), byte(n)), payload...)
}

// codeTable has, for each symbol of a token, its code and the size of the value
// behind it: code<<size<<5 | their length together. Zero stands for symbols
// that do not occur.
type codeTable [symbolMask + 1]uint32

// enter enters the codes of a table, whose tokens begin at from.
func (t *codeTable) enter(s codeSpec, from int) {
	code, k := uint32(0), 0
	for i, n := range s.counts {
		for range n {
			symbol := int(s.symbols[k])
			size := symbol & 15
			t[from+symbol] = code<<size<<5 | uint32(i+1+size)
			code++
			k++
		}
		code <<= 1
	}
}

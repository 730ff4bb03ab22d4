package jpeg

import "math/bits"

// codeSpec is a Huffman table as the file states it: how many codes there are
// of each length, and the symbols by ascending code.
type codeSpec struct {
	counts  [16]byte
	symbols []byte
}

// segment returns the payload of a DHT segment; id is class and slot.
func (s codeSpec) segment(id byte) []byte {
	return append(append([]byte{id}, s.counts[:]...), s.symbols...)
}

// codeTable maps a symbol to its code: the length in the top byte, the code
// right-aligned in the rest.
type codeTable [256]uint32

func newCodeTable(s codeSpec) (t codeTable) {
	code, k := uint32(0), 0
	for length, n := range s.counts {
		for range n {
			t[s.symbols[k]] = uint32(length+1)<<24 | code
			code++
			k++
		}
		code <<= 1
	}
	return t
}

// emitCode writes the code of one symbol.
func (e *encoder) emitCode(t *codeTable, symbol int) {
	c := t[symbol]
	e.emit(c&0xffffff, uint(c>>24))
}

// emitValue writes v after a run of zeros: the symbol (run, size of v), then v
// in as many bits, a negative one less 1.
func (e *encoder) emitValue(t *codeTable, run, v int) {
	abs, low := v, v
	if v < 0 {
		abs, low = -v, v-1
	}
	n := uint(bits.Len(uint(abs)))
	e.emitCode(t, run<<4|int(n))
	if n > 0 {
		e.emit(uint32(low)&(1<<n-1), n)
	}
}

// emit appends n bits, at most 16, and writes out whole bytes with a zero
// stuffed behind each 0xff.
func (e *encoder) emit(v uint32, n uint) {
	e.nbits += n
	e.bits |= v << (32 - e.nbits)
	for e.nbits >= 8 {
		c := byte(e.bits >> 24)
		e.put(c)
		if c == 0xff {
			e.put(0)
		}
		e.bits <<= 8
		e.nbits -= 8
	}
}

func (e *encoder) put(c byte) {
	if e.err == nil {
		e.err = e.w.WriteByte(c)
	}
}

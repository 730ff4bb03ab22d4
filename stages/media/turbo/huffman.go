//go:build cgo

package turbo

// table is a Huffman table as JPEG states it.
type table struct {
	bits   [17]byte  // how many codes have a length
	values [256]byte // the symbols, shortest code first
}

// maxCode is the length of the longest code that JPEG has.
const maxCode = 16

// reserved stands for the code of ones only, which no symbol may have.
const reserved = 256

// dcSymbols are all that baseline JPEG has for the differences of DC values:
// their numbers of bits.
func dcSymbols() []byte {
	var out []byte
	for size := range 12 {
		out = append(out, byte(size))
	}
	return out
}

// acSymbols are all that it has for the others: a run of zeros and a number of
// bits, the end of a block and sixteen zeros.
func acSymbols() []byte {
	out := []byte{0x00, 0xf0}
	for run := range 16 {
		for size := 1; size <= 10; size++ {
			out = append(out, byte(run<<4|size))
		}
	}
	return out
}

// with returns a table of all symbols for which those of t are about as long as
// they were.
func (t table) with(symbols []byte) table {
	// The length of a code tells how frequent its symbol was. The others are
	// thought to be rarer than the rarest.
	const rarest = 4
	var frequency [reserved + 1]int
	for _, s := range symbols {
		frequency[s] = 1
	}
	at := 0
	for length := 1; length <= maxCode; length++ {
		for range t.bits[length] {
			frequency[t.values[at]] = 1 << (maxCode - length + rarest)
			at++
		}
	}
	frequency[reserved] = 1
	return ofLengths(codeLengths(frequency))
}

// codeLengths are the lengths of Huffman's codes for some frequencies, before
// they are limited: ITU-T T.81, K.2, figure K.1. Where frequencies are equal,
// the reserved symbol goes first, so that its code is one of the longest.
func codeLengths(frequency [reserved + 1]int) (lengths [reserved + 1]int) {
	var next [reserved + 1]int // of the same branch; -1 = none
	for i := range next {
		next[i] = -1
	}
	rarest := func(but int) int {
		found := -1
		for i, f := range frequency {
			if f > 0 && i != but && (found < 0 || f <= frequency[found]) {
				found = i
			}
		}
		return found
	}
	for {
		a := rarest(-1)
		b := rarest(a)
		if b < 0 {
			return lengths
		}
		frequency[a] += frequency[b]
		frequency[b] = 0
		for _, branch := range []int{a, b} {
			for i := branch; i >= 0; i = next[i] {
				lengths[i]++
			}
		}
		last := a
		for next[last] >= 0 {
			last = next[last]
		}
		next[last] = b
	}
}

// ofLengths limits the lengths of codes to what JPEG has, takes the reserved
// code out, and returns the table: figures K.2 to K.4.
func ofLengths(lengths [reserved + 1]int) table {
	var count [reserved + 1]int
	longest := 0
	for _, n := range lengths {
		if n > 0 {
			count[n]++
			longest = max(longest, n)
		}
	}
	for n := longest; n > maxCode; n-- {
		for count[n] > 0 { // two of them become one shorter one, and another is split
			shorter := n - 2
			for count[shorter] == 0 {
				shorter--
			}
			count[n] -= 2
			count[n-1]++
			count[shorter+1] += 2
			count[shorter]--
		}
	}
	last := maxCode
	for count[last] == 0 {
		last--
	}
	count[last]--
	var t table
	for n := 1; n <= maxCode; n++ {
		t.bits[n] = byte(count[n])
	}
	at := 0
	for n := 1; n <= longest; n++ {
		for symbol, length := range lengths[:reserved] {
			if length == n {
				t.values[at] = byte(symbol)
				at++
			}
		}
	}
	return t
}

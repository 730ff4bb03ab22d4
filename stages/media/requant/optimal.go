package requant

import (
	"cmp"
	"slices"
)

// optimal returns the Huffman table that codes symbols of the given counts in
// the fewest bits (annex K.2). No code is longer than 16 bits, and none is all
// ones.
func optimal(count *[256]uint32) codeSpec {
	symbols := make([]symbolCount, 1, 257)
	symbols[0] = symbolCount{n: 1} // holds the place of the code that is all ones
	for s, n := range count {
		if n > 0 {
			symbols = append(symbols, symbolCount{n: uint64(n), symbol: byte(s)})
		}
	}
	rest := symbols[1:]
	slices.SortFunc(rest, func(a, b symbolCount) int {
		return cmp.Or(cmp.Compare(a.n, b.n), cmp.Compare(b.symbol, a.symbol))
	})
	lengths := codeLengths(symbols)
	limitLengths(&lengths)
	longest := len(lengths) - 1
	for lengths[longest] == 0 {
		longest--
	}
	lengths[longest]--
	var spec codeSpec
	for i := range spec.counts {
		spec.counts[i] = byte(lengths[i+1])
	}
	for _, s := range slices.Backward(rest) {
		spec.symbols = append(spec.symbols, s.symbol)
	}
	return spec
}

// symbolCount is how often a symbol occurs.
type symbolCount struct {
	n      uint64
	symbol byte
}

// maxCodeLength is how long codes can get before they are shortened: with fewer
// than 2^32 symbols, rarer ones than every second make Fibonacci's numbers.
const maxCodeLength = 63

// codeLengths returns how many codes of each length Huffman's procedure makes of
// symbols in ascending order of their counts. The nodes that it joins come about
// in ascending order too, so the two smallest are always in front.
func codeLengths(symbols []symbolCount) (lengths [maxCodeLength + 1]int) {
	leaves := len(symbols)
	weight := make([]uint64, leaves, 2*leaves)
	parent := make([]int, 2*leaves)
	for i, s := range symbols {
		weight[i] = s.n
	}
	leaf, node := 0, leaves
	smallest := func() (i int) {
		if leaf < leaves && (node >= len(weight) || weight[leaf] <= weight[node]) {
			leaf++
			return leaf - 1
		}
		node++
		return node - 1
	}
	for len(weight) < 2*leaves-1 {
		a, b := smallest(), smallest()
		parent[a], parent[b] = len(weight), len(weight)
		weight = append(weight, weight[a]+weight[b])
	}
	depth := make([]int, len(weight))
	for i := len(weight) - 2; i >= 0; i-- {
		depth[i] = depth[parent[i]] + 1
		if i < leaves {
			lengths[min(depth[i], maxCodeLength)]++
		}
	}
	return lengths
}

// limitLengths shortens codes to 16 bits (figure K.3): of two that are too long
// one takes the place of their common beginning, and the other that of a
// shorter code, which moves down to make room for it.
func limitLengths(lengths *[maxCodeLength + 1]int) {
	for i := maxCodeLength; i > 16; i-- {
		for lengths[i] > 0 {
			j := i - 2
			for lengths[j] == 0 {
				j--
			}
			lengths[i] -= 2
			lengths[i-1]++
			lengths[j+1] += 2
			lengths[j]--
		}
	}
}

package plan

import (
	"math/bits"

	"framemill/pipeline"
)

// Generator is a seeded source of random numbers whose every draw is that of
// NumPy's Generator(MT19937(seed)), because the frames that a seed chooses are
// part of the public contract. It is not safe for concurrent use.
type Generator struct {
	state [mtSize]uint32
	pos   int
}

// The sizes of MT19937.
const (
	mtSize  = 624
	mtShift = 397
)

// NewGenerator returns a generator that is seeded as NumPy seeds its own from
// an integer.
func NewGenerator(seed uint64) *Generator {
	g := &Generator{pos: mtSize - 1} // the reference starts one word before the first regeneration
	seedSequence(seed, g.state[:])
	g.state[0] = 0x80000000
	return g
}

// Next32 returns 32 random bits.
func (g *Generator) Next32() uint32 {
	if g.pos >= mtSize {
		g.regenerate()
		g.pos = 0
	}
	y := g.state[g.pos]
	g.pos++
	y ^= y >> 11
	y ^= (y << 7) & 0x9d2c5680
	y ^= (y << 15) & 0xefc60000
	return y ^ y>>18
}

func (g *Generator) regenerate() {
	for i := range g.state {
		y := g.state[i]&0x80000000 | g.state[(i+1)%mtSize]&0x7fffffff
		g.state[i] = g.state[(i+mtShift)%mtSize] ^ y>>1 ^ (y&1)*0x9908b0df
	}
}

// Bounded returns a number in [0,limit] by Lemire's method, as choices draw it.
func (g *Generator) Bounded(limit uint32) uint32 {
	if limit == 0 {
		return 0
	}
	if limit == ^uint32(0) {
		return g.Next32()
	}
	span := limit + 1
	hi, lo := bits.Mul32(g.Next32(), span)
	if lo < span {
		for threshold := -span % span; lo < threshold; {
			hi, lo = bits.Mul32(g.Next32(), span)
		}
	}
	return hi
}

// Interval returns a number in [0,limit] by masked rejection, as list shuffles
// draw it.
func (g *Generator) Interval(limit uint32) uint32 {
	if limit == 0 {
		return 0
	}
	mask := ^uint32(0) >> bits.LeadingZeros32(limit)
	for {
		if v := g.Next32() & mask; v <= limit {
			return v
		}
	}
}

// Shuffle permutes n elements as NumPy shuffles a list; swap exchanges two.
func (g *Generator) Shuffle(n int, swap func(i, j int)) {
	for i := n - 1; i > 0; i-- {
		swap(i, int(g.Interval(uint32(i))))
	}
}

// Choice draws k different numbers from [0,n). Without shuffle their order is
// not random, but still that of the contract.
func (g *Generator) Choice(n, k int, shuffle bool) ([]int, error) {
	if k < 0 || k > n || uint64(n) > 1<<32 {
		return nil, pipeline.Errorf(pipeline.Invalid, "cannot choose %d of %d", k, n)
	}
	cutoff := 20
	if shuffle {
		cutoff = 50
	}
	if n > 10000 && k > n/cutoff {
		return g.tailShuffle(n, k), nil
	}
	return g.floyd(n, k, shuffle), nil
}

// tailShuffle is the choice of many: a shuffle of everything that stops when
// the last k are settled.
func (g *Generator) tailShuffle(n, k int) []int {
	all := identity(n)
	for i := n - 1; i >= max(n-k, 1); i-- {
		j := g.Bounded(uint32(i))
		all[i], all[j] = all[j], all[i]
	}
	return all[n-k:]
}

// floyd is the choice of few, by Floyd's method.
func (g *Generator) floyd(n, k int, shuffle bool) []int {
	chosen := make([]int, 0, k)
	seen := make(map[int]struct{}, k)
	for j := n - k; j < n; j++ {
		v := int(g.Bounded(uint32(j)))
		if _, taken := seen[v]; taken {
			v = j
		}
		seen[v] = struct{}{}
		chosen = append(chosen, v)
	}
	if shuffle {
		for i := k - 1; i > 0; i-- {
			j := g.Bounded(uint32(i))
			chosen[i], chosen[j] = chosen[j], chosen[i]
		}
	}
	return chosen
}

// seedSequence fills out with words derived from seed by NumPy's SeedSequence,
// a hash that spreads every bit of the seed over a pool of four words.
func seedSequence(seed uint64, out []uint32) {
	const (
		multA = 0x931e8875
		multB = 0x58f38ded
		mixL  = 0xca01f9dd
		mixR  = 0x4973f715
	)
	h := uint32(0x43b0d7e5)
	hash := func(x, mult uint32) uint32 {
		x ^= h
		h *= mult
		x *= h
		return x ^ x>>16
	}
	pool := [4]uint32{uint32(seed), uint32(seed >> 32)}
	for i := range pool {
		pool[i] = hash(pool[i], multA)
	}
	for src := range pool {
		for dst := range pool {
			if dst != src {
				r := mixL*pool[dst] - mixR*hash(pool[src], multA)
				pool[dst] = r ^ r>>16
			}
		}
	}
	h = 0x8b51f9dd
	for i := range out {
		out[i] = hash(pool[i%len(pool)], multB)
	}
}

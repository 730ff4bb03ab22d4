package jpeg

// The transform is the scaled one of Arai, Agui and Nakajima: five products a
// row, and what it leaves out is folded into the quantiser's divisors.

// dctScale[k] is by how much output k of one pass is too large, times 1/√8.
var dctScale = [8]float32{1, 1.387039845, 1.306562965, 1.175875602, 1, 0.785694958, 0.541196100, 0.275899379}

const (
	cos4      = 0.707106781 // cos 4π/16
	cos6      = 0.382683433 // cos 6π/16
	cos2less6 = 0.541196100 // cos 2π/16 − cos 6π/16
	cos2plus6 = 1.306562965 // cos 2π/16 + cos 6π/16
)

// forwardDCT transforms b in place, rows first and then columns.
func forwardDCT(b *block) {
	for at := 0; at < 64; at += 8 {
		pass(b, at, 1)
	}
	for at := range 8 {
		pass(b, at, 8)
	}
}

// pass transforms the eight values that begin at index at and lie step apart.
func pass(b *block, at, step int) {
	i1, i2, i3, i4 := at+step, at+2*step, at+3*step, at+4*step
	i5, i6, i7 := at+5*step, at+6*step, at+7*step
	s07, d07 := b[at]+b[i7], b[at]-b[i7]
	s16, d16 := b[i1]+b[i6], b[i1]-b[i6]
	s25, d25 := b[i2]+b[i5], b[i2]-b[i5]
	s34, d34 := b[i3]+b[i4], b[i3]-b[i4]

	// The even outputs come of the sums.
	outer, outerDiff := s07+s34, s07-s34
	inner, innerDiff := s16+s25, s16-s25
	b[at], b[i4] = outer+inner, outer-inner
	turned := (innerDiff + outerDiff) * cos4
	b[i2], b[i6] = outerDiff+turned, outerDiff-turned

	// The odd outputs come of the differences.
	p, q, r := d34+d25, d25+d16, d16+d07
	shared := (p - r) * cos6
	low := p*cos2less6 + shared
	high := r*cos2plus6 + shared
	mid := q * cos4
	near, far := d07+mid, d07-mid
	b[i5], b[i3] = far+low, far-low
	b[i1], b[i7] = near+high, near-high
}

package video

// Colours are kept as the source has them until a still is made of a frame.
// Readers of JPEG take samples for full range and BT.601, so that is what they
// must be. Both conversions are linear: an output sample is a sum of a term for
// each input sample, and the terms come from tables.

// fixed is the one of the tables' fixed-point numbers.
const fixed = 1 << 16

// chroma holds what the value of a chroma sample adds to an output sample.
type chroma [256]int32

// conversion makes full-range BT.601 of other samples. Luma takes something of
// both chromas where the matrices differ.
type conversion struct {
	y          [256]int32 // of the luma itself, rounding included
	yb, yr     chroma
	bb, br     chroma
	rb, rr     chroma
	mixes      bool // whether chroma matters to luma, and each to the other
	lumaByByte [256]uint8
}

// The luma weights of red and blue of the two matrices.
const (
	red601, blue601 = 0.299, 0.114
	red709, blue709 = 0.2126, 0.0722
)

// newConversion works out the tables.
func newConversion(fullRange bool, matrix string) *conversion {
	scaleY, zeroY, scaleC := 1.0, 0.0, 1.0
	if !fullRange {
		scaleY, zeroY, scaleC = 255.0/219, 16, 255.0/224
	}
	w := weights(matrix)
	c := &conversion{mixes: matrix == "bt709"}
	for v := range 256 {
		luma, ch := (float64(v)-zeroY)*scaleY, (float64(v)-128)*scaleC
		c.y[v] = toFixed(luma + 0.5)
		c.lumaByByte[v] = clamp(c.y[v])
		c.yb[v], c.yr[v] = toFixed(w.yb*ch), toFixed(w.yr*ch)
		c.bb[v], c.br[v] = toFixed(128.5+w.bb*ch), toFixed(w.br*ch)
		c.rb[v], c.rr[v] = toFixed(w.rb*ch), toFixed(128.5+w.rr*ch)
	}
	return c
}

// mix says how much of each chroma becomes a part of each output sample.
type mix struct{ yb, yr, bb, br, rb, rr float64 }

// weights takes samples of a matrix to RGB, and those to BT.601.
func weights(matrix string) mix {
	if matrix != "bt709" {
		return mix{bb: 1, rr: 1}
	}
	of := func(cb, cr float64) (y, b, r float64) {
		red, blue := 2*(1-red709)*cr, 2*(1-blue709)*cb
		green := -(red709*red + blue709*blue) / (1 - red709 - blue709)
		y = red601*red + (1-red601-blue601)*green + blue601*blue
		return y, (blue - y) / (2 * (1 - blue601)), (red - y) / (2 * (1 - red601))
	}
	var m mix
	m.yb, m.bb, m.rb = of(1, 0)
	m.yr, m.br, m.rr = of(0, 1)
	return m
}

func toFixed(v float64) int32 { return int32(v * fixed) }

func clamp(v int32) uint8 { return uint8(min(max(v>>16, 0), 255)) }

// normalise makes the samples of a frame full-range BT.601.
func (f *Frame) normalise() {
	if f.FullRange && f.Matrix != "bt709" {
		return
	}
	c := newConversion(f.FullRange, f.Matrix)
	m := f.Image
	if c.mixes {
		for y := range m.Rect.Dy() {
			c.mixLuma(m.Y[y*m.YStride:][:m.Rect.Dx()], m.Cb[y/2*m.CStride:], m.Cr[y/2*m.CStride:])
		}
	} else if !f.FullRange {
		for i, v := range m.Y {
			m.Y[i] = c.lumaByByte[v]
		}
	}
	for i, b := range m.Cb {
		r := m.Cr[i]
		m.Cb[i] = clamp(c.bb[b] + c.br[r])
		m.Cr[i] = clamp(c.rb[b] + c.rr[r])
	}
	f.FullRange, f.Matrix = true, "bt601"
}

// mixLuma converts a row of luma, two samples to each of chroma.
func (c *conversion) mixLuma(row, cb, cr []uint8) {
	for i := 0; i < len(row); i += 2 {
		add := c.yb[cb[i/2]] + c.yr[cr[i/2]]
		row[i] = clamp(c.y[row[i]] + add)
		if i+1 < len(row) {
			row[i+1] = clamp(c.y[row[i+1]] + add)
		}
	}
}

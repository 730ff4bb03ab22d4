package requant

// lane is what decoding the blocks of one component takes.
type lane struct {
	dc      *decoding
	ac      *acCodes
	fast    *acTable
	strides *strideTable
	fine    *fineTable
	ratio   [64]uint64 // of quantisers, source to target, in units of 1<<ratioBits
	class   uint32     // bit of the tokens: 0 luma, chromaToken
	pred    int32      // last DC value as the source has it
	coded   int32      // and as it was coded
}

const (
	ratioBits = 20
	// half is what is added before the fraction is cut off. Quotients that lie
	// just between two values are frequent, since many quantisers are in the
	// ratio of 2: they are rounded towards zero. To round them up would cost some
	// percent of the size and gain nothing.
	half = 498 << ratioBits / 1000
)

// The sizes of the largest values that baseline codes, and those values (tables
// F.1 and F.2).
const (
	maxDCSize, maxACSize = 11, 10
	maxDC, maxAC         = 1<<maxDCSize - 1, 1<<maxACSize - 1
)

// fineTable has, for each place and each small value, what becomes of the
// coefficient: a token without the zeros before it. Places behind the last one
// are there so that damage may run into them; it finds zeros.
type fineTable [128 << placeBits]uint32

// build makes the table. It reports false if small values become too large.
func (t *fineTable) build(ratio *[64]uint64) bool {
	for k, r := range ratio {
		for v := range uint64(1 << placeBits) {
			magnitude, sign := v-middleValue, uint64(0)
			if v < middleValue {
				magnitude, sign = middleValue-v, ^uint64(0)
			}
			q := (magnitude*r + half) >> ratioBits
			if q > maxAC {
				return false
			}
			t[uint64(k)<<placeBits|v] = token(q, sign)
		}
	}
	return true
}

// prepare makes the tables of the picture.
func (c *coder) prepare(target *[2][64]uint8) error {
	if err := c.layUnit(); err != nil {
		return err
	}
	for i, comp := range c.header.comps {
		l := &c.lanes[i]
		l.fast, l.fine = l.ac.table(), &c.fines[i]
		for z, q := range target[min(i, 1)] {
			l.ratio[z] = (uint64(c.header.quants[comp.quant][z])<<ratioBits + uint64(q)/2) / uint64(q)
		}
		if i == 2 && l.ratio == c.lanes[1].ratio {
			l.fine = c.lanes[1].fine
		} else if !l.fine.build(&l.ratio) {
			return unsupported("the quantisers become much finer")
		}
	}
	return nil
}

// layUnit lays out the blocks of a coded unit (A.2.3), and makes their codes.
func (c *coder) layUnit() error {
	c.unit = c.unit[:0]
	for i, comp := range c.header.comps {
		l := &c.lanes[i]
		*l = lane{dc: &c.dcs[comp.dc], ac: &c.acs[comp.ac]}
		if i > 0 {
			l.class = chromaToken
		}
		if _, err := l.dc.build(c.header.specs[0][comp.dc]); err != nil {
			return err
		}
		if err := l.ac.build(c.header.specs[1][comp.ac]); err != nil {
			return err
		}
		for range comp.h * comp.v {
			c.unit = append(c.unit, l)
		}
	}
	return nil
}

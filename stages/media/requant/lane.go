package requant

// lane is what decoding the blocks of one component takes.
type lane struct {
	dc, ac *decoding
	fast   *acTable
	fine   *fineTable
	ratio  [64]uint64 // of quantisers, source to target, in units of 1<<ratioBits
	class  uint32     // bit of the tokens: 0 luma, chromaToken
	pred   int32      // last DC value as the source has it
	coded  int32      // and as it was coded
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

// acTable has, for the bits that come next, an AC coefficient that is coded by
// them and is small, as nearly all are:
//
//	bits 0–4    value + 16
//	bits 5–9    zeros that come before it, plus 1
//	bits 10–15  length of code and value together
//
// An entry with a length alone ends the block. Zero stands for everything else.
type acTable [1 << lookBits]uint16

const (
	placeBits   = 5 // from here on entries count places
	lengthBits  = 10
	onePlace    = 1 << placeBits
	lastPlace   = 63 * onePlace
	middleValue = 16
	valueMask   = 1<<placeBits - 1
	stepMask    = 1<<lengthBits - 1
)

// build makes the table.
func (t *acTable) build(d *decoding) {
	for i := range t {
		t[i] = acEntry(uint64(i)<<(64-lookBits), d.look[i])
	}
}

// acEntry returns the entry for bits that begin with a code.
func acEntry(acc uint64, code uint16) uint16 {
	length, run, size := uint(code>>8), code>>4&15, uint(code&15)
	if code>>8 != 0 && code&0xff == 0 {
		return uint16(length) << lengthBits
	}
	if size < 1 || size > 4 || length+size > lookBits {
		return 0
	}
	magnitude, sign := extend(acc<<length, size)
	value := int16(magnitude^sign) - int16(sign)
	return uint16(length+size)<<lengthBits | (run+1)<<placeBits | uint16(value+middleValue)
}

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
	if err := c.buildCodes(); err != nil {
		return err
	}
	c.layUnit()
	for i, comp := range c.header.comps {
		l := &c.lanes[i]
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

// layUnit lays out the blocks of a coded unit (A.2.3).
func (c *coder) layUnit() {
	c.unit = c.unit[:0]
	for i, comp := range c.header.comps {
		l := &c.lanes[i]
		*l = lane{dc: &c.codes[0][comp.dc], ac: &c.codes[1][comp.ac], fast: &c.acs[comp.ac], fine: &c.fines[i]}
		if i > 0 {
			l.class = chromaToken
		}
		for range comp.h * comp.v {
			c.unit = append(c.unit, l)
		}
	}
}

// buildCodes makes the Huffman tables that the scan names.
func (c *coder) buildCodes() error {
	var built [2][4]bool
	for _, comp := range c.header.comps {
		for class, slot := range [2]byte{comp.dc, comp.ac} {
			if built[class][slot] {
				continue
			}
			built[class][slot] = true
			if err := c.codes[class][slot].build(c.header.specs[class][slot]); err != nil {
				return err
			}
		}
	}
	for slot, ok := range built[1] {
		if ok {
			c.acs[slot].build(&c.codes[1][slot])
		}
	}
	return nil
}

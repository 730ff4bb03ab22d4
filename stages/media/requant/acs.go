package requant

// acCodes is a Huffman table of AC coefficients, and what is made of it to go
// faster, once it is needed.
type acCodes struct {
	decoding
	small       acTable
	strides     strideTable
	smallMade   bool
	stridesMade bool
}

// build makes the table of codes.
func (a *acCodes) build(s codeSpec) error {
	made, err := a.decoding.build(s)
	if made {
		a.smallMade, a.stridesMade = false, false
	}
	return err
}

// table returns the table of small coefficients.
func (a *acCodes) table() *acTable {
	if !a.smallMade {
		for i := range a.small {
			a.small[i] = acEntry(uint64(i)<<(64-lookBits), a.look[i])
		}
		a.smallMade = true
	}
	return &a.small
}

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

// strideTable has, for the bits that come next, how far all codes lead whose
// beginnings are in them:
//
//	bits 0–5   length of the codes and their values
//	bits 8–14  coefficients that they stand for
//	bit 15     the block ends behind them
//
// Zero stands for bits whose first code is not among them.
type strideTable [1 << lookBits]uint16

const (
	strideShift = 8
	strideMask  = 1<<6 - 1
	strideEnd   = 1 << 15
)

// stride returns the table of strides.
func (a *acCodes) stride() *strideTable {
	if !a.stridesMade {
		for i := range a.strides {
			a.strides[i] = a.strideEntry(uint(i))
		}
		a.stridesMade = true
	}
	return &a.strides
}

// strideEntry follows the codes that bits begin with.
func (a *acCodes) strideEntry(bits uint) uint16 {
	length, places := uint(0), uint(0)
	for length < lookBits {
		e := uint(a.look[bits<<length%(1<<lookBits)])
		run, size := e>>4&15, e&15
		n := e >> 8
		if n == 0 || length+n > lookBits || size > maxACSize {
			break
		}
		if e&0xff == 0 {
			return uint16(length + n | places<<strideShift | strideEnd)
		}
		if size == 0 && run != 15 || places+run+1 > 63 {
			break
		}
		length += n + size
		places += run + 1
	}
	return uint16(length | places<<strideShift)
}

package video

import (
	"encoding/binary"
	"errors"
	"slices"
)

// errParameters is the error of parameters of H.264 that are not understood.
var errParameters = errors.New("parameters of H.264 that are not plain")

// avcParameters is what a file says of its H.264 outside the pictures.
type avcParameters struct {
	sps []byte // the one there is, header included
	avcPicture
}

// matrixRGB stands for the matrix 0, that of RGB.
const matrixRGB = 255

// avcPicture is what pictures of H.264 are like.
type avcPicture struct {
	width, height int64
	frames        bool // and never single fields
	full, limited bool // the range of samples, if it is told
	matrix        byte // of Table E-5; 0 = not told
}

// readAVC reads the content of avcC. Only what nearly all files have is taken:
// one sequence of 8 bits, 4:2:0, and lengths of four bytes.
func readAVC(config []byte) (*avcParameters, error) {
	const head = 6
	if len(config) < head+2 || config[0] != 1 || config[4]&3 != 3 || config[5]&0x1f != 1 {
		return nil, errParameters
	}
	n := int(binary.BigEndian.Uint16(config[head:]))
	if n < 4 || len(config) < head+2+n+1 || config[head+2+n] == 0 {
		return nil, errParameters
	}
	p := &avcParameters{sps: config[head+2:][:n]}
	var err error
	p.avcPicture, err = readSPS(p.sps)
	return p, err
}

// readSPS reads a sequence parameter set (7.3.2.1.1 and E.1.1 of H.264) as far
// as it matters.
func readSPS(unit []byte) (avcPicture, error) {
	b := &bitReader{bytes: unescape(unit)}
	kind, profile := b.bits(8)&0x1f, b.bits(8)
	b.bits(16) // constraints, level
	b.ue()     // id
	if kind != 7 || !slices.Contains([]uint32{66, 77, 100}, profile) {
		return avcPicture{}, errParameters
	}
	if profile == 100 {
		chroma, luma8, chroma8 := b.ue(), b.ue(), b.ue()
		b.bits(1) // lossless
		if scaled := b.bits(1); chroma != 1 || luma8 != 0 || chroma8 != 0 || scaled != 0 {
			return avcPicture{}, errParameters
		}
	}
	b.ue() // size of the count of frames
	b.order()
	b.ue()    // how many frames are referred to
	b.bits(1) // whether counts may be left out
	var p avcPicture
	columns, rows := int64(b.ue())+1, int64(b.ue())+1
	p.frames = b.bits(1) == 1
	if !p.frames {
		b.bits(1)
	}
	b.bits(1) // how motion is inferred
	p.width, p.height = 16*columns, 16*rows
	if b.bits(1) == 1 {
		left, right, top, bottom := b.ue(), b.ue(), b.ue(), b.ue()
		if left != 0 || top != 0 || right > 7 || bottom > 7 {
			return avcPicture{}, errParameters
		}
		p.width, p.height = p.width-2*int64(right), p.height-2*int64(bottom)
	}
	if b.bits(1) == 1 {
		p.readColours(b)
	}
	if b.bad || p.width < 1 || p.height < 1 {
		return avcPicture{}, errParameters
	}
	return p, nil
}

// order skips how the order of presentation is coded.
func (b *bitReader) order() {
	switch b.ue() {
	case 0:
		b.ue()
	case 1:
		b.bits(1)
		b.ue()
		b.ue()
		for n := b.ue(); n > 0 && !b.bad; n-- {
			b.ue()
		}
	}
}

// readColours reads the first part of the usability information.
func (p *avcPicture) readColours(b *bitReader) {
	const free = 255
	if b.bits(1) == 1 && b.bits(8) == free { // the shape of pixels
		b.bits(32)
	}
	if b.bits(1) == 1 { // overscan
		b.bits(1)
	}
	if b.bits(1) == 0 {
		return
	}
	b.bits(3) // the television system
	p.full = b.bits(1) == 1
	p.limited = !p.full
	if b.bits(1) == 1 {
		b.bits(16) // primaries and curve
		if p.matrix = byte(b.bits(8)); p.matrix == 0 {
			p.matrix = matrixRGB
		}
	}
}

// unescape removes the bytes that keep a unit from looking like a start code.
func unescape(unit []byte) []byte {
	out := make([]byte, 0, len(unit))
	zeros := 0
	for _, v := range unit {
		if zeros >= 2 && v == 3 {
			zeros = 0
			continue
		}
		if zeros++; v != 0 {
			zeros = 0
		}
		out = append(out, v)
	}
	return out
}

// bitReader reads bits, the highest first. Behind the end they are 0, and bad.
type bitReader struct {
	bytes []byte
	at    int // in bits
	bad   bool
}

func (b *bitReader) bits(n int) (v uint32) {
	for range n {
		v <<= 1
		if b.at/8 >= len(b.bytes) {
			b.bad = true
			continue
		}
		v |= uint32(b.bytes[b.at/8]>>(7-b.at%8)) & 1
		b.at++
	}
	return v
}

// ue reads a number in Exp-Golomb code. Those with a sign are of the same
// length.
func (b *bitReader) ue() uint32 {
	zeros := 0
	for b.bits(1) == 0 {
		if zeros++; b.bad || zeros > 31 {
			b.bad = true
			return 0
		}
	}
	return 1<<zeros - 1 + b.bits(zeros)
}

// The kinds of units.
const (
	unitSlice      = 1
	unitKeySlice   = 5
	unitSupplement = 6
	unitSPS        = 7
	unitPPS        = 8
	unitDelimiter  = 9
	unitFiller     = 12
)

// unitHead is how much of a unit is read to tell what it is.
const unitHead = 2

// avcUnit is a unit of a sample: where it lies, header included.
type avcUnit struct {
	kind      byte
	reference bool // other pictures may refer to it
	first     bool // of the slices of a picture
	lo, hi    int64
}

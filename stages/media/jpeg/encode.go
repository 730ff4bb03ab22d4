// Package jpeg writes JPEGs that the standard library cannot: baseline, with
// every chroma sample kept (4:4:4). It serves pictures that are turned upright
// and written again, where halving the chroma would lose detail that the
// original had.
package jpeg

import (
	"bufio"
	"errors"
	"image"
	"io"
)

// maxSide is the largest side that the format can state.
const maxSide = 1<<16 - 1

// Encode writes m to w as a baseline JPEG of the given quality, 1 to 100 as
// libjpeg counts. A *image.Gray makes one component. A *image.YCbCr must have
// the ratio 4:4:4; its samples are coded as they are. The colour channels of
// *image.RGBA are used as they stand, whatever the alpha says.
func Encode(w io.Writer, m image.Image, quality int) error {
	b := m.Bounds()
	if b.Empty() || b.Dx() > maxSide || b.Dy() > maxSide {
		return errors.New("jpeg: sides must lie between 1 and 65535")
	}
	planes, err := sampler(m)
	if err != nil {
		return err
	}
	e := &encoder{w: bufio.NewWriter(w), size: b.Size(), comps: planes.count()}
	e.setQuality(quality)
	e.writeHeaders()
	e.writeScan(planes)
	if e.err != nil {
		return e.err
	}
	return e.w.Flush()
}

// block is 8×8 samples or coefficients, row by row.
type block [64]float32

// encoder holds the tables and the bit accumulator of one picture.
type encoder struct {
	w     *bufio.Writer
	err   error
	size  image.Point
	comps int

	quant   [2][64]uint8   // zig-zag order, as the file states them
	divisor [2][64]float32 // row order, the transform's scale included
	codes   [2][2]codeTable

	bits  uint32 // pending bits, left-aligned
	nbits uint
}

// setQuality makes the tables for a quality.
func (e *encoder) setQuality(quality int) {
	e.quant = Quantisers(quality)
	for t := range e.quant {
		for z, q := range e.quant[t] {
			at := zigzag[z]
			e.divisor[t][at] = 1 / (float32(q) * 8 * dctScale[at/8] * dctScale[at%8])
		}
		e.codes[t][0] = newCodeTable(dcSpec[t])
		e.codes[t][1] = newCodeTable(acSpec[t])
	}
}

// tables returns how many table pairs the picture needs: grey needs no chroma.
func (e *encoder) tables() int { return min(e.comps, 2) }

func (e *encoder) writeHeaders() {
	e.write([]byte{0xff, 0xd8})
	// JFIF tells readers that three components are YCbCr.
	e.segment(0xe0, []byte("JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"))
	for t := range e.tables() {
		e.segment(0xdb, append([]byte{byte(t)}, e.quant[t][:]...))
	}
	sof := []byte{8, byte(e.size.Y >> 8), byte(e.size.Y), byte(e.size.X >> 8), byte(e.size.X), byte(e.comps)}
	sos := []byte{byte(e.comps)}
	for c := range e.comps {
		t := byte(min(c, 1))
		sof = append(sof, byte(c+1), 0x11, t)
		sos = append(sos, byte(c+1), t<<4|t)
	}
	e.segment(0xc0, sof)
	for t := range e.tables() {
		e.segment(0xc4, dcSpec[t].segment(byte(t)))
		e.segment(0xc4, acSpec[t].segment(0x10|byte(t)))
	}
	e.segment(0xda, append(sos, 0, 63, 0))
}

// writeScan codes the picture in one interleaved scan: one block of each
// component in turn.
func (e *encoder) writeScan(src planes) {
	var b block
	var dc [3]int
	for y := 0; y < e.size.Y && e.err == nil; y += 8 {
		for x := 0; x < e.size.X; x += 8 {
			for c := range e.comps {
				src.load(&b, c, x, y)
				dc[c] = e.writeBlock(&b, min(c, 1), dc[c])
			}
		}
	}
	e.emit(0x7f, 7) // the last byte is filled up with ones
	e.write([]byte{0xff, 0xd9})
}

// writeBlock transforms, quantises and codes b with table pair t. It returns
// the block's DC value, which the next block of the component is coded against.
func (e *encoder) writeBlock(b *block, t, prevDC int) int {
	forwardDCT(b)
	dc := quantise(b[0], e.divisor[t][0])
	e.emitValue(&e.codes[t][0], 0, dc-prevDC)
	ac := &e.codes[t][1]
	run := 0
	for z := 1; z < 64; z++ {
		at := zigzag[z]
		v := quantise(b[at], e.divisor[t][at])
		if v == 0 {
			run++
			continue
		}
		for ; run > 15; run -= 16 {
			e.emitCode(ac, 0xf0)
		}
		e.emitValue(ac, run, v)
		run = 0
	}
	if run > 0 {
		e.emitCode(ac, 0x00)
	}
	return dc
}

// quantise multiplies and rounds half away from zero.
func quantise(v, divisor float32) int {
	v *= divisor
	if v < 0 {
		return -int(0.5 - v)
	}
	return int(v + 0.5)
}

// segment writes a marker and its length-prefixed payload.
func (e *encoder) segment(marker byte, payload []byte) {
	n := len(payload) + 2
	e.write([]byte{0xff, marker, byte(n >> 8), byte(n)})
	e.write(payload)
}

func (e *encoder) write(p []byte) {
	if e.err == nil {
		_, e.err = e.w.Write(p)
	}
}

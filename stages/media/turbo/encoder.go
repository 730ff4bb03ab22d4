//go:build cgo

package turbo

// #cgo CFLAGS: -O2 -Wall
// #cgo LDFLAGS: -ljpeg
// #include "encoder.h"
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	"framemill/stages/media/decoder"
)

// Library names the library that JPEGs are made with.
func Library() (string, error) { return C.GoString(C.turbo_library()), nil }

// Encoder makes JPEGs of the frames of one film.
type Encoder struct {
	c      *C.turbo_encoder
	job    decoder.Job
	frames int
}

// refreshEvery is how many frames share Huffman tables. Those of a film are so
// alike that the best tables for one serve the next ones, and making them takes
// as long as encoding does.
const refreshEvery = 64

// smallPixels is the size up to which a frame gets tables of its own: those that
// have codes for all that others may have are longer, which small frames feel.
const smallPixels = 512 * 512

// NewEncoder returns an encoder. The caller closes it.
func NewEncoder(j decoder.Job) (*Encoder, error) {
	c := C.turbo_new(C.int(j.Width), C.int(j.Height), number(j.FullRange), number(j.BT709), C.int(j.Quality))
	if c == nil {
		return nil, fmt.Errorf("no memory for an encoder of %d×%d", j.Width, j.Height)
	}
	return &Encoder{c: c, job: j}, nil
}

// Close frees the encoder.
func (e *Encoder) Close() { C.turbo_free(e.c) }

// Encode returns a raw frame as a JPEG, which is valid until the next call.
// After an error the encoder is of no use.
func (e *Encoder) Encode(frame []byte) ([]byte, error) {
	if len(frame) != e.job.FrameBytes() {
		return nil, fmt.Errorf("a frame of %d bytes, want %d", len(frame), e.job.FrameBytes())
	}
	y, cb, cr := e.job.Planes(frame)
	refresh := e.frames%refreshEvery == 0 || e.job.Width*e.job.Height <= smallPixels
	e.frames++
	var size C.size_t
	text := C.turbo_encode(e.c, pointer(y), pointer(cb), pointer(cr), number(refresh), &size)
	if text == nil {
		return nil, errors.New(C.GoString(C.turbo_error(e.c)))
	}
	if refresh {
		e.completeTables()
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(text)), int(size)), nil
}

// completeTables gives the tables of the last frame codes for what other frames
// may have.
func (e *Encoder) completeTables() {
	for kind, symbols := range [][]byte{dcSymbols(), acSymbols()} {
		for plane := range 2 {
			var c C.turbo_table
			C.turbo_get_table(e.c, C.int(kind), C.int(plane), &c)
			var t table
			for i, n := range c.bits {
				t.bits[i] = byte(n)
			}
			for i, v := range c.values {
				t.values[i] = byte(v)
			}
			t = t.with(symbols)
			for i, n := range t.bits {
				c.bits[i] = C.uint8_t(n)
			}
			for i, v := range t.values {
				c.values[i] = C.uint8_t(v)
			}
			C.turbo_set_table(e.c, C.int(kind), C.int(plane), &c)
		}
	}
}

func number(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

func pointer(p []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(p))) }

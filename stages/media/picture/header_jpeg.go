package picture

import (
	"encoding/binary"
	"errors"

	"framemill/pipeline"
)

// JPEG markers.
const (
	mSOF0 = 0xc0
	mSOF2 = 0xc2
	mDHT  = 0xc4
	mJPG  = 0xc8
	mDAC  = 0xcc
	mRST0 = 0xd0
	mRST7 = 0xd7
	mSOI  = 0xd8
	mEOI  = 0xd9
	mSOS  = 0xda
	mDRI  = 0xdd
	mAPP1 = 0xe1
)

// maxSegments bounds the walk over a JPEG's segments, stray bytes included.
const maxSegments = 4096

// errStop ends a walk early.
var errStop = errors.New("stop")

// walkJPEG calls visit for each segment before the first scan, with the offset
// and length of its payload, and for the scan's own header.
func walkJPEG(w *window, visit func(marker byte, off, n int64) error) error {
	off := int64(2)
	for range maxSegments {
		b, err := w.bytes(off, 2)
		if err != nil {
			return err
		}
		marker := b[1]
		switch {
		case b[0] != 0xff || marker == 0 || marker == 0xff:
			off++ // stray or fill bytes; decoders skip them too
			continue
		case marker == mEOI:
			return failf(pipeline.CodeDecodeFailed, "the JPEG ends before its picture begins")
		case marker >= mRST0 && marker <= mSOI:
			off += 2
			continue
		}
		n, err := w.u16(off+2, binary.BigEndian)
		if err != nil {
			return err
		}
		if n < 2 {
			return failf(pipeline.CodeDecodeFailed, "a segment of the JPEG has no length")
		}
		if err := visit(marker, off+4, n-2); err != nil {
			return err
		}
		if marker == mSOS {
			return nil
		}
		off += 2 + n
	}
	return failf(pipeline.CodeDecodeFailed, "the JPEG has too many segments")
}

// isFrame reports whether a marker begins a frame, of whatever coding.
func isFrame(marker byte) bool {
	return marker >= 0xc0 && marker <= 0xcf && marker != mDHT && marker != mJPG && marker != mDAC
}

func jpegHeader(w *window) (header, error) {
	h := header{Info: Info{Format: JPEG}}
	err := walkJPEG(w, func(marker byte, off, n int64) error {
		switch {
		case marker == mSOS:
			return failf(pipeline.CodeDecodeFailed, "the JPEG states no size")
		case marker == mAPP1 && h.Orient == 0:
			return h.readEXIF(w, off, n)
		case isFrame(marker):
			f, err := readFrame(w, marker, off, n)
			if err != nil {
				return err
			}
			h.Width, h.Height, h.Decoded = f.width, f.height, f.memory()
			return errStop
		}
		return nil
	})
	if errors.Is(err, errStop) {
		err = nil
	}
	return h, err
}

// readEXIF takes the orientation of an APP1 segment, if it holds EXIF.
func (h *header) readEXIF(w *window, off, n int64) error {
	const intro = "Exif\x00\x00"
	if n < int64(len(intro)) {
		return nil
	}
	b, err := w.bytes(off, int64(len(intro)))
	if err != nil || string(b) != intro {
		return err
	}
	h.Orient, err = orientation(w, off+int64(len(intro)), n-int64(len(intro)))
	return err
}

// frame is what a JPEG's frame header states.
type frame struct {
	width, height int64
	progressive   bool
	sampling      []byte // of each component: horizontal<<4 | vertical
	ids           []byte // of the components
}

// readFrame reads a frame header and refuses what no decoder here can read.
func readFrame(w *window, marker byte, off, n int64) (frame, error) {
	if marker > mSOF2 {
		return frame{}, failf(pipeline.CodeUnsupportedFormat, "the JPEG is lossless, hierarchical or arithmetic-coded")
	}
	if n < 9 || n > 6+3*4 {
		return frame{}, failf(pipeline.CodeDecodeFailed, "the JPEG's frame header is malformed")
	}
	b, err := w.bytes(off, n)
	if err != nil {
		return frame{}, err
	}
	comps := int64(b[5])
	if n != 6+3*comps || comps == 2 {
		return frame{}, failf(pipeline.CodeDecodeFailed, "the JPEG's frame header is malformed")
	}
	f := frame{
		width:       int64(b[3])<<8 | int64(b[4]),
		height:      int64(b[1])<<8 | int64(b[2]),
		progressive: marker == mSOF2,
	}
	for c := range comps {
		hv := b[7+3*c]
		if hv>>4 < 1 || hv>>4 > 4 || hv&15 < 1 || hv&15 > 4 {
			return frame{}, failf(pipeline.CodeDecodeFailed, "the JPEG's sampling factors are out of range")
		}
		f.sampling, f.ids = append(f.sampling, hv), append(f.ids, b[6+3*c])
	}
	if b[0] != 8 {
		return frame{}, failf(pipeline.CodeUnsupportedFormat, "the JPEG has %d bits a sample, only 8 are supported", b[0])
	}
	return f, nil
}

// mcu returns the pixels that one minimum coded unit covers and its blocks.
func (f *frame) mcu() (width, height, blocks int64) {
	if len(f.sampling) == 1 {
		return 8, 8, 1 // a lone component is never interleaved
	}
	for _, hv := range f.sampling {
		width, height = max(width, 8*int64(hv>>4)), max(height, 8*int64(hv&15))
		blocks += int64(hv>>4) * int64(hv&15)
	}
	return width, height, blocks
}

// blocks returns the number of blocks of the whole picture, and of units.
func (f *frame) blocks() (blocks, units int64) {
	w, h, perUnit := f.mcu()
	units = ((f.width + w - 1) / w) * ((f.height + h - 1) / h)
	return units * perUnit, units
}

// memory returns what decoding takes: a byte a sample, four more for the
// coefficients of a progressive one, and an interleaved copy of CMYK.
func (f *frame) memory() int64 {
	blocks, _ := f.blocks()
	n := blocks * 64
	if f.progressive {
		n *= 5
	}
	if len(f.sampling) == 4 {
		n += 4 * f.width * f.height
	}
	return n
}

package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/hhrutter/tiff"
	"golang.org/x/image/bmp"

	"framemill/pipeline"
)

// maxChunks bounds the walk over the chunks of a PNG or WebP.
const maxChunks = 1024

// pngHeader reads IHDR, and the chunks up to the pixels for an orientation.
func pngHeader(w *window) (header, error) {
	h := header{Info: Info{Format: PNG}}
	b, err := w.bytes(8, 21)
	if err != nil {
		return h, err
	}
	if string(b[4:8]) != "IHDR" {
		return h, failf(pipeline.CodeDecodeFailed, "the PNG does not begin with its header")
	}
	h.Width, h.Height = int64(binary.BigEndian.Uint32(b[8:])), int64(binary.BigEndian.Uint32(b[12:]))
	depth, kind, interlaced := b[16], b[17], b[20] != 0
	h.bilevel = depth == 1 && kind == 0
	h.png = pngLayout{bits: int64(depth) * pngChannels(kind), interlaced: interlaced}
	h.Decoded = pngMemory(h.Width, h.Height, depth, kind)
	if interlaced {
		h.Decoded *= 2
	}
	h.Orient, err = pngOrientation(w)
	return h, err
}

// pngMemory returns what the pixels take: palettes and grey are expanded after
// decoding, the rest is four channels from the start. Absurd sizes are refused
// later, so they need not count right.
func pngMemory(width, height int64, depth, kind byte) int64 {
	const palette, grey = 3, 0
	perPixel := int64(4)
	switch {
	case kind == palette:
		perPixel = 5
	case kind == grey && depth == 16:
		perPixel = 3
	case kind == grey:
		perPixel = 2
	case depth == 16:
		perPixel = 12
	}
	return perPixel * (width & (1<<24 - 1)) * (height & (1<<24 - 1))
}

// pngChannels returns how many samples a pixel has.
func pngChannels(kind byte) int64 {
	const greyAlpha, colour, colourAlpha = 4, 2, 6
	switch kind {
	case greyAlpha:
		return 2
	case colour:
		return 3
	case colourAlpha:
		return 4
	}
	return 1
}

// pngOrientation looks for an eXIf chunk before the pixels. A PNG whose chunks
// cannot be followed is left to the decoder to judge.
func pngOrientation(w *window) (int64, error) {
	off := int64(8)
	for range maxChunks {
		b, err := w.bytes(off, 8)
		if err != nil {
			return 1, w.err
		}
		n, kind := int64(binary.BigEndian.Uint32(b)), string(b[4:8])
		switch kind {
		case "eXIf":
			return orientation(w, off+8, n)
		case "IDAT", "IEND":
			return 1, nil
		}
		off += 12 + n
	}
	return 1, nil
}

func gifHeader(w *window) (header, error) {
	h := header{Info: Info{Format: GIF}}
	b, err := w.bytes(0, 13)
	if err != nil {
		return h, err
	}
	h.Width, h.Height = int64(binary.LittleEndian.Uint16(b[6:])), int64(binary.LittleEndian.Uint16(b[8:]))
	h.Decoded = 6 * h.Width * h.Height
	return h, nil
}

// bmpHeader lets the decoder judge the header, and refuses one that promises
// more rows than the file has bytes for.
func bmpHeader(w *window) (h header, err error) {
	h.Format = BMP
	const longest = 14 + 124 + 4*256 // headers and palette
	b := w.prefix(longest)
	if len(b) < 30 {
		return h, failf(pipeline.CodeUnsupportedFormat, "the content is no BMP picture")
	}
	cfg, err := bmp.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return h, failf(pipeline.CodeUnsupportedFormat, "the BMP has a layout that is not supported")
	}
	h.Width, h.Height = int64(cfg.Width), int64(cfg.Height)
	bits := int64(binary.LittleEndian.Uint16(b[28:]))
	rowBytes := (h.Width*bits + 31) / 32 * 4
	// Rather too_large than this when both hold: size is judged first.
	if h.Width > 0 && h.Height <= DefaultMaxPixels/h.Width && rowBytes*h.Height > w.size {
		return h, failf(pipeline.CodeUnsupportedFormat, "the BMP promises more rows than the file holds")
	}
	h.bilevel = bits == 1
	h.Decoded = 5 * h.Width * h.Height
	return h, nil
}

// Compressions of TIFF that wrap a whole JPEG. They are refused, since the
// inner picture has a size of its own that no limit would judge.
const (
	tiffOldJPEG = 6
	tiffJPEG    = 7
)

// tiffHeader reads the first directory.
func tiffHeader(w *window) (header, error) {
	h := header{Info: Info{Format: TIFF}}
	dir, err := readDirectory(w, 0, w.size)
	if w.err != nil {
		return h, w.err
	}
	h.Width, h.Height, h.Orient = dir[tagWidth], dir[tagHeight], dir[tagOrientation]
	if err != nil || h.Width == 0 || h.Height == 0 {
		return h, failf(pipeline.CodeUnsupportedFormat, "the TIFF has no readable first page")
	}
	if c := dir[tagCompression]; c == tiffOldJPEG || c == tiffJPEG {
		return h, failf(pipeline.CodeUnsupportedFormat, "the TIFF is compressed by JPEG, which is not supported")
	}
	bits := max(dir[tagBits], 1)
	h.bilevel = bits == 1
	if h.Height > DefaultMaxPixels*16/h.Width {
		return h, nil // far too large, and refused as such
	}
	samples := max(dir[tagSamples], 1)
	h.Decoded = h.Width * h.Height * (4*(bits+7)/8 + 2*samples)
	return h, checkTIFF(w)
}

// checkTIFF asks the decoder whether it knows the layout. It reads the
// directory only.
func checkTIFF(w *window) (err error) {
	defer func() {
		if err != nil && w.err == nil {
			err = failf(pipeline.CodeUnsupportedFormat, "the TIFF has a layout that is not supported")
		}
	}()
	defer guard(&err)
	_, err = tiff.DecodeConfig(windowReaderAt{w})
	return err
}

// windowReaderAt lets the TIFF decoder read the directory through the window,
// and so within its bounds.
type windowReaderAt struct{ w *window }

// maxTable bounds one read of a TIFF directory: the largest table of strips
// that a page needs.
const maxTable = 8 << 20

// Read implements io.Reader; the decoder does not call it, as ReadAt is there.
func (r windowReaderAt) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// ReadAt implements io.ReaderAt.
func (r windowReaderAt) ReadAt(p []byte, off int64) (int, error) {
	if len(p) > maxTable {
		return 0, io.ErrUnexpectedEOF
	}
	b, err := r.w.bytes(off, int64(len(p)))
	if errors.Is(err, errShort) {
		err = io.ErrUnexpectedEOF
	}
	return copy(p, b), err
}

package picture

import (
	"encoding/binary"

	"framemill/pipeline"
)

// webpHeader reads the first chunk: a lossy or lossless picture, or the
// extended header that announces alpha, metadata and animation.
func webpHeader(w *window) (header, error) {
	h := header{Info: Info{Format: WebP}}
	b, err := w.bytes(12, 18)
	if err != nil {
		return h, err
	}
	data := b[8:]
	perPixel := int64(2)
	switch string(b[:4]) {
	case "VP8 ":
		if string(data[3:6]) != "\x9d\x01\x2a" {
			return h, failf(pipeline.CodeDecodeFailed, "the WebP's frame header is malformed")
		}
		h.Width = int64(binary.LittleEndian.Uint16(data[6:]) & 0x3fff)
		h.Height = int64(binary.LittleEndian.Uint16(data[8:]) & 0x3fff)
	case "VP8L":
		bits := binary.LittleEndian.Uint32(data[1:])
		h.Width, h.Height = int64(bits&0x3fff)+1, int64(bits>>14&0x3fff)+1
		perPixel = 8
	case "VP8X":
		const animated, withEXIF = 1 << 1, 1 << 3
		flags := data[0]
		if flags&animated != 0 {
			return h, failf(pipeline.CodeUnsupportedFormat, "animated WebP is not supported")
		}
		h.Width, h.Height = u24(data[4:])+1, u24(data[7:])+1
		perPixel = 8
		if flags&withEXIF != 0 {
			h.Orient, err = webpOrientation(w)
		}
	default:
		return h, failf(pipeline.CodeUnsupportedFormat, "the WebP has a layout that is not supported")
	}
	h.Decoded = perPixel * h.Width * h.Height
	return h, err
}

// webpOrientation looks for the EXIF chunk, which stands behind the pixels.
func webpOrientation(w *window) (int64, error) {
	off := int64(12)
	for range maxChunks {
		b, err := w.bytes(off, 8)
		if err != nil {
			return 1, w.err
		}
		n := int64(binary.LittleEndian.Uint32(b[4:]))
		if string(b[:4]) == "EXIF" {
			return exifChunk(w, off+8, n)
		}
		off += 8 + n + n&1
	}
	return 1, nil
}

// exifChunk reads the orientation of a chunk; some writers keep the intro that
// only JPEG needs.
func exifChunk(w *window, off, n int64) (int64, error) {
	if b, err := w.bytes(off, 6); err == nil && string(b) == "Exif\x00\x00" {
		off, n = off+6, n-6
	}
	return orientation(w, off, n)
}

func u24(b []byte) int64 { return int64(b[0]) | int64(b[1])<<8 | int64(b[2])<<16 }

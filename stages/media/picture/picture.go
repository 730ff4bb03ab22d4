// Package picture reads pictures: what they are by their headers alone, and
// their pixels for chunks and previews. Formats are told by content, never by
// name. Input is untrusted: no header makes it allocate before the picture's
// size was judged, and no file makes it panic.
package picture

import (
	"errors"
	"fmt"
	"io"

	"framemill/pipeline"
)

// The formats, as pipeline.File spells them.
const (
	JPEG = "jpeg"
	PNG  = "png"
	GIF  = "gif"
	BMP  = "bmp"
	TIFF = "tiff"
	WebP = "webp"
)

// DefaultMaxPixels is the largest picture taken unless Limits say otherwise.
const DefaultMaxPixels = 256 << 20

// maxSide is the largest side that a JPEG can have, and all frames end as one.
const maxSide = 1<<16 - 1

// Limits bound what a picture may cost. The zero value means the defaults.
type Limits struct {
	MaxPixels int64 // width times height
}

// Info is what a header says of a picture.
type Info struct {
	Format        string
	Width, Height int64 // upright, that is after Orient was applied
	Orient        int64 // EXIF orientation 1..8
	Decoded       int64 // bytes of memory that its pixels take while decoding
}

// Cost returns the bytes of memory that a picture takes at most while it is
// decoded, turned and encoded: what a caller should hold in tokens.
func Cost(info Info) int64 {
	pixels := info.Width * info.Height
	cost := 1<<20 + info.Decoded + pixels/2
	if info.Orient > 1 {
		cost += 4 * pixels
	}
	return cost
}

// Probe reads the header of a picture of size bytes from r, which stands at
// its beginning. Most files cost one read of a few kilobytes, and no file more
// than a bounded number. A file that is no usable picture gives a *pipeline.Error
// with the code empty_file, too_large, unsupported_format or decode_failed;
// any other error is the reader's.
func Probe(r io.ReadSeeker, size int64, lim Limits) (Info, error) {
	h, err := readHeader(&window{src: r, size: size}, lim)
	return h.Info, err
}

// header is Info with what only this package needs.
type header struct {
	Info
	bilevel bool // one bit a pixel, black and white
	png     pngLayout
}

// stored returns the size as stored, that is before orientation.
func (h *header) stored() (width, height int64) {
	if h.Orient >= 5 {
		return h.Height, h.Width
	}
	return h.Width, h.Height
}

// readHeader finds the format, reads its header and judges the size.
func readHeader(w *window, lim Limits) (header, error) {
	if w.size == 0 {
		return header{}, failf(pipeline.CodeEmptyFile, "the file is empty")
	}
	if lim.MaxPixels == 0 {
		lim.MaxPixels = DefaultMaxPixels
	}
	h, err := parseHeader(w)
	if errors.Is(err, errShort) {
		err = failf(pipeline.CodeDecodeFailed, "the header ends early")
	}
	if err != nil {
		return header{}, err
	}
	if h.Width <= 0 || h.Height <= 0 {
		return header{}, failf(pipeline.CodeDecodeFailed, "the header states a size of %d×%d", h.Width, h.Height)
	}
	if max(h.Width, h.Height) > maxSide {
		return header{}, failf(pipeline.CodeTooLarge, "the picture has %d×%d pixels, at most %d a side are taken", h.Width, h.Height, maxSide)
	}
	if h.Height > lim.MaxPixels/h.Width {
		return header{}, failf(pipeline.CodeTooLarge, "the picture has %d×%d pixels, at most %d are taken", h.Width, h.Height, lim.MaxPixels)
	}
	if h.Orient < 1 || h.Orient > 8 {
		h.Orient = 1
	}
	if h.Orient >= 5 {
		h.Width, h.Height = h.Height, h.Width
	}
	return h, nil
}

// parseHeader dispatches on the first bytes. What it returns has the size as
// stored and may have an orientation out of range.
func parseHeader(w *window) (header, error) {
	b := w.prefix(16)
	switch {
	case has(b, "\xff\xd8\xff"):
		return jpegHeader(w)
	case has(b, "\x89PNG\r\n\x1a\n"):
		return pngHeader(w)
	case has(b, "GIF87a"), has(b, "GIF89a"):
		return gifHeader(w)
	case has(b, "BM"):
		return bmpHeader(w)
	case has(b, "II*\x00"), has(b, "MM\x00*"):
		return tiffHeader(w)
	case has(b, "RIFF") && len(b) >= 12 && string(b[8:12]) == "WEBP":
		return webpHeader(w)
	}
	if w.err != nil {
		return header{}, w.err
	}
	return header{}, failf(pipeline.CodeUnsupportedFormat, "the content is no JPEG, PNG, GIF, BMP, TIFF or WebP picture")
}

func has(b []byte, magic string) bool {
	return len(b) >= len(magic) && string(b[:len(magic)]) == magic
}

// failf returns the error of a picture that cannot be used. The caller knows
// the file's name.
func failf(code pipeline.Code, format string, args ...any) error {
	return pipeline.Failf(code, "", format, args...)
}

// guard turns a panic of a decoder into an error. The decoders for TIFF, WebP
// and BMP are third-party code fed with hostile bytes; an index out of range
// there means a broken file, and must not take the process with it.
func guard(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("decoder panic: %v", p)
	}
}

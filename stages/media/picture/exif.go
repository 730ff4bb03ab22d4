package picture

import (
	"encoding/binary"
	"errors"
)

// The tags of a TIFF directory that are looked at.
const (
	tagWidth       = 256
	tagHeight      = 257
	tagBits        = 258
	tagCompression = 259
	tagOrientation = 274
	tagSamples     = 277
)

// maxTags bounds how much of a directory is read; real ones have a few dozen.
const maxTags = 512

// errNoDirectory means that there is no TIFF structure at the place.
var errNoDirectory = errors.New("no TIFF directory")

// directory holds the first value of each tag that was found.
type directory map[int64]int64

// readDirectory reads the first directory of the TIFF structure that lies at
// base and has length bytes. Later directories are thumbnails or further
// pages; their links are never followed, so loops do no harm.
func readDirectory(w *window, base, length int64) (directory, error) {
	head, err := w.bytes(base, 8)
	if err != nil {
		return nil, err
	}
	var order binary.ByteOrder
	switch string(head[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return nil, errNoDirectory
	}
	at := int64(order.Uint32(head[4:]))
	if at < 8 || at+2 > length {
		return nil, errNoDirectory
	}
	n, err := w.u16(base+at, order)
	if err != nil {
		return nil, err
	}
	dir := directory{}
	for i := range min(n, maxTags) {
		entry := at + 2 + 12*i
		if entry+12 > length {
			return dir, errShort
		}
		if err := dir.read(w, base, entry, order); err != nil {
			return dir, err
		}
	}
	return dir, nil
}

// read adds the 12-byte entry at offset entry.
func (d directory) read(w *window, base, entry int64, order binary.ByteOrder) error {
	b, err := w.bytes(base+entry, 12)
	if err != nil {
		return err
	}
	tag := int64(order.Uint16(b))
	kind, count := order.Uint16(b[2:]), order.Uint32(b[4:])
	if valueSize(kind)*int64(count) > w.size {
		return errShort // a decoder would make room for it before it finds out
	}
	switch tag {
	case tagWidth, tagHeight, tagBits, tagCompression, tagOrientation, tagSamples:
	default:
		return nil
	}
	const short, long = 3, 4
	switch {
	case kind == short && count >= 1 && count <= 2:
		d[tag] = int64(order.Uint16(b[8:]))
	case kind == short && count > 2: // the values lie elsewhere
		v, err := w.u16(base+int64(order.Uint32(b[8:])), order)
		if err != nil {
			return err
		}
		d[tag] = v
	case kind == long && count == 1:
		d[tag] = int64(order.Uint32(b[8:]))
	}
	return nil
}

// valueSize returns the bytes of one value of a TIFF type.
func valueSize(kind uint16) int64 {
	switch kind {
	case 3, 8: // short
		return 2
	case 4, 9, 11, 13: // long, float, offset
		return 4
	case 5, 10, 12: // rational, double
		return 8
	}
	return 1
}

// orientation returns the EXIF orientation of the TIFF structure at base, or 1.
// Broken metadata never fail a picture; an error is the source's alone.
func orientation(w *window, base, length int64) (int64, error) {
	dir, _ := readDirectory(w, base, length)
	if o := dir[tagOrientation]; o >= 1 && o <= 8 {
		return o, w.err
	}
	return 1, w.err
}

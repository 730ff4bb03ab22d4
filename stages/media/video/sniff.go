package video

import (
	"bytes"
	"encoding/binary"
	"io"
)

// sniffBytes is how much of a file tells its format.
const sniffBytes = 1024

// signature is a demuxer and the bytes at an offset that ask for it.
type signature struct {
	demuxer string
	at      int
	text    string
}

// signatures returns what the supported formats begin with. Formats that can
// name other files are not among them.
func signatures() []signature {
	return []signature{
		{"mov", 4, "ftyp"}, {"mov", 4, "moov"}, {"mov", 4, "mdat"}, {"mov", 4, "free"},
		{"mov", 4, "skip"}, {"mov", 4, "wide"}, {"mov", 4, "pnot"}, {"mov", 4, "styp"},
		{"matroska", 0, "\x1a\x45\xdf\xa3"},
		{"avi", 8, "AVI "}, {"avi", 8, "AVIX"},
		{"flv", 0, "FLV\x01"},
		{"ogg", 0, "OggS"},
		{"asf", 0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11"},
		{"mpeg", 0, "\x00\x00\x01\xba"},
		{"mpegvideo", 0, "\x00\x00\x01\xb3"},
		{"mxf", 0, "\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02"},
		{"nut", 0, "nut/multimedia container\x00"},
		{"ivf", 0, "DKIF"},
	}
}

// Sniff tells the demuxer for a file by its first bytes, "" if the file is not
// a video of a supported format.
func Sniff(r io.ReaderAt) string {
	b := make([]byte, sniffBytes)
	n, _ := r.ReadAt(b, 0)
	b = b[:n]
	for _, s := range signatures() {
		if len(b) >= s.at && bytes.HasPrefix(b[s.at:], []byte(s.text)) {
			return s.demuxer
		}
	}
	if isTransportStream(b, 188, 0) || isTransportStream(b, 192, 4) {
		return "mpegts"
	}
	return ""
}

// isTransportStream looks for the byte that begins each packet.
func isTransportStream(b []byte, packet, first int) bool {
	if len(b) < first+2*packet+1 {
		return false
	}
	for at := first; at < len(b); at += packet {
		if b[at] != 0x47 {
			return false
		}
	}
	return true
}

// statedSize returns how long a file says it is, 0 if it does not say.
func statedSize(demuxer string, r io.ReaderAt) int64 {
	b := make([]byte, 64)
	n, _ := r.ReadAt(b, 0)
	b = b[:n]
	switch {
	case demuxer == "avi" && n >= 8:
		return int64(binary.LittleEndian.Uint32(b[4:])) // the first of several RIFFs
	case demuxer == "matroska":
		return matroskaSize(b)
	}
	return 0
}

// matroskaSize returns where the segment ends, which follows the header.
func matroskaSize(b []byte) int64 {
	header, n := ebmlSize(b[min(4, len(b)):])
	at := int64(4+n) + header
	if n == 0 || at+5 > int64(len(b)) || string(b[at:at+4]) != "\x18\x53\x80\x67" {
		return 0
	}
	size, n := ebmlSize(b[at+4:])
	if n == 0 || size < 0 {
		return 0
	}
	return at + 4 + int64(n) + size
}

// ebmlSize reads the length of an element and how many bytes that takes. The
// length is -1 if it is unknown; nothing was read if it takes 0 bytes.
func ebmlSize(b []byte) (size int64, n int) {
	if len(b) == 0 || b[0] == 0 {
		return 0, 0
	}
	for n = 1; b[0]>>(8-n) == 0; n++ {
	}
	if n > len(b) {
		return 0, 0
	}
	size = int64(b[0]) & (1<<(8-n) - 1)
	for _, c := range b[1:n] {
		size = size<<8 | int64(c)
	}
	if size == 1<<(7*n)-1 {
		return -1, n
	}
	return size, n
}

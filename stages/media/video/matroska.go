package video

import (
	"encoding/binary"

	"framemill/pipeline/frameindex"
)

// ffmpeg is handed frames in Matroska, which states the time of each and needs
// nothing in advance. Only what that takes is written: one track, ticks of a
// millisecond, and sizes that are not known beforehand left out.

// unknownSize is the size of an element that ends where the next of its level
// begins.
var unknownSize = []byte{0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// element is one element, its size in eight bytes.
func element(id uint32, content ...[]byte) []byte {
	size := 0
	for _, c := range content {
		size += len(c)
	}
	out := binary.BigEndian.AppendUint64(elementID(id), 1<<56|uint64(size))
	for _, c := range content {
		out = append(out, c...)
	}
	return out
}

// elementID is an identifier, whose first bits say its length.
func elementID(id uint32) []byte {
	text := binary.BigEndian.AppendUint32(nil, id)
	for len(text) > 1 && text[0] == 0 {
		text = text[1:]
	}
	return text
}

func elementNumber(id uint32, v int64) []byte {
	return element(id, binary.BigEndian.AppendUint64(nil, uint64(v)))
}

// matroskaHead is what precedes the frames.
func matroskaHead(config []byte, x *frameindex.Index) []byte {
	const millisecond, unitless = 1_000_000, 4
	header := element(0x1a45dfa3, element(0x4282, []byte("matroska")))
	info := element(0x1549a966, elementNumber(0x2ad7b1, millisecond))
	video := element(0xe0, elementNumber(0xb0, x.CodedWidth), elementNumber(0xba, x.CodedHeight),
		elementNumber(0x54b2, unitless)) // the pictures say themselves whether their pixels are square
	track := element(0xae, elementNumber(0xd7, 1), elementNumber(0x73c5, 1), elementNumber(0x83, 1),
		elementNumber(0x23e383, millisecond), element(0x86, []byte("V_MPEG4/ISO/AVC")), element(0x63a2, config), video)
	out := append(header, append(elementID(0x18538067), unknownSize...)...)
	return append(append(out, info...), element(0x1654ae6b, track)...)
}

// matroskaCluster begins a cluster, to whose time those of its frames add.
func matroskaCluster(time int64) []byte {
	return append(append(elementID(0x1f43b675), unknownSize...), elementNumber(0xe7, time)...)
}

// matroskaBlock is what precedes one frame.
func matroskaBlock(time int64, f frameindex.Frame) []byte {
	const track, key, header = 0x81, 0x80, 4
	out := binary.BigEndian.AppendUint64(elementID(0xa3), 1<<56|uint64(f.Size)+header)
	flags := byte(0)
	if f.Key {
		flags = key
	}
	return append(binary.BigEndian.AppendUint16(append(out, track), uint16(int16(time))), flags)
}

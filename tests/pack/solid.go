package pack

import (
	"encoding/binary"
	"hash/crc32"
	"io/fs"
	"unicode/utf16"
)

var le = binary.LittleEndian

// SevenZip packs members into a 7z, stored, in one solid block.
func SevenZip(members ...Member) []byte {
	var data, sizes, sums, names, modes []byte
	for i, m := range members {
		data = append(data, m.Content...)
		if i < len(members)-1 {
			sizes = number(sizes, len(m.Content))
		}
		sums = le.AppendUint32(sums, crc32.ChecksumIEEE(m.Content))
		for _, u := range utf16.Encode([]rune(m.Name + "\x00")) {
			names = le.AppendUint16(names, u)
		}
		modes = le.AppendUint32(modes, 0x8000|unixMode(m.Mode)<<16)
	}
	h := []byte{1, 4, 6, 0, 1, 9} // header, streams, packed: at 0, one, of size
	h = append(number(h, len(data)), 0)
	h = append(h, 7, 11, 1, 0, 1, 1, 0, 12) // unpacked: one folder, one coder, which copies
	h = append(number(h, len(data)), 0)
	h = append(number(append(h, 8, 13), len(members)), 9) // so many members in it
	h = append(append(h, sizes...), 10, 1)
	h = append(append(h, sums...), 0, 0)
	h = number(append(h, 5), len(members)) // files
	h = append(number(append(h, 17), len(names)+1), 0)
	h = append(h, names...)
	h = append(number(append(h, 21), len(modes)+2), 1, 0)
	h = append(append(h, modes...), 0, 0)
	return SevenZipFile(data, h)
}

// SevenZipFile is a 7z of packed streams and a directory, whatever that says.
func SevenZipFile(data, directory []byte) []byte {
	start := le.AppendUint64(nil, uint64(len(data)))
	start = le.AppendUint64(start, uint64(len(directory)))
	start = le.AppendUint32(start, crc32.ChecksumIEEE(directory))
	b := []byte("7z\xbc\xaf\x27\x1c\x00\x04")
	b = append(le.AppendUint32(b, crc32.ChecksumIEEE(start)), start...)
	return append(append(b, data...), directory...)
}

// number appends a number as 7z has it, always in nine bytes.
func number(b []byte, n int) []byte { return le.AppendUint64(append(b, 0xff), uint64(n)) }

func unixMode(mode fs.FileMode) uint32 {
	switch {
	case mode&fs.ModeSymlink != 0:
		return 0o120777
	case mode&fs.ModeDevice != 0:
		return 0o060644
	case mode.IsDir():
		return 0o040755
	}
	return 0o100644
}

// RAR packs members into a rar of version 5, stored.
func RAR(members ...Member) []byte {
	var b []byte
	for _, m := range members {
		b = append(b, RARMember(m, len(m.Content), 0)...)
	}
	return RARFile(append(b, rarBlock([]byte{5, 0, 0})...))
}

// RARFile is a rar of members, whatever they are.
func RARFile(members []byte) []byte {
	return append(append([]byte("Rar!\x1a\x07\x01\x00"), rarBlock([]byte{1, 0, 0})...), members...)
}

// RARMember is a member that claims to unpack to so many bytes, with
// a dictionary of 128 KiB << dictionary.
func RARMember(m Member, unpacked int, dictionary uint64) []byte {
	h := binary.AppendUvarint([]byte{2, 2}, uint64(len(m.Content))) // a file, data follow
	h = binary.AppendUvarint(append(h, 4), uint64(unpacked))        // it has a checksum
	h = binary.AppendUvarint(h, uint64(unixMode(m.Mode)))
	h = le.AppendUint32(h, crc32.ChecksumIEEE(m.Content))
	h = binary.AppendUvarint(h, dictionary<<10|method(dictionary)<<7)
	h = append(h, 1) // unix
	h = binary.AppendUvarint(h, uint64(len(m.Name)))
	return append(rarBlock(append(h, m.Name...)), m.Content...)
}

// method is how a member is packed: stored, unless there is a dictionary.
func method(dictionary uint64) uint64 { return min(dictionary, 1) }

// LockedRAR is a rar whose directory is encrypted.
func LockedRAR() []byte {
	h := append([]byte{4, 0, 0, 0, 15}, make([]byte, 16)...)
	return append([]byte("Rar!\x1a\x07\x01\x00"), rarBlock(h)...)
}

func rarBlock(header []byte) []byte {
	sized := append(binary.AppendUvarint(nil, uint64(len(header))), header...)
	return append(le.AppendUint32(nil, crc32.ChecksumIEEE(sized)), sized...)
}

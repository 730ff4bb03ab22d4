package badinput_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io/fs"
)

// member is one entry of an archive. change may lie in its header.
type member struct {
	name    string
	content []byte
	change  func(h *zip.FileHeader)
}

// zipOf packs members. Their headers say what change makes of them, whatever
// the content is.
func zipOf(members ...member) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	var packed bytes.Buffer
	d, _ := flate.NewWriter(&packed, flate.BestSpeed)
	for _, m := range members {
		h := &zip.FileHeader{Name: m.name, Method: zip.Store, CRC32: crc32.ChecksumIEEE(m.content), UncompressedSize64: uint64(len(m.content))}
		packed.Reset()
		if len(m.content) > 0 {
			h.Method = zip.Deflate
			d.Reset(&packed)
			_, _ = d.Write(m.content) // a buffer takes everything
			_ = d.Close()
		}
		h.CompressedSize64 = uint64(packed.Len())
		if m.change != nil {
			m.change(h)
		}
		raw, err := w.CreateRaw(h)
		if err == nil {
			_, err = raw.Write(packed.Bytes())
		}
		if err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func symlink(h *zip.FileHeader)   { h.SetMode(fs.ModeSymlink | 0o777) }
func device(h *zip.FileHeader)    { h.SetMode(fs.ModeDevice | 0o666) }
func encrypted(h *zip.FileHeader) { h.Flags |= 1 }
func lzma(h *zip.FileHeader)      { h.Method = 14 }
func badSum(h *zip.FileHeader)    { h.CRC32 ^= 1 }
func huge(h *zip.FileHeader)      { h.UncompressedSize64 = 40 << 30 }
func longer(h *zip.FileHeader)    { h.UncompressedSize64 += 1000 }
func shorter(h *zip.FileHeader)   { h.UncompressedSize64 -= 1000 }

// overlapping is an archive whose second entry points at the first one's data.
func overlapping() []byte {
	b := zipOf(member{name: "1.jpg", content: photo(1)}, member{name: "2.jpg", content: photo(1)})
	second := bytes.LastIndex(b, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(b[second+42:], 0)
	return b
}

// blank returns n members without content.
func blank(n int) []member {
	members := make([]member, n)
	for i := range members {
		members[i] = member{name: fmt.Sprintf("%05d.jpg", i)}
	}
	return members
}

// directoryOf is an archive of n entries that all are the same empty member.
func directoryOf(n int) []byte {
	const local, entry = 30, 46
	name := func(i int) string { return fmt.Sprintf("%07d.jpg", i) }
	le := binary.LittleEndian
	b := append(append([]byte("PK\x03\x04"), make([]byte, local-4)...), name(0)...)
	le.PutUint16(b[26:], uint16(len(name(0))))
	start := len(b)
	head := append([]byte("PK\x01\x02"), make([]byte, entry-4)...)
	le.PutUint16(head[28:], uint16(len(name(0))))
	for i := range n {
		b = append(append(b, head...), name(i)...)
	}
	size, end := len(b)-start, len(b)
	b = append(append(b, "PK\x06\x06"...), 44, 0, 0, 0, 0, 0, 0, 0, 45, 0, 45, 0)
	b = append(b, make([]byte, 8)...) // disks
	for _, v := range []int{n, n, size, start} {
		b = le.AppendUint64(b, uint64(v))
	}
	b = le.AppendUint64(append(b, "PK\x06\x07\x00\x00\x00\x00"...), uint64(end))
	b = append(b, 1, 0, 0, 0)
	b = append(append(b, "PK\x05\x06\x00\x00\x00\x00"...), bytes.Repeat([]byte{0xff}, 12)...)
	return append(b, 0, 0)
}

// overcounted is an archive whose end record counts more entries than there are.
func overcounted() []byte {
	b := zipOf(member{name: "1.jpg", content: photo(1)})
	end := len(b) - 22
	binary.LittleEndian.PutUint16(b[end+8:], 0xfff0)
	binary.LittleEndian.PutUint16(b[end+10:], 0xfff0)
	return b
}

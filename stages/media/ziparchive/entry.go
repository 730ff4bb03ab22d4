package ziparchive

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// Flags of an entry.
const (
	flagEncrypted  = 1 << 0
	flagDescriptor = 1 << 3 // sizes stand behind the data
	flagStrong     = 1 << 6 // encrypted in another way
	flagMasked     = 1 << 13
)

// entry is one record of the central directory.
type entry struct {
	name     string
	flags    uint16
	method   uint16
	crc      uint32
	packed   int64
	bytes    int64
	header   int64 // where the local header lies
	unixMode uint32
}

// parseEntry reads a record: its fixed part, and behind it the name, the extra
// fields and the comment.
func parseEntry(head, rest []byte, base int64) (entry, error) {
	le := binary.LittleEndian
	nameLen, extraLen := int(le.Uint16(head[28:])), int(le.Uint16(head[30:]))
	e := entry{
		name:   decodeName(rest[:nameLen]),
		flags:  le.Uint16(head[8:]),
		method: le.Uint16(head[10:]),
		crc:    le.Uint32(head[16:]),
		packed: int64(le.Uint32(head[20:])),
		bytes:  int64(le.Uint32(head[24:])),
		header: int64(le.Uint32(head[42:])),
	}
	const unix, macOS = 3, 19
	if madeBy := head[5]; madeBy == unix || madeBy == macOS {
		e.unixMode = le.Uint32(head[38:]) >> 16
	}
	const farthest = 1 << 62 // what lies beyond cannot even be added up
	if !e.readZip64(rest[nameLen:][:extraLen]) || e.header > farthest || e.packed > farthest {
		return entry{}, bad("", "the archive's entry for %q is malformed", e.name)
	}
	e.header += base
	return e, nil
}

// decodeName returns the name as UTF-8. Names that are none are in the
// character set of the first PCs, as the format has it; the flag that tells
// them apart is often wrong.
func decodeName(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	out, err := charmap.CodePage437.NewDecoder().Bytes(b)
	if err != nil {
		return string(b)
	}
	return string(out)
}

// readZip64 takes the wide numbers from the extra fields, for those that did
// not fit. It reports whether all are there and make sense.
func (e *entry) readZip64(extra []byte) bool {
	wide := []*int64{}
	for _, n := range []*int64{&e.bytes, &e.packed, &e.header} {
		if *n == inZip64 {
			wide = append(wide, n)
		}
	}
	const zip64 = 1
	for len(extra) >= 4 && len(wide) > 0 {
		id, n := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		if n > len(extra)-4 {
			return false
		}
		if id == zip64 {
			return takeWide(wide, extra[4:][:n])
		}
		extra = extra[4+n:]
	}
	return len(wide) == 0
}

func takeWide(wide []*int64, field []byte) bool {
	for _, n := range wide {
		if len(field) < 8 {
			return false
		}
		*n = int64(binary.LittleEndian.Uint64(field))
		if *n < 0 {
			return false
		}
		field = field[8:]
	}
	return true
}

// folder reports whether the entry is a folder, which has no content.
func (e *entry) folder() bool { return strings.HasSuffix(e.name, "/") }

// plainFile reports whether the entry is neither a link nor a device.
func (e *entry) plainFile() bool {
	const typeMask, regular = 0xf000, 0x8000
	t := e.unixMode & typeMask
	return t == 0 || t == regular
}

// member checks that the entry can be read where it lies, and finds its data.
func (e *entry) member(r io.ReaderAt, name string) (Member, error) {
	switch {
	case e.flags&(flagEncrypted|flagStrong|flagMasked) != 0:
		return Member{}, bad(name, "the archive member %q is encrypted", name)
	case e.method != Stored && e.method != Deflated:
		return Member{}, bad(name, "the archive member %q is packed by method %d, which is not supported", name, e.method)
	case e.method == Stored && e.packed != e.bytes:
		return Member{}, bad(name, "the archive member %q is stored, but has two sizes", name)
	}
	var local [localHeader]byte
	if err := readAt(r, local[:], e.header); err != nil {
		return Member{}, err
	}
	if !e.matches(local[:]) {
		return Member{}, bad(name, "the archive member %q is described in two ways", name)
	}
	le := binary.LittleEndian
	m := Member{
		Name:   name,
		Offset: e.header + localHeader + int64(le.Uint16(local[26:])) + int64(le.Uint16(local[28:])),
		Packed: e.packed,
		Bytes:  e.bytes,
		Method: e.method,
		CRC32:  e.crc,
	}
	return m, e.checkEnd(r, &m)
}

// matches reports whether the local header agrees with the entry. Sizes that
// stand elsewhere are not compared.
func (e *entry) matches(local []byte) bool {
	le := binary.LittleEndian
	if le.Uint32(local) != sigLocal || le.Uint16(local[8:]) != e.method {
		return false
	}
	if le.Uint16(local[6:])&flagDescriptor != 0 {
		return true
	}
	agree := func(narrow uint32, n int64) bool { return narrow == inZip64 || int64(narrow) == n }
	return le.Uint32(local[14:]) == e.crc && agree(le.Uint32(local[18:]), e.packed) && agree(le.Uint32(local[22:]), e.bytes)
}

// checkEnd wants the data to end within the archive and, where a descriptor
// follows them, that it says the same as the directory.
func (e *entry) checkEnd(r io.ReaderAt, m *Member) error {
	const longest = 24 // signature, checksum, two wide sizes
	end := m.Offset + m.Packed
	if e.flags&flagDescriptor == 0 {
		if m.Packed == 0 {
			return nil
		}
		return readAt(r, make([]byte, 1), end-1)
	}
	got := make([]byte, longest)
	n, err := r.ReadAt(got, end)
	if n == 0 && err != nil {
		return readAt(r, got, end)
	}
	for _, form := range e.descriptors() {
		if bytes.HasPrefix(got[:n], form) {
			return nil
		}
	}
	return bad(m.Name, "the archive member %q is described in two ways", m.Name)
}

// descriptors returns the forms that the descriptor behind the data may have:
// the signature is optional, and the sizes are narrow or wide.
func (e *entry) descriptors() [][]byte {
	le := binary.LittleEndian
	crc := le.AppendUint32(nil, e.crc)
	narrow := le.AppendUint32(le.AppendUint32(bytes.Clone(crc), uint32(e.packed)), uint32(e.bytes))
	wide := le.AppendUint64(le.AppendUint64(crc, uint64(e.packed)), uint64(e.bytes))
	sig := []byte("PK\x07\x08")
	return [][]byte{append(bytes.Clone(sig), narrow...), append(bytes.Clone(sig), wide...), narrow, wide}
}

package ziparchive_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"testing"
)

func zipInflate(r io.Reader) io.Reader { return flate.NewReader(r) }

// patch overwrites 2 bytes at an offset within the first directory entry.
func patch(t testing.TB, b []byte, off int, v uint16) []byte {
	t.Helper()
	at := bytes.Index(b, []byte("PK\x01\x02"))
	if at < 0 {
		t.Fatal("the archive has no entry")
	}
	c := bytes.Clone(b)
	binary.LittleEndian.PutUint16(c[at+off:], v)
	return c
}

// patchEnd overwrites 2 or 4 bytes at an offset within the end record.
func patchEnd(b []byte, off int, v uint32) []byte {
	c := bytes.Clone(b)
	end := c[len(c)-22:]
	if v > 0xffff {
		binary.LittleEndian.PutUint32(end[off:], v)
	} else {
		binary.LittleEndian.PutUint16(end[off:], uint16(v))
	}
	return c
}

// bomb is 128 MiB of zeros in an eighth of a megabyte.
func bomb(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	m, err := w.Create("bomb.bmp")
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range 128 {
		if _, err := m.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// overlapping repeats the one entry of an archive n times, under n names of
// one length, all of which point to the same data.
func overlapping(t testing.TB, n int) []byte {
	t.Helper()
	one := pack(t, file{name: "0000.jpg", content: "kernel"})
	at := bytes.Index(one, []byte("PK\x01\x02"))
	entry, end := one[at:len(one)-22], bytes.Clone(one[len(one)-22:])
	out := bytes.Clone(one[:at])
	for i := range n {
		out = append(out, bytes.Replace(entry, []byte("0000"), fmt.Appendf(nil, "%04d", i), 1)...)
	}
	binary.LittleEndian.PutUint16(end[8:], uint16(n))
	binary.LittleEndian.PutUint16(end[10:], uint16(n))
	binary.LittleEndian.PutUint32(end[12:], uint32(n*len(entry)))
	return append(out, end...)
}

// zip64Claim makes the archive state its number of members in a zip64 record.
func zip64Claim(b []byte, records uint64) []byte {
	end := bytes.Clone(b[len(b)-22:])
	size, start := binary.LittleEndian.Uint32(end[12:]), binary.LittleEndian.Uint32(end[16:])
	out := bytes.Clone(b[:len(b)-22])
	at := len(out)
	le := binary.LittleEndian
	out = le.AppendUint32(out, 0x06064b50)
	out = le.AppendUint64(out, 44)
	out = append(out, make([]byte, 12)...)
	for _, v := range []uint64{records, records, uint64(size), uint64(start)} {
		out = le.AppendUint64(out, v)
	}
	out = le.AppendUint32(out, 0x07064b50)
	out = le.AppendUint32(out, 0)
	out = le.AppendUint64(out, uint64(at))
	out = le.AppendUint32(out, 1)
	le.PutUint16(end[10:], 0xffff)
	return append(out, end...)
}

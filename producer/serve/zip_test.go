package serve_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"framemill/pipeline"
	"framemill/producer/serve"
)

// text is an entry with some content.
func text(content string, known bool) serve.TestEntry {
	e := serve.TestEntry{Ext: ".txt", Size: int64(len(content)), CRC: -1, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content)), nil
	}}
	if known {
		e.CRC = int64(crc32.ChecksumIEEE([]byte(content)))
	}
	return e
}

func TestZip(t *testing.T) {
	t.Parallel()
	list := []serve.TestEntry{text("first", true), text("", true), text("third", false), text("", false)}
	var buf bytes.Buffer
	if err := serve.WriteZip(t.Context(), &buf, list); err != nil {
		t.Fatal(err)
	}
	if want, err := serve.ZipLength(list); err != nil || want != int64(buf.Len()) {
		t.Errorf("the zip has %d bytes, foretold were %d (%v)", buf.Len(), want, err)
	}
	r, err := zip.NewReader(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"first", "", "third", ""} {
		f := r.File[i]
		if f.Name != fmt.Sprintf("%06d.txt", i) || f.Method != zip.Store || read(t, f) != want {
			t.Errorf("entry %d is %s by method %d with %q, want %q stored", i, f.Name, f.Method, read(t, f), want)
		}
	}
}

// read returns the content of an entry; the reader checks size and CRC.
func read(t *testing.T, f *zip.File) string {
	t.Helper()
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("read %s: %v", f.Name, err)
	}
	return string(b)
}

func TestZipRefusesAnotherLength(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{true, false} {
		for name, content := range map[string]string{"less": "1234", "more": "123456"} {
			e := text("12345", known)
			e.Open = text(content, known).Open
			err := serve.WriteZip(t.Context(), io.Discard, []serve.TestEntry{e})
			if pipeline.CodeOf(err) != pipeline.CodeSourceChanged {
				t.Errorf("a source with %s than promised: %v, want source_changed", name, err)
			}
		}
	}
}

// sparse is a file in which blocks of zeros are holes.
type sparse struct {
	f    *os.File
	zero []byte
}

func (s *sparse) Write(p []byte) (int, error) {
	if len(p) > 1000 && bytes.Equal(p, s.zero[:len(p)]) {
		_, err := s.f.Seek(int64(len(p)), io.SeekCurrent)
		return len(p), err
	}
	return s.f.Write(p)
}

// zeros is a source of nothing but zeros.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestBigZip crosses each limit beyond which the format has other records.
func TestBigZip(t *testing.T) {
	t.Parallel()
	huge := serve.TestEntry{Ext: ".bin", Size: 1<<32 + 5, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.LimitReader(zeros{}, 1<<32+5)), nil
	}}
	many := make([]serve.TestEntry, 70_000)
	for i := range many {
		many[i] = text("x", i%2 == 0)
	}
	tests := map[string][]serve.TestEntry{
		"big entry":    {text("a", true), huge, text("last", true)},
		"far entry":    {huge, text("last", false)},
		"many entries": append(many, text("last", true)),
	}
	for name, list := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := os.Create(filepath.Join(t.TempDir(), "zip"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if err := serve.WriteZip(t.Context(), &sparse{f, make([]byte, 1<<20)}, list); err != nil {
				t.Fatal(err)
			}
			size, _ := f.Seek(0, io.SeekCurrent)
			if want, err := serve.ZipLength(list); err != nil || want != size {
				t.Errorf("the zip has %d bytes, foretold were %d (%v)", size, want, err)
			}
			r, err := zip.NewReader(f, size)
			if err != nil {
				t.Fatal(err)
			}
			if len(r.File) != len(list) {
				t.Fatalf("%d entries, want %d", len(r.File), len(list))
			}
			last := r.File[len(list)-1]
			if got := read(t, last); got != "last" {
				t.Errorf("the last entry holds %q, want %q", got, "last")
			}
			for i, e := range list {
				if int64(r.File[i].UncompressedSize64) != e.Size {
					t.Fatalf("entry %d has size %d, want %d", i, r.File[i].UncompressedSize64, e.Size)
				}
			}
		})
	}
}

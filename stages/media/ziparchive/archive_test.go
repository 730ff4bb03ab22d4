package ziparchive_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"framemill/pipeline"
	"framemill/stages/media/ziparchive"
)

// file is a member to be written.
type file struct {
	name    string
	content string
	method  uint16
	mode    fs.FileMode
}

// pack writes an archive.
func pack(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: f.method}
		if f.mode != 0 {
			h.SetMode(f.mode)
		}
		m, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(m, f.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func list(b []byte) ([]ziparchive.Member, error) {
	return ziparchive.List(bytes.NewReader(b), int64(len(b)), ziparchive.Limits{}, nil)
}

func TestListFindsMembersWhereTheyLie(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("pixel", 1000)
	files := []file{
		{name: "z.jpg", content: "stored", method: zip.Store},
		{name: "dir/", mode: fs.ModeDir | 0o755},
		{name: "dir/a.jpg", content: long, method: zip.Deflate, mode: 0o644},
		{name: "__MACOSX/dir/._a.jpg", content: "debris"},
		{name: "dir/.DS_Store", content: "debris"},
		{name: "dir/größe.png", content: "x", method: zip.Deflate},
	}
	for _, prefix := range []string{"", "#!/bin/sh some self-extracting archive\n"} {
		b := append([]byte(prefix), pack(t, files...)...)
		got, err := list(b)
		if err != nil {
			t.Fatal(err)
		}
		want := map[int]file{0: files[0], 1: files[2], 2: files[5]}
		if len(got) != len(want) {
			t.Fatalf("got %d members %v, want %d", len(got), got, len(want))
		}
		for i, m := range got {
			if m.Name != want[i].name {
				t.Errorf("member %d is %q, want %q", i, m.Name, want[i].name)
			}
			checkContent(t, b, m, want[i].content)
		}
	}
}

// checkContent reads a member through nothing but what List told of it.
func checkContent(t *testing.T, b []byte, m ziparchive.Member, want string) {
	t.Helper()
	var r io.Reader = bytes.NewReader(b[m.Offset:][:m.Packed])
	if m.Method == ziparchive.Deflated {
		r = zipInflate(r)
	}
	got, err := io.ReadAll(r)
	if err != nil || string(got) != want {
		t.Errorf("%s: content is %q, %v, want %q", m.Name, got, err, want)
	}
	if m.Bytes != int64(len(want)) || m.CRC32 != crc32.ChecksumIEEE([]byte(want)) {
		t.Errorf("%s: %d bytes with checksum %x are wrong", m.Name, m.Bytes, m.CRC32)
	}
	if ref := m.In("blob:k"); ref != pipeline.Ref(fmt.Sprintf("zip:%d,%d,%d,%d:blob:k", m.Offset, m.Packed, m.Method, m.CRC32)) {
		t.Errorf("reference is %s", ref)
	}
}

func TestListTakesOnlyWhatIsWanted(t *testing.T) {
	t.Parallel()
	b := pack(t, file{name: "a.txt", content: "x"}, file{name: "b.jpg", content: "y"})
	got, err := ziparchive.List(bytes.NewReader(b), int64(len(b)), ziparchive.Limits{}, func(name string) bool {
		return strings.HasSuffix(name, ".jpg")
	})
	if err != nil || len(got) != 1 || got[0].Name != "b.jpg" {
		t.Errorf("got %v, %v, want b.jpg alone", got, err)
	}
}

func TestListRefuses(t *testing.T) {
	t.Parallel()
	one := file{name: "a.jpg", content: "content"}
	good := pack(t, one)
	tests := []struct {
		name string
		data []byte
		code pipeline.Code
		says string // in the error's text
	}{
		{"nothing", nil, pipeline.CodeUnsupportedFormat, ""},
		{"a picture", []byte("\xff\xd8\xff\xe0 and so on, for longer than an end record"), pipeline.CodeUnsupportedFormat, ""},
		{"cut", good[:len(good)-30], pipeline.CodeBadMember, "ends early"},
		{"climbing", pack(t, file{name: "../evil.png"}), pipeline.CodeUnsafePath, "evil.png"},
		{"absolute", pack(t, file{name: "/abs.png"}), pipeline.CodeUnsafePath, "abs.png"},
		{"backslash", pack(t, file{name: `a\..\..\x.png`}), pipeline.CodeUnsafePath, "x.png"},
		{"nul", pack(t, file{name: "a\x00.png"}), pipeline.CodeUnsafePath, "a"},
		{"climbing folder", pack(t, file{name: "a/../"}), pipeline.CodeUnsafePath, "a/.."},
		{"climbing debris", pack(t, file{name: "__MACOSX/../../x"}), pipeline.CodeUnsafePath, "x"},
		{"endless name", pack(t, file{name: strings.Repeat("n", 65000)}), pipeline.CodeUnsafePath, "nnn"},
		{"link", pack(t, file{name: "l.jpg", content: "/etc/passwd", mode: fs.ModeSymlink | 0o777}), pipeline.CodeUnsafeMember, "l.jpg"},
		{"device", pack(t, file{name: "d.jpg", mode: fs.ModeDevice | 0o600}), pipeline.CodeUnsafeMember, "d.jpg"},
		{"pipe", pack(t, file{name: "p.jpg", mode: fs.ModeNamedPipe | 0o600}), pipeline.CodeUnsafeMember, "p.jpg"},
		{"encrypted", patch(t, good, 8, 1), pipeline.CodeBadMember, "encrypted"},
		{"other method", patch(t, good, 10, 14), pipeline.CodeBadMember, "method 14"},
		{"descriptor lies", patch(t, good, 16, 0x1234), pipeline.CodeBadMember, "two ways"},
		{"two sizes", patch(t, good, 24, 9999), pipeline.CodeBadMember, "two sizes"},
		{"same name twice", pack(t, one, one), pipeline.CodeBadMember, "a.jpg"},
		{"bomb", bomb(t), pipeline.CodeArchiveLimits, "bomb.bmp"},
		{"one stream many times", overlapping(t, 1000), pipeline.CodeArchiveLimits, "overlap"},
		{"fewer members than stated", patchEnd(good, 10, 2), pipeline.CodeBadMember, "as many members"},
		{"more members than taken", zip64Claim(good, 1<<40), pipeline.CodeArchiveLimits, "members"},
		{"directory elsewhere", patchEnd(good, 16, 1<<30), pipeline.CodeBadMember, "directory"},
		{"two ends", append(patchEnd(good, 20, 22), good[len(good)-22:]...), pipeline.CodeBadMember, "two directories"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			begun := time.Now()
			got, err := list(tt.data)
			if pipeline.CodeOf(err) != tt.code || !strings.Contains(fmt.Sprint(err), tt.says) {
				t.Errorf("got %v, %v, want code %s with %q", got, err, tt.code, tt.says)
			}
			if d := time.Since(begun); d > 2*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

func TestListEnforcesItsLimits(t *testing.T) {
	t.Parallel()
	b := pack(t, file{name: "a.jpg", content: "12345"}, file{name: "b.jpg", content: "12345"})
	for _, lim := range []ziparchive.Limits{{Members: 1}, {Expanded: 9}} {
		if _, err := ziparchive.List(bytes.NewReader(b), int64(len(b)), lim, nil); pipeline.CodeOf(err) != pipeline.CodeArchiveLimits {
			t.Errorf("%+v: got %v, want archive_limits", lim, err)
		}
	}
}

func TestListReportsStorageErrors(t *testing.T) {
	t.Parallel()
	b := pack(t, file{name: "a.jpg", content: "12345"})
	boom := errors.New("share is gone")
	for n := range 100 {
		_, err := ziparchive.List(&failing{r: bytes.NewReader(b), after: n, err: boom}, int64(len(b)), ziparchive.Limits{}, nil)
		if err == nil {
			return
		}
		if !errors.Is(err, boom) {
			t.Errorf("read %d fails: got %v, want the error of the storage", n, err)
		}
	}
	t.Error("never succeeded")
}

// failing returns err from the read after so many.
type failing struct {
	r     io.ReaderAt
	after int
	err   error
}

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if f.after--; f.after < 0 {
		return 0, f.err
	}
	return f.r.ReadAt(p, off)
}

func TestFlippedBitsNeverPanic(t *testing.T) {
	t.Parallel()
	b := pack(t, file{name: "a.jpg", content: "12345"}, file{name: "dir/b.jpg", content: strings.Repeat("x", 500), method: zip.Deflate})
	rng := rand.New(rand.NewPCG(3, 5))
	for range 2000 {
		c := bytes.Clone(b)
		c[rng.IntN(len(c))] ^= 1 << rng.IntN(8)
		if _, err := list(c); err != nil && pipeline.Retryable(err) {
			t.Fatalf("got %v, want an error that blames the archive", err)
		}
	}
}

func FuzzList(f *testing.F) {
	f.Add(pack(f, file{name: "a.jpg", content: "12345"}))
	f.Add(zip64Claim(pack(f, file{name: "a.jpg", content: "12345"}), 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		members, err := list(b)
		if err != nil && pipeline.Retryable(err) {
			t.Errorf("got %v, want an error that blames the archive", err)
		}
		for _, m := range members {
			if m.Offset < 0 || m.Packed < 0 || m.Offset+m.Packed > int64(len(b)) {
				t.Errorf("member %+v does not lie in the archive", m)
			}
		}
	})
}

func BenchmarkList(b *testing.B) {
	var files []file
	for i := range 10000 {
		files = append(files, file{name: fmt.Sprintf("dir/%06d.jpg", i), content: "x"})
	}
	data := pack(b, files...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := list(data); err != nil {
			b.Fatal(err)
		}
	}
}

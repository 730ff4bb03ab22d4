package source_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/blob/blobtest"
	"framemill/pipeline/blob/fs"
	"framemill/pipeline/source"
)

type bundle struct {
	*source.Opener
	share  *source.Share
	bucket blob.Bucket
	dir    string // of the share
}

func setup(t *testing.T) bundle {
	t.Helper()
	bucket, err := fs.New(fs.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	share, err := source.OpenShare(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bucket.Close(); share.Close() })
	return bundle{Opener: source.New(bucket, share, nil), share: share, bucket: bucket, dir: dir}
}

// file writes a file of the share.
func (b bundle) file(t *testing.T, name, content string) {
	t.Helper()
	path := filepath.Join(b.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// link makes a symbolic link on the share.
func (b bundle) link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, filepath.Join(b.dir, name)); err != nil {
		t.Fatal(err)
	}
}

func (b bundle) read(t *testing.T, ref pipeline.Ref, stamp pipeline.Stamp) (string, error) {
	t.Helper()
	f, err := b.Open(t.Context(), ref, stamp)
	if err != nil {
		return "", err
	}
	defer f.Close()
	content, err := io.ReadAll(f)
	return string(content), err
}

func TestOpen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	blobtest.Put(t, b.bucket, "u/1", []byte("blob"))
	b.file(t, "a/b.jpg", "share")
	b.link(t, "a/b.jpg", "inside")
	b.link(t, "a", "folder")
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.link(t, outside, "absolute")
	b.link(t, "../../"+filepath.Base(filepath.Dir(outside))+"/secret", "relative")
	b.link(t, "loop", "loop")
	if err := syscall.Mkfifo(filepath.Join(b.dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	entry, err := b.share.Stat(t.Context(), "a/b.jpg")
	if err != nil || entry.Bytes != 5 {
		t.Fatalf("Stat = %+v, %v", entry, err)
	}
	tests := []struct {
		name  string
		ref   pipeline.Ref
		bytes int64
		mtime int64
		want  string
		code  pipeline.Code // of the error, "" for none
	}{
		{name: "blob", ref: "blob:u/1", bytes: 4, want: "blob"},
		{name: "blob of unknown size", ref: "blob:u/1", bytes: -1, want: "blob"},
		{name: "blob of another size", ref: "blob:u/1", bytes: 3, code: pipeline.CodeSourceChanged},
		{name: "blob gone", ref: "blob:u/2", bytes: -1, code: pipeline.CodeSourceGone},
		{name: "share", ref: "share:a/b.jpg", bytes: 5, mtime: entry.MTime, want: "share"},
		{name: "share unchecked", ref: "share:a/b.jpg", bytes: -1, want: "share"},
		{name: "share of another size", ref: "share:a/b.jpg", bytes: 6, code: pipeline.CodeSourceChanged},
		{name: "share of another time", ref: "share:a/b.jpg", bytes: 5, mtime: entry.MTime + 1, code: pipeline.CodeSourceChanged},
		{name: "share gone", ref: "share:a/c.jpg", bytes: 5, code: pipeline.CodeSourceGone},
		{name: "file as a folder", ref: "share:a/b.jpg/c", bytes: 5, code: pipeline.CodeSourceGone},
		{name: "folder as a file", ref: "share:a", bytes: -1, code: pipeline.CodeSourceChanged},
		{name: "link inside", ref: "share:inside", bytes: 5, want: "share"},
		{name: "link to a folder inside", ref: "share:folder/b.jpg", bytes: 5, want: "share"},
		{name: "absolute link out", ref: "share:absolute", bytes: -1, code: pipeline.CodeUnsafePath},
		{name: "relative link out", ref: "share:relative", bytes: -1, code: pipeline.CodeUnsafePath},
		{name: "link to itself", ref: "share:loop", bytes: -1, code: pipeline.CodeUnsafePath},
		{name: "fifo", ref: "share:fifo", bytes: -1, code: pipeline.CodeSourceChanged},
		{name: "parent", ref: "share:../secret", bytes: -1, code: pipeline.CodeUnsafePath},
		{name: "parent inside", ref: "share:a/../../secret", bytes: -1, code: pipeline.CodeUnsafePath},
		{name: "absolute", ref: "share:/etc/passwd", bytes: -1, code: pipeline.CodeUnsafePath},
		{name: "NUL", ref: "share:a\x00b", bytes: -1, code: pipeline.CodeUnsafePath},
		{name: "the share itself", ref: "share:", bytes: -1, code: pipeline.CodeSourceChanged},
		{name: "long name", ref: pipeline.ShareRef(strings.Repeat("x", 300)), bytes: -1, code: pipeline.CodeSourceGone},
		{name: "unknown scheme", ref: "file:/etc/passwd", bytes: -1, code: pipeline.CodeInternal},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := b.read(t, tt.ref, pipeline.Stamp{Bytes: tt.bytes, MTime: tt.mtime})
			if tt.code == "" && (err != nil || got != tt.want) {
				t.Errorf("read %q, %v; want %q", got, err, tt.want)
			}
			if tt.code != "" && (err == nil || pipeline.CodeOf(err) != tt.code) {
				t.Errorf("read %q, %v; want the code %s", got, err, tt.code)
			}
			if err != nil && strings.Contains(pipeline.Public(err).Text, b.dir) {
				t.Errorf("the public text %q names the host's path of the share", pipeline.Public(err).Text)
			}
		})
	}
}

func TestOpenWithoutShare(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := source.New(b.bucket, nil, nil).Open(t.Context(), "share:a", pipeline.AnyStamp())
	if pipeline.CodeOf(err) != pipeline.CodeSourceGone {
		t.Errorf("Open without a share: %v, want source_gone", err)
	}
}

func TestReaders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	content := noise(200_000)
	blobtest.Put(t, b.bucket, "u/1", content)
	b.file(t, "a", string(content))
	archive, members := archiveOf(t, content)
	b.file(t, "a.zip", string(archive))
	refs := []pipeline.Ref{"blob:u/1", "share:a"}
	for _, m := range members {
		m.Archive = "share:a.zip"
		refs = append(refs, m.Ref())
	}
	for _, ref := range refs {
		f, err := b.Open(t.Context(), ref, pipeline.Stamp{Bytes: int64(len(content))})
		if err != nil {
			t.Fatalf("%s: %v", ref, err)
		}
		// TestReader seeks forward and backward and reads in odd pieces.
		if err := iotest.TestReader(f, content); err != nil {
			t.Errorf("%s: %v", ref, err)
		}
		if f.Size() != int64(len(content)) {
			t.Errorf("%s: Size() = %d, want %d", ref, f.Size(), len(content))
		}
		if err := f.Close(); err != nil {
			t.Errorf("%s: Close: %v", ref, err)
		}
	}
}

func TestChangedWhileOpen(t *testing.T) {
	t.Parallel()
	changes := map[string]func(path string) error{
		"truncated": func(path string) error { return os.Truncate(path, 10) },
		"grown":     func(path string) error { return os.Truncate(path, 90_000) },
		"rewritten": func(path string) error { return os.WriteFile(path, noise(60_000), 0o600) },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			archive, members := archiveOf(t, noise(50_000))
			refs := map[pipeline.Ref]int64{"share:f": int64(len(archive))}
			for _, m := range members {
				m.Archive = "share:f"
				refs[m.Ref()] = 50_000
			}
			for ref, size := range refs {
				b.file(t, "f", string(archive))
				f, err := b.Open(t.Context(), ref, pipeline.Stamp{Bytes: size})
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				if err := change(filepath.Join(b.dir, "f")); err != nil {
					t.Fatal(err)
				}
				_, err = io.Copy(io.Discard, f)
				if code := pipeline.CodeOf(err); code != pipeline.CodeSourceChanged && code != pipeline.CodeBadMember {
					t.Errorf("%s: read to the end: %v, want source_changed", ref, err)
				}
			}
		})
	}
}

func TestBadMembers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	content := bytes.Repeat([]byte("framemill "), 1000)
	archive, members := archiveOf(t, content)
	blobtest.Put(t, b.bucket, "z", archive)
	plain, packed := members[0], members[1]
	plain.Archive, packed.Archive = "blob:z", "blob:z"
	with := func(m pipeline.ZipMember, change func(*pipeline.ZipMember)) pipeline.Ref {
		change(&m)
		return m.Ref()
	}
	size := int64(len(content))
	tests := []struct {
		name  string
		ref   pipeline.Ref
		bytes int64
		code  pipeline.Code
	}{
		{"stored, sizes differ", plain.Ref(), size - 1, pipeline.CodeBadMember},
		{"deflated, longer than declared", packed.Ref(), size - 1, pipeline.CodeBadMember},
		{"deflated, empty declared", packed.Ref(), 0, pipeline.CodeBadMember},
		{"deflated, shorter than declared", packed.Ref(), size + 1, pipeline.CodeBadMember},
		{"deflated, cut off", with(packed, func(m *pipeline.ZipMember) { m.Packed-- }), size, pipeline.CodeBadMember},
		{"not deflate data", with(packed, func(m *pipeline.ZipMember) { m.Offset += 3 }), size, pipeline.CodeBadMember},
		{"outside the archive", with(packed, func(m *pipeline.ZipMember) { m.Offset += 1 << 40 }), size, pipeline.CodeBadMember},
		{"offset overflows", with(packed, func(m *pipeline.ZipMember) { m.Offset = 1<<63 - 1 }), size, pipeline.CodeBadMember},
		{"unknown method", with(packed, func(m *pipeline.ZipMember) { m.Method = 93 }), size, pipeline.CodeBadMember},
		{"archive gone", with(packed, func(m *pipeline.ZipMember) { m.Archive = "blob:y" }), size, pipeline.CodeSourceGone},
		{"archive in an archive", with(packed, func(m *pipeline.ZipMember) { m.Archive = plain.Ref() }), size, pipeline.CodeInternal},
		{"malformed", "zip:1,2:blob:z", size, pipeline.CodeInternal},
		{"size not given", packed.Ref(), -1, pipeline.CodeInternal},
	}
	for _, tt := range tests {
		if _, err := b.read(t, tt.ref, pipeline.Stamp{Bytes: tt.bytes}); err == nil || pipeline.CodeOf(err) != tt.code {
			t.Errorf("%s: %v, want the code %s", tt.name, err, tt.code)
		}
	}
}

// TestVerify reads members to different places and asks whether they are what
// was packed.
func TestVerify(t *testing.T) {
	t.Parallel()
	b := setup(t)
	content := noise(100_000)
	archive, members := archiveOf(t, content)
	blobtest.Put(t, b.bucket, "z", archive)
	right := crc32.ChecksumIEEE(content)
	for _, m := range members {
		m.Archive = "blob:z"
		for _, sum := range []uint32{0, right, right + 1} {
			m.Sum = sum
			for _, read := range []int64{0, 10, 50_000, int64(len(content))} {
				f, err := b.Open(t.Context(), m.Ref(), pipeline.Stamp{Bytes: int64(len(content))})
				if err != nil {
					t.Fatal(err)
				}
				_, err = io.CopyN(io.Discard, f, read)
				_, back := f.Seek(5, io.SeekStart)
				_, again := io.CopyN(io.Discard, f, 5)
				if err := errors.Join(err, back, again); err != nil {
					t.Fatal(err)
				}
				damage, err := f.(source.Summed).Verify()
				if wrong := sum == right+1; err != nil || (damage != nil) != wrong {
					t.Errorf("method %d, sum %x, %d bytes read: damage %v, %v; want it: %t", m.Method, sum, read, damage, err, wrong)
				}
				f.Close()
			}
		}
	}
}

// TestSwapRace swaps a file and a link out of the share while it is being
// opened. Opening may fail, but what it reads must never be the secret.
func TestSwapRace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.file(t, "good", "public")
	b.link(t, secret, "bad")
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			swap(filepath.Join(b.dir, "good"), filepath.Join(b.dir, "bad"))
		}
	}()
	for range 10_000 {
		if got, err := b.read(t, "share:good", pipeline.AnyStamp()); err == nil && got != "public" {
			t.Errorf("read %q through a link that leaves the share", got)
			break
		}
	}
	close(stop)
	<-done
}

// archiveOf packs content twice, stored and deflated, and returns where the
// members lie.
func archiveOf(t *testing.T, content []byte) ([]byte, []pipeline.ZipMember) {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		f, err := w.CreateHeader(&zip.FileHeader{Name: "m" + string('0'+rune(method)), Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var members []pipeline.ZipMember
	for _, f := range r.File {
		offset, err := f.DataOffset()
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, pipeline.ZipMember{Offset: offset, Packed: int64(f.CompressedSize64), Method: f.Method})
	}
	return buf.Bytes(), members
}

// noise returns bytes that deflate to about half.
func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(r.IntN(16))
	}
	return b
}

func BenchmarkOpenShare(b *testing.B) {
	dir := b.TempDir()
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, "a/b/c"), 0o700), os.WriteFile(filepath.Join(dir, "a/b/c/f"), nil, 0o600)); err != nil {
		b.Fatal(err)
	}
	share, err := source.OpenShare(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer share.Close()
	o := source.New(nil, share, nil)
	mtime := time.Now()
	if err := os.Chtimes(filepath.Join(dir, "a/b/c/f"), mtime, mtime); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		f, err := o.Open(b.Context(), "share:a/b/c/f", pipeline.Stamp{MTime: mtime.UnixMicro()})
		if err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
}

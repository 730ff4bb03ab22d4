package fs_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/blob/blobtest"
	"framemill/pipeline/blob/fs"
)

func setup(t *testing.T, dir string) *fs.Bucket {
	t.Helper()
	b, err := fs.New(fs.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func TestBucket(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(t *testing.T) blob.Bucket { return setup(t, t.TempDir()) })
}

func TestResumer(t *testing.T) {
	t.Parallel()
	blobtest.RunResumer(t, func(t *testing.T) blobtest.Resumable { return setup(t, t.TempDir()) })
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	foreign := t.TempDir()
	write(t, filepath.Join(foreign, "thesis.txt"))
	file := filepath.Join(t.TempDir(), "file")
	write(t, file)
	tests := []struct {
		name string
		cfg  fs.Config
	}{
		{"no folder", fs.Config{}},
		{"files of others", fs.Config{Dir: foreign}},
		{"a file", fs.Config{Dir: file}},
		{"absent mount", fs.Config{Dir: t.TempDir(), MustExist: true}},
		{"absent folder", fs.Config{Dir: filepath.Join(t.TempDir(), "x"), MustExist: true}},
	}
	for _, tt := range tests {
		if _, err := fs.New(tt.cfg); err == nil {
			t.Errorf("%s: New succeeded, want an error", tt.name)
		}
	}
	if names, _ := os.ReadDir(foreign); len(names) != 1 {
		t.Errorf("a refused folder holds %v now, want it untouched", names)
	}
}

func TestNewAgain(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "folder")
	blobtest.Put(t, setup(t, dir), "k", []byte("x"))
	again, err := fs.New(fs.Config{Dir: dir, MustExist: true})
	if err != nil {
		t.Fatalf("reopen: %v", err)
	}
	defer again.Close()
	if got := blobtest.Read(t, again, "k"); string(got) != "x" {
		t.Errorf("after reopening, k holds %q", got)
	}
}

func TestNewOnFreshDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "lost+found"), 0o700); err != nil {
		t.Fatal(err)
	}
	setup(t, dir)
}

func TestModes(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "root")
	blobtest.Put(t, setup(t, dir), "a/b", nil)
	for path, want := range map[string]os.FileMode{"": 0o700, "blobs": 0o700, "blobs/a": 0o700, "blobs/a/b": 0o600, "tmp": 0o700, ".framemill-root": 0o600} {
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%q: %v, %v; want mode %o", path, info, err, want)
		}
	}
}

func TestOnDisk(t *testing.T) {
	t.Parallel()
	b := setup(t, t.TempDir())
	blobtest.Put(t, b, "k", []byte("x"))
	o, err := b.Open(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	d, ok := o.(blob.OnDisk)
	if !ok {
		t.Fatal("an object in a folder is not blob.OnDisk")
	}
	if got, err := io.ReadAll(d.File()); string(got) != "x" || err != nil {
		t.Errorf("the file holds %q, %v", got, err)
	}
}

func TestDeletePrunesFolders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := setup(t, dir)
	blobtest.Put(t, b, "a/b/c/one", nil)
	blobtest.Put(t, b, "a/two", nil)
	if err := b.Delete(t.Context(), "a/b/c/one"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "blobs/a/b")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the empty folder a/b: %v, want it gone", err)
	}
	if got := blobtest.Read(t, b, "a/two"); len(got) != 0 {
		t.Errorf("a/two holds %q", got)
	}
}

func TestNothingStaysInTmp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := setup(t, dir)
	blobtest.Put(t, b, "k", nil)
	gone, cancel := context.WithCancel(t.Context())
	endings := []func(blob.Writer) error{
		func(w blob.Writer) error { w.Abort(); return nil },
		func(w blob.Writer) error { return w.Commit(t.Context()) }, // the key is taken
		func(w blob.Writer) error { cancel(); return w.Commit(gone) },
	}
	for _, end := range endings {
		w, err := b.Create(t.Context(), "k", blob.Durable)
		if err != nil {
			t.Fatal(err)
		}
		_ = end(w)
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "tmp")); len(left) != 0 {
		t.Errorf("tmp holds %v, want nothing", left)
	}
}

func TestSweepRemovesAbandoned(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := setup(t, dir)
	w, err := b.Create(t.Context(), "k", blob.Durable)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	old := time.Now().Add(-2 * time.Hour)
	tmp, _ := filepath.Glob(filepath.Join(dir, "tmp", "*"))
	if err := os.Chtimes(tmp[0], old, old); err != nil {
		t.Fatal(err)
	}
	if n, err := b.Sweep(t.Context(), time.Hour); n != 1 || err != nil {
		t.Fatalf("Sweep = %d, %v; want 1 removed", n, err)
	}
	if err := w.Commit(t.Context()); err == nil {
		t.Error("a writer that was swept committed")
	}
	if _, err := b.Stat(t.Context(), "k"); !errors.Is(err, blob.ErrNotExist) {
		t.Errorf("k after the sweep: %v, want ErrNotExist", err)
	}
}

// TestForeignEntries puts what no bucket makes into the folder: it must neither
// hang nor be shown.
func TestForeignEntries(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := setup(t, dir)
	secret := filepath.Join(t.TempDir(), "secret")
	write(t, secret)
	if err := syscall.Mkfifo(filepath.Join(dir, "blobs/fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(dir, "blobs/link")); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"fifo", "link"} {
		if o, err := b.Open(t.Context(), key); err == nil {
			o.Close()
			t.Errorf("Open(%q) succeeded", key)
		}
	}
	if got, err := b.List(t.Context(), "", "", 10); len(got) != 0 || err != nil {
		t.Errorf("List = %v, %v; want nothing", got, err)
	}
}

// TestDiskFull writes to a disk of 1 MiB.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("mounting a small disk needs root")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("mount a small disk: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	b := setup(t, dir)
	before, _, _ := b.Free(t.Context())
	w, err := b.Create(t.Context(), "k", blob.Durable)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(make([]byte, 2<<20))
	if pipeline.CodeOf(err) != pipeline.CodeDiskFull || !pipeline.Retryable(err) {
		t.Errorf("write to a full disk: %v, want disk_full", err)
	}
	w.Abort()
	if after, _, _ := b.Free(t.Context()); after != before {
		t.Errorf("%d bytes are free after Abort, want %d as before", after, before)
	}
}

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkDurable(b *testing.B)     { benchmarkPut(b, blob.Durable) }
func BenchmarkRebuildable(b *testing.B) { benchmarkPut(b, blob.Rebuildable) }

func benchmarkPut(b *testing.B, d blob.Durability) {
	bucket, err := fs.New(fs.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer bucket.Close()
	content := make([]byte, 100<<10)
	for b.Loop() {
		w, err := bucket.Create(b.Context(), "a/b/"+pipeline.NewID(), d)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			b.Fatal(err)
		}
		if err := w.Commit(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

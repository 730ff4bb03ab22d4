package source_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"framemill/pipeline"
	"framemill/pipeline/source"
)

// swap exchanges two names in one step.
func swap(a, b string) {
	_ = unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}

// tree makes a share with everything that may lie on one.
func tree(t *testing.T) bundle {
	t.Helper()
	b := setup(t)
	for _, name := range []string{"z.jpg", "a.jpg", "sub/2.jpg", "sub/10.jpg", "sub/deep/x.jpg", "sub.txt", ".hidden"} {
		b.file(t, name, name)
	}
	if err := errors.Join(
		os.Mkdir(filepath.Join(b.dir, "empty"), 0o700),
		syscall.Mkfifo(filepath.Join(b.dir, "fifo"), 0o600),
		os.WriteFile(filepath.Join(b.dir, "bad\xffname"), nil, 0o600),
		os.WriteFile(filepath.Join(b.dir, "bad\nname"), nil, 0o600),
		os.Mkdir(filepath.Join(b.dir, "sub", "bad\xfffolder"), 0o700),
		os.WriteFile(filepath.Join(b.dir, "sub", "bad\xfffolder", "1.jpg"), nil, 0o600),
	); err != nil {
		t.Fatal(err)
	}
	b.link(t, "z.jpg", "link.jpg")
	b.link(t, "sub", "linked")
	b.link(t, "..", "sub/up")
	b.link(t, t.TempDir(), "out")
	b.link(t, "/etc/passwd", "out.jpg")
	b.link(t, "nowhere", "dangling")
	b.link(t, "circle", "circle")
	return b
}

func TestList(t *testing.T) {
	t.Parallel()
	b := tree(t)
	tests := map[string][]string{
		"":       {"empty/", "linked/", "sub/", ".hidden", "a.jpg", "link.jpg", "sub.txt", "z.jpg"},
		"sub":    {"sub/deep/", "sub/up/", "sub/10.jpg", "sub/2.jpg"},
		"linked": {"linked/deep/", "linked/up/", "linked/10.jpg", "linked/2.jpg"},
		"empty":  nil,
	}
	for dir, want := range tests {
		entries, err := b.share.List(t.Context(), dir)
		var got []string
		for _, e := range entries {
			got = append(got, e.Path+strings.Repeat("/", map[bool]int{true: 1}[e.Dir]))
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("List(%q): %v, -want +got:\n%s", dir, err, diff)
		}
	}
}

func TestListRefuses(t *testing.T) {
	t.Parallel()
	b := tree(t)
	tests := map[string]pipeline.Code{
		"..": pipeline.CodeUnsafePath, "../..": pipeline.CodeUnsafePath, "/": pipeline.CodeUnsafePath, "sub//deep": pipeline.CodeUnsafePath,
		"out": pipeline.CodeUnsafePath, "circle": pipeline.CodeUnsafePath,
		"a.jpg": pipeline.CodeSourceGone, "fifo": pipeline.CodeSourceGone, "absent": pipeline.CodeSourceGone,
	}
	for dir, code := range tests {
		if got, err := b.share.List(t.Context(), dir); err == nil || pipeline.CodeOf(err) != code {
			t.Errorf("List(%q) = %v, %v; want the code %s", dir, got, err, code)
		}
	}
}

func TestStat(t *testing.T) {
	t.Parallel()
	b := tree(t)
	tests := []struct {
		path string
		dir  bool
		size int64
		code pipeline.Code
	}{
		{path: "", dir: true}, {path: "sub", dir: true}, {path: "linked", dir: true},
		{path: "z.jpg", size: 5}, {path: "link.jpg", size: 5},
		{path: "fifo", code: pipeline.CodeSourceGone}, {path: "dangling", code: pipeline.CodeSourceGone},
		{path: "out.jpg", code: pipeline.CodeUnsafePath},
	}
	for _, tt := range tests {
		e, err := b.share.Stat(t.Context(), tt.path)
		if tt.code != "" {
			if err == nil || pipeline.CodeOf(err) != tt.code {
				t.Errorf("Stat(%q) = %+v, %v; want the code %s", tt.path, e, err, tt.code)
			}
			continue
		}
		if err != nil || e.Path != tt.path || e.Dir != tt.dir || e.Bytes != tt.size || e.MTime == 0 {
			t.Errorf("Stat(%q) = %+v, %v; want dir %t, %d bytes", tt.path, e, err, tt.dir, tt.size)
		}
	}
}

func TestWalk(t *testing.T) {
	t.Parallel()
	b := tree(t)
	tests := map[string][]string{
		"":       {".hidden", "a.jpg", "bad\nname", "bad\xffname", "link.jpg", "sub/10.jpg", "sub/2.jpg", "sub/bad\xfffolder", "sub/deep/x.jpg", "sub.txt", "z.jpg"},
		"linked": {"linked/10.jpg", "linked/2.jpg", "linked/bad\xfffolder", "linked/deep/x.jpg"},
		"empty":  nil,
	}
	for dir, want := range tests {
		var got []string
		err := b.share.Walk(t.Context(), dir, func(e source.Entry) error {
			got = append(got, e.Path)
			return nil
		})
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("Walk(%q): %v, -want +got:\n%s", dir, err, diff)
		}
	}
}

func TestWalkEnds(t *testing.T) {
	t.Parallel()
	b := tree(t)
	enough := errors.New("enough")
	calls := 0
	err := b.share.Walk(t.Context(), "", func(source.Entry) error { calls++; return enough })
	if !errors.Is(err, enough) || calls != 1 {
		t.Errorf("Walk with a failing function: %v after %d calls, want its error after 1", err, calls)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.share.Walk(ctx, "", func(source.Entry) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("Walk with a cancelled context: %v", err)
	}
	b.file(t, strings.Repeat("d/", 140)+"f", "")
	err = b.share.Walk(t.Context(), "", func(source.Entry) error { return nil })
	if pipeline.CodeOf(err) != pipeline.CodeInvalid {
		t.Errorf("Walk of 140 nested folders: %v, want the code invalid", err)
	}
}

// BenchmarkWalk walks 100,000 files, a normal size for a share.
func BenchmarkWalk(b *testing.B) {
	root := b.TempDir()
	for d := range 10 {
		dir := filepath.Join(root, fmt.Sprint(d))
		if err := os.Mkdir(dir, 0o700); err != nil {
			b.Fatal(err)
		}
		for i := range 10_000 {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%06d.jpg", i)), nil, 0o600); err != nil {
				b.Fatal(err)
			}
		}
	}
	share, err := source.OpenShare(root)
	if err != nil {
		b.Fatal(err)
	}
	defer share.Close()
	for b.Loop() {
		n := 0
		if err := share.Walk(b.Context(), "", func(source.Entry) error { n++; return nil }); err != nil || n != 100_000 {
			b.Fatalf("walked %d files, %v", n, err)
		}
	}
}

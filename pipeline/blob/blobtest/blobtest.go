// Package blobtest holds the conformance suite of blob.Bucket. Every kind of
// bucket runs it; what it checks is what callers may rely on.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/blob"
)

// Run runs the suite. Every test calls open once for a fresh, empty bucket.
func Run(t *testing.T, open func(t *testing.T) blob.Bucket) {
	tests := []struct {
		name string
		run  func(t *testing.T, b blob.Bucket)
	}{
		{"round trip", roundTrip},
		{"empty blob", emptyBlob},
		{"large blob", largeBlob},
		{"invisible before commit", invisible},
		{"abort", abort},
		{"keys are never overwritten", neverOverwritten},
		{"one of many creators wins", oneWinner},
		{"ranges", ranges},
		{"missing", missing},
		{"malformed keys", malformed},
		{"delete", deletion},
		{"delete while others create", deleteRace},
		{"open outlives delete", openOutlivesDelete},
		{"list", list},
		{"list in pages", listPages},
		{"cancelled", cancelled},
		{"cancelled writer", cancelledWriter},
		{"free", free},
		{"sweep", sweep},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.run(t, open(t))
		})
	}
}

// Put writes a blob and fails the test if that does not work.
func Put(t *testing.T, b blob.Bucket, key string, content []byte) {
	t.Helper()
	if err := put(t.Context(), b, key, content, blob.Rebuildable); err != nil {
		t.Fatalf("put %q: %v", key, err)
	}
}

// Read returns the content of a blob and fails the test if there is none.
func Read(t *testing.T, b blob.Bucket, key string) []byte {
	t.Helper()
	o, err := b.Open(t.Context(), key)
	if err != nil {
		t.Fatalf("open %q: %v", key, err)
	}
	defer o.Close()
	content, err := io.ReadAll(o)
	if err != nil {
		t.Fatalf("read %q: %v", key, err)
	}
	return content
}

func put(ctx context.Context, b blob.Bucket, key string, content []byte, d blob.Durability) error {
	w, err := b.Create(ctx, key, d)
	if err != nil {
		return err
	}
	defer w.Abort()
	if _, err := w.Write(content); err != nil {
		return err
	}
	return w.Commit(ctx)
}

func roundTrip(t *testing.T, b blob.Bucket) {
	for i, d := range []blob.Durability{blob.Durable, blob.Rebuildable, blob.Durable} {
		key := fmt.Sprintf("a/b/c%d.bin", i)
		want := []byte("content of " + key)
		before := time.Now().Add(-time.Minute)
		if err := put(t.Context(), b, key, want, d); err != nil {
			t.Fatalf("put %q with durability %d: %v", key, d, err)
		}
		if got := Read(t, b, key); !bytes.Equal(got, want) {
			t.Errorf("%q holds %q, want %q", key, got, want)
		}
		info, err := b.Stat(t.Context(), key)
		if err != nil || info.Key != key || info.Bytes != int64(len(want)) || info.Modified.Before(before) {
			t.Errorf("Stat(%q) = %+v, %v; want %d bytes, modified just now", key, info, err, len(want))
		}
	}
}

func emptyBlob(t *testing.T, b blob.Bucket) {
	Put(t, b, "empty", nil)
	if got := Read(t, b, "empty"); len(got) != 0 {
		t.Errorf("an empty blob reads as %q", got)
	}
}

func largeBlob(t *testing.T, b blob.Bucket) {
	const piece, pieces = 1 << 20, 20
	w, err := b.Create(t.Context(), "large", blob.Durable)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	noise := rand.NewChaCha8([32]byte{1})
	buf := make([]byte, piece)
	for range pieces {
		noise.Read(buf)
		if _, err := w.Write(buf); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := Read(t, b, "large")
	want := make([]byte, piece*pieces)
	again := rand.NewChaCha8([32]byte{1})
	for i := 0; i < len(want); i += piece {
		again.Read(want[i : i+piece])
	}
	if !bytes.Equal(got, want) {
		t.Errorf("read %d bytes that differ from the %d written", len(got), len(want))
	}
}

func invisible(t *testing.T, b blob.Bucket) {
	w, err := b.Create(t.Context(), "a/k", blob.Durable)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if _, err := io.WriteString(w, "half"); err != nil {
		t.Fatal(err)
	}
	wantMissing(t, b, "a/k")
	wantKeys(t, b, "", nil)
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantKeys(t, b, "", []string{"a/k"})
	w.Abort()
	wantKeys(t, b, "", []string{"a/k"})
	if err := w.Commit(t.Context()); err == nil {
		t.Error("a second Commit succeeded")
	}
}

func abort(t *testing.T, b blob.Bucket) {
	w, err := b.Create(t.Context(), "k", blob.Durable)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "half"); err != nil {
		t.Fatal(err)
	}
	w.Abort()
	w.Abort()
	wantMissing(t, b, "k")
	if _, err := io.WriteString(w, "more"); err == nil {
		t.Error("Write after Abort succeeded")
	}
	if err := w.Commit(t.Context()); err == nil {
		t.Error("Commit after Abort succeeded")
	}
	Put(t, b, "k", []byte("whole")) // the key is still free
}

func neverOverwritten(t *testing.T, b blob.Bucket) {
	Put(t, b, "k", []byte("first"))
	err := put(t.Context(), b, "k", []byte("second"), blob.Durable)
	if !errors.Is(err, blob.ErrExists) {
		t.Errorf("second commit of a key: %v, want ErrExists", err)
	}
	if got := Read(t, b, "k"); string(got) != "first" {
		t.Errorf("the key holds %q, want what was committed first", got)
	}
}

func oneWinner(t *testing.T, b blob.Bucket) {
	const writers, keys = 8, 20
	for k := range keys {
		key := fmt.Sprintf("race/%d/k", k)
		errs := make([]error, writers)
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() { errs[i] = put(t.Context(), b, key, []byte{byte(i)}, blob.Durability(i%2)) })
		}
		wg.Wait()
		winner := slices.Index(errs, nil)
		for i, err := range errs {
			if i != winner && !errors.Is(err, blob.ErrExists) {
				t.Errorf("%s: writer %d: %v, want ErrExists for all but writer %d", key, i, err, winner)
			}
		}
		if winner < 0 {
			t.Fatalf("%s: no writer won", key)
		}
		if got := Read(t, b, key); !bytes.Equal(got, []byte{byte(winner)}) {
			t.Errorf("%s holds %v, want the bytes of writer %d", key, got, winner)
		}
	}
}

func ranges(t *testing.T, b blob.Bucket) {
	Put(t, b, "k", []byte("0123456789"))
	o, err := b.Open(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if o.Size() != 10 {
		t.Errorf("Size() = %d, want 10", o.Size())
	}
	tests := []struct {
		off  int64
		n    int
		want string
		eof  bool
	}{
		{0, 10, "0123456789", false}, {3, 4, "3456", false}, {8, 5, "89", true}, {10, 1, "", true}, {99, 1, "", true},
	}
	for _, tt := range tests {
		buf := make([]byte, tt.n)
		n, err := o.ReadAt(buf, tt.off)
		if string(buf[:n]) != tt.want || tt.eof != errors.Is(err, io.EOF) && n < tt.n {
			t.Errorf("ReadAt(%d bytes, %d) = %q, %v; want %q, EOF %t", tt.n, tt.off, buf[:n], err, tt.want, tt.eof)
		}
	}
	if at, err := o.Seek(-3, io.SeekEnd); at != 7 || err != nil {
		t.Errorf("Seek(-3, end) = %d, %v, want 7", at, err)
	}
	if rest, err := io.ReadAll(o); string(rest) != "789" || err != nil {
		t.Errorf("after Seek: %q, %v, want 789", rest, err)
	}
	if at, err := o.Seek(0, io.SeekStart); at != 0 || err != nil {
		t.Errorf("Seek(0, start) = %d, %v", at, err)
	}
	if all, err := io.ReadAll(o); string(all) != "0123456789" || err != nil {
		t.Errorf("after rewind: %q, %v", all, err)
	}
}

func missing(t *testing.T, b blob.Bucket) {
	Put(t, b, "a/b/c", []byte("x"))
	for _, key := range []string{"k", "a", "a/b", "a/x", "x/y/z", "a/b/c/d"} {
		wantMissing(t, b, key)
	}
}

func malformed(t *testing.T, b blob.Bucket) {
	for _, key := range []string{"", "/etc/passwd", "../x", "a/../../x", "A", "a\x00"} {
		_, err1 := b.Create(t.Context(), key, blob.Durable)
		_, err2 := b.Open(t.Context(), key)
		_, err3 := b.Stat(t.Context(), key)
		err4 := b.Delete(t.Context(), key)
		for i, err := range []error{err1, err2, err3, err4} {
			if pipeline.KindOf(err) != pipeline.Invalid {
				t.Errorf("key %q, operation %d: %v, want an Invalid error", key, i, err)
			}
		}
	}
	if _, err := b.List(t.Context(), "../", "", 1); pipeline.KindOf(err) != pipeline.Invalid {
		t.Errorf("List of a malformed prefix: %v, want an Invalid error", err)
	}
}

func deletion(t *testing.T, b blob.Bucket) {
	Put(t, b, "a/b/one", nil)
	Put(t, b, "a/b/two", nil)
	for _, key := range []string{"a/b/one", "a/b/one", "never/was", "a/b"} {
		if err := b.Delete(t.Context(), key); err != nil {
			t.Errorf("Delete(%q): %v", key, err)
		}
	}
	wantMissing(t, b, "a/b/one")
	wantKeys(t, b, "", []string{"a/b/two"})
	if err := b.Delete(t.Context(), "a/b/two"); err != nil {
		t.Error(err)
	}
	wantKeys(t, b, "", nil)
	Put(t, b, "a/b", nil) // a folder without blobs is no obstacle
}

// deleteRace creates and deletes in one folder, so that it goes away again and
// again under the creators' feet.
func deleteRace(t *testing.T, b blob.Bucket) {
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 100 {
				key := fmt.Sprintf("x/y/%d-%d", i, j)
				if err := put(t.Context(), b, key, nil, blob.Rebuildable); err != nil {
					t.Errorf("put %q: %v", key, err)
				}
				if err := b.Delete(t.Context(), key); err != nil {
					t.Errorf("delete %q: %v", key, err)
				}
			}
		})
	}
	wg.Wait()
	wantKeys(t, b, "", nil)
}

func openOutlivesDelete(t *testing.T, b blob.Bucket) {
	Put(t, b, "k", []byte("still here"))
	o, err := b.Open(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if err := b.Delete(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(o); string(got) != "still here" || err != nil {
		t.Errorf("read after delete: %q, %v", got, err)
	}
}

func list(t *testing.T, b blob.Bucket) {
	keys := []string{"a-b", "a.b", "a/b", "a/b-c", "a/c/d", "a/c/e", "a0", "ab/c", "b"}
	for _, key := range keys {
		Put(t, b, key, []byte(key))
	}
	tests := []struct {
		prefix, after string
		limit         int
		want          []string
	}{
		{"", "", 100, keys},
		{"a/", "", 100, []string{"a/b", "a/b-c", "a/c/d", "a/c/e"}},
		{"a/c", "", 100, []string{"a/c/d", "a/c/e"}},
		{"a", "a/b", 3, []string{"a/b-c", "a/c/d", "a/c/e"}},
		{"", "a/c/d", 2, []string{"a/c/e", "a0"}},
		{"", "a/c/", 1, []string{"a/c/d"}},
		{"", "a", 1, []string{"a-b"}},
		{"b", "", 100, []string{"b"}},
		{"c", "", 100, nil},
		{"a/b/c/d", "", 100, nil},
		{"", "b", 100, nil},
		{"", "", 0, nil},
	}
	for _, tt := range tests {
		got, err := b.List(t.Context(), tt.prefix, tt.after, tt.limit)
		if diff := cmp.Diff(tt.want, keysOf(got)); diff != "" || err != nil {
			t.Errorf("List(%q, after %q, %d): %v, -want +got:\n%s", tt.prefix, tt.after, tt.limit, err, diff)
		}
		for _, info := range got {
			if info.Bytes != int64(len(info.Key)) || info.Modified.IsZero() {
				t.Errorf("listed %+v, want %d bytes and a time", info, len(info.Key))
			}
		}
	}
}

func listPages(t *testing.T, b blob.Bucket) {
	var want []string
	for i := range 120 {
		key := fmt.Sprintf("d%d/%03d", i/50, i)
		Put(t, b, key, nil)
		want = append(want, key)
	}
	var got []string
	for after := ""; ; after = got[len(got)-1] {
		page, err := b.List(t.Context(), "", after, 7)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, keysOf(page)...)
		if len(page) < 7 {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("all pages together, -want +got:\n%s", diff)
	}
}

func cancelled(t *testing.T, b blob.Bucket) {
	Put(t, b, "k", nil)
	why := errors.New("the test said so")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	_, err1 := b.Create(ctx, "x", blob.Durable)
	_, err2 := b.Open(ctx, "k")
	_, err3 := b.Stat(ctx, "k")
	err4 := b.Delete(ctx, "k")
	_, err5 := b.List(ctx, "", "", 1)
	_, _, err6 := b.Free(ctx)
	_, err7 := b.Sweep(ctx, 0)
	for i, err := range []error{err1, err2, err3, err4, err5, err6, err7} {
		if !errors.Is(err, why) {
			t.Errorf("operation %d with a cancelled context: %v, want the cause of the context", i, err)
		}
	}
	wantKeys(t, b, "", []string{"k"})
}

func cancelledWriter(t *testing.T, b blob.Bucket) {
	ctx, cancel := context.WithCancel(t.Context())
	w, err := b.Create(ctx, "k", blob.Durable)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if _, err := io.WriteString(w, "half"); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.WriteString(w, "more"); !errors.Is(err, context.Canceled) {
		t.Errorf("Write after cancel: %v, want context.Canceled", err)
	}
	if err := w.Commit(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("Commit after cancel: %v, want context.Canceled", err)
	}
	wantMissing(t, b, "k")

	w, err = b.Create(t.Context(), "k", blob.Durable)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if err := w.Commit(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Commit with a cancelled context: %v, want context.Canceled", err)
	}
	wantMissing(t, b, "k")
}

func free(t *testing.T, b blob.Bucket) {
	avail, total, err := b.Free(t.Context())
	if err != nil || avail > total || total == 0 {
		t.Errorf("Free() = %d, %d, %v", avail, total, err)
	}
}

func sweep(t *testing.T, b blob.Bucket) {
	Put(t, b, "k", nil)
	w, err := b.Create(t.Context(), "live", blob.Durable)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if n, err := b.Sweep(t.Context(), time.Hour); n != 0 || err != nil {
		t.Errorf("Sweep(1 h) = %d, %v; want nothing removed", n, err)
	}
	if err := w.Commit(t.Context()); err != nil {
		t.Errorf("Commit after a sweep for old writers: %v", err)
	}
	wantKeys(t, b, "", []string{"k", "live"})
}

func wantMissing(t *testing.T, b blob.Bucket, key string) {
	t.Helper()
	if _, err := b.Open(t.Context(), key); !errors.Is(err, blob.ErrNotExist) || pipeline.KindOf(err) != pipeline.NotFound {
		t.Errorf("Open(%q): %v, want ErrNotExist", key, err)
	}
	if _, err := b.Stat(t.Context(), key); !errors.Is(err, blob.ErrNotExist) || pipeline.KindOf(err) != pipeline.NotFound {
		t.Errorf("Stat(%q): %v, want ErrNotExist", key, err)
	}
}

func wantKeys(t *testing.T, b blob.Bucket, prefix string, want []string) {
	t.Helper()
	got, err := b.List(t.Context(), prefix, "", 1000)
	if err != nil || !slices.Equal(keysOf(got), want) {
		t.Errorf("blobs under %q: %s, %v; want %s", prefix, strings.Join(keysOf(got), " "), err, strings.Join(want, " "))
	}
}

func keysOf(infos []blob.Info) []string {
	var keys []string
	for _, i := range infos {
		keys = append(keys, i.Key)
	}
	return keys
}

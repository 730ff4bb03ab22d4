package blobtest

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"framemill/pipeline/blob"
)

// Resumable is a bucket of which both seams are tested.
type Resumable interface {
	blob.Bucket
	blob.Resumer
}

// RunResumer runs the suite of blob.Resumer. Every test calls open once for a
// fresh, empty bucket.
func RunResumer(t *testing.T, open func(t *testing.T) Resumable) {
	tests := []struct {
		name string
		run  func(t *testing.T, b Resumable)
	}{
		{"many sittings", manySittings},
		{"what was not synced is written again", writtenAgain},
		{"complete is repeated", completeTwice},
		{"complete at once", completeAtOnce},
		{"missing parts", missingParts},
		{"drop", dropPartial},
		{"a sweep spares what is new", sweepSpares},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.run(t, open(t))
		})
	}
}

const partialKey = "up/0a/partial"

// sit writes content at an offset, as one sitting.
func sit(t *testing.T, b Resumable, offset int64, content string) {
	t.Helper()
	s, err := b.Resume(t.Context(), partialKey, offset)
	if err != nil {
		t.Fatalf("resume at %d: %v", offset, err)
	}
	defer s.Close()
	if _, err := s.Write([]byte(content)); err != nil {
		t.Fatalf("write at %d: %v", offset, err)
	}
	if err := s.Sync(); err != nil {
		t.Fatalf("sync at %d: %v", offset, err)
	}
}

func complete(t *testing.T, b Resumable, bytes int64) {
	t.Helper()
	if err := b.Complete(t.Context(), partialKey, bytes); err != nil {
		t.Fatalf("complete with %d bytes: %v", bytes, err)
	}
}

func manySittings(t *testing.T, b Resumable) {
	sit(t, b, 0, "one ")
	wantMissing(t, b, partialKey)
	sit(t, b, 4, "two ")
	sit(t, b, 8, "three")
	wantKeys(t, b, "", nil)
	complete(t, b, 13)
	if got := Read(t, b, partialKey); string(got) != "one two three" {
		t.Errorf("the blob holds %q, want %q", got, "one two three")
	}
	wantKeys(t, b, "", []string{partialKey})
}

// writtenAgain begins a sitting before the end of the one before it, whose
// last bytes nobody counted.
func writtenAgain(t *testing.T, b Resumable) {
	sit(t, b, 0, "one tw")
	sit(t, b, 4, "two")
	sit(t, b, 7, " and more than counts")
	complete(t, b, 7)
	if got := Read(t, b, partialKey); string(got) != "one two" {
		t.Errorf("the blob holds %q, want %q", got, "one two")
	}
}

func completeTwice(t *testing.T, b Resumable) {
	sit(t, b, 0, "once")
	complete(t, b, 4)
	complete(t, b, 4)
	if got := Read(t, b, partialKey); string(got) != "once" {
		t.Errorf("the blob holds %q, want %q", got, "once")
	}
}

func completeAtOnce(t *testing.T, b Resumable) {
	content := bytes.Repeat([]byte("0123456789"), 10_000)
	sit(t, b, 0, string(content))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := b.Complete(t.Context(), partialKey, int64(len(content))); err != nil {
				t.Errorf("complete: %v", err)
			}
		})
	}
	all.Wait()
	if got := Read(t, b, partialKey); !bytes.Equal(got, content) {
		t.Errorf("the blob holds %d other bytes, want %d", len(got), len(content))
	}
}

func missingParts(t *testing.T, b Resumable) {
	_, err := b.Resume(t.Context(), partialKey, 5)
	wantGone(t, "resume what was never begun", err)
	wantGone(t, "complete what was never begun", b.Complete(t.Context(), partialKey, 0))
	sit(t, b, 0, "1234")
	_, err = b.Resume(t.Context(), partialKey, 5)
	wantGone(t, "resume behind the end", err)
	wantGone(t, "complete more than there is", b.Complete(t.Context(), partialKey, 5))
	sit(t, b, 4, "5") // after all that the first bytes are still there
	complete(t, b, 5)
}

func dropPartial(t *testing.T, b Resumable) {
	sit(t, b, 0, "unwanted")
	for range 2 {
		if err := b.Drop(t.Context(), partialKey); err != nil {
			t.Fatalf("drop: %v", err)
		}
	}
	wantGone(t, "complete what was dropped", b.Complete(t.Context(), partialKey, 8))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Drop(ctx, partialKey); !errors.Is(err, context.Canceled) {
		t.Errorf("drop after the end of its context: %v, want %v", err, context.Canceled)
	}
}

// sweepSpares sweeps while a partial blob is written, and after it was left.
func sweepSpares(t *testing.T, b Resumable) {
	sit(t, b, 0, "new")
	if n, err := b.Sweep(t.Context(), time.Hour); err != nil || n != 0 {
		t.Errorf("sweep of what is an hour old: %d, %v, want nothing", n, err)
	}
	sit(t, b, 3, "er")
	if n, err := b.Sweep(t.Context(), -time.Hour); err != nil || n != 1 {
		t.Errorf("sweep of all: %d, %v, want 1", n, err)
	}
	wantGone(t, "complete what was swept", b.Complete(t.Context(), partialKey, 5))
}

func wantGone(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, blob.ErrNotExist) {
		t.Errorf("%s: %v, want %v", what, err, blob.ErrNotExist)
	}
}

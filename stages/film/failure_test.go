package film_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/stages/film"
)

// spoil writes zeros over the last third of the video, and lets its times and
// size be as before.
func (w *world) spoil() {
	w.t.Helper()
	info, err := os.Stat(w.path)
	if err != nil {
		w.t.Fatal(err)
	}
	content, err := os.ReadFile(w.path)
	if err != nil {
		w.t.Fatal(err)
	}
	clear(content[len(content)/3:])
	if err := errors.Join(os.WriteFile(w.path, content, 0o600), os.Chtimes(w.path, info.ModTime(), info.ModTime())); err != nil {
		w.t.Fatal(err)
	}
}

// TestFailureLeavesNothing ends a run in every way that it can end early.
func TestFailureLeavesNothing(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		harm func(w *world, in *film.Input, cancel func())
		code pipeline.Code // "" = any error
	}{
		{"spoilt in the middle", func(w *world, _ *film.Input, _ func()) { w.spoil() }, pipeline.CodeDecodeFailed},
		{"gone", func(w *world, _ *film.Input, _ func()) { os.Remove(w.path) }, pipeline.CodeSourceGone},
		{"changed", func(w *world, _ *film.Input, _ func()) { os.Truncate(w.path, 100) }, pipeline.CodeSourceChanged},
		{"no index", func(_ *world, in *film.Input, _ func()) { in.File.Index = "index/2" }, pipeline.CodeDecodeFailed},
		{"cancelled before", func(_ *world, _ *film.Input, cancel func()) { cancel() }, ""},
		{"past the end", func(_ *world, in *film.Input, _ func()) { in.Chunks[2].Hi = frames + 1 }, pipeline.CodeInternal},
		{"unknown form", func(_ *world, in *film.Input, _ func()) {
			for i := range in.Chunks {
				in.Chunks[i].Form = "reel"
			}
		}, pipeline.CodeInternal},
	}
	for _, tt := range tests {
		for _, form := range []film.Form{film.Zip, film.MP4, film.PNG} {
			t.Run(tt.name+" as "+string(form), func(t *testing.T) {
				t.Parallel()
				w := setup(t)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				in := w.input(chunk(form, 0, 70, 95), chunk(form, 1, 80, 96), chunk(form, 2, 96, frames))
				tt.harm(w, &in, cancel)
				rows, err := w.stage.Run(ctx, in, func() {}, nil)
				if form == film.PNG && tt.name == "past the end" {
					return // a picture has no end
				}
				if err == nil || rows != nil || tt.code != "" && pipeline.CodeOf(err) != tt.code {
					t.Errorf("the run gives %d rows and the error %q, %v; want the code %q", len(rows), pipeline.CodeOf(err), err, tt.code)
				}
				if pipeline.KindOf(err) == pipeline.Media && !strings.Contains(err.Error(), "clip.mp4") {
					t.Errorf("%v does not name the file", err)
				}
				w.assertNothingLeft(0)
			})
		}
	}
}

// TestCancelInTheMiddle ends the context while frames come.
func TestCancelInTheMiddle(t *testing.T) {
	t.Parallel()
	for _, form := range []film.Form{film.Zip, film.MP4} {
		t.Run(string(form), func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			ctx, cancel := context.WithCancelCause(t.Context())
			enough := errors.New("enough")
			var told atomic.Int64
			_, err := w.stage.Run(ctx, w.input(chunk(form, 0, 0, 60), chunk(form, 1, 50, 100)), func() {
				if told.Add(1) == 55 {
					cancel(enough)
				}
			}, nil)
			if err == nil {
				t.Error("a run without its context ends well")
			}
			w.assertNothingLeft(0)
		})
	}
}

// TestChangeInTheMiddle changes the video while frames come.
func TestChangeInTheMiddle(t *testing.T) {
	t.Parallel()
	for _, form := range []film.Form{film.Zip, film.MP4, film.PNG} {
		t.Run(string(form), func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			var once sync.Once
			rows, err := w.stage.Run(t.Context(), w.input(chunk(form, 0, 0, 20)), func() {
				once.Do(func() { os.Chtimes(w.path, time.Time{}, time.Unix(1e9, 0)) })
			}, nil)
			if rows != nil || pipeline.CodeOf(err) != pipeline.CodeSourceChanged {
				t.Errorf("the run gives %d rows and %v, want the code %q", len(rows), err, pipeline.CodeSourceChanged)
			}
		})
	}
}

// fullBucket takes a few blobs, then its disk is full.
type fullBucket struct {
	blob.Bucket
	room atomic.Int64
}

func (b *fullBucket) Create(ctx context.Context, key string, d blob.Durability) (blob.Writer, error) {
	w, err := b.Bucket.Create(ctx, key, d)
	if err == nil && b.room.Add(-1) < 0 {
		return &fullWriter{w}, nil
	}
	return w, err
}

// fullWriter takes no byte.
type fullWriter struct{ blob.Writer }

func (fullWriter) Write([]byte) (int, error) {
	return 0, pipeline.Failf(pipeline.CodeDiskFull, "", "the disk is full")
}

// TestFullDisk fails at the second chunk. The first stays: no row names it, so
// that the collector removes it.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for _, form := range []film.Form{film.Zip, film.MP4, film.PNG} {
		t.Run(string(form), func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			bucket := &fullBucket{Bucket: w.bucket}
			bucket.room.Store(1)
			w.keepIn(bucket)
			rows, err := w.stage.Run(t.Context(), w.input(chunk(form, 0, 0, 20), chunk(form, 1, 20, 40)), func() {}, nil)
			if rows != nil || pipeline.CodeOf(err) != pipeline.CodeDiskFull {
				t.Errorf("the run gives %d rows and %v, want the code %q", len(rows), err, pipeline.CodeDiskFull)
			}
			w.assertNothingLeft(1)
		})
	}
}

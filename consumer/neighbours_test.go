package consumer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/blob/blobtest"
	"framemill/pipeline/store"
	"framemill/tests/clip"
)

// noteCommand makes a note of each program that reads media, beside the folder
// of the blobs that it reads from. It does nothing but in the helper of the
// sandbox, which is about to become the program.
func noteCommand() {
	var order struct {
		Args, Inputs []string
	}
	if os.Args[0] != "framemill-sandbox" || json.Unmarshal([]byte(os.Args[1]), &order) != nil {
		return
	}
	dir, _, ok := strings.Cut(order.Inputs[0], "/blobs/")
	if !ok {
		return
	}
	f, err := os.OpenFile(filepath.Join(dir, "commands"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = fmt.Fprintln(f, order.Args[0])
	}
	if err = errors.Join(err, f.Close()); err != nil {
		fmt.Fprintln(os.Stderr, "note a command:", err)
		os.Exit(1)
	}
}

// decodings counts the runs of ffmpeg on the blobs of the rig.
func (r *rig) decodings() int {
	r.t.Helper()
	notes, err := os.ReadFile(filepath.Join(r.dir, "commands"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.t.Fatal(err)
	}
	return bytes.Count(notes, []byte("ffmpeg\n"))
}

// heldBucket creates no blob whose key has a word before it is let go.
type heldBucket struct {
	blob.Bucket
	word string
	free chan struct{}
}

func (b *heldBucket) Create(ctx context.Context, key string, d blob.Durability) (blob.Writer, error) {
	if strings.Contains(key, b.word) {
		select {
		case <-b.free:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return b.Bucket.Create(ctx, key, d)
}

// TestNeighboursAreBuiltTogether asks for three chunks of one GOP at a time: one
// program decodes it, the chunk that was asked for first can be read before the
// rest is ready, and the chunks around the three are there as well.
func TestNeighboursAreBuiltTogether(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		spec  pipeline.Spec
		asked pipeline.Quality
	}{
		{"originals of a task with stored chunks", pipeline.Spec{ChunkSize: 10}, pipeline.Original},
		{"films built on request", pipeline.Spec{ChunkSize: 10, UseCache: true}, pipeline.Compressed},
		{"zips built on request", pipeline.Spec{ChunkSize: 10, UseCache: true, UseZipChunks: true}, pipeline.Compressed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			held := &heldBucket{Bucket: r.bucket, free: make(chan struct{})}
			r.bucket = held
			held.word = fmt.Sprintf("/%s/1/8-", tt.asked)
			r.start()
			req := r.await(r.accept(tt.spec, pipeline.UploadRun, oneGOP(t)).ID)
			r.awaitQuiet()
			before, seg := r.decodings(), r.segments(req.TaskID)[0]
			units := map[pipeline.UnitID]bool{}
			for _, index := range []int64{4, 3, 5} {
				id, err := r.db.AskChunk(t.Context(), store.Ask{
					TaskID: req.TaskID, Tenant: "u1", SegmentID: seg.ID, Quality: tt.asked, Index: index, Before: index,
					Lane: pipeline.Interactive,
				})
				if err != nil {
					t.Fatal(err)
				}
				units[id] = true
			}
			r.queue.Kick()
			r.awaitChunk(seg.ID, tt.asked, 4)
			if last, err := r.db.Chunk(t.Context(), seg.ID, tt.asked, 8); err == nil {
				t.Errorf("the last chunk is there before it may be: %+v", last)
			}
			close(held.free)
			r.awaitQuiet()
			if n := r.decodings() - before; n != 1 || len(units) != 1 {
				t.Errorf("%d programs in %d units decoded for three chunks of one GOP, want one in one", n, len(units))
			}
			r.checkNeighbours(&seg, tt.asked)
		})
	}
}

// oneGOP is a clip with one keyframe.
func oneGOP(t *testing.T) file {
	t.Helper()
	path := filepath.Join(t.TempDir(), "film.mp4")
	if err := (clip.Clip{Frames: clipFrames, Width: 192, Height: 144, GOP: clipFrames, BFrames: 2}).Write(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	return load(t, "film.mp4", path)
}

// checkNeighbours wants all chunks of ten frames of a segment to be there, and
// to show what they should.
func (r *rig) checkNeighbours(seg *pipeline.Segment, q pipeline.Quality) {
	r.t.Helper()
	for k := range int64(clipFrames / 10) {
		c, err := r.db.Chunk(r.t.Context(), seg.ID, q, k)
		if err != nil {
			r.t.Fatalf("%s chunk %d: %v", q, k, err)
		}
		var want []int
		for n := range 10 {
			want = append(want, int(k)*10+n)
		}
		numbers, err := clip.Numbers(r.t.Context(), blobtest.Read(r.t, r.bucket, c.Key))
		if diff := cmp.Diff(want, numbers); diff != "" || err != nil {
			r.t.Errorf("%s chunk %d, %v (-want +got):\n%s", q, k, err, diff)
		}
	}
}

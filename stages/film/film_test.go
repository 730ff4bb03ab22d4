package film_test

import (
	"bytes"
	"context"
	"errors"
	"hash/crc32"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/blob/blobtest"
	"framemill/pipeline/blob/fs"
	"framemill/pipeline/source"
	"framemill/stages/film"
	"framemill/stages/media/sandbox"
	"framemill/stages/media/video"
	"framemill/tests/barcode"
	"framemill/tests/clip"
)

func TestMain(m *testing.M) {
	sandbox.Helper()
	os.Exit(m.Run())
}

// The clip of the tests has several groups of pictures.
const (
	frames = 100
	gop    = 12
	width  = 192
	height = 144
)

// world is a video on a share and a bucket for its chunks.
type world struct {
	t       *testing.T
	path    string // of the video
	dir     string // of the bucket
	scratch string
	bucket  blob.Bucket
	stage   *film.Stage
	file    pipeline.File
	films   *video.Engine
	share   *source.Share

	entered, inside atomic.Int64 // decodings that had a turn, or have it now
}

// footage is the clip, which is encoded once. Tests harm their copies of it.
var footage = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "footage")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "clip.mp4")
	c := clip.Clip{Frames: frames, Width: width, Height: height, GOP: gop, BFrames: 2}
	if err := c.Write(context.Background(), path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

func setup(t *testing.T) *world {
	t.Helper()
	share := t.TempDir()
	w := &world{t: t, dir: t.TempDir(), scratch: t.TempDir(), path: filepath.Join(share, "clip.mp4")}
	content, err := footage()
	if err == nil {
		err = os.WriteFile(w.path, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if w.films, err = video.New(video.Config{Threads: 2}); err != nil {
		t.Fatal(err)
	}
	if w.bucket, err = fs.New(fs.Config{Dir: w.dir}); err != nil {
		t.Fatal(err)
	}
	if w.share, err = source.OpenShare(share); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.share.Close() })
	w.probe()
	w.keepIn(w.bucket)
	return w
}

// keepIn makes the stage keep its chunks in a bucket.
func (w *world) keepIn(bucket blob.Bucket) {
	w.stage = film.New(w.films.Gated(w.enter), source.New(w.bucket, w.share, nil), bucket, w.scratch)
}

// enter is the gate of the stage. It grants one core and counts who is inside.
func (w *world) enter(context.Context, int, int64) (int, func(), error) {
	w.entered.Add(1)
	w.inside.Add(1)
	return 1, func() { w.inside.Add(-1) }, nil
}

// probe makes the row and the index of the video.
func (w *world) probe() {
	w.t.Helper()
	e, err := w.share.Stat(w.t.Context(), "clip.mp4")
	if err != nil {
		w.t.Fatal(err)
	}
	x, err := w.films.Index(w.t.Context(), video.File{Path: w.path, Name: "clip.mp4"}, func() {})
	if err != nil {
		w.t.Fatal(err)
	}
	var index bytes.Buffer
	if err := x.Encode(&index); err != nil {
		w.t.Fatal(err)
	}
	blobtest.Put(w.t, w.bucket, "index/1", index.Bytes())
	w.file = pipeline.File{
		Name: "clip.mp4", Ref: pipeline.ShareRef("clip.mp4"), Bytes: e.Bytes, MTime: e.MTime,
		Width: width, Height: height, Frames: x.Len(), Index: "index/1",
	}
}

// input is what makes chunks of every frame.
func (w *world) input(chunks ...film.ChunkWork) film.Input {
	return film.Input{Footage: film.Footage{File: w.file, Step: 1}, Chunks: chunks, Quality: 70}
}

// run makes chunks. It returns the rows and how often progress was told.
func (w *world) run(in film.Input) (rows []pipeline.Chunk, progress int64) {
	w.t.Helper()
	var told atomic.Int64
	rows, err := w.stage.Run(w.t.Context(), in, func() { told.Add(1) }, nil)
	if err != nil {
		w.t.Fatalf("run: %v", err)
	}
	return rows, told.Load()
}

// chunk is the work of one compressed chunk of segment 1.
func chunk(form film.Form, index, lo, hi int64) film.ChunkWork {
	return film.ChunkWork{
		SegmentID: 1, Index: index, Version: 3, Quality: pipeline.Compressed, Form: form, Lo: lo, Hi: hi,
		Key: "chunks/" + string(form) + "-" + string(rune('a'+index)),
	}
}

// check compares rows with the chunks that they are of and with the files, and
// the frames of the files with those of the chunks.
func (w *world) check(in film.Input, rows []pipeline.Chunk) {
	w.t.Helper()
	if len(rows) != len(in.Chunks) {
		w.t.Fatalf("%d rows of %d chunks", len(rows), len(in.Chunks))
	}
	for i, c := range in.Chunks {
		content := blobtest.Read(w.t, w.bucket, c.Key)
		want := pipeline.Chunk{
			SegmentID: c.SegmentID, Quality: c.Quality, Index: c.Index, Version: c.Version, Key: c.Key,
			Bytes: int64(len(content)), CRC32: int64(crc32.ChecksumIEEE(content)), Frames: c.Hi - c.Lo,
		}
		if diff := cmp.Diff(want, rows[i]); diff != "" {
			w.t.Errorf("row %d (-want +got):\n%s", i, diff)
		}
		var numbers []int
		for k := c.Lo; k < c.Hi; k++ {
			numbers = append(numbers, int(in.Start+k*in.Step))
		}
		got, err := clip.Numbers(w.t.Context(), content)
		if diff := cmp.Diff(numbers, got); diff != "" || err != nil {
			w.t.Errorf("chunk %d of frames %d to %d shows others, %v (-want +got):\n%s", c.Index, c.Lo, c.Hi-1, err, diff)
		}
	}
}

// span is frames lo to hi-1 of a task.
type span struct{ lo, hi int64 }

func TestChunks(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		start, step int64
		chunks      []span
		runs        []span // that are decoded, each in one go
	}{
		{"one after another", 0, 1, []span{{0, 20}, {20, 40}, {40, 47}}, []span{{0, 47}}},
		{"within a group of pictures", 0, 1, []span{{14, 20}}, []span{{14, 20}}},
		{"one frame", 0, 1, []span{{99, 100}}, []span{{99, 100}}},
		{"overlapping segments", 0, 1, []span{{0, 20}, {20, 30}, {25, 45}, {45, 55}, {50, 60}}, []span{{0, 60}}},
		{"one within another", 0, 1, []span{{0, 40}, {10, 20}, {15, 45}}, []span{{0, 45}}},
		{"out of order", 0, 1, []span{{30, 36}, {0, 6}, {36, 40}, {6, 12}}, []span{{0, 12}, {30, 40}}},
		{"with a gap", 0, 1, []span{{0, 5}, {80, 90}}, []span{{0, 5}, {80, 90}}},
		{"every third from the fifth", 5, 3, []span{{0, 10}, {10, 20}, {15, 30}}, []span{{0, 30}}},
	}
	for _, tt := range tests {
		for _, form := range []film.Form{film.Zip, film.MP4} {
			t.Run(tt.name+" as "+string(form), func(t *testing.T) {
				t.Parallel()
				w := setup(t)
				in := w.input()
				in.Start, in.Step = tt.start, tt.step
				for i, s := range tt.chunks {
					in.Chunks = append(in.Chunks, chunk(form, int64(i), s.lo, s.hi))
				}
				rows, told := w.run(in)
				w.check(in, rows)
				want := int64(0)
				for _, run := range tt.runs {
					want += decodings(form, in.Footage, run)
				}
				if form == film.MP4 {
					want += int64(len(tt.chunks)) // told once more when each is kept
				}
				if n := w.entered.Load(); n != int64(len(tt.runs)) {
					t.Errorf("%d decodings asked for a turn, want %d", n, len(tt.runs))
				}
				if told != want {
					t.Errorf("progress was told of %d frames, want %d: each once", told, want)
				}
				w.assertNothingLeft(len(tt.chunks))
			})
		}
	}
}

// TestChunksAreGivenOnTheWay holds that each chunk can be read before the next
// ones are decoded.
func TestChunksAreGivenOnTheWay(t *testing.T) {
	t.Parallel()
	for _, form := range []film.Form{film.Zip, film.MP4} {
		t.Run(string(form), func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			in := w.input(chunk(form, 0, 0, 20), chunk(form, 1, 10, 30), chunk(form, 2, 30, frames))
			var decoded int64
			var given []pipeline.Chunk
			rows, err := w.stage.Run(t.Context(), in, func() { decoded++ }, func(c pipeline.Chunk) error {
				if b := blobtest.Read(t, w.bucket, c.Key); int64(len(b)) != c.Bytes || len(given) == 0 && decoded >= frames {
					t.Errorf("chunk %d of %d bytes is given with %d bytes after %d frames", c.Index, c.Bytes, len(b), decoded)
				}
				given = append(given, c)
				return nil
			})
			slices.SortFunc(given, func(a, b pipeline.Chunk) int { return int(a.Index - b.Index) })
			if diff := cmp.Diff(rows, given); diff != "" || err != nil || len(rows) != 3 {
				t.Errorf("chunks given, %v (-returned +given):\n%s", err, diff)
			}
			enough := errors.New("enough")
			for i := range in.Chunks {
				in.Chunks[i].Key += "-again"
			}
			rows, err = w.stage.Run(t.Context(), in, func() {}, func(pipeline.Chunk) error { return enough })
			if rows != nil || !errors.Is(err, enough) {
				t.Errorf("nobody takes the chunks: %d rows, %v", len(rows), err)
			}
		})
	}
}

// decodings says of how many frames progress is told in a run: those that come
// out of a decoder. Of MP4 these are all since the keyframe before the run.
func decodings(form film.Form, f film.Footage, run span) int64 {
	if form == film.Zip {
		return run.hi - run.lo
	}
	first, last := f.Start+run.lo*f.Step, f.Start+(run.hi-1)*f.Step
	return last - first/gop*gop + 1
}

// TestFrameOfTwoChunksIsTheSame shows that a frame is encoded once for all zips
// that have it.
func TestFrameOfTwoChunksIsTheSame(t *testing.T) {
	t.Parallel()
	w := setup(t)
	in := w.input(chunk(film.Zip, 0, 0, 20), chunk(film.Zip, 1, 0, 20), chunk(film.Zip, 2, 0, 20))
	rows, told := w.run(in)
	w.check(in, rows)
	if rows[0].CRC32 != rows[1].CRC32 || rows[0].CRC32 != rows[2].CRC32 {
		t.Errorf("chunks of the same frames differ: %+v", rows)
	}
	if told != 20 {
		t.Errorf("20 frames in three chunks were made %d times, want once each", told)
	}
}

// TestPicked makes zips of frames that do not follow one another. Those of one
// group of pictures, or of two that touch, are decoded together, whatever the
// zip that they belong to.
func TestPicked(t *testing.T) {
	t.Parallel()
	for _, q := range []pipeline.Quality{pipeline.Compressed, pipeline.Original} {
		t.Run(string(q), func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			in := w.input(chunk(film.Zip, 0, 2, 30), chunk(film.Zip, 1, 30, 49))
			in.Start, in.Step = 3, 2
			in.Chunks[0].Picked, in.Chunks[1].Picked = []int64{2, 9, 10, 29}, []int64{30, 48}
			for i := range in.Chunks {
				in.Chunks[i].Quality = q
			}
			rows, told := w.run(in)
			if told != 6 {
				t.Errorf("progress was told of %d frames, want 6", told)
			}
			if n := w.entered.Load(); n != 3 {
				t.Errorf("%d decodings asked for a turn, want 3: frames 7 to 23, 61 and 63, and 99", n)
			}
			for i, want := range [][]int{{7, 21, 23, 61}, {63, 99}} {
				content := blobtest.Read(t, w.bucket, rows[i].Key)
				got, err := clip.Numbers(t.Context(), content)
				if diff := cmp.Diff(want, got); diff != "" || err != nil {
					t.Errorf("chunk %d, %v (-want +got):\n%s", i, err, diff)
				}
				if rows[i].Frames != int64(len(want)) || rows[i].Bytes != int64(len(content)) || rows[i].CRC32 != int64(crc32.ChecksumIEEE(content)) {
					t.Errorf("row %+v is not of its %d bytes and %d frames", rows[i], len(content), len(want))
				}
			}
			w.assertNothingLeft(2)
		})
	}
}

// TestOriginal holds that an original chunk is of the size of the source and
// better than a compressed one of low quality.
func TestOriginal(t *testing.T) {
	t.Parallel()
	w := setup(t)
	low, original := chunk(film.MP4, 0, 0, 30), chunk(film.MP4, 1, 0, 30)
	original.Quality = pipeline.Original
	in := w.input(low)
	in.Quality = 10
	lowRows, _ := w.run(in)
	in = w.input(original)
	in.Quality = 10
	rows, _ := w.run(in)
	w.check(in, rows)
	if rows[0].Bytes <= lowRows[0].Bytes {
		t.Errorf("the original chunk has %d bytes, the one of quality 10 %d", rows[0].Bytes, lowRows[0].Bytes)
	}
}

func TestStills(t *testing.T) {
	t.Parallel()
	w := setup(t)
	in := w.input(chunk(film.PNG, 0, 3, 4), chunk(film.PNG, 1, 19, 20))
	in.Start, in.Step = 7, 4
	rows, _ := w.run(in)
	for i, want := range []int{7 + 3*4, 7 + 19*4} {
		m, err := png.Decode(bytes.NewReader(blobtest.Read(t, w.bucket, rows[i].Key)))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := barcode.Read(m); n != want || err != nil || m.Bounds().Dx() != width || m.Bounds().Dy() != height {
			t.Errorf("the picture shows %d, %v, and is %v; want %d of %d×%d", n, err, m.Bounds(), want, width, height)
		}
		if rows[i].Frames != 1 {
			t.Errorf("the row says %d frames, want 1", rows[i].Frames)
		}
	}
	thumbnail := chunk(film.Thumbnail, 0, 50, 51)
	thumbnail.Quality = pipeline.Preview
	rows, _ = w.run(w.input(thumbnail))
	m, err := jpeg.Decode(bytes.NewReader(blobtest.Read(t, w.bucket, rows[0].Key)))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := barcode.Read(m); n != 50 || err != nil {
		t.Errorf("the thumbnail shows %d, %v, want 50", n, err)
	}
	w.assertNothingLeft(3)
}

// assertNothingLeft wants the bucket to hold so many chunks, and no file that
// was not finished.
func (w *world) assertNothingLeft(chunks int) {
	w.t.Helper()
	if n := w.inside.Load(); n != 0 {
		w.t.Errorf("%d decodings did not give their turn back", n)
	}
	list, err := w.bucket.List(w.t.Context(), "chunks/", "", 100)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(list) != chunks {
		w.t.Errorf("the bucket has %d chunks, want %d: %v", len(list), chunks, list)
	}
	for _, dir := range []string{filepath.Join(w.dir, "tmp"), w.scratch} {
		left, err := os.ReadDir(dir)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(left) > 0 {
			w.t.Errorf("%v were left in %s", left, dir)
		}
	}
}

package consumer_test

import (
	"bytes"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/blob/blobtest"
	"framemill/pipeline/frameindex"
	"framemill/pipeline/store"
	"framemill/stages/media/sandbox"
	"framemill/tests/barcode"
	"framemill/tests/clip"
)

func TestMain(m *testing.M) {
	noteCommand()
	sandbox.Helper()
	os.Exit(m.Run())
}

const clipFrames = 90

// film is a clip as an upload.
func film(t *testing.T, name string) file {
	t.Helper()
	path := filepath.Join(t.TempDir(), "film.mp4")
	if err := (clip.Clip{Frames: clipFrames, Width: 192, Height: 144, GOP: 12, BFrames: 2}).Write(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	return load(t, name, path)
}

func load(t *testing.T, name, path string) file {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file{name, content}
}

// TestVideo follows a small clip from the upload to its chunks.
func TestVideo(t *testing.T) {
	t.Parallel()
	overlap := int64(5)
	tests := []struct {
		name   string
		kind   pipeline.MessageKind
		spec   pipeline.Spec
		size   int64
		source func(k int64) int // frame of the clip
	}{
		{"in one unit", pipeline.UploadRun, pipeline.Spec{ChunkSize: 8, SegmentSize: 30, Overlap: &overlap}, 90, func(k int64) int { return int(k) }},
		{"in phases", pipeline.UploadCollect, pipeline.Spec{ChunkSize: 8, SegmentSize: 30, Overlap: &overlap}, 90, func(k int64) int { return int(k) }},
		{"as zips", pipeline.UploadCollect, pipeline.Spec{UseZipChunks: true}, 90, func(k int64) int { return int(k) }},
		{"every fourth frame", pipeline.UploadRun, pipeline.Spec{StartFrame: 10, Step: 4, FrameFilter: "step=4", ChunkSize: 6}, 20, func(k int64) int { return int(10 + 4*k) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.start()
			req := r.await(r.accept(tt.spec, tt.kind, film(t, "film.mp4")).ID)
			if req.State != pipeline.RequestDone {
				t.Fatalf("request ended %s: %s %s", req.State, req.Code, req.Text)
			}
			d := r.checkFootage(req.TaskID, tt.size, tt.spec.UseZipChunks)
			for _, s := range r.segments(req.TaskID) {
				r.checkFilmChunks(d, &s, tt.source)
			}
			r.checkPreview(req.TaskID, tt.source(0))
		})
	}
}

// checkFootage checks what is known of the video of a task.
func (r *rig) checkFootage(taskID, size int64, zips bool) *pipeline.Data {
	r.t.Helper()
	v, err := r.db.TaskView(r.t.Context(), taskID)
	if err != nil {
		r.t.Fatal(err)
	}
	d, err := r.db.DataOf(r.t.Context(), taskID)
	if err != nil {
		r.t.Fatal(err)
	}
	compressed := pipeline.ChunkVideo
	if zips {
		compressed = pipeline.ChunkImageset
	}
	got := []any{v.Mode, d.Size, d.Published != nil, d.CompressedType, d.OriginalType}
	if diff := cmp.Diff([]any{pipeline.ModeInterpolation, size, true, compressed, pipeline.ChunkVideo}, got); diff != "" {
		r.t.Errorf("mode, size, published, types of chunks (-want +got):\n%s", diff)
	}
	x, err := frameindex.Decode(bytes.NewReader(blobtest.Read(r.t, r.bucket, d.Index)))
	if err != nil || x.Len() != clipFrames || len(x.Keys()) != (clipFrames+11)/12 {
		r.t.Errorf("the index %s: %v; want %d frames with a keyframe every 12", d.Index, err, clipFrames)
	}
	frames, err := r.db.FrameFiles(r.t.Context(), d.ID, 0, size)
	if err != nil || len(frames) > 0 {
		r.t.Errorf("%d rows of frames, error %v; want none of a video", len(frames), err)
	}
	return d
}

func (r *rig) segments(taskID int64) []pipeline.Segment {
	r.t.Helper()
	segs, err := r.db.Segments(r.t.Context(), taskID)
	if err != nil || len(segs) == 0 {
		r.t.Fatalf("segments: %d, error %v", len(segs), err)
	}
	return segs
}

// checkFilmChunks reads the numbers in the stored chunks of a segment.
func (r *rig) checkFilmChunks(d *pipeline.Data, s *pipeline.Segment, source func(int64) int) {
	r.t.Helper()
	var got, want []int
	for k := int64(0); k*(*d.ChunkSize) < s.Size(); k++ {
		c, err := r.db.Chunk(r.t.Context(), s.ID, pipeline.Compressed, k)
		if err != nil {
			r.t.Fatalf("chunk %d of segment %d: %v", k, s.ID, err)
		}
		numbers, err := clip.Numbers(r.t.Context(), blobtest.Read(r.t, r.bucket, c.Key))
		if err != nil || int64(len(numbers)) != c.Frames {
			r.t.Fatalf("chunk %d of segment %d has %d frames, %v; its row says %d", k, s.ID, len(numbers), err, c.Frames)
		}
		got = append(got, numbers...)
	}
	for k := s.Start; k <= s.Stop; k++ {
		want = append(want, source(k))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		r.t.Errorf("segment %d shows other frames (-want +got):\n%s", s.ID, diff)
	}
}

// checkPreview reads the number in the preview of a task.
func (r *rig) checkPreview(taskID int64, want int) {
	r.t.Helper()
	c, err := r.db.Chunk(r.t.Context(), r.segments(taskID)[0].ID, pipeline.Preview, 0)
	if err != nil {
		r.t.Fatalf("preview: %v", err)
	}
	m, err := jpeg.Decode(bytes.NewReader(blobtest.Read(r.t, r.bucket, c.Key)))
	if err != nil {
		r.t.Fatal(err)
	}
	if n, err := barcode.Read(m); n != want || err != nil {
		r.t.Errorf("the preview shows frame %d, %v, want %d", n, err, want)
	}
}

// TestOriginalChunksAreBuiltOnRequest holds that nobody pays for what nobody
// reads.
func TestOriginalChunksAreBuiltOnRequest(t *testing.T) {
	t.Parallel()
	for _, cache := range []bool{false, true} {
		r := newRig(t)
		r.start()
		req := r.await(r.accept(pipeline.Spec{UseCache: cache, SegmentSize: 45, ChunkSize: 20}, pipeline.UploadRun, film(t, "film.mp4")).ID)
		if req.State != pipeline.RequestDone {
			t.Fatalf("request ended %s: %s %s", req.State, req.Code, req.Text)
		}
		seg := r.segments(req.TaskID)[1]
		r.awaitChunk(seg.ID, pipeline.Compressed, 0) // of a task of the cache method, the first of each job is warmed
		r.awaitQuiet()
		if built := r.built(); built[pipeline.Original] > 0 || built[pipeline.Preview] != 1 {
			t.Errorf("cache %v: built before anybody asked: %v", cache, built)
		}
		if _, err := r.db.AskChunk(t.Context(), store.Ask{
			TaskID: req.TaskID, Tenant: "u1", SegmentID: seg.ID, Quality: pipeline.Original, Index: 1, Lane: pipeline.Interactive,
		}); err != nil {
			t.Fatal(err)
		}
		r.queue.Kick()
		c := r.awaitChunk(seg.ID, pipeline.Original, 1)
		numbers, err := clip.Numbers(t.Context(), blobtest.Read(t, r.bucket, c.Key))
		var want []int
		for k := range 20 {
			want = append(want, int(seg.Start)+20+k)
		}
		if diff := cmp.Diff(want, numbers); diff != "" || err != nil {
			t.Errorf("cache %v: the original chunk, %v (-want +got):\n%s", cache, err, diff)
		}
		if built := r.built(); built[pipeline.Original] != 1 {
			t.Errorf("cache %v: built after one was asked for: %v", cache, built)
		}
	}
}

// TestLargeOriginalsArePictures holds that no original chunk is a film that
// decoders refuse: it is a zip, and the task says so.
func TestLargeOriginalsArePictures(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "large.mp4")
	if err := (clip.Clip{Frames: 3, Width: 4096, Height: 2320, GOP: 3}).Write(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	r := newRig(t)
	r.start()
	req := r.await(r.accept(pipeline.Spec{ChunkSize: 2}, pipeline.UploadRun, load(t, "large.mp4", path)).ID)
	if req.State != pipeline.RequestDone {
		t.Fatalf("request ended %s: %s %s", req.State, req.Code, req.Text)
	}
	d, err := r.db.DataOf(t.Context(), req.TaskID)
	if err != nil || d.CompressedType != pipeline.ChunkVideo || d.OriginalType != pipeline.ChunkImageset {
		t.Errorf("the chunks are %s, the original ones %s, error %v; want only these to be pictures", d.CompressedType, d.OriginalType, err)
	}
	seg := r.segments(req.TaskID)[0]
	if _, err := r.db.AskChunk(t.Context(), store.Ask{
		TaskID: req.TaskID, Tenant: "u1", SegmentID: seg.ID, Quality: pipeline.Original, Index: 0, Lane: pipeline.Interactive,
	}); err != nil {
		t.Fatal(err)
	}
	r.queue.Kick()
	content := blobtest.Read(t, r.bucket, r.awaitChunk(seg.ID, pipeline.Original, 0).Key)
	numbers, err := clip.Numbers(t.Context(), content)
	if diff := cmp.Diff([]int{0, 1}, numbers); diff != "" || err != nil || !bytes.HasPrefix(content, []byte("PK")) {
		t.Errorf("the first original chunk begins with %q, %v (-want +got):\n%s", content[:2], err, diff)
	}
}

// built counts the chunks there are by quality.
func (r *rig) built() map[pipeline.Quality]int {
	r.t.Helper()
	all, err := r.db.Chunks(r.t.Context(), pipeline.Chunk{}, 1000)
	if err != nil {
		r.t.Fatal(err)
	}
	out := map[pipeline.Quality]int{}
	for _, c := range all {
		out[c.Quality]++
	}
	return out
}

// awaitQuiet waits until no unit is open.
func (r *rig) awaitQuiet() {
	r.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) { //nolint // polls with a deadline
		counts, err := r.db.LaneCounts(r.t.Context())
		if err != nil {
			r.t.Fatal(err)
		}
		open := int64(0)
		for _, c := range counts {
			open += c.N
		}
		if open == 0 {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("%d units are still open", open)
		}
	}
}

// TestBadVideos fails the request with a code that says why and a text that
// names the file, and keeps nothing.
func TestBadVideos(t *testing.T) {
	t.Parallel()
	whole := film(t, "cut.mp4")
	tests := []struct {
		name string
		file file
		code pipeline.Code
	}{
		{"only sound", sound(t), pipeline.CodeNoVideo},
		{"no video at all", file{"garbage.mp4", bytes.Repeat([]byte("not a video. "), 1000)}, pipeline.CodeUnsupportedFormat},
		{"empty", file{"empty.mp4", nil}, pipeline.CodeEmptyFile},
		{"cut at 99 %", file{whole.name, whole.data[:len(whole.data)*99/100]}, pipeline.CodeTruncated},
		{"cut at the first byte", file{whole.name, whole.data[:1]}, pipeline.CodeTruncated},
	}
	for _, tt := range tests {
		for _, kind := range []pipeline.MessageKind{pipeline.UploadRun, pipeline.UploadCollect} {
			t.Run(tt.name+" "+string(kind), func(t *testing.T) {
				t.Parallel()
				r := newRig(t)
				r.start()
				req := r.await(r.accept(pipeline.Spec{}, kind, tt.file).ID)
				if req.State != pipeline.RequestFailed || req.Code != tt.code || !strings.Contains(req.Text, tt.file.name) {
					t.Errorf("ended %s with %q: %q; want it failed with %q and a text that names %s", req.State, req.Code, req.Text, tt.code, tt.file.name)
				}
				r.awaitClean(req)
			})
		}
	}
}

// sound is an MP4 file without a picture.
func sound(t *testing.T) file {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sound.mp4")
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac", path).CombinedOutput()
	if err != nil {
		t.Fatalf("make a file of sound: %v: %s", err, out)
	}
	return load(t, "sound.mp4", path)
}

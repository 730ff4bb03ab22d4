package consumer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"framemill/consumer"
	"framemill/consumer/chores"
	"framemill/consumer/worker"
	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/blob/blobtest"
	"framemill/pipeline/blob/fs"
	"framemill/pipeline/dispatch"
	"framemill/pipeline/plan"
	"framemill/pipeline/queue"
	"framemill/pipeline/source"
	"framemill/pipeline/store"
	"framemill/stages/fetch"
)

// patience is how long a test waits for what should come at once: a loaded
// machine under the race detector is slow.
const patience = 2 * time.Minute

// deaf hears of nothing.
type deaf struct{}

func (deaf) UnitEnded(pipeline.MessageKind, pipeline.Lane, string, time.Duration) {}
func (deaf) WriteRefused(string)                                                  {}
func (deaf) ChunkBuilt(pipeline.Quality, time.Duration, int64)                    {}
func (deaf) DeliveryEnded(string, time.Duration)                                  {}

// rig is a consumer on the embedded default.
type rig struct {
	t      *testing.T
	dir    string // of the database and the blobs
	db     *store.DB
	bucket blob.Bucket
	queue  *queue.Queue
	fetch  *fetch.Stage // nil = URLs are not fetched
	clouds *shelf       // the one cloud storage
	stop   func()
}

func newRig(t *testing.T) *rig {
	t.Helper()
	dir := t.TempDir()
	r := &rig{t: t, dir: dir, clouds: &shelf{objects: map[string][]byte{}}}
	var err error
	if r.db, err = store.Open(t.Context(), "sqlite:"+filepath.Join(dir, "db")); err != nil {
		t.Fatalf("open database: %v", err)
	}
	if err := r.db.Migrate(t.Context()); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	if r.bucket, err = fs.New(fs.Config{Dir: filepath.Join(dir, "blobs")}); err != nil {
		t.Fatalf("open bucket: %v", err)
	}
	if r.queue, err = queue.Open(t.Context(), queue.Config{}, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatalf("open queue: %v", err)
	}
	t.Cleanup(func() {
		if r.stop != nil {
			r.stop()
		}
		if err := errors.Join(r.queue.Close(), r.db.Close()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return r
}

// start runs a consumer until the test or stop ends it.
func (r *rig) start() {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- consumer.Run(ctx, consumer.Config{
			Slots:     map[pipeline.Lane]int{pipeline.Interactive: 1, pipeline.Bulk: 2, pipeline.Background: 1},
			DrainTime: 5 * time.Second, Scratch: r.t.TempDir(), Chores: chores.Defaults(),
		}, consumer.Parts{
			DB: r.db, Queue: r.queue, Bucket: r.bucket, Sources: source.New(r.bucket, nil, r.clouds), Solo: worker.Solo{}, Observe: deaf{}, Fetch: r.fetch,
			Log: slog.New(slog.NewTextHandler(r.t.Output(), nil)),
		})
	}()
	r.stop = func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("consumer ended with %v", err)
		}
		r.stop = nil
	}
}

// file is an upload of a test.
type file struct {
	name string
	data []byte
}

// storageOf is where the media of a request lie.
func storageOf(spec pipeline.Spec) string {
	if spec.CloudStorageID != 0 {
		return pipeline.StorageCloud
	}
	return pipeline.StorageLocal
}

// accept makes a task of files and accepts its ingest.
func (r *rig) accept(spec pipeline.Spec, kind pipeline.MessageKind, files ...file) *pipeline.Request {
	r.t.Helper()
	ctx := r.t.Context()
	owner := int64(1)
	task := pipeline.Task{Name: "t", OwnerID: &owner, Tenant: "u1", Dimension: "2d"}
	id, err := r.db.CreateTask(ctx, &store.NewTask{Task: task})
	if err != nil {
		r.t.Fatalf("create task: %v", err)
	}
	task.ID = id
	uploads := make([]pipeline.Upload, len(files))
	for i, f := range files {
		key := fmt.Sprintf("up/%s", pipeline.NewID())
		blobtest.Put(r.t, r.bucket, key, f.data)
		uploads[i] = pipeline.Upload{
			ID: pipeline.NewID(), TaskID: id, UserID: owner, Name: f.name, Key: key,
			Length: int64(len(f.data)), CRC32: int64(crc32.ChecksumIEEE(f.data)),
		}
	}
	if len(uploads) > 0 {
		if _, err := r.db.SaveUploads(ctx, id, uploads); err != nil {
			r.t.Fatalf("save uploads: %v", err)
		}
	}
	spec.ImageQuality, spec.Step = 70, max(spec.Step, 1)
	if spec.Sorting == "" {
		spec.Sorting = pipeline.SortLexicographical
	}
	in := store.Ingest{
		Task: &task, OwnerID: owner, Spec: spec, Storage: storageOf(spec),
		Units: []pipeline.Unit{{Kind: kind, Lane: pipeline.Interactive}}, Phase: pipeline.PhaseAll,
	}
	switch kind {
	case pipeline.UploadCollect:
		in.Phase, in.Units[0].Lane = pipeline.PhaseCollect, pipeline.Bulk
	case pipeline.UploadFetch:
		in.Phase, in.Units[0].Hi = pipeline.PhaseFetch, int64(len(spec.RemoteFiles))
	}
	req, err := r.db.Accept(ctx, in)
	if err != nil {
		r.t.Fatalf("accept: %v", err)
	}
	r.queue.Kick()
	return req
}

// await polls until the request has ended.
func (r *rig) await(id int64) *pipeline.Request {
	r.t.Helper()
	// Encoding under the race detector takes half a minute on a busy machine.
	deadline := time.Now().Add(2 * time.Minute)
	for time.Now().Before(deadline) {
		req, err := r.db.RequestByID(r.t.Context(), id)
		if err != nil {
			r.t.Fatalf("read request: %v", err)
		}
		if req.Terminal() {
			return req
		}
		time.Sleep(5 * time.Millisecond) //nolint // polls with a deadline
	}
	r.t.Fatalf("request %d did not end", id)
	return nil
}

// picture is a JPEG of one colour.
func picture(t *testing.T, w, h int, c color.Color) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatalf("encode: %v", err)
	}
	return b.Bytes()
}

func pictures(t *testing.T, n int) []file {
	t.Helper()
	data := picture(t, 64, 48, color.Gray{Y: 100})
	files := make([]file, n)
	for i := range files {
		files[i] = file{fmt.Sprintf("%04d.jpg", n-i), data}
	}
	return files
}

func TestSmallIngestCostsSixCommits(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	deadline := time.Now().Add(patience)
	for live := int64(0); live == 0 && time.Now().Before(deadline); time.Sleep(time.Millisecond) { //nolint // polls with a deadline
		live, _ = r.db.LiveWorkers(t.Context(), pipeline.Interactive)
	}
	files := pictures(t, 3)
	before := r.db.Commits()
	req := r.accept(pipeline.Spec{}, pipeline.UploadRun, files...)
	req = r.await(req.ID)
	if req.State != pipeline.RequestDone {
		t.Fatalf("request ended %s: %s %s", req.State, req.Code, req.Text)
	}
	// Creating the task and its uploads are two commits of the client's other
	// requests; beats belong to the process.
	if got := r.db.Commits() - before - 2; got > 6 {
		t.Errorf("the ingest cost %d commits, want at most 6", got)
	}
	r.check(req, 3)
}

// check compares what a finished request left with what it should.
func (r *rig) check(req *pipeline.Request, frames int64) {
	r.t.Helper()
	ctx := r.t.Context()
	data, err := r.db.DataOf(ctx, req.TaskID)
	if err != nil || data.Size != frames || data.Published == nil {
		r.t.Fatalf("data = %+v (%v), want %d published frames", data, err, frames)
	}
	segs, err := r.db.Segments(ctx, req.TaskID)
	if err != nil || len(segs) == 0 {
		r.t.Fatalf("segments: %d (%v)", len(segs), err)
	}
	next := int64(0)
	for _, s := range segs {
		if s.Start != next {
			r.t.Errorf("segment %d begins with frame %d, want %d", s.ID, s.Start, next)
		}
		next = s.Stop + 1
		span := plan.Range{Start: s.Start, Stop: s.Stop}
		for k := range span.Chunks(*data.ChunkSize) {
			c, err := r.db.Chunk(ctx, s.ID, pipeline.Compressed, k)
			if err != nil {
				r.t.Errorf("chunk %d of segment %d: %v", k, s.ID, err)
				continue
			}
			if got := blobtest.Read(r.t, r.bucket, c.Key); int64(crc32.ChecksumIEEE(got)) != c.CRC32 {
				r.t.Errorf("chunk %d of segment %d: checksum differs from its row", k, s.ID)
			}
		}
	}
	if next != frames {
		r.t.Errorf("%d segments end with frame %d, want %d", len(segs), next-1, frames-1)
	}
	if _, err := r.db.Chunk(ctx, segs[0].ID, pipeline.Preview, 0); err != nil {
		r.t.Errorf("preview: %v", err)
	}
}

func TestLargeIngestUnfoldsIntoPhases(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	size := int64(300)
	req := r.accept(pipeline.Spec{SegmentSize: size}, pipeline.UploadRun, pictures(t, 2100)...)
	req = r.await(req.ID)
	if req.State != pipeline.RequestDone || req.Total != 2100 {
		t.Fatalf("request ended %s after %d files: %s %s", req.State, req.Total, req.Code, req.Text)
	}
	r.check(req, 2100)
	data, _ := r.db.DataOf(t.Context(), req.TaskID)
	frames, err := r.db.FrameFiles(t.Context(), data.ID, 0, 2)
	if err != nil || frames[0].Name != "0001.jpg" || frames[1].Name != "0002.jpg" {
		t.Errorf("first frames are %+v (%v), want them in the order of their names", frames, err)
	}
}

func TestBadFiles(t *testing.T) {
	t.Parallel()
	good := pictures(t, 2)
	tests := []struct {
		name  string
		spec  pipeline.Spec
		files []file
		state string
		code  pipeline.Code
		text  string
	}{
		{"none", pipeline.Spec{}, nil, pipeline.RequestFailed, pipeline.CodeNoMedia, "No media data found"},
		{"only an empty one", pipeline.Spec{}, []file{{"a.jpg", nil}}, pipeline.RequestFailed, pipeline.CodeEmptyFile, "a.jpg"},
		{"not a picture", pipeline.Spec{}, []file{{"a.png", []byte("hello, this is text")}}, pipeline.RequestFailed, pipeline.CodeUnsupportedFormat, "a.png"},
		{"skipped", pipeline.Spec{OnError: pipeline.ErrorSkip}, slices.Concat(good, []file{{"z.jpg", nil}}), pipeline.RequestDone, "", "1 file cannot"},
		{"failed by policy", pipeline.Spec{OnError: pipeline.ErrorFail}, slices.Concat(good, []file{{"z.jpg", nil}}), pipeline.RequestFailed, pipeline.CodeEmptyFile, "z.jpg"},
		{"no frame selected", pipeline.Spec{StartFrame: 9}, good, pipeline.RequestFailed, pipeline.CodeBadFrameRange, "9"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.start()
			req := r.await(r.accept(tt.spec, pipeline.UploadRun, tt.files...).ID)
			if req.State != tt.state || req.Code != tt.code || !strings.Contains(req.Text, tt.text) {
				t.Errorf("ended %s with %q: %q; want %s with %q and a text with %q", req.State, req.Code, req.Text, tt.state, tt.code, tt.text)
			}
			if tt.state == pipeline.RequestFailed {
				r.awaitClean(req)
			}
		})
	}
}

// awaitClean waits until nothing of a failed request is left in the bucket.
func (r *rig) awaitClean(req *pipeline.Request) {
	r.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		left, err := r.bucket.List(r.t.Context(), "", "", 10)
		if err != nil {
			r.t.Fatalf("list: %v", err)
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("request %d left %v behind", req.ID, left)
		}
		time.Sleep(5 * time.Millisecond) //nolint // polls with a deadline
	}
}

func TestStopHandsUnitsBack(t *testing.T) {
	t.Parallel()
	for _, kind := range []pipeline.MessageKind{pipeline.UploadRun, pipeline.UploadCollect} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.start()
			big := picture(t, 640, 480, color.Gray{Y: 7})
			files := make([]file, 60)
			for i := range files {
				files[i] = file{fmt.Sprintf("%03d.jpg", i), big}
			}
			req := r.accept(pipeline.Spec{SegmentSize: 30, ChunkSize: 5}, kind, files...)
			r.awaitJobs(req)
			r.stop()
			r.checkIdle()
			r.start()
			req = r.await(req.ID)
			if req.State != pipeline.RequestDone {
				t.Fatalf("after the restart the request ended %s: %s", req.State, req.Text)
			}
			r.check(req, 60)
		})
	}
}

// awaitJobs waits until the jobs of a request can be opened.
func (r *rig) awaitJobs(req *pipeline.Request) {
	r.t.Helper()
	deadline := time.Now().Add(patience)
	for ; time.Now().Before(deadline); time.Sleep(time.Millisecond) { //nolint // polls with a deadline
		if now, err := r.db.RequestByID(r.t.Context(), req.ID); err == nil && now.JobsOpen != nil {
			return
		}
	}
	r.t.Fatalf("request %d published no jobs", req.ID)
}

// checkIdle wants no unit to be at work.
func (r *rig) checkIdle() {
	r.t.Helper()
	counts, err := r.db.LaneCounts(r.t.Context())
	if err != nil {
		r.t.Fatalf("counts: %v", err)
	}
	for _, c := range counts {
		if c.State == "running" {
			r.t.Errorf("%d units of lane %s still run after the stop", c.N, c.Lane)
		}
	}
}

func TestStuckRequestIsAdvanced(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	req := r.accept(pipeline.Spec{}, pipeline.UploadCollect, pictures(t, 3)...)
	// As a process does that dies between the end of a unit and the next phase.
	c := r.claimFirst(req)
	err := r.db.Fenced(t.Context(), c, func(tx *store.Tx) error {
		return errors.Join(tx.SetCollected(t.Context(), c.Request, 0, "", false), tx.EndUnit(t.Context(), c))
	})
	if err != nil {
		t.Fatalf("end the unit: %v", err)
	}
	advance := dispatch.NewAdvancer(r.db, nil, func() {})
	reaper := dispatch.NewReaper(r.db, r.queue, advance, slog.New(slog.DiscardHandler))
	if err := reaper.Round(t.Context(), true); err != nil {
		t.Fatalf("reap: %v", err)
	}
	got, err := r.db.RequestByID(t.Context(), req.ID)
	if err != nil || got.Phase == pipeline.PhaseCollect {
		t.Errorf("request is still in phase %s (%v)", got.Phase, err)
	}
}

// claimFirst claims the first unit of a request.
func (r *rig) claimFirst(req *pipeline.Request) *pipeline.Claim {
	r.t.Helper()
	var first pipeline.Unit
	if _, err := r.db.Dispatch(r.t.Context(), func(_ context.Context, u pipeline.Unit) error {
		if *u.RequestID == req.ID {
			first = u
		}
		return nil
	}); err != nil {
		r.t.Fatalf("dispatch: %v", err)
	}
	c, err := r.db.Claim(r.t.Context(), pipeline.Message{V: 1, ID: first.ID, Gen: first.Gen}, "w")
	if err != nil {
		r.t.Fatalf("claim: %v", err)
	}
	return c
}

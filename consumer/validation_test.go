package consumer_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/blob/blobtest"
	"framemill/pipeline/store"
)

// numbered are pictures that are called 0.jpg, 1.jpg and so on.
func numbered(t *testing.T, n int) []file {
	t.Helper()
	files := pictures(t, n)
	for i := range files {
		files[i].name = fmt.Sprintf("%d.jpg", i)
	}
	return files
}

// TestPool places honeypots as the contract says, in both ways to run.
func TestPool(t *testing.T) {
	t.Parallel()
	for _, kind := range []pipeline.MessageKind{pipeline.UploadRun, pipeline.UploadCollect} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.start()
			five, two := int64(5), int64(2)
			req := r.accept(pipeline.Spec{
				SegmentSize: 4, Sorting: pipeline.SortRandom, Seed: 99, ChunkSize: 4, FrameFilter: "step=1",
				Validation: &pipeline.Validation{
					Mode: pipeline.ValidationPool, Method: pipeline.SelectUniform, Count: &five, PerJobCount: &two, Seed: 42,
				},
			}, kind, numbered(t, 15)...)
			if req = r.await(req.ID); req.State != pipeline.RequestDone {
				t.Fatalf("request ended %s: %s %s", req.State, req.Code, req.Text)
			}
			r.check(req, 21)
			data, err := r.db.DataOf(t.Context(), req.TaskID)
			if err != nil {
				t.Fatal(err)
			}
			honeypots, err := r.db.Honeypots(t.Context(), data.ID, 0, data.Size)
			want := []pipeline.Honeypot{{N: 2, Real: 20}, {N: 3, Real: 16}, {N: 9, Real: 17}, {N: 10, Real: 18}, {N: 14, Real: 19}, {N: 15, Real: 16}}
			if diff := cmp.Diff(want, honeypots); diff != "" || err != nil {
				t.Errorf("honeypots: %v (-want +got):\n%s", err, diff)
			}
			frames, err := r.db.FrameFiles(t.Context(), data.ID, 0, 6)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, f := range frames {
				names = append(names, f.Name)
			}
			if diff := cmp.Diff([]string{"2.jpg", "1.jpg", "13.jpg", "0.jpg", "7.jpg", "6.jpg"}, names); diff != "" {
				t.Errorf("first job (-want +got):\n%s", diff)
			}
			r.checkPoolTask(req.TaskID)
		})
	}
}

// checkPoolTask checks the rows of a task with a pool of five.
func (r *rig) checkPoolTask(taskID int64) {
	r.t.Helper()
	v, err := r.db.TaskView(r.t.Context(), taskID)
	if err != nil || v.SegmentSize != 0 || *v.Overlap != 0 || v.Validation != pipeline.ValidationPool || v.Data.FrameFilter != "" {
		r.t.Fatalf("task %+v with data %+v, error %v", v.Task, v.Data, err)
	}
	jobs, _, err := r.db.Jobs(r.t.Context(), store.Viewer{All: true}, store.Query{Sort: []store.Order{{Field: "id"}}})
	if err != nil || len(jobs) != 4 || jobs[3].Type != pipeline.JobGroundTruth || jobs[3].Segment.Start != 16 || jobs[3].Segment.Size() != 5 {
		r.t.Errorf("%d jobs, the last %+v; want the one of the pool", len(jobs), jobs[len(jobs)-1].Segment)
	}
}

// TestTruth chooses frames when a task is created, and makes their chunk and
// preview when somebody asks for them.
func TestTruth(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	three := int64(3)
	req := r.accept(pipeline.Spec{ChunkSize: 2, Validation: &pipeline.Validation{
		Mode: pipeline.ValidationTruth, Method: pipeline.SelectUniform, Count: &three, Seed: 42,
	}}, pipeline.UploadRun, numbered(t, 10)...)
	if req = r.await(req.ID); req.State != pipeline.RequestDone {
		t.Fatalf("request ended %s: %s %s", req.State, req.Code, req.Text)
	}
	r.check(req, 10)
	jobs, _, err := r.db.Jobs(t.Context(), store.Viewer{All: true}, store.Query{Sort: []store.Order{{Field: "id"}}})
	if err != nil || len(jobs) != 2 || jobs[1].Segment.Frames != "[4,6,8]" {
		t.Fatalf("%d jobs, error %v; want one and one of ground truth over 4, 6 and 8", len(jobs), err)
	}
	seg := jobs[1].Segment
	for q, index := range map[pipeline.Quality]int64{pipeline.Compressed: 1, pipeline.Preview: 0} {
		if _, err := r.db.AskChunk(t.Context(), store.Ask{
			TaskID: req.TaskID, Tenant: "u1", SegmentID: seg.ID, Quality: q, Index: index, Lane: pipeline.Interactive,
		}); err != nil {
			t.Fatal(err)
		}
		c := r.awaitChunk(seg.ID, q, index)
		if q == pipeline.Preview {
			continue
		}
		b := blobtest.Read(t, r.bucket, c.Key)
		z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil || len(z.File) != 1 || c.Frames != 1 {
			t.Errorf("the last chunk of three frames has %d entries, error %v; want 1", c.Frames, err)
		}
	}
}

// awaitChunk polls until a chunk is there.
func (r *rig) awaitChunk(segmentID int64, q pipeline.Quality, index int64) *pipeline.Chunk {
	r.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) { //nolint // polls with a deadline
		if c, err := r.db.Chunk(r.t.Context(), segmentID, q, index); err == nil {
			return c
		}
	}
	r.t.Fatalf("%s chunk %d of segment %d was not made", q, index, segmentID)
	return nil
}

// TestBadValidation fails the request with a code of its own.
func TestBadValidation(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	four := int64(4)
	for name, v := range map[string]*pipeline.Validation{
		"too many":      {Mode: pipeline.ValidationTruth, Method: pipeline.SelectUniform, Count: &four},
		"unknown names": {Mode: pipeline.ValidationTruth, Method: pipeline.SelectManual, Files: []string{"nowhere.jpg"}},
	} {
		req := r.accept(pipeline.Spec{Validation: v}, pipeline.UploadRun, numbered(t, 3)...)
		if req = r.await(req.ID); req.State != pipeline.RequestFailed || req.Code != pipeline.CodeBadValidation {
			t.Errorf("%s: request ended %s with %q, %s; want it failed with %s", name, req.State, req.Code, req.Text, pipeline.CodeBadValidation)
		}
	}
}

package store_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// pooled makes a task of three jobs, frames 0-2, 3-5 and the pool 6-7. Frames 1
// and 4 are honeypots for 6.
func pooled(t *testing.T, db *store.DB) int64 {
	t.Helper()
	ctx, id := t.Context(), newTask(t, db, store.NewTask{})
	if _, err := db.Accept(ctx, ingestOf(id, 1)); err != nil {
		t.Fatalf("accept: %v", err)
	}
	beat(t, db, "w1", 4)
	c := claim(t, db, sent(t, db)[0])
	files := make([]pipeline.File, 6)
	for i := range files {
		files[i] = pipeline.File{RequestID: c.Request.ID, Ord: int64(i), Name: string(rune('a' + i)), Outcome: pipeline.OutcomeOK}
	}
	var frames []pipeline.Frame
	for n, ord := range []int64{0, 4, 1, 2, 4, 3, 4, 5} {
		f := pipeline.Frame{N: int64(n), Ord: ord}
		if n == 1 || n == 4 {
			f.Real = ptr[int64](6)
		}
		frames = append(frames, f)
	}
	data, err := db.DataOf(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	data.Size, data.StopFrame, data.Step, data.ChunkSize, data.FrameFilter = 8, 7, 1, ptr[int64](2), ""
	if err := db.Fenced(ctx, c, func(tx *store.Tx) error {
		return errors.Join(tx.AddFiles(ctx, files), tx.AddFrames(ctx, data.ID, frames), tx.Publish(ctx, c, store.Publication{
			Data: *data, Mode: pipeline.ModeAnnotation, Replicas: 1,
			Segments: []pipeline.Segment{{Type: "range", Stop: 2}, {Type: "range", Start: 3, Stop: 5, ChunkBase: 2}},
			Truth: &store.Truth{
				Layout:  pipeline.Layout{Mode: pipeline.ValidationPool, Frames: "[6,7]", PerJob: ptr[int64](1)},
				Segment: pipeline.Segment{Type: "range", Start: 6, Stop: 7, ChunkBase: 4},
			},
		}))
	}); err != nil {
		t.Fatalf("publish: %v", err)
	}
	return id
}

func TestPublishPool(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		id := pooled(t, db)
		var got []string
		for _, j := range jobsOf(t, db, id) {
			got = append(got, j.Type)
		}
		want := []string{"annotation", "consensus_replica", "annotation", "consensus_replica", "ground_truth"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("types of jobs in the order of ids (-want +got):\n%s", diff)
		}
		v, err := db.TaskView(t.Context(), id)
		if err != nil || v.Validation != pipeline.ValidationPool {
			t.Errorf("validation mode %q, error %v", v.Validation, err)
		}
		if _, n, err := db.Tasks(t.Context(), everyone, where(store.Is("validation_mode", "gt_pool"))); err != nil || n != 1 {
			t.Errorf("%d tasks are found by their validation mode, error %v; want 1", n, err)
		}
		l, err := db.Layout(t.Context(), v.Data.ID)
		if err != nil || l.Frames != "[6,7]" || l.Disabled != "[]" || *l.PerJob != 1 {
			t.Errorf("layout %+v, error %v", l, err)
		}
		honeypots, err := db.Honeypots(t.Context(), v.Data.ID, 0, 4)
		if diff := cmp.Diff([]pipeline.Honeypot{{N: 1, Real: 6}}, honeypots); diff != "" || err != nil {
			t.Errorf("honeypots of the first four frames: %v (-want +got):\n%s", err, diff)
		}
	})
}

func TestChangeHoneypots(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx, id := t.Context(), pooled(t, db)
		before := jobsOf(t, db, id)
		tick(t, db)
		if err := db.ChangeFrames(ctx, id, func(s *store.FrameState) (store.FrameChange, error) {
			want := []pipeline.Honeypot{{N: 1, Real: 6}, {N: 4, Real: 6}}
			if diff := cmp.Diff(want, s.Honeypots); diff != "" || len(s.Pool) != 2 || len(s.Segments) != 3 {
				t.Errorf("pool %v, %d segments, honeypots (-want +got):\n%s", s.Pool, len(s.Segments), diff)
			}
			return store.FrameChange{
				Deleted: store.To([]int64{0, 4}), Disabled: store.To([]int64{6}), Honeypots: []pipeline.Honeypot{{N: 4, Real: 7}},
			}, nil
		}); err != nil {
			t.Fatal(err)
		}
		data, err := db.DataOf(ctx, id)
		if err != nil || data.DeletedFrames != "[0]" {
			t.Errorf("deleted are %s, error %v; want [0], for honeypot 4 is another", data.DeletedFrames, err)
		}
		frames, err := db.FrameFilesAt(ctx, data.ID, []int64{1, 4, 7})
		if err != nil || len(frames) != 3 || frames[0].Name != "e" || frames[1].Name != "f" || frames[2].Name != "f" {
			t.Errorf("frames 1, 4 and 7 show %+v, error %v; want e, f and f", frames, err)
		}
		for i, j := range jobsOf(t, db, id) {
			old, changed := before[i].Segment, j.Segment.Start == 3
			if (j.Segment.ChunkVersion > old.ChunkVersion) != changed || (j.Segment.ChunksUpdated > old.ChunksUpdated) != changed ||
				(j.Updated > before[i].Updated) != changed {
				t.Errorf("job %d over frames from %d: %+v after %+v", j.ID, j.Segment.Start, j.Segment, old)
			}
		}
		if l, err := db.Layout(ctx, data.ID); err != nil || l.Disabled != "[6]" {
			t.Errorf("layout %+v, error %v; want 6 disabled", l, err)
		}
	})
}

func TestTruthJob(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx, id := t.Context(), overlapping(t, db)
		add := func() (int64, error) {
			return db.AddTruthJob(ctx, id, ptr[int64](9), func(s *store.FrameState) ([]int64, error) {
				if s.Layout != nil {
					return nil, pipeline.Errorf(pipeline.Invalid, "one is enough")
				}
				return []int64{5, 2}, nil
			})
		}
		jobID, err := add()
		if err != nil {
			t.Fatal(err)
		}
		_, err = add()
		wantKind(t, err, pipeline.Invalid, "add a second one")
		j, err := db.JobView(ctx, jobID)
		if err != nil || j.Type != pipeline.JobGroundTruth || j.Segment.Frames != "[2,5]" || j.Segment.Size() != 2 ||
			*j.AssigneeID != 9 || j.AssigneeUpdated == nil {
			t.Fatalf("job %+v of segment %+v, error %v", j.Job, j.Segment, err)
		}
		if segs, err := db.SegmentsOver(ctx, id, 2, 3); err != nil || len(segs) != 1 {
			t.Errorf("frame 2 is in %d ranges, error %v; want 1", len(segs), err)
		}
		if _, err := db.AskChunk(ctx, store.Ask{TaskID: id, SegmentID: j.SegmentID, Quality: "compressed", Lane: "interactive"}); err != nil {
			t.Fatal(err)
		}
		if err := db.DeleteTruthJob(ctx, &j.Job); err != nil {
			t.Fatal(err)
		}
		_, err = db.Segment(ctx, j.SegmentID)
		wantKind(t, err, pipeline.NotFound, "the segment of the deleted job")
		for _, u := range readyUnits(t, db) {
			if u.Lo == j.SegmentID && u.Kind == pipeline.ChunkServe {
				t.Error("a chunk of the deleted job is still to be made")
			}
		}
		if _, err := add(); err != nil {
			t.Errorf("add another one: %v", err)
		}
	})
}

func TestPoolKeepsItsJob(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		jobs := jobsOf(t, db, pooled(t, db))
		wantKind(t, db.DeleteTruthJob(t.Context(), &jobs[4].Job), pipeline.Invalid, "delete the job of a pool")
	})
}

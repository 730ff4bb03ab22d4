package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// overlapping makes a task with six frames in segments 0-3 and 3-5.
func overlapping(t *testing.T, db *store.DB) int64 {
	t.Helper()
	return overlap(t, db, newTask(t, db, store.NewTask{}))
}

// overlap gives a task six frames in segments 0-3 and 3-5, and returns its id.
func overlap(t *testing.T, db *store.DB, id int64) int64 {
	t.Helper()
	ctx := t.Context()
	if _, err := db.Accept(ctx, ingestOf(id, 1)); err != nil {
		t.Fatalf("accept: %v", err)
	}
	beat(t, db, "w1", 4)
	c := claim(t, db, sent(t, db)[0])
	chunk := int64(2)
	err := db.Fenced(ctx, c, func(tx *store.Tx) error {
		return tx.Publish(ctx, c, store.Publication{
			Data: pipeline.Data{Size: 6, StopFrame: 5, Step: 1, ChunkSize: &chunk}, Mode: pipeline.ModeAnnotation,
			Segments: []pipeline.Segment{{Type: "range", Start: 0, Stop: 3}, {Type: "range", Start: 3, Stop: 5, ChunkBase: 2}},
		})
	})
	if err != nil {
		t.Fatalf("publish: %v", err)
	}
	return id
}

func TestSegmentsOver(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		id := overlapping(t, db)
		for _, tt := range []struct{ lo, hi, starts int64 }{{0, 1, 1}, {2, 3, 1}, {3, 4, 2}, {0, 6, 2}, {4, 6, 1}, {6, 9, 0}} {
			got, err := db.SegmentsOver(t.Context(), id, tt.lo, tt.hi)
			if err != nil || int64(len(got)) != tt.starts {
				t.Errorf("frames %d to %d are in %d segments (%v), want %d", tt.lo, tt.hi-1, len(got), err, tt.starts)
			}
		}
		if at, err := db.ChunksUpdated(t.Context(), id); err != nil || at == 0 {
			t.Errorf("chunks updated at %d (%v), want a time", at, err)
		}
		_, err := db.ChunksUpdated(t.Context(), newTask(t, db, store.NewTask{}))
		wantKind(t, err, pipeline.NotFound, "chunks of a task without segments")
	})
}

func TestChangeFrames(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx, id := t.Context(), overlapping(t, db)
		deleted := func() pipeline.FrameList {
			d, err := db.DataOf(ctx, id)
			if err != nil {
				t.Fatalf("data: %v", err)
			}
			return d.DeletedFrames
		}
		before, err := db.Task(ctx, id)
		if err != nil {
			t.Fatalf("task: %v", err)
		}
		tick(t, db)
		steps := []struct {
			next []int64
			old  []int64
			want pipeline.FrameList
		}{{[]int64{4, 1}, []int64{}, "[1,4]"}, {nil, []int64{1, 4}, "[]"}}
		for _, step := range steps {
			err := db.ChangeFrames(ctx, id, func(s *store.FrameState) (store.FrameChange, error) {
				if diff := cmp.Diff(step.old, s.Deleted); diff != "" || s.Data.Size != 6 || s.Layout != nil {
					t.Errorf("of %d frames with layout %v these are deleted (-want +got):\n%s", s.Data.Size, s.Layout, diff)
				}
				return store.FrameChange{Deleted: store.To(step.next)}, nil
			})
			if err != nil || deleted() != step.want {
				t.Errorf("deleted are %s (%v), want %s", deleted(), err, step.want)
			}
		}
		refused := errors.New("refused")
		err = db.ChangeFrames(ctx, id, func(*store.FrameState) (store.FrameChange, error) {
			return store.FrameChange{Deleted: store.To([]int64{2})}, refused
		})
		if !errors.Is(err, refused) || deleted() != "[]" {
			t.Errorf("a refused change: %v, and deleted are %s", err, deleted())
		}
		after, err := db.Task(ctx, id)
		if err != nil || after.Updated <= before.Updated {
			t.Errorf("the task counts as updated at %d (%v), want later than %d", after.Updated, err, before.Updated)
		}
	})
}

func TestNewestTask(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		project, err := db.CreateProject(t.Context(), &store.NewProject{Project: pipeline.Project{Name: "p", Tenant: "u1"}})
		if err != nil {
			t.Fatalf("create project: %v", err)
		}
		_, err = db.NewestTask(t.Context(), project)
		wantKind(t, err, pipeline.NotFound, "the newest task of an empty project")
		var ids []int64
		for range 3 {
			ids = append(ids, overlap(t, db, newTask(t, db, store.NewTask{Task: pipeline.Task{ProjectID: &project}})))
		}
		newTask(t, db, store.NewTask{Task: pipeline.Task{ProjectID: &project}}) // without frames
		if err := db.DeleteTask(t.Context(), ids[2]); err != nil {
			t.Fatalf("delete: %v", err)
		}
		if got, err := db.NewestTask(t.Context(), project); err != nil || got != ids[1] {
			t.Errorf("the newest task is %d (%v), want %d", got, err, ids[1])
		}
	})
}

// TestFootage looks for the video among the files of a request.
func TestFootage(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		id, r := ingest(t, db, 1)
		c := claim(t, db, sent(t, db)[0])
		files := []pipeline.File{
			{RequestID: r.ID, Ord: 0, Name: "a.mp4", Outcome: pipeline.OutcomeFailed},
			{RequestID: r.ID, Ord: 1, Name: "b.mp4", Index: "index/1", Frames: 90, Width: 64, Height: 48, Outcome: pipeline.OutcomeOK},
		}
		if err := db.Fenced(ctx, c, func(tx *store.Tx) error { return tx.AddFiles(ctx, files) }); err != nil {
			t.Fatalf("add files: %v", err)
		}
		d := mustData(t, db, id)
		_, err := db.Footage(ctx, d)
		wantKind(t, err, pipeline.NotFound, "the video of pictures")
		d.Index = "index/1"
		got, err := db.Footage(ctx, d)
		if err != nil {
			t.Fatalf("the video: %v", err)
		}
		if diff := cmp.Diff(&files[1], got); diff != "" {
			t.Errorf("the video (-want +got):\n%s", diff)
		}
	})
}

func TestUseChunk(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		id, _ := ingest(t, db, 1)
		c := claim(t, db, sent(t, db)[0])
		publish(t, db, c, 10)
		segs, err := db.Segments(ctx, id)
		if err != nil {
			t.Fatalf("segments: %v", err)
		}
		chunk := pipeline.Chunk{SegmentID: segs[0].ID, Quality: pipeline.FrameOriginal, Index: 3, Key: "x"}
		if err := db.UseChunk(ctx, &chunk, 0); err != nil {
			t.Errorf("use a chunk that is not there: %v", err)
		}
		if err := db.Fenced(ctx, c, func(tx *store.Tx) error { return tx.PutChunks(ctx, []pipeline.Chunk{chunk}) }); err != nil {
			t.Fatalf("put chunk: %v", err)
		}
		used := func(every time.Duration) pipeline.Micros {
			tick(t, db)
			if err := db.UseChunk(ctx, &chunk, every); err != nil {
				t.Fatalf("use the chunk: %v", err)
			}
			at, err := store.UsedAt(ctx, db, chunk)
			if err != nil {
				t.Fatalf("when it was used: %v", err)
			}
			return at
		}
		first := used(time.Hour)
		if second := used(time.Hour); second != first {
			t.Errorf("used at %d, and within the hour again at %d", first, second)
		}
		if third := used(0); third <= first {
			t.Errorf("used at %d, and later at %d", first, third)
		}
	})
}

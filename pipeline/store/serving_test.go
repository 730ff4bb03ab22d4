package store_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// overlapping makes a task with six frames in segments 0-3 and 3-5.
func overlapping(t *testing.T, db *store.DB) int64 {
	t.Helper()
	ctx, id := t.Context(), newTask(t, db, store.NewTask{})
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

func TestDeleteFrames(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx, id := t.Context(), overlapping(t, db)
		deleted := func() string {
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
		steps := []struct {
			next []int64
			old  []int64
			want string
		}{{[]int64{1, 4}, []int64{}, "[1,4]"}, {nil, []int64{1, 4}, "[]"}}
		for _, s := range steps {
			err := db.DeleteFrames(ctx, id, func(d *pipeline.Data, old []int64) ([]int64, error) {
				if diff := cmp.Diff(s.old, old); diff != "" || d.Size != 6 {
					t.Errorf("of %d frames these are deleted (-want +got):\n%s", d.Size, diff)
				}
				return s.next, nil
			})
			if err != nil || deleted() != s.want {
				t.Errorf("deleted are %s (%v), want %s", deleted(), err, s.want)
			}
		}
		refused := errors.New("refused")
		err = db.DeleteFrames(ctx, id, func(*pipeline.Data, []int64) ([]int64, error) { return []int64{2}, refused })
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
			ids = append(ids, newTask(t, db, store.NewTask{Task: pipeline.Task{ProjectID: &project}}))
		}
		if err := db.DeleteTask(t.Context(), ids[2]); err != nil {
			t.Fatalf("delete: %v", err)
		}
		if got, err := db.NewestTask(t.Context(), project); err != nil || got != ids[1] {
			t.Errorf("the newest task is %d (%v), want %d", got, err, ids[1])
		}
	})
}

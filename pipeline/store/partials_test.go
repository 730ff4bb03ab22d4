package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// openPartial begins a file of ten bytes.
func openPartial(t *testing.T, db *store.DB, task int64, name string, ttl time.Duration) *pipeline.Partial {
	t.Helper()
	p := &pipeline.Partial{ID: pipeline.NewID(), TaskID: task, UserID: 1, Name: name, Length: 10, Key: "up/" + name}
	if err := db.OpenPartial(t.Context(), p, ttl); err != nil {
		t.Fatalf("open %q: %v", name, err)
	}
	return p
}

// arrived is the upload that a partial becomes.
func arrived(p *pipeline.Partial, sum string) pipeline.Upload {
	return pipeline.Upload{ID: p.ID, TaskID: p.TaskID, UserID: p.UserID, Name: p.Name, Length: p.Length, Key: p.Key, SHA256: sum}
}

func TestPartial(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx, task := t.Context(), newTask(t, db, store.NewTask{})
		id := openPartial(t, db, task, "a", time.Hour).ID
		first, err := db.TakePartial(ctx, id)
		if err != nil {
			t.Fatalf("take: %v", err)
		}
		first.Received, first.Sums = 4, "state"
		if err := db.AdvancePartial(ctx, first, time.Hour); err != nil {
			t.Fatalf("advance: %v", err)
		}
		second, err := db.TakePartial(ctx, id)
		if err != nil || second.Received != 4 || second.Sums != "state" {
			t.Fatalf("taken again: %+v, %v, want 4 bytes and their sums", second, err)
		}
		first.Received = 9
		if err := db.AdvancePartial(ctx, first, time.Hour); !errors.Is(err, store.ErrSuperseded) {
			t.Errorf("advance of the first sitting: %v, want %v", err, store.ErrSuperseded)
		}
		open, err := db.UnfinishedPartials(ctx, task, 5)
		if err != nil || len(open) != 1 || open[0].Received != 4 {
			t.Errorf("unfinished: %+v, %v, want one with 4 bytes", open, err)
		}
		if _, err := db.SavePartial(ctx, arrived(second, "1")); err != nil {
			t.Fatalf("save: %v", err)
		}
		_, err = db.SavePartial(ctx, arrived(second, "1"))
		wantKind(t, err, pipeline.NotFound, "save again")
		if diff := cmp.Diff([]string{"0 up/a"}, saved(t, db, task)); diff != "" {
			t.Errorf("uploads (-want +got):\n%s", diff)
		}
		if u, err := db.Upload(ctx, id); err != nil || u.Length != 10 {
			t.Errorf("the upload is %+v, %v, want 10 bytes", u, err)
		}
	})
}

func TestPartialOfATakenName(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx, task := t.Context(), newTask(t, db, store.NewTask{})
		late := openPartial(t, db, task, "a", time.Hour)
		if _, err := db.SaveUploads(ctx, task, sentFiles("a", "1")); err != nil {
			t.Fatalf("save: %v", err)
		}
		again := &pipeline.Partial{ID: pipeline.NewID(), TaskID: task, Name: "a", Key: "up/x"}
		wantKind(t, db.OpenPartial(ctx, again, time.Hour), pipeline.Conflict, "open what is there")
		_, err := db.SavePartial(ctx, arrived(late, "2"))
		wantKind(t, err, pipeline.Conflict, "save other content")
		if open, err := db.UnfinishedPartials(ctx, task, 5); err != nil || len(open) != 0 {
			t.Errorf("unfinished: %+v, %v, want none: the file is there", open, err)
		}
		if _, err := db.Partial(ctx, late.ID); err != nil {
			t.Errorf("the one that was refused is gone: %v", err)
		}
	})
}

func TestPartialOfADeletedTask(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx, task := t.Context(), newTask(t, db, store.NewTask{})
		if err := db.DeleteTask(ctx, task); err != nil {
			t.Fatalf("delete: %v", err)
		}
		p := &pipeline.Partial{ID: pipeline.NewID(), TaskID: task, Name: "a", Key: "up/a"}
		wantKind(t, db.OpenPartial(ctx, p, time.Hour), pipeline.NotFound, "open")
	})
}

func TestExpirePartials(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx, task := t.Context(), newTask(t, db, store.NewTask{})
		old := openPartial(t, db, task, "old", 0)
		openPartial(t, db, task, "new", time.Hour)
		keys, err := db.ExpirePartials(ctx, 10)
		if err != nil || !cmp.Equal(keys, []string{"up/old"}) {
			t.Errorf("expired %v, %v, want the one without time", keys, err)
		}
		_, err = db.TakePartial(ctx, old.ID)
		wantKind(t, err, pipeline.NotFound, "take what is expired")
		if err := db.DropPartial(ctx, old.ID); err != nil {
			t.Errorf("drop what is gone: %v", err)
		}
	})
}

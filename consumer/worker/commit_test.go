package worker_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"

	"framemill/consumer/worker"
	"framemill/pipeline"
	"framemill/pipeline/store"
)

// TestDoneWorkIsCommittedOrRefused ends attempts whose work is done and not yet
// committed. Only the fence decides what becomes of it.
func TestDoneWorkIsCommittedOrRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		cause error
		taken bool // the unit was given to others meanwhile
		want  error
		state string // of the unit afterwards
	}{
		{"stopping", worker.ErrDraining, false, nil, pipeline.UnitDone},
		{"stopping, and taken for dead", worker.ErrDraining, true, store.ErrStale, pipeline.UnitReady},
		{"the beat came first", worker.ErrLeaseLost, true, store.ErrStale, pipeline.UnitReady},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db, c := claimed(t)
			if tt.taken {
				if _, err := db.Reclaim(t.Context()); err != nil { // as when its lease is over
					t.Fatalf("reclaim: %v", err)
				}
			}
			w, err := worker.New(worker.Config{Slots: map[pipeline.Lane]int{pipeline.Bulk: 1}},
				worker.Parts{DB: db, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatalf("new worker: %v", err)
			}
			err = w.Finish(t.Context(), c, tt.cause)
			if !errors.Is(err, tt.want) {
				t.Errorf("the commit ended with %v, want %v", err, tt.want)
			}
			if got := worker.Refused(err); err != nil && got != "commit" {
				t.Errorf("the write that was refused is the %s, want the commit", got)
			}
			u, err := db.Unit(t.Context(), c.ID)
			if err != nil || u.State != tt.state {
				t.Errorf("the unit is %s afterwards, %v, want %s", u.State, err, tt.state)
			}
		})
	}
}

// TestLostLeaseIsARefusedRenewal ends an attempt at work by the beat.
func TestLostLeaseIsARefusedRenewal(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(worker.ErrLeaseLost)
	err := worker.Because(ctx, fmt.Errorf("stage encode: %w", ctx.Err()))
	if got := worker.Refused(err); got != "lease" {
		t.Errorf("the write that was refused is the %s, want the lease", got)
	}
}

// claimed returns a database in which the one unit of an ingest is claimed.
func claimed(t *testing.T) (*store.DB, *pipeline.Claim) {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatalf("open database: %v", err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	owner := int64(1)
	task := pipeline.Task{Name: "t", OwnerID: &owner, Tenant: "u1", Dimension: "2d"}
	if task.ID, err = db.CreateTask(t.Context(), &store.NewTask{Task: task}); err != nil {
		t.Fatalf("create task: %v", err)
	}
	r, err := db.Accept(t.Context(), store.Ingest{
		Task: &task, OwnerID: owner, Spec: pipeline.Spec{ImageQuality: 70, Step: 1}, Storage: pipeline.StorageLocal,
		Units: []pipeline.Unit{{Kind: pipeline.UploadCollect, Lane: pipeline.Bulk}}, Phase: pipeline.PhaseCollect,
	})
	if err != nil {
		t.Fatalf("accept: %v", err)
	}
	var u pipeline.Unit
	if _, err := db.Dispatch(t.Context(), func(_ context.Context, sent pipeline.Unit) error {
		u = sent
		return nil
	}); err != nil || u.RequestID == nil || *u.RequestID != r.ID {
		t.Fatalf("dispatch the unit of request %d: %+v, %v", r.ID, u, err)
	}
	c, err := db.Claim(t.Context(), pipeline.Message{V: 1, ID: u.ID, Gen: u.Gen}, "w1")
	if err != nil {
		t.Fatalf("claim: %v", err)
	}
	return db, c
}

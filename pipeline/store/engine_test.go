package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// ingest accepts an ingest for a new task and returns the task's id and the
// request.
func ingest(t *testing.T, db *store.DB, owner int64) (int64, *pipeline.Request) {
	t.Helper()
	id := newTask(t, db, store.NewTask{Task: pipeline.Task{OwnerID: &owner}})
	r, err := db.Accept(t.Context(), ingestOf(id, owner))
	if err != nil {
		t.Fatalf("accept: %v", err)
	}
	return id, r
}

func ingestOf(taskID, owner int64) store.Ingest {
	return store.Ingest{
		Task:    &pipeline.Task{ID: taskID, Tenant: pipeline.TenantOf(nil, owner)},
		OwnerID: owner,
		Spec:    pipeline.Spec{ImageQuality: 70, Step: 1, Seed: uint64(taskID)},
		Storage: pipeline.StorageLocal,
		Units:   []pipeline.Unit{{Kind: pipeline.UploadCollect, Lane: pipeline.Bulk}},
		Phase:   pipeline.PhaseCollect,
	}
}

// beat makes a worker with bulk slots known.
func beat(t *testing.T, db *store.DB, id string, slots int, held ...pipeline.UnitID) []pipeline.UnitID {
	t.Helper()
	lost, err := db.Beat(t.Context(), pipeline.Worker{ID: id, Slots: fmt.Sprintf(`{"bulk":%d}`, slots)}, held)
	if err != nil {
		t.Fatalf("beat: %v", err)
	}
	return lost
}

// sent runs one relay round and returns what it sent.
func sent(t *testing.T, db *store.DB) []pipeline.Unit {
	t.Helper()
	var out []pipeline.Unit
	if _, err := db.Dispatch(t.Context(), func(_ context.Context, u pipeline.Unit) error {
		out = append(out, u)
		return nil
	}); err != nil {
		t.Fatalf("dispatch: %v", err)
	}
	return out
}

func claim(t *testing.T, db *store.DB, u pipeline.Unit) *pipeline.Claim {
	t.Helper()
	c, err := db.Claim(t.Context(), pipeline.Message{V: 1, ID: u.ID, Gen: u.Gen}, "w1")
	if err != nil {
		t.Fatalf("claim: %v", err)
	}
	return c
}

func TestAcceptIsRefusedWhileARequestIsOpen(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		id, first := ingest(t, db, 1)
		if _, err := db.Accept(t.Context(), ingestOf(id, 1)); pipeline.KindOf(err) != pipeline.Conflict {
			t.Errorf("a second accept: %v, want a conflict", err)
		}
		if _, err := db.CancelRequest(t.Context(), first.ID); err != nil {
			t.Fatalf("cancel: %v", err)
		}
		second, err := db.Accept(t.Context(), ingestOf(id, 1))
		if err != nil {
			t.Fatalf("accept after the first was cancelled: %v", err)
		}
		got, err := db.Request(t.Context(), first.RQID)
		if err != nil || got.ID != second.ID {
			t.Errorf("the public id names request %v (%v), want the newer %d", got.ID, err, second.ID)
		}
	})
}

func TestRelayIsFairAndKeepsToTheWindow(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		for range 20 { // the whale came first
			ingest(t, db, 1)
		}
		ingest(t, db, 2)
		ingest(t, db, 3)
		beat(t, db, "w1", 4)
		var turns []string
		for _, u := range sent(t, db) {
			turns = append(turns, string(u.Tenant))
		}
		want := []string{"u1", "u2", "u3", "u1", "u1", "u1"} // 4 slots and 2 more
		if diff := cmp.Diff(want, turns); diff != "" {
			t.Errorf("order of the tenants (-want +got):\n%s", diff)
		}
		if again := sent(t, db); len(again) != 0 {
			t.Errorf("a second round sent %d more than the window holds", len(again))
		}
	})
}

func TestRelaySendsAgainWhatFailed(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ingest(t, db, 1)
		n, err := db.Dispatch(t.Context(), func(context.Context, pipeline.Unit) error { return errors.New("redis is away") })
		if n != 0 || err == nil {
			t.Errorf("dispatch to a dead queue: %d sent, error %v", n, err)
		}
		if got := sent(t, db); len(got) != 1 {
			t.Errorf("afterwards %d were sent, want 1", len(got))
		}
	})
}

func TestClaimIsForOneAndOnlyOnce(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		_, r := ingest(t, db, 1)
		u := sent(t, db)[0]
		c := claim(t, db, u)
		if c.Request == nil || c.Request.State != pipeline.RequestRunning || c.Fence != 1 || c.Crashes != 1 {
			t.Errorf("claim = %+v of request %+v, want running with fence 1 and crashes 1", c.Unit, c.Request)
		}
		for name, m := range map[string]pipeline.Message{
			"again":            {V: 1, ID: u.ID, Gen: u.Gen},
			"other generation": {V: 1, ID: u.ID, Gen: u.Gen + 1},
			"unknown unit":     {V: 1, ID: pipeline.NewUnitID()},
		} {
			if _, err := db.Claim(t.Context(), m, "w2"); !errors.Is(err, store.ErrNotClaimable) {
				t.Errorf("%s: %v, want ErrNotClaimable", name, err)
			}
		}
		if got, _ := db.RequestByID(t.Context(), r.ID); got.Started == nil {
			t.Error("the first claim did not start the request")
		}
	})
}

func TestZombieCommitsNothing(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ingest(t, db, 1)
		u := sent(t, db)[0]
		zombie := claim(t, db, u)
		if _, err := db.Reclaim(t.Context()); err != nil { // as when its lease is over
			t.Fatalf("reclaim: %v", err)
		}
		write := func(tx *store.Tx) error { return tx.EndUnit(t.Context(), zombie) }
		if err := db.Fenced(t.Context(), zombie, write); !errors.Is(err, store.ErrStale) {
			t.Errorf("a write after the lease was over: %v, want ErrStale", err)
		}
		again := claim(t, db, sent(t, db)[0])
		if again.Fence <= zombie.Fence || again.Crashes != 2 {
			t.Errorf("second claim has fence %d and crashes %d, want more than %d and 2", again.Fence, again.Crashes, zombie.Fence)
		}
		if err := db.Fenced(t.Context(), zombie, write); !errors.Is(err, store.ErrStale) {
			t.Errorf("a write after another claim: %v, want ErrStale", err)
		}
		if err := db.Fenced(t.Context(), again, func(tx *store.Tx) error { return tx.EndUnit(t.Context(), again) }); err != nil {
			t.Errorf("the living attempt's write: %v", err)
		}
	})
}

func TestReapedUnitsDoNotQueueAgain(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		for range 8 {
			ingest(t, db, 1)
		}
		beat(t, db, "w1", 1)
		dead := claim(t, db, sent(t, db)[0]) // the window is full now
		if n, err := db.Reap(t.Context()); n != 0 || err != nil {
			t.Errorf("reaped %d units of a living worker (%v)", n, err)
		}
		if err := store.EndLeases(t.Context(), db); err != nil {
			t.Fatalf("end leases: %v", err)
		}
		if n, err := db.Reap(t.Context()); n != 1 || err != nil {
			t.Fatalf("reaped %d units of a dead worker (%v), want 1", n, err)
		}
		for _, u := range sent(t, db) {
			if u.ID == dead.ID && u.Lane == pipeline.Interactive {
				return
			}
		}
		t.Error("the unit of the dead worker was not sent at once")
	})
}

func TestBeatTellsWhatWasLost(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ingest(t, db, 1)
		c := claim(t, db, sent(t, db)[0])
		if lost := beat(t, db, "w1", 1, c.ID); len(lost) != 0 {
			t.Errorf("a beat in time lost %v", lost)
		}
		if _, err := db.Reclaim(t.Context()); err != nil {
			t.Fatalf("reclaim: %v", err)
		}
		if lost := beat(t, db, "w1", 1, c.ID); !slices.Equal(lost, []pipeline.UnitID{c.ID}) {
			t.Errorf("after the unit was taken the beat lost %v, want it", lost)
		}
	})
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	type want struct {
		state                  string
		gen, attempts, crashes int64
		request                string
		requestCode            pipeline.Code
	}
	tests := []struct {
		name  string
		write func(ctx context.Context, tx *store.Tx, c *pipeline.Claim) error
		want  want
	}{
		{"done", func(ctx context.Context, tx *store.Tx, c *pipeline.Claim) error { return tx.EndUnit(ctx, c) },
			want{pipeline.UnitDone, 0, 0, 0, pipeline.RequestRunning, ""}},
		{"again", func(ctx context.Context, tx *store.Tx, c *pipeline.Claim) error {
			return tx.AgainUnit(ctx, c, 0, pipeline.CodeUnavailable)
		}, want{pipeline.UnitReady, 1, 1, 0, pipeline.RequestRunning, ""}},
		{"released", func(ctx context.Context, tx *store.Tx, c *pipeline.Claim) error { return tx.ReleaseUnit(ctx, c) },
			want{pipeline.UnitReady, 1, 0, 0, pipeline.RequestRunning, ""}},
		{"failed", func(ctx context.Context, tx *store.Tx, c *pipeline.Claim) error {
			return tx.FailUnit(ctx, c, pipeline.Failf(pipeline.CodeEmptyFile, "a.jpg", "a.jpg: empty"))
		}, want{pipeline.UnitFailed, 0, 0, 0, pipeline.RequestFailed, pipeline.CodeEmptyFile}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, db *store.DB) {
				_, r := ingest(t, db, 1)
				c := claim(t, db, sent(t, db)[0])
				if err := db.Fenced(t.Context(), c, func(tx *store.Tx) error { return tt.write(t.Context(), tx, c) }); err != nil {
					t.Fatalf("write: %v", err)
				}
				u, err := db.Unit(t.Context(), c.ID)
				if err != nil {
					t.Fatalf("read unit: %v", err)
				}
				req, err := db.RequestByID(t.Context(), r.ID)
				if err != nil {
					t.Fatalf("read request: %v", err)
				}
				got := want{u.State, u.Gen, u.Attempts, u.Crashes, req.State, req.Code}
				if got != tt.want {
					t.Errorf("got %+v, want %+v", got, tt.want)
				}
			})
		})
	}
}

func TestAdvanceMovesOnce(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		id, r := ingest(t, db, 1)
		c := claim(t, db, sent(t, db)[0])
		next := func(context.Context, *store.Tx, *pipeline.Request) (store.Step, error) {
			return store.Step{Phase: pipeline.PhaseProbe, Units: []pipeline.Unit{
				{RequestID: &r.ID, TaskID: id, Tenant: r.Tenant, Kind: pipeline.UploadProbe, Lane: pipeline.Bulk, Hi: 10},
			}}, nil
		}
		if moved, err := db.Advance(t.Context(), r.ID, next); moved || err != nil {
			t.Errorf("with an open unit: moved %v, error %v", moved, err)
		}
		if err := db.Fenced(t.Context(), c, func(tx *store.Tx) error { return tx.EndUnit(t.Context(), c) }); err != nil {
			t.Fatalf("end: %v", err)
		}
		if stuck, err := db.Stuck(t.Context(), 10); err != nil || !slices.Equal(stuck, []int64{r.ID}) {
			t.Errorf("stuck requests = %v (%v), want the one whose phase is through", stuck, err)
		}
		moves := 0
		for range 3 {
			moved, err := db.Advance(t.Context(), r.ID, next)
			if err != nil {
				t.Fatalf("advance: %v", err)
			}
			if moved {
				moves++
			}
		}
		if moves != 1 {
			t.Errorf("three calls moved the request %d times, want once", moves)
		}
	})
}

func TestFailureTakesBackWhatWasPublished(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		id, r := ingest(t, db, 1)
		c := claim(t, db, sent(t, db)[0])
		publish(t, db, c, 10, func(p *store.Publication) {
			p.Data.CompressedType, p.Data.OriginalType = pipeline.ChunkVideo, pipeline.ChunkVideo
		})
		if jobs, err := db.Segments(t.Context(), id); err != nil || len(jobs) != 2 {
			t.Fatalf("%d segments were published (%v), want 2", len(jobs), err)
		}
		why := pipeline.Failf(pipeline.CodeWorkerCrash, "", "crashed")
		if err := db.Fenced(t.Context(), c, func(tx *store.Tx) error { return tx.FailUnit(t.Context(), c, why) }); err != nil {
			t.Fatalf("fail: %v", err)
		}
		segs, err := db.Segments(t.Context(), id)
		if err != nil || len(segs) != 0 {
			t.Errorf("%d segments are left (%v), want none", len(segs), err)
		}
		data, err := db.DataOf(t.Context(), id)
		if err != nil || data.Size != 0 || data.Published != nil {
			t.Errorf("data = %+v (%v), want unpublished", data, err)
		}
		if data.CompressedType != pipeline.ChunkImageset || data.OriginalType != pipeline.ChunkImageset {
			t.Errorf("chunks are of the types %s and %s, want those of data that are not known yet", data.CompressedType, data.OriginalType)
		}
		purge(t, db, store.Leftover{TaskID: id, RequestID: r.ID})
		if files, err := db.NamedFiles(t.Context(), r.ID); err != nil || len(files) != 0 {
			t.Errorf("%d rows of good files are left after the purge (%v)", len(files), err)
		}
	})
}

// publish writes n files and frames and publishes two segments, with edits.
func publish(t *testing.T, db *store.DB, c *pipeline.Claim, n int64, edits ...func(*store.Publication)) {
	t.Helper()
	ctx := t.Context()
	data, err := db.DataOf(ctx, c.TaskID)
	if err != nil {
		t.Fatalf("data: %v", err)
	}
	data.Size, data.ChunkSize = n, ptr[int64](4)
	files := make([]pipeline.File, n)
	frames := make([]pipeline.Frame, n)
	for i := range files {
		files[i] = pipeline.File{RequestID: c.Request.ID, Ord: int64(i), Name: fmt.Sprint(i), Outcome: pipeline.OutcomeOK}
		frames[i] = pipeline.Frame{N: int64(i), Ord: n - 1 - int64(i)}
	}
	half := n / 2
	p := store.Publication{
		Data: *data, Mode: pipeline.ModeAnnotation, SegmentSize: half, Replicas: 2,
		Segments: []pipeline.Segment{
			{Type: "range", Stop: half - 1}, {Type: "range", Start: half, Stop: n - 1, ChunkBase: 2},
		},
	}
	for _, edit := range edits {
		edit(&p)
	}
	err = db.Fenced(ctx, c, func(tx *store.Tx) error {
		return errors.Join(
			tx.AddFiles(ctx, files), tx.ClearFrames(ctx, data.ID), tx.AddFrames(ctx, data.ID, frames), tx.Publish(ctx, c, p))
	})
	if err != nil {
		t.Fatalf("publish: %v", err)
	}
}

// purge runs a purge unit to its end.
func purge(t *testing.T, db *store.DB, l store.Leftover) {
	t.Helper()
	var c *pipeline.Claim
	for _, u := range sent(t, db) {
		if u.Kind == pipeline.TaskPurge {
			c = claim(t, db, u)
		}
	}
	if c == nil {
		t.Fatal("no purge was sent")
	}
	for {
		rows, _, err := db.PurgeRows(t.Context(), c, l)
		if err != nil {
			t.Fatalf("purge: %v", err)
		}
		if rows == 0 {
			break
		}
	}
	if err := db.Fenced(t.Context(), c, func(tx *store.Tx) error { return tx.EndPurge(t.Context(), l, 0, 0) }); err != nil {
		t.Fatalf("end of the purge: %v", err)
	}
}

func TestDeletedTaskLeavesNoRows(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		id, r := ingest(t, db, 1)
		c := claim(t, db, sent(t, db)[0])
		publish(t, db, c, 10)
		segs, err := db.Segments(t.Context(), id)
		if err != nil {
			t.Fatalf("segments: %v", err)
		}
		err = db.Fenced(t.Context(), c, func(tx *store.Tx) error {
			return errors.Join(tx.PutChunks(t.Context(), []pipeline.Chunk{
				{SegmentID: segs[0].ID, Quality: pipeline.Compressed, Key: "k", Bytes: 1, Frames: 4},
			}), tx.EndRequest(t.Context(), c, ""), tx.EndUnit(t.Context(), c))
		})
		if err != nil {
			t.Fatalf("finish: %v", err)
		}
		if err := db.DeleteTask(t.Context(), id); err != nil {
			t.Fatalf("delete: %v", err)
		}
		purge(t, db, store.Leftover{TaskID: id})
		for _, table := range []string{"tasks", "data", "files", "frames", "segments", "jobs", "chunks", "requests", "events", "labels"} {
			n, err := store.CountRows(t.Context(), db, table)
			if err != nil || n != 0 {
				t.Errorf("table %s has %d rows after the purge of request %d (%v)", table, n, r.ID, err)
			}
		}
	})
}

func TestProgressSaysWhyNothingHappens(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		_, r := ingest(t, db, 1)
		p, err := db.Progress(t.Context(), r)
		if err != nil || p.Fraction != 0 || !strings.Contains(p.Text, "no live consumer for lane bulk") {
			t.Errorf("progress without a worker = %+v (%v)", p, err)
		}
		beat(t, db, "w1", 1)
		p, err = db.Progress(t.Context(), r)
		if err != nil || !strings.Contains(p.Text, "waiting") {
			t.Errorf("progress while queued = %+v (%v)", p, err)
		}
	})
}

func TestSQLiteRefusesASecondProcess(t *testing.T) {
	t.Parallel()
	url := "sqlite:" + t.TempDir() + "/db"
	db, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer db.Close()
	if _, err := store.Open(t.Context(), url); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("second open: %v, want a sentence that says why", err)
	}
}

package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// TestPauseOfOneTenantHoldsNobodyUp has room for one unit, and the tenant whose
// turn it is has none that may run yet.
func TestPauseOfOneTenantHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		beat(t, db, "w1", 1) // and a window of two more
		for _, owner := range []int64{1, 1, 2} {
			ingest(t, db, owner)
		}
		first := sent(t, db)
		if len(first) != 3 || first[1].Tenant != "u2" {
			t.Fatalf("%d units were sent, want 3, the one of u2 between the others", len(first))
		}
		c := claim(t, db, first[1])
		if err := db.Fenced(t.Context(), c, func(tx *store.Tx) error {
			return tx.AgainUnit(t.Context(), c, time.Hour.Microseconds(), pipeline.CodeUnavailable)
		}); err != nil {
			t.Fatalf("again: %v", err)
		}
		ingest(t, db, 3)
		if got := sent(t, db); len(got) != 1 || got[0].Tenant != "u3" {
			t.Errorf("%d units were sent, want the one of the tenant that does not pause", len(got))
		}
	})
}

// TestSlowQueueIsSentToInParts takes longer for all units than a transaction
// may be silent.
func TestSlowQueueIsSentToInParts(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		beat(t, db, "w1", 40)
		for range 9 {
			ingest(t, db, 1)
		}
		left := 9
		for round := 0; left > 0; round++ {
			n, err := db.Dispatch(t.Context(), func(context.Context, pipeline.Unit) error {
				time.Sleep(pipeline.LeaseTime / 16) //nolint // this is what a slow Redis does
				return nil
			})
			if err != nil || n == 0 {
				t.Fatalf("round %d sent %d units: %v", round, n, err)
			}
			left -= n
		}
	})
}

// TestTwoDeletionsOrderOnePurge lets two deletions of a task wait for the same
// unit, so that both have seen the task.
func TestTwoDeletionsOrderOnePurge(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		id, _ := ingest(t, db, 1)
		c := claim(t, db, sent(t, db)[0])
		ended := make(chan error, 2)
		err := db.Fenced(t.Context(), c, func(*store.Tx) error {
			for range 2 {
				go func() { ended <- db.DeleteTask(context.Background(), id) }()
			}
			time.Sleep(300 * time.Millisecond) //nolint // both wait for the unit by then; if not, the test proves less
			return nil
		})
		if err != nil {
			t.Fatalf("hold the unit: %v", err)
		}
		for range 2 {
			if err := <-ended; err != nil && pipeline.KindOf(err) != pipeline.NotFound {
				t.Errorf("delete: %v", err)
			}
		}
		purges := 0
		for _, u := range sent(t, db) {
			if u.Kind == pipeline.TaskPurge {
				purges++
			}
		}
		if purges != 1 {
			t.Errorf("%d purges were ordered, want 1", purges)
		}
	})
}

// TestCopiedArchiveIsNamed asks for the blob of an archive that only the refs of
// its members name.
func TestCopiedArchiveIsNamed(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		_, r := ingest(t, db, 1)
		c := claim(t, db, sent(t, db)[0])
		file := func(ord int64, ref pipeline.Ref) pipeline.File {
			return pipeline.File{RequestID: r.ID, Ord: ord, Name: fmt.Sprint(ord), Ref: ref, Outcome: pipeline.OutcomeOK}
		}
		member := pipeline.ZipMember{Archive: pipeline.BlobRef("task/1/zip"), Offset: 30, Packed: 5, Method: 8}
		onShare := pipeline.ZipMember{Archive: pipeline.ShareRef("a.zip"), Offset: 30, Packed: 5}
		if err := db.Fenced(t.Context(), c, func(tx *store.Tx) error {
			return tx.AddFiles(t.Context(), []pipeline.File{
				file(0, pipeline.BlobRef("task/1/plain")), file(1, member.Ref()), file(2, onShare.Ref()), file(3, pipeline.ShareRef("b")),
			})
		}); err != nil {
			t.Fatalf("add files: %v", err)
		}
		got, err := db.Unnamed(t.Context(), []string{"task/1/plain", "task/1/zip", "task/1/other", "a.zip", "b"})
		if want := "[task/1/other a.zip b]"; err != nil || fmt.Sprint(got) != want {
			t.Errorf("no row names %v (%v), want %s", got, err, want)
		}
	})
}

// TestUploadsSavedTwice is what follows an answer that was lost: the same files
// again, under the same keys.
func TestUploadsSavedTwice(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		id := newTask(t, db, store.NewTask{})
		files := []pipeline.Upload{{ID: pipeline.NewID(), Name: "a.jpg", Key: "up/a", SHA256: "1", Length: 1}}
		for range 2 {
			unused, err := db.SaveUploads(t.Context(), id, files)
			if err != nil || len(unused) != 0 {
				t.Errorf("save: %v; %v are called unused, want none: a row names them", err, unused)
			}
		}
	})
}

// TestCancellingWaitsForTheUnit cancels a request while an attempt is about to
// write to it. Postgres is told to look for deadlocks after the test only.
func TestCancellingWaitsForTheUnit(t *testing.T) {
	t.Parallel()
	db := open(t, postgresURL(t)+"&deadlock_timeout=60s")
	_, r := ingest(t, db, 1)
	c := claim(t, db, sent(t, db)[0])
	ctx, stop := context.WithTimeout(t.Context(), 4*time.Second)
	defer stop()
	cancelled := make(chan error, 1)
	err := db.Fenced(ctx, c, func(tx *store.Tx) error {
		go func() {
			_, err := db.CancelRequest(ctx, r.ID)
			cancelled <- err
		}()
		time.Sleep(300 * time.Millisecond) //nolint // it waits by then; if not, the test proves less
		return tx.SetBad(ctx, r.ID, 1)
	})
	if err := errors.Join(err, <-cancelled); err != nil {
		t.Errorf("the attempt and the cancellation waited for each other: %v", err)
	}
	if _, err := db.Unit(t.Context(), c.ID); pipeline.KindOf(err) != pipeline.NotFound {
		t.Errorf("the unit after the cancellation: %v, want it gone", err)
	}
}

// TestServedChunkDoesNotOutliveItsSegment fails a request while a reader's
// chunk is being built.
func TestServedChunkDoesNotOutliveItsSegment(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		beat(t, db, "w1", 4)
		id, r := ingest(t, db, 1)
		c := claim(t, db, sent(t, db)[0])
		publish(t, db, c, 10)
		segs, err := db.Segments(t.Context(), id)
		if err != nil {
			t.Fatalf("segments: %v", err)
		}
		unit, err := db.AskChunk(t.Context(), store.Ask{
			TaskID: id, Tenant: "u1", SegmentID: segs[0].ID, Quality: pipeline.Compressed, Lane: pipeline.Bulk,
		})
		if err != nil {
			t.Fatalf("ask: %v", err)
		}
		sent(t, db)
		serve := claim(t, db, pipeline.Unit{ID: unit})
		if _, err := db.CancelRequest(t.Context(), r.ID); err != nil {
			t.Fatalf("cancel: %v", err)
		}
		err = db.Fenced(t.Context(), serve, func(tx *store.Tx) error {
			return tx.PutChunks(t.Context(), []pipeline.Chunk{{SegmentID: segs[0].ID, Quality: pipeline.Compressed, Key: "k"}})
		})
		if !errors.Is(err, store.ErrStale) {
			t.Errorf("a chunk of a segment that is gone was written: %v, want ErrStale", err)
		}
	})
}

func TestProgressCountsWhatIsAhead(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		var last *pipeline.Request
		for range 4 {
			_, last = ingest(t, db, 1)
		}
		for _, want := range []int64{3, 1} { // two fit into the window of a lane without a worker
			p, err := db.Progress(t.Context(), last)
			if err != nil || p.Ahead != want {
				t.Errorf("%d units are ahead (%v), want %d", p.Ahead, err, want)
			}
			sent(t, db)
		}
	})
}

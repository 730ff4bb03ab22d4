package store_test

import (
	"testing"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// TestFailedPurgeIsOrderedAgain fails a purge for good. An hour later it is
// ready once more, as new, and the sweep of ended units leaves it alone.
func TestFailedPurgeIsOrderedAgain(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		id := newTask(t, db, store.NewTask{})
		if err := db.DeleteTask(ctx, id); err != nil {
			t.Fatalf("delete: %v", err)
		}
		beat(t, db, "w", 5)
		c := claim(t, db, sent(t, db)[0])
		why := pipeline.Failf(pipeline.CodeDiskFull, "", "the share is gone")
		if err := db.Fenced(ctx, c, func(tx *store.Tx) error { return tx.FailUnit(ctx, c, why) }); err != nil {
			t.Fatalf("fail: %v", err)
		}
		again := func(when string, want int) []pipeline.Unit {
			t.Helper()
			if _, err := db.PurgesAgain(ctx); err != nil {
				t.Fatalf("order purges again: %v", err)
			}
			if _, err := db.EndedUnits(ctx); err != nil {
				t.Fatalf("sweep units: %v", err)
			}
			ready := readyUnits(t, db)
			if len(ready) != want {
				t.Fatalf("%s after the failure %d purges are ready, want %d", when, len(ready), want)
			}
			return ready
		}
		again("at once", 0)
		if err := store.AgeUnits(ctx, db); err != nil {
			t.Fatal(err)
		}
		second := claim(t, db, again("long", 1)[0])
		if second.TaskID != id || second.Attempts != 0 || second.Crashes != 1 || second.Code != "" {
			t.Errorf("the purge is claimed as %+v, want it as new", second.Unit)
		}
	})
}

package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

func TestReportOfFiles(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		r := accept(t, db, newTask(t, db, store.NewTask{}))
		var claim *pipeline.Claim
		for _, u := range readyUnits(t, db) {
			c, err := db.Claim(t.Context(), pipeline.Message{ID: u.ID, Gen: u.Gen}, "worker")
			if err != nil {
				t.Fatal(err)
			}
			claim = c
		}
		outcomes := []pipeline.Outcome{"ok", "failed", "skipped", "ok", "failed"}
		var files []pipeline.File
		for i, o := range outcomes {
			files = append(files, pipeline.File{RequestID: r.ID, Ord: int64(i), Name: "f", Outcome: o})
		}
		if err := db.Fenced(t.Context(), claim, func(tx *store.Tx) error { return tx.AddFiles(t.Context(), files) }); err != nil {
			t.Fatal(err)
		}
		tests := []struct {
			outcome pipeline.Outcome
			after   int64
			limit   int
			want    []int64
			total   int64
		}{
			{outcome: "", after: -1, limit: 3, want: []int64{0, 1, 2}, total: 5},
			{outcome: "", after: 2, limit: 3, want: []int64{3, 4}, total: 5},
			{outcome: "ok", after: -1, limit: 9, want: []int64{0, 3}, total: 2},
			{outcome: "failed", after: 1, limit: 9, want: []int64{4}, total: 2},
			{outcome: "bad", after: -1, limit: 9, want: []int64{1, 2, 4}, total: 3},
		}
		for _, test := range tests {
			got, err := db.Files(t.Context(), r.ID, test.after, test.limit, test.outcome)
			if err != nil {
				t.Fatal(err)
			}
			var ords []int64
			for _, f := range got {
				ords = append(ords, f.Ord)
			}
			if diff := cmp.Diff(test.want, ords); diff != "" {
				t.Errorf("files %q after %d differ (-want +got):\n%s", test.outcome, test.after, diff)
			}
			if n, err := db.CountFiles(t.Context(), r.ID, test.outcome); err != nil || n != test.total {
				t.Errorf("files %q count %d, error %v; want %d", test.outcome, n, err, test.total)
			}
		}
	})
}

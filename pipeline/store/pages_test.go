package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// TestPagesOfStaffMakeTheWholeList reads what somebody has a part in page by
// page, where that is most of all and where it is little.
func TestPagesOfStaffMakeTheWholeList(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ada, ben := newUser(t, db, "ada").ID, newUser(t, db, "ben").ID
		for i := range 12 {
			owner := &ada
			if i == 5 {
				owner = &ben
			}
			published(t, db, store.NewTask{Task: pipeline.Task{OwnerID: owner}})
		}
		gone := published(t, db, store.NewTask{Task: pipeline.Task{OwnerID: &ada}})
		if err := db.DeleteTask(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
		for _, user := range []int64{ada, ben} {
			for _, sort := range [][]store.Order{nil, {{Field: "updated_date", Desc: true}}, {{Field: "created_date"}}, {{Field: "type"}}} {
				whole, total, err := db.Jobs(t.Context(), store.Viewer{UserID: user}, store.Query{Sort: sort})
				if err != nil || total != int64(len(whole)) || total == 0 {
					t.Fatalf("jobs of user %d by %v: %d of %d, error %v", user, sort, len(whole), total, err)
				}
				if diff := cmp.Diff(idsOf(whole), pagesOf(t, db, user, sort, total)); diff != "" {
					t.Errorf("jobs of user %d by %v, page by page (-whole +pages):\n%s", user, sort, diff)
				}
			}
		}
	})
}

// pagesOf reads the jobs that a user may see, five at a time; every page must
// tell how many there are.
func pagesOf(t *testing.T, db *store.DB, user int64, sort []store.Order, total int64) (ids []int64) {
	t.Helper()
	for int64(len(ids)) < total {
		page, n, err := db.Jobs(t.Context(), store.Viewer{UserID: user}, store.Query{Sort: sort, Offset: int64(len(ids)), Limit: 5})
		if err != nil || n != total || len(page) == 0 {
			t.Fatalf("page behind %d: %d of %d, want some of %d; error %v", len(ids), len(page), n, total, err)
		}
		ids = append(ids, idsOf(page)...)
	}
	return ids
}

func idsOf(jobs []store.JobView) (ids []int64) {
	for _, j := range jobs {
		ids = append(ids, j.ID)
	}
	return ids
}

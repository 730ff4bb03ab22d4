package store_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

func TestTaskKeepsWhatItWasGiven(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		id := newTask(t, db, store.NewTask{
			Task: pipeline.Task{
				Name: "Straße", Subset: "train", BugTracker: "http://bugs", Overlap: ptr[int64](5),
				SegmentSize: 100, Replicas: 2, AssigneeID: ptr[int64](7),
			},
			Source: &pipeline.Storage{Location: "local"},
		})
		got, err := db.TaskView(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if got.Created == 0 || got.Updated != got.Created || got.AssigneeUpdated == nil || *got.AssigneeUpdated != got.Created {
			t.Errorf("times %d, %d, %v: want one and the same", got.Created, got.Updated, got.AssigneeUpdated)
		}
		if got.Source == nil || got.Source.Location != "local" || got.Target != nil {
			t.Errorf("storages %v and %v, want the given one and none", got.Source, got.Target)
		}
		if got.Data != nil || got.Jobs.Count != 0 {
			t.Errorf("a fresh task has data %v and %d jobs", got.Data, got.Jobs.Count)
		}
		want := pipeline.Task{
			ID: id, Tenant: "u1", OwnerID: ptr[int64](1), AssigneeID: ptr[int64](7), Name: "Straße", Subset: "train",
			BugTracker: "http://bugs", Dimension: "2d", Overlap: ptr[int64](5), SegmentSize: 100,
			Replicas: 2, Status: "annotation", SourceStorageID: got.SourceStorageID,
			Created: got.Created, Updated: got.Updated, AssigneeUpdated: got.AssigneeUpdated,
		}
		if diff := cmp.Diff(want, got.Task); diff != "" {
			t.Errorf("task differs (-want +got):\n%s", diff)
		}
	})
}

func TestTaskInProjectThatIsNotThere(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		_, err := db.CreateTask(t.Context(), &store.NewTask{Task: pipeline.Task{Name: "x", ProjectID: ptr[int64](99)}})
		wantKind(t, err, pipeline.Invalid, "create a task in project 99")
	})
}

func TestTasksAreFiltered(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		for _, task := range []pipeline.Task{
			{Name: "Crossing", Subset: "train", OwnerID: ptr[int64](1)},
			{Name: "100%_sure", OwnerID: ptr[int64](1), AssigneeID: ptr[int64](2)},
			{Name: "harbour", Subset: "test", OwnerID: ptr[int64](2)},
		} {
			newTask(t, db, store.NewTask{Task: task})
		}
		date := store.Cond{Op: store.More, Field: "updated_date", Values: []any{"2001-02-03T04:05:06.5Z"}}
		tests := []struct {
			name   string
			viewer store.Viewer
			query  store.Query
			want   []string
			kind   pipeline.Kind // of the error; Internal means none
		}{
			{name: "newest first", viewer: everyone, want: []string{"harbour", "100%_sure", "Crossing"}},
			{name: "owner", viewer: store.Viewer{UserID: 1}, want: []string{"100%_sure", "Crossing"}},
			{name: "owner and assignee", viewer: store.Viewer{UserID: 2}, want: []string{"harbour", "100%_sure"}},
			{name: "stranger", viewer: store.Viewer{UserID: 3}},
			{name: "equal", viewer: everyone, query: where(store.Is("subset", "train")), want: []string{"Crossing"}},
			{name: "number as text", viewer: everyone, query: where(store.Is("id", "1")), want: []string{"Crossing"}},
			{name: "null", viewer: everyone, query: where(store.Is("project_id", nil)), want: []string{"harbour", "100%_sure", "Crossing"}},
			{name: "date", viewer: everyone, query: where(date), want: []string{"harbour", "100%_sure", "Crossing"}},
			{name: "in", viewer: everyone, query: where(store.Cond{Op: store.In, Field: "id", Values: []any{int64(1), int64(3)}}), want: []string{"harbour", "Crossing"}},
			{name: "in nothing", viewer: everyone, query: where(store.Cond{Op: store.In, Field: "id"})},
			{name: "not", viewer: everyone, query: where(store.Cond{Op: store.Not, Conds: []store.Cond{store.Is("subset", "train")}}), want: []string{"harbour", "100%_sure"}},
			{name: "not of null", viewer: everyone, query: where(store.Cond{Op: store.Not, Conds: []store.Cond{store.Is("project_id", 4)}}), kind: pipeline.Invalid},
			{name: "set", viewer: everyone, query: where(store.Cond{Op: store.IsSet, Field: "subset"}), want: []string{"harbour", "Crossing"}},
			{name: "search ignores case", viewer: everyone, query: store.Query{Search: "CROSS"}, want: []string{"Crossing"}},
			{name: "search takes signs as they are", viewer: everyone, query: store.Query{Search: "0%_s"}, want: []string{"100%_sure"}},
			{name: "search for a wildcard", viewer: everyone, query: store.Query{Search: "_"}, want: []string{"100%_sure"}},
			{name: "or", viewer: everyone, query: where(store.Cond{Op: store.Or, Conds: []store.Cond{store.Is("subset", "train"), store.Is("subset", "test")}}), want: []string{"harbour", "Crossing"}},
			{name: "unknown mode of validation", viewer: everyone, query: where(store.Is("validation_mode", "gt"))},
			{name: "sort by name", viewer: everyone, query: store.Query{Sort: []store.Order{{Field: "subset"}, {Field: "name", Desc: true}}}, want: []string{"100%_sure", "harbour", "Crossing"}},
			{name: "unknown field", viewer: everyone, query: where(store.Is("id; DROP TABLE tasks", 1)), kind: pipeline.Invalid},
			{name: "unknown sort", viewer: everyone, query: store.Query{Sort: []store.Order{{Field: "1"}}}, kind: pipeline.Invalid},
			{name: "not a number", viewer: everyone, query: where(store.Is("id", "one")), kind: pipeline.Invalid},
			{name: "not a date", viewer: everyone, query: where(store.Is("updated_date", "yesterday")), kind: pipeline.Invalid},
			{name: "NUL", viewer: everyone, query: store.Query{Search: "a\x00b"}, kind: pipeline.Invalid},
		}
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				views, total, err := db.Tasks(t.Context(), test.viewer, test.query)
				if test.kind != pipeline.Internal {
					wantKind(t, err, test.kind, "list")
					return
				}
				if err != nil {
					t.Fatalf("list: %v", err)
				}
				var got []string
				for _, v := range views {
					got = append(got, v.Name)
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("names differ (-want +got):\n%s", diff)
				}
				if total != int64(len(test.want)) {
					t.Errorf("total %d, want %d", total, len(test.want))
				}
			})
		}
	})
}

// where is the query of some conditions.
func where(conds ...store.Cond) store.Query { return store.Query{Where: conds} }

func TestTasksArePaged(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		for range 5 {
			newTask(t, db, store.NewTask{})
		}
		var got []int64
		for offset := int64(0); offset < 6; offset += 2 {
			views, total, err := db.Tasks(t.Context(), everyone, store.Query{
				Sort: []store.Order{{Field: "name"}}, Offset: offset, Limit: 2,
			})
			if err != nil || total != 5 {
				t.Fatalf("page at %d: total %d, error %v; want 5", offset, total, err)
			}
			for _, v := range views {
				got = append(got, v.ID)
			}
		}
		if diff := cmp.Diff([]int64{1, 2, 3, 4, 5}, got); diff != "" {
			t.Errorf("equal names are not told apart by id (-want +got):\n%s", diff)
		}
	})
}

func TestTaskIsChanged(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		id := newTask(t, db, store.NewTask{
			Task:   pipeline.Task{AssigneeID: ptr[int64](2)},
			Source: &pipeline.Storage{Location: "local"},
		})
		before, err := db.Task(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		tick(t, db)
		if err := db.UpdateTask(t.Context(), id, &store.TaskChange{
			Name:       store.To("new"),
			AssigneeID: store.To[*int64](nil),
			Target:     store.To(&pipeline.Storage{Location: "local"}),
			Source:     store.To[*pipeline.Storage](nil),
		}); err != nil {
			t.Fatal(err)
		}
		got, err := db.TaskView(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if got.Name != "new" || got.AssigneeID != nil || got.Source != nil || got.Target == nil {
			t.Errorf("after the change: %+v", got)
		}
		if got.Updated <= before.Updated || *got.AssigneeUpdated <= *before.AssigneeUpdated {
			t.Errorf("the times of the change did not move: %+v", got.Task)
		}
		tick(t, db)
		if err := db.UpdateTask(t.Context(), id, &store.TaskChange{}); err != nil {
			t.Fatalf("empty change: %v", err)
		}
		again, err := db.Task(t.Context(), id)
		if err != nil || again.Updated != got.Updated {
			t.Errorf("an empty change moved the time from %d to %d, error %v", got.Updated, again.Updated, err)
		}
	})
}

func TestDeletedTaskIsGoneAtOnce(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		id := newTask(t, db, store.NewTask{})
		request := accept(t, db, id)
		if err := db.DeleteTask(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		_, err := db.Task(t.Context(), id)
		wantKind(t, err, pipeline.NotFound, "read the deleted task")
		wantKind(t, db.DeleteTask(t.Context(), id), pipeline.NotFound, "delete it again")
		wantKind(t, db.UpdateTask(t.Context(), id, &store.TaskChange{Name: store.To("x")}), pipeline.NotFound, "change it")
		if _, total, err := db.Tasks(t.Context(), everyone, store.Query{}); err != nil || total != 0 {
			t.Errorf("%d tasks listed, error %v; want none", total, err)
		}
		r, err := db.RequestByID(t.Context(), request.ID)
		if err != nil || r.State != pipeline.RequestCancelled || r.Finished == nil {
			t.Errorf("its request is %+v, error %v; want it cancelled", r, err)
		}
		if got := readyUnits(t, db); len(got) != 1 || got[0].Kind != pipeline.TaskPurge || got[0].TaskID != id {
			t.Errorf("units ready: %+v, want the purge of task %d alone", got, id)
		}
	})
}

// accept gives a task data and an open request.
func accept(t *testing.T, db *store.DB, taskID int64) *pipeline.Request {
	t.Helper()
	task, err := db.Task(t.Context(), taskID)
	if err != nil {
		t.Fatal(err)
	}
	r, err := db.Accept(t.Context(), store.Ingest{
		Task: task, OwnerID: 1, Storage: pipeline.StorageLocal, Phase: pipeline.PhaseAll,
		Units: []pipeline.Unit{{Kind: pipeline.UploadRun, Lane: pipeline.Interactive}},
	})
	if err != nil {
		t.Fatalf("accept: %v", err)
	}
	return r
}

// readyUnits returns the units that a relay would send to workers with room.
func readyUnits(t *testing.T, db *store.DB) []pipeline.Unit {
	t.Helper()
	worker := pipeline.Worker{ID: pipeline.NewID(), Slots: `{"interactive":50,"bulk":50,"background":50}`}
	if _, err := db.Beat(t.Context(), worker, nil); err != nil {
		t.Fatal(err)
	}
	var units []pipeline.Unit
	_, err := db.Dispatch(t.Context(), func(_ context.Context, u pipeline.Unit) error {
		units = append(units, u)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return units
}

func TestPurgeTakesLabelsAndStorages(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		id := newTask(t, db, store.NewTask{
			Labels: []pipeline.Label{skeleton()},
			Source: &pipeline.Storage{Location: "local"}, Target: &pipeline.Storage{Location: "local"},
		})
		if err := db.DeleteTask(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		purge(t, db, store.Leftover{TaskID: id})
		for _, table := range []string{"tasks", "labels", "attributes", "storages"} {
			if n, err := store.CountRows(t.Context(), db, table); err != nil || n != 0 {
				t.Errorf("table %s has %d rows after the purge, error %v", table, n, err)
			}
		}
	})
}

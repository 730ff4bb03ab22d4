package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// newProject creates a project of user 1.
func newProject(t *testing.T, db *store.DB, name string) int64 {
	t.Helper()
	id, err := db.CreateProject(t.Context(), &store.NewProject{
		Project: pipeline.Project{Name: name, OwnerID: ptr[int64](1)},
		Labels:  []pipeline.Label{{Name: "car", Type: "any", Attributes: []pipeline.Attribute{{Name: "red"}}}},
	})
	if err != nil {
		t.Fatalf("create project: %v", err)
	}
	return id
}

func TestProjectSumsUpItsTasks(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		id := newProject(t, db, "streets")
		empty, err := db.ProjectView(t.Context(), id)
		if err != nil || empty.Tasks != 0 || empty.Dimension != nil || empty.Subsets != nil {
			t.Errorf("empty project %+v, error %v", empty, err)
		}
		tick(t, db)
		for _, subset := range []string{"train", "", "test", "train"} {
			newTask(t, db, store.NewTask{Task: pipeline.Task{ProjectID: &id, Subset: subset}})
		}
		gone := newTask(t, db, store.NewTask{Task: pipeline.Task{ProjectID: &id, Subset: "gone"}})
		if err := db.DeleteTask(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
		got, err := db.ProjectView(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"test", "train"}, got.Subsets); diff != "" {
			t.Errorf("subsets differ (-want +got):\n%s", diff)
		}
		if got.Tasks != 4 || got.Dimension == nil || *got.Dimension != "2d" || got.Updated <= empty.Updated {
			t.Errorf("project with tasks: %+v", got)
		}
	})
}

func TestStaffOfAProjectSeesItsTasks(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		id := newProject(t, db, "streets")
		if err := db.UpdateProject(t.Context(), id, &store.ProjectChange{
			Name: store.To("roads"), AssigneeID: store.To(ptr[int64](4)),
			Labels: []store.LabelChange{{Name: store.To("bus")}},
		}); err != nil {
			t.Fatal(err)
		}
		newTask(t, db, store.NewTask{Task: pipeline.Task{ProjectID: &id, OwnerID: ptr[int64](2)}})
		for user, want := range map[int64]int64{1: 1, 2: 1, 4: 1, 5: 0} {
			if _, total, err := db.Tasks(t.Context(), store.Viewer{UserID: user}, store.Query{}); err != nil || total != want {
				t.Errorf("user %d sees %d tasks, error %v; want %d", user, total, err, want)
			}
		}
		views, _, err := db.Projects(t.Context(), store.Viewer{UserID: 4}, where(store.Is("name", "roads")))
		if err != nil || len(views) != 1 || views[0].AssigneeUpdated == nil {
			t.Errorf("the assignee sees %+v, error %v", views, err)
		}
		if _, total, err := db.Projects(t.Context(), store.Viewer{UserID: 2}, store.Query{}); err != nil || total != 0 {
			t.Errorf("a stranger sees %d projects, error %v", total, err)
		}
	})
}

func TestDeletedProjectTakesItsTasksAlong(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		id := newProject(t, db, "streets")
		first := newTask(t, db, store.NewTask{Task: pipeline.Task{ProjectID: &id}})
		second := newTask(t, db, store.NewTask{Task: pipeline.Task{ProjectID: &id}})
		other := newTask(t, db, store.NewTask{})
		accept(t, db, second)
		if err := db.DeleteProject(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		_, err := db.Project(t.Context(), id)
		wantKind(t, err, pipeline.NotFound, "read the deleted project")
		wantKind(t, db.DeleteProject(t.Context(), id), pipeline.NotFound, "delete it again")
		views, _, err := db.Tasks(t.Context(), everyone, store.Query{})
		if err != nil || len(views) != 1 || views[0].ID != other {
			t.Errorf("tasks left: %+v, error %v; want %d alone", views, err, other)
		}
		var purged []int64
		for _, u := range readyUnits(t, db) {
			purged = append(purged, u.TaskID)
		}
		if diff := cmp.Diff([]int64{first, second}, purged); diff != "" {
			t.Errorf("tasks to purge differ (-want +got):\n%s", diff)
		}
		if _, total, err := db.Labels(t.Context(), everyone, store.Query{}); err != nil || total != 0 {
			t.Errorf("%d labels left, error %v", total, err)
		}
	})
}

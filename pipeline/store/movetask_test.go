package store_test

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// labelled creates a project of user 1 and returns its id.
func labelled(t *testing.T, db *store.DB, n store.NewProject) int64 {
	t.Helper()
	n.Name, n.OwnerID = "project", ptr[int64](1)
	id, err := db.CreateProject(t.Context(), &n)
	if err != nil {
		t.Fatalf("create project: %v", err)
	}
	return id
}

func TestTaskIsMoved(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		labels := []pipeline.Label{{Name: "car", Type: "any"}, skeleton()}
		other := skeleton()
		other.Name = "human"
		first := labelled(t, db, store.NewProject{Labels: labels})
		second := labelled(t, db, store.NewProject{Labels: []pipeline.Label{labels[0], other}})
		id := newTask(t, db, store.NewTask{Labels: labels})
		move := func(m store.TaskMove) error {
			return db.UpdateTask(t.Context(), id, &store.TaskChange{Move: &m})
		}
		wantKind(t, move(store.TaskMove{ProjectID: second}), pipeline.Invalid, "move without a label")
		if diff := cmp.Diff([]string{"car", "person"}, names(labelsOf(t, db, id))); diff != "" {
			t.Errorf("a refused move changed labels (-want +got):\n%s", diff)
		}
		if err := move(store.TaskMove{ProjectID: first}); err != nil {
			t.Fatal(err)
		}
		if own := labelsOf(t, db, id); len(own) != 0 {
			t.Errorf("the moved task has labels %v to itself", names(own))
		}
		theirs, _, err := db.LabelsOf(t.Context(), store.LabelOwner{ProjectID: &first}, store.Query{})
		if err != nil || len(theirs) != 2 {
			t.Fatalf("labels of the project: %v, error %v", names(theirs), err)
		}
		if err := move(store.TaskMove{ProjectID: second, Names: map[int64]string{theirs[1].ID: "human"}}); err != nil {
			t.Fatal(err)
		}
		task, err := db.Task(t.Context(), id)
		if err != nil || task.ProjectID == nil || *task.ProjectID != second {
			t.Errorf("the task is %+v, error %v, want it in project %d", task, err, second)
		}
		acme := newOrg(t, db, "acme", newUser(t, db, "ada").ID)
		elsewhere := labelled(t, db, store.NewProject{Project: pipeline.Project{OrgID: &acme.ID}, Labels: labels})
		wantKind(t, move(store.TaskMove{ProjectID: elsewhere}), pipeline.Invalid, "move to an organization")
		wantKind(t, move(store.TaskMove{ProjectID: 999}), pipeline.Invalid, "move to nowhere")
	})
}

// TestMovesAndADeletion moves tasks into a project while it is deleted: each
// task either is refused, or goes with the project.
func TestMovesAndADeletion(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		project := labelled(t, db, store.NewProject{})
		var group sync.WaitGroup
		for i := range 12 {
			id := newTask(t, db, store.NewTask{})
			group.Go(func() {
				err := db.UpdateTask(t.Context(), id, &store.TaskChange{Move: &store.TaskMove{ProjectID: project}})
				if err != nil && pipeline.KindOf(err) != pipeline.Invalid {
					t.Errorf("move task %d: %v", id, err)
				}
			})
			if i == 6 {
				group.Go(func() {
					if err := db.DeleteProject(t.Context(), project); err != nil {
						t.Errorf("delete the project: %v", err)
					}
				})
			}
		}
		group.Wait()
		left, _, err := db.Tasks(t.Context(), everyone, store.Query{})
		if err != nil {
			t.Fatal(err)
		}
		for _, task := range left {
			if task.ProjectID != nil {
				t.Errorf("task %d is in project %d, which is gone", task.ID, *task.ProjectID)
			}
		}
	})
}

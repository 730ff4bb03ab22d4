package store_test

import (
	"testing"

	"golang.org/x/sync/errgroup"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// TestCountsFollowEveryChange asks for the first row of lists, again and again
// while what they hold changes: the number must be that of all rows.
func TestCountsFollowEveryChange(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) { countsFollow(t, db, db) })
}

// TestCountsFollowOtherProcesses does so where another process makes the changes.
func TestCountsFollowOtherProcesses(t *testing.T) {
	t.Parallel()
	url := postgresURL(t)
	countsFollow(t, open(t, url), open(t, url))
}

func countsFollow(t *testing.T, reader, writer *store.DB) {
	t.Helper()
	ctx := t.Context()
	ada, ben := newUser(t, writer, "ada").ID, newUser(t, writer, "ben").ID
	project := newProject(t, writer, "docks")
	var ids []int64
	for range 3 {
		ids = append(ids, published(t, writer, store.NewTask{Task: pipeline.Task{Name: "harbour", OwnerID: &ada, ProjectID: &project}}))
	}
	job := jobsOf(t, writer, ids[0])[0].ID
	steps := []struct {
		name        string
		change      func() error
		tasks, jobs int64 // that ben may see
		done, named int64 // of all jobs, completed and of his name
	}{
		{"at first", func() error { return nil }, 0, 0, 0, 0},
		{"a job assigned", func() error {
			return writer.UpdateJob(ctx, job, store.JobChange{AssigneeID: store.To(&ben)})
		}, 0, 1, 0, 1},
		{"a job completed", func() error {
			return writer.UpdateJob(ctx, job, store.JobChange{State: store.To(pipeline.StateCompleted)})
		}, 0, 1, 1, 1},
		{"a task assigned", func() error {
			return writer.UpdateTask(ctx, ids[0], &store.TaskChange{AssigneeID: store.To(&ben)})
		}, 1, 2, 1, 1},
		{"a project assigned", func() error {
			return writer.UpdateProject(ctx, project, &store.ProjectChange{AssigneeID: store.To(&ben)})
		}, 3, 6, 1, 1},
		{"a task deleted", func() error { return writer.DeleteTask(ctx, ids[2]) }, 2, 4, 1, 1},
		{"a user renamed", func() error {
			_, err := writer.UpdateUser(ctx, ben, func(u *pipeline.User) error { u.Name = "bob"; return nil })
			return err
		}, 2, 4, 1, 0},
		{"the first task deleted", func() error { return writer.DeleteTask(ctx, ids[0]) }, 1, 2, 0, 0},
	}
	for _, s := range steps {
		if err := s.change(); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		for what, want := range map[string]int64{"tasks": s.tasks, "jobs": s.jobs, "done": s.done, "named": s.named} {
			if got := countOf(t, reader, ben, what); got != want {
				t.Errorf("%s: %d %s, want %d", s.name, got, what, want)
			}
		}
	}
}

// countOf returns the number that comes with the second page of a list, which
// has to be counted.
func countOf(t *testing.T, db *store.DB, user int64, what string) (n int64) {
	t.Helper()
	q := store.Query{Limit: 1, Offset: 100}
	var err error
	switch what {
	case "tasks":
		_, n, err = db.Tasks(t.Context(), store.Viewer{UserID: user}, q)
	case "jobs":
		_, n, err = db.Jobs(t.Context(), store.Viewer{UserID: user}, q)
	case "done":
		q.Where = []store.Cond{store.Is("state", pipeline.StateCompleted)}
		_, n, err = db.Jobs(t.Context(), everyone, q)
	case "named":
		q.Where = []store.Cond{store.Is("assignee", "ben")}
		_, n, err = db.Jobs(t.Context(), everyone, q)
	}
	if err != nil {
		t.Fatalf("list %s: %v", what, err)
	}
	return n
}

// TestRevisionsKeepNobodyWaiting changes many jobs at once.
func TestRevisionsKeepNobodyWaiting(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		var g errgroup.Group
		for range 8 {
			id := published(t, db, store.NewTask{})
			job := jobsOf(t, db, id)[0].ID
			g.Go(func() error {
				return db.UpdateJob(t.Context(), job, store.JobChange{State: store.To(pipeline.StateCompleted)})
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatalf("change jobs: %v", err)
		}
		if n := countOf(t, db, 1, "done"); n != 8 {
			t.Errorf("%d jobs are completed, want 8", n)
		}
	})
}

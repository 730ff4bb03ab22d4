package store_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// published creates a task whose data are two segments of ten frames.
func published(t *testing.T, db *store.DB, n store.NewTask) int64 {
	t.Helper()
	id := newTask(t, db, n)
	r := accept(t, db, id)
	var claim *pipeline.Claim
	for _, u := range readyUnits(t, db) {
		if u.RequestID == nil || *u.RequestID != r.ID {
			continue
		}
		c, err := db.Claim(t.Context(), pipeline.Message{ID: u.ID, Gen: u.Gen}, "worker")
		if err != nil {
			t.Fatalf("claim: %v", err)
		}
		claim = c
	}
	if claim == nil {
		t.Fatal("the request of the task has no unit")
	}
	if err := db.Fenced(t.Context(), claim, func(tx *store.Tx) error {
		return tx.Publish(t.Context(), claim, store.Publication{
			Data: pipeline.Data{Size: 20, StopFrame: 19, Step: 1, ChunkSize: ptr[int64](36)},
			Mode: pipeline.ModeAnnotation, SegmentSize: 10, Replicas: n.Replicas,
			Segments: []pipeline.Segment{
				{TaskID: id, Type: "range", Stop: 9}, {TaskID: id, Type: "range", Start: 10, Stop: 19, ChunkBase: 1},
			},
		})
	}); err != nil {
		t.Fatalf("publish: %v", err)
	}
	return id
}

// jobsOf returns the jobs of a task, the oldest first.
func jobsOf(t *testing.T, db *store.DB, taskID int64) []store.JobView {
	t.Helper()
	q := where(store.Is("task_id", taskID))
	q.Sort = []store.Order{{Field: "id"}}
	views, total, err := db.Jobs(t.Context(), everyone, q)
	if err != nil || total != int64(len(views)) {
		t.Fatalf("jobs of task %d: %d of %d, error %v", taskID, len(views), total, err)
	}
	return views
}

func TestJobsShowTheirTask(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		id := published(t, db, store.NewTask{Task: pipeline.Task{Name: "harbour", Replicas: 2}})
		views := jobsOf(t, db, id)
		if len(views) != 6 {
			t.Fatalf("%d jobs, want 2 and 2 replicas of each", len(views))
		}
		for _, v := range views {
			if v.Task.Name != "harbour" || v.Task.Data.Size != 20 || v.Segment.Size() != 10 {
				t.Errorf("job %d shows task %q of %d frames and a segment of %d", v.ID, v.Task.Name, v.Task.Data.Size, v.Segment.Size())
			}
			if want := map[string]int64{pipeline.JobAnnotation: 2}[v.Type]; v.Replicas != want {
				t.Errorf("%s job %d has %d replicas, want %d", v.Type, v.ID, v.Replicas, want)
			}
		}
		replicas, total, err := db.Jobs(t.Context(), everyone, where(store.Is("type", "replica")))
		if err != nil || total != 4 || replicas[0].Type != pipeline.JobReplica {
			t.Errorf("%d jobs of type replica, error %v; want 4", total, err)
		}
		task, err := db.TaskView(t.Context(), id)
		if err != nil || task.Jobs.Count != 6 {
			t.Errorf("the task counts %d jobs, error %v; want 6", task.Jobs.Count, err)
		}
		if err := db.DeleteTask(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		_, err = db.Job(t.Context(), views[0].ID)
		wantKind(t, err, pipeline.NotFound, "read a job of the deleted task")
		wantKind(t, db.UpdateJob(t.Context(), views[0].ID, store.JobChange{}), pipeline.NotFound, "change it")
	})
}

func TestAssigneesSeeTheirJobsOnly(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		first := jobsOf(t, db, published(t, db, store.NewTask{}))[0]
		if err := db.UpdateJob(t.Context(), first.ID, store.JobChange{AssigneeID: store.To(ptr[int64](9))}); err != nil {
			t.Fatal(err)
		}
		for user, want := range map[int64]int64{1: 2, 9: 1, 5: 0} {
			if _, total, err := db.Jobs(t.Context(), store.Viewer{UserID: user}, store.Query{}); err != nil || total != want {
				t.Errorf("user %d sees %d jobs, error %v; want %d", user, total, err, want)
			}
			if _, total, err := db.Tasks(t.Context(), store.Viewer{UserID: user}, store.Query{}); err != nil || user == 9 && total != 0 {
				t.Errorf("user %d sees %d tasks, error %v", user, total, err)
			}
		}
	})
}

func TestTaskFollowsItsJobs(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		id := published(t, db, store.NewTask{})
		jobs := jobsOf(t, db, id)
		steps := []struct {
			name   string
			job    int
			change store.JobChange
			stage  string
			state  string
			task   string
			counts store.JobCounts
		}{
			{"work begins", 0, store.JobChange{State: store.To("in progress")}, "annotation", "in progress", "annotation", store.JobCounts{Count: 2}},
			{"a new stage begins anew", 0, store.JobChange{Stage: store.To("validation")}, "validation", "new", "annotation", store.JobCounts{Count: 2, Validation: 1}},
			{"the last leaves annotation", 1, store.JobChange{Stage: store.To("acceptance"), State: store.To("completed")}, "acceptance", "completed", "validation", store.JobCounts{Count: 2, Completed: 1, Validation: 1}},
			{"the same stage keeps the state", 1, store.JobChange{Stage: store.To("acceptance")}, "acceptance", "completed", "validation", store.JobCounts{Count: 2, Completed: 1, Validation: 1}},
			{"accepted, not completed", 0, store.JobChange{Stage: store.To("acceptance")}, "acceptance", "new", "validation", store.JobCounts{Count: 2, Completed: 1}},
			{"all completed", 0, store.JobChange{State: store.To("completed")}, "acceptance", "completed", "completed", store.JobCounts{Count: 2, Completed: 2}},
			{"back", 0, store.JobChange{Stage: store.To("annotation"), State: store.To("rejected")}, "annotation", "rejected", "annotation", store.JobCounts{Count: 2, Completed: 1}},
		}
		for _, step := range steps {
			jobID := jobs[step.job].ID
			if err := db.UpdateJob(t.Context(), jobID, step.change); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
			job, err := db.JobView(t.Context(), jobID)
			if err != nil {
				t.Fatal(err)
			}
			task, err := db.TaskView(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			step.counts.TaskID = id
			got := []any{job.Stage, job.State, task.Status, task.Jobs}
			want := []any{step.stage, step.state, step.task, step.counts}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: stage, state, task status, counts differ (-want +got):\n%s", step.name, diff)
			}
		}
	})
}

func TestJobsFinishedTogetherFinishTheTask(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		id := published(t, db, store.NewTask{})
		group, ctx := errgroup.WithContext(context.WithoutCancel(t.Context()))
		for _, j := range jobsOf(t, db, id) {
			group.Go(func() error {
				return db.UpdateJob(ctx, j.ID, store.JobChange{Stage: store.To("acceptance"), State: store.To("completed")})
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		task, err := db.Task(t.Context(), id)
		if err != nil || task.Status != pipeline.StatusCompleted {
			t.Errorf("task is %s, error %v; want it completed", task.Status, err)
		}
	})
}

func TestAssigneeTimeMovesOnlyWithTheAssignee(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		id := jobsOf(t, db, published(t, db, store.NewTask{}))[0].ID
		assign := func(user *int64) *pipeline.Job {
			t.Helper()
			tick(t, db)
			if err := db.UpdateJob(t.Context(), id, store.JobChange{AssigneeID: store.To(user)}); err != nil {
				t.Fatal(err)
			}
			j, err := db.Job(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			return j
		}
		if j := assign(nil); j.AssigneeUpdated != nil {
			t.Errorf("nobody in place of nobody set the time %d", *j.AssigneeUpdated)
		}
		first := assign(ptr[int64](3))
		if first.AssigneeUpdated == nil {
			t.Fatal("the first assignee set no time")
		}
		if again := assign(ptr[int64](3)); *again.AssigneeUpdated != *first.AssigneeUpdated {
			t.Error("the same assignee moved the time")
		}
		if left := assign(nil); *left.AssigneeUpdated == *first.AssigneeUpdated || left.AssigneeID != nil {
			t.Errorf("after the assignee left: %+v", left)
		}
	})
}

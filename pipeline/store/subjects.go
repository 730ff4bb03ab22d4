package store

import (
	"context"
	"fmt"

	"framemill/pipeline"
)

// taskSubject returns a look at a task, which may be deleted by then.
func (t *Tx) taskSubject(id int64) func(context.Context) (Subject, error) {
	return func(ctx context.Context) (Subject, error) {
		var row pipeline.Task
		if err := t.get(ctx, &row, `SELECT `+taskColumns+` FROM tasks t WHERE t.id = ?`, id); err != nil {
			return Subject{}, err
		}
		views, err := t.taskViews(ctx, []pipeline.Task{row})
		if err != nil {
			return Subject{}, err
		}
		if d := views[0].Data; d != nil {
			d.DeletedFrames = "" // are not shown, and may be many
		}
		return Subject{Task: &views[0]}, t.countJobs(ctx, views)
	}
}

func (t *Tx) placeOfTask(ctx context.Context, id int64) (at place, err error) {
	err = t.get(ctx, &at, `SELECT project_id, org_id FROM tasks WHERE id = ?`, id)
	return at, err
}

// watchTask is watch for an update of a task.
func (t *Tx) watchTask(ctx context.Context, id int64) (changed func() error, err error) {
	at, err := t.placeOfTask(ctx, id)
	if err != nil {
		return nil, err
	}
	return t.watch(ctx, pipeline.EventUpdateTask, at, t.taskSubject(id))
}

// tellTask is tell for a task.
func (t *Tx) tellTask(ctx context.Context, event pipeline.Event, id int64) error {
	at, err := t.placeOfTask(ctx, id)
	if err != nil {
		return err
	}
	return t.tell(ctx, event, at, t.taskSubject(id))
}

// jobSubject returns a look at a job.
func (t *Tx) jobSubject(id int64) func(context.Context) (Subject, error) {
	return func(ctx context.Context) (Subject, error) {
		var row pipeline.Job
		if err := t.get(ctx, &row, `SELECT `+jobColumns+` FROM jobs j WHERE j.id = ?`, id); err != nil {
			return Subject{}, err
		}
		views, err := t.jobViews(ctx, []pipeline.Job{row})
		if err != nil || len(views) == 0 {
			return Subject{}, fmt.Errorf("look at job %d: %d found: %w", id, len(views), err)
		}
		return Subject{Job: &views[0]}, nil
	}
}

// tellJobs announces that all jobs of a task were made, or are about to go, a
// page at a time.
func (t *Tx) tellJobs(ctx context.Context, event pipeline.Event, taskID int64) error {
	at, err := t.placeOfTask(ctx, taskID)
	if err != nil {
		return err
	}
	hooks, err := t.listeners(ctx, event, at)
	if err != nil || len(hooks) == 0 {
		return err
	}
	for after := int64(0); ; {
		var rows []pipeline.Job
		if err := t.all(ctx, &rows, `
			SELECT `+jobColumns+` FROM jobs j WHERE j.task_id = ? AND j.id > ? ORDER BY j.id LIMIT ?`,
			taskID, after, maxIDs); err != nil || len(rows) == 0 {
			return err
		}
		after = rows[len(rows)-1].ID
		views, err := t.jobViews(ctx, rows)
		if err != nil {
			return err
		}
		notices := make([]Notice, len(views))
		for i := range views {
			notices[i].Now.Job = &views[i]
		}
		if err := t.announce(ctx, event, hooks, notices...); err != nil {
			return err
		}
	}
}

// projectSubject returns a look at a project.
func (t *Tx) projectSubject(id int64) func(context.Context) (Subject, error) {
	return func(ctx context.Context) (Subject, error) {
		var row pipeline.Project
		if err := t.get(ctx, &row, `SELECT `+projectColumns+` FROM projects p WHERE p.id = ?`, id); err != nil {
			return Subject{}, err
		}
		views, err := t.projectViews(ctx, []pipeline.Project{row})
		if err != nil {
			return Subject{}, err
		}
		return Subject{Project: &views[0]}, nil
	}
}

// tellEnd announces that a request has ended, on behalf of whoever asked for
// it unless somebody else ended it.
func (t *Tx) tellEnd(ctx context.Context, requestID int64) error {
	var at struct {
		place
		Task  int64 `db:"task_id"`
		Owner int64 `db:"owner_id"`
	}
	if err := t.get(ctx, &at, `
		SELECT t.project_id, t.org_id, r.task_id, r.owner_id
		FROM requests r JOIN tasks t ON t.id = r.task_id WHERE r.id = ?`, requestID); err != nil {
		return err
	}
	return t.tell(actorOr(ctx, at.Owner), pipeline.EventIngested, at.place, func(ctx context.Context) (Subject, error) {
		var row pipeline.Request
		if err := t.get(ctx, &row, `SELECT `+requestColumns+` FROM requests WHERE id = ?`, requestID); err != nil {
			return Subject{}, err
		}
		row.Spec = "" // is not shown, and may be long
		views, err := t.requestViews(ctx, []pipeline.Request{row})
		if err != nil {
			return Subject{}, err
		}
		return Subject{Request: &views[0]}, nil
	})
}

// actorOr names a user who makes the changes unless ctx names one.
func actorOr(ctx context.Context, userID int64) context.Context {
	if pipeline.Actor(ctx) != 0 {
		return ctx
	}
	return pipeline.WithActor(ctx, userID)
}

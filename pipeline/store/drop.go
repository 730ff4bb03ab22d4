package store

import (
	"context"
	"fmt"

	"framemill/pipeline"
)

// DeleteTask hides a task at once, drops its open work and leaves the removal
// of its rows and files to a purge.
func (db *DB) DeleteTask(ctx context.Context, id int64) error {
	err := db.tx(ctx, func(t *Tx) error {
		var one int64
		if err := t.get(ctx, &one, `SELECT 1 FROM tasks WHERE id = ? AND deleted IS NULL`, id); err != nil {
			return err
		}
		return t.dropTasks(ctx, []int64{id})
	})
	if err != nil {
		return fmt.Errorf("delete task %d: %w", id, err)
	}
	return nil
}

// dropTasks marks tasks deleted and orders their purge.
func (t *Tx) dropTasks(ctx context.Context, ids []int64) error {
	// Rows are locked in the order unit, request, task, as everywhere.
	if err := t.dropWork(ctx, ids); err != nil {
		return err
	}
	if err := t.tellGone(ctx, ids); err != nil {
		return err
	}
	var gone []pipeline.Task
	if err := t.allIn(ctx, &gone, `
		UPDATE tasks SET deleted = {now} WHERE id IN (?) AND deleted IS NULL RETURNING id, tenant`, ids); err != nil {
		return err
	}
	// What was accepted in between waited for none of the locks above.
	if err := t.dropWork(ctx, ids); err != nil {
		return err
	}
	units := make([]pipeline.Unit, len(gone))
	for i, g := range gone {
		units[i] = purgeUnit(g.ID, g.Tenant, 0)
	}
	return t.AddUnits(ctx, units)
}

// tellGone announces that tasks, and with them their jobs, are about to go. The
// locks let nobody else announce the same.
func (t *Tx) tellGone(ctx context.Context, ids []int64) error {
	var there []int64
	if err := t.allIn(ctx, &there, `
		SELECT id FROM tasks WHERE id IN (?) AND deleted IS NULL ORDER BY id`+t.d.forUpdate(), ids); err != nil {
		return err
	}
	for _, id := range there {
		if err := t.tellJobs(ctx, pipeline.EventDeleteJob, id); err != nil {
			return err
		}
		if err := t.tellTask(ctx, pipeline.EventDeleteTask, id); err != nil {
			return err
		}
	}
	return nil
}

// dropWork removes the units of tasks and cancels their open requests. The purge
// of a whole task stays: another deletion of the same task has ordered it.
func (t *Tx) dropWork(ctx context.Context, taskIDs []int64) error {
	if _, err := t.execIn(ctx, `
		DELETE FROM units WHERE task_id IN (?) AND NOT (kind = 'task:purge' AND lo = 0)`, taskIDs); err != nil {
		return err
	}
	var open []pipeline.Request
	if err := t.allIn(ctx, &open, `
		SELECT id, state FROM requests
		WHERE task_id IN (?) AND state IN ('accepted', 'running')`+t.d.forUpdate(), taskIDs); err != nil {
		return err
	}
	for _, r := range open {
		if _, err := t.exec(ctx, `
			UPDATE requests SET state = 'cancelled', code = ?, text = ?, finished = {now} WHERE id = ?`,
			string(pipeline.CodeCancelled), "the task was deleted", r.ID); err != nil {
			return err
		}
		if err := t.addEvent(ctx, r.ID, r.State, pipeline.RequestCancelled, 0); err != nil {
			return err
		}
	}
	return nil
}

package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"framemill/pipeline"
)

// Ingest is what a producer hands over once the files are durable.
type Ingest struct {
	Task    *pipeline.Task
	OwnerID int64 // who asked
	Spec    pipeline.Spec
	Storage string          // of the data: local or share
	Phase   pipeline.Phase  // its first
	Units   []pipeline.Unit // of this phase: kind, lane, range and cost
}

// CloudStorageID returns the cloud storage that the media lie in, nil for none.
func (in *Ingest) CloudStorageID() *int64 {
	if in.Spec.CloudStorageID == 0 {
		return nil
	}
	return &in.Spec.CloudStorageID
}

// Accept records an ingest and its first units in one transaction. When it
// returns, nothing can lose the ingest any more and the request is readable.
//
// It is refused as Invalid when the task has data already, and as Conflict
// when another request of the task is open. A request that failed before is
// superseded.
func (db *DB) Accept(ctx context.Context, in Ingest) (*pipeline.Request, error) {
	spec, err := json.Marshal(in.Spec)
	if err != nil {
		return nil, err
	}
	var r *pipeline.Request
	err = db.tx(ctx, func(t *Tx) error {
		r, err = t.accept(ctx, in, string(spec))
		return err
	})
	if errors.Is(err, errUnknownCommit) {
		// The seed in the spec is random, so an equal spec is this very request.
		got, again := db.Request(context.WithoutCancel(ctx), pipeline.CreateRQID(in.Task.ID))
		if again == nil && got.Spec == string(spec) {
			return got, nil
		}
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (t *Tx) accept(ctx context.Context, in Ingest, spec string) (*pipeline.Request, error) {
	dataID, err := t.openData(ctx, in)
	if err != nil {
		return nil, err
	}
	rqID := pipeline.CreateRQID(in.Task.ID)
	if err := t.supersede(ctx, rqID); err != nil {
		return nil, err
	}
	var r pipeline.Request
	err = t.get(ctx, &r, `
		INSERT INTO requests (rq_id, task_id, tenant, owner_id, op, spec, state, phase, created)
		VALUES (?, ?, ?, ?, 'create', ?, 'accepted', ?, {now})
		RETURNING `+requestColumns,
		rqID, in.Task.ID, string(in.Task.Tenant), in.OwnerID, spec, string(in.Phase))
	if err != nil {
		return nil, err
	}
	if err := t.addEvent(ctx, r.ID, "", pipeline.RequestAccepted, 0); err != nil {
		return nil, err
	}
	if _, err := t.exec(ctx, `UPDATE data SET request_id = ? WHERE id = ?`, r.ID, dataID); err != nil {
		return nil, err
	}
	units := slices.Clone(in.Units)
	for i := range units {
		units[i].RequestID, units[i].TaskID, units[i].Tenant = &r.ID, in.Task.ID, in.Task.Tenant
	}
	return &r, t.AddUnits(ctx, units)
}

// openData makes or finds the data row of the task and writes the parameters
// of this ingest to it.
func (t *Tx) openData(ctx context.Context, in Ingest) (int64, error) {
	var task struct {
		DataID  *int64 `db:"data_id"`
		Deleted *int64 `db:"deleted"`
	}
	if err := t.get(ctx, &task, `SELECT data_id, deleted FROM tasks WHERE id = ?`+t.d.forUpdate(), in.Task.ID); err != nil {
		return 0, err
	}
	if task.Deleted != nil {
		return 0, pipeline.Errorf(pipeline.NotFound, "no such task")
	}
	id, err := t.ensureData(ctx, in.Task.ID, task.DataID)
	if err != nil {
		return 0, err
	}
	method := pipeline.MethodStatic
	if in.Spec.UseCache {
		method = pipeline.MethodCache
	}
	n, err := t.exec(ctx, `
		UPDATE data
		SET quality = ?, frame_filter = ?, start_frame = ?, sorting = ?, storage = ?, method = ?, cloud_storage_id = ?
		WHERE id = ? AND size = 0`,
		in.Spec.ImageQuality, in.Spec.FrameFilter, in.Spec.StartFrame, string(in.Spec.Sorting), in.Storage, method, in.CloudStorageID(), id)
	if err == nil && n == 0 {
		err = pipeline.Errorf(pipeline.Invalid, "Adding more data is not supported")
	}
	return id, err
}

// EnsureData makes the data row of a task that has none, as the first request
// to its data does, and returns the row's id.
func (db *DB) EnsureData(ctx context.Context, taskID int64) (id int64, err error) {
	err = db.tx(ctx, func(t *Tx) error {
		var have *int64
		if err := t.get(ctx, &have, `SELECT data_id FROM tasks WHERE id = ?`+t.d.forUpdate(), taskID); err != nil {
			return err
		}
		id, err = t.ensureData(ctx, taskID, have)
		return err
	})
	return id, err
}

func (t *Tx) ensureData(ctx context.Context, taskID int64, have *int64) (int64, error) {
	if have != nil {
		return *have, nil
	}
	var id int64
	if err := t.get(ctx, &id, `INSERT INTO data (task_id) VALUES (?) RETURNING id`, taskID); err != nil {
		return 0, err
	}
	_, err := t.exec(ctx, `UPDATE tasks SET data_id = ? WHERE id = ?`, id, taskID)
	return id, err
}

// supersede makes room for a new request with the public id.
func (t *Tx) supersede(ctx context.Context, rqID string) error {
	var old pipeline.Request
	err := t.get(ctx, &old, `
		SELECT `+requestColumns+` FROM requests WHERE rq_id = ? AND superseded IS NULL`+t.d.forUpdate(), rqID)
	if pipeline.KindOf(err) == pipeline.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if !old.Terminal() {
		return pipeline.Errorf(pipeline.Conflict, "a request for this task is still %s", old.State)
	}
	if _, err := t.exec(ctx, `UPDATE requests SET superseded = {now} WHERE id = ?`, old.ID); err != nil {
		return fmt.Errorf("supersede request %d: %w", old.ID, err)
	}
	return nil
}

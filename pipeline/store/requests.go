package store

import (
	"context"
	"fmt"
	"strings"

	"framemill/pipeline"
)

const requestColumns = `id, rq_id, task_id, tenant, owner_id, op, spec, state, phase, code, text, total, bad, names,
	created, started, jobs_open, finished, superseded`

// Request returns the current request with a public id.
func (db *DB) Request(ctx context.Context, rqID string) (*pipeline.Request, error) {
	var r pipeline.Request
	err := db.get(ctx, &r, `SELECT `+requestColumns+` FROM requests WHERE rq_id = ? AND superseded IS NULL`, rqID)
	return &r, err
}

// RequestByID returns a request by the id of its row.
func (db *DB) RequestByID(ctx context.Context, id int64) (*pipeline.Request, error) {
	var r pipeline.Request
	err := db.get(ctx, &r, `SELECT `+requestColumns+` FROM requests WHERE id = ?`, id)
	return &r, err
}

// RequestFilter narrows a list of requests; zero values mean "any".
type RequestFilter struct {
	OwnerID int64
	TaskID  int64
	States  []string
	Oldest  bool // oldest first, else newest first
	Offset  int64
	Limit   int64 // 0 = all
}

// Requests lists current requests and counts all that match.
func (db *DB) Requests(ctx context.Context, f RequestFilter) ([]pipeline.Request, int64, error) {
	where := []string{"superseded IS NULL"}
	var args []any
	if f.OwnerID != 0 {
		where, args = append(where, "owner_id = ?"), append(args, f.OwnerID)
	}
	if f.TaskID != 0 {
		where, args = append(where, "task_id = ?"), append(args, f.TaskID)
	}
	if len(f.States) > 0 {
		where, args = append(where, "state IN (?)"), append(args, f.States)
	}
	cond := " FROM requests WHERE " + strings.Join(where, " AND ")
	var total []int64
	if err := db.allIn(ctx, &total, `SELECT COUNT(*)`+cond, args...); err != nil {
		return nil, 0, err
	}
	order := " ORDER BY created DESC, id DESC"
	if f.Oldest {
		order = " ORDER BY created, id"
	}
	if f.Limit > 0 {
		order += fmt.Sprintf(" LIMIT %d OFFSET %d", f.Limit, f.Offset)
	}
	out := []pipeline.Request{}
	err := db.allIn(ctx, &out, `SELECT `+requestColumns+cond+order, args...)
	return out, total[0], err
}

// OpenRequests returns the ids of requests that have not ended, oldest first,
// at most limit and only those after an id.
func (db *DB) OpenRequests(ctx context.Context, after int64, limit int) ([]int64, error) {
	var ids []int64
	err := db.all(ctx, &ids, `
		SELECT id FROM requests WHERE state IN ('accepted', 'running') AND id > ? ORDER BY id LIMIT ?`, after, limit)
	return ids, err
}

// addEvent appends one change of state to the history of a request.
func (t *Tx) addEvent(ctx context.Context, requestID int64, from, to string, fence int64) error {
	_, err := t.exec(ctx, `
		INSERT INTO events (request_id, seq, old, new, fence, at)
		SELECT ?, COALESCE(MAX(seq), 0) + 1, ?, ?, ?, {now} FROM events WHERE request_id = ?`,
		requestID, from, to, fence, requestID)
	return err
}

// EndRequest marks a running request done with a note for people, "" if there
// is nothing to say. An ended request stays as it is.
func (t *Tx) EndRequest(ctx context.Context, c *pipeline.Claim, note string) error {
	n, err := t.exec(ctx, `
		UPDATE requests SET state = 'done', phase = 'finish', text = ?, finished = {now}
		WHERE id = ? AND state = 'running'`, note, c.Request.ID)
	if err != nil || n == 0 {
		return err
	}
	return t.addEvent(ctx, c.Request.ID, pipeline.RequestRunning, pipeline.RequestDone, c.Fence)
}

// failRequest ends a request without success, takes back what was published
// and leaves the rest to a purge. An ended request stays as it is.
func (t *Tx) failRequest(ctx context.Context, r *pipeline.Request, state string, why *pipeline.Error, fence int64) error {
	var old string
	err := t.get(ctx, &old, `SELECT state FROM requests WHERE id = ?`+t.d.forUpdate(), r.ID)
	if err != nil {
		return err
	}
	if old != pipeline.RequestAccepted && old != pipeline.RequestRunning {
		return nil
	}
	if _, err := t.exec(ctx, `
		UPDATE requests SET state = ?, code = ?, text = ?, finished = {now} WHERE id = ?`,
		state, string(why.Code), why.Text, r.ID); err != nil {
		return err
	}
	if err := t.addEvent(ctx, r.ID, old, state, fence); err != nil {
		return err
	}
	if _, err := t.exec(ctx, `DELETE FROM units WHERE request_id = ? AND state <> 'failed'`, r.ID); err != nil {
		return err
	}
	if err := t.unpublish(ctx, r.TaskID); err != nil {
		return err
	}
	return t.AddUnits(ctx, []pipeline.Unit{purgeUnit(r.TaskID, r.Tenant, r.ID)})
}

// CancelRequest ends an open request on the wish of its owner. It reports
// whether the request had started; one that has ended is a Conflict.
func (db *DB) CancelRequest(ctx context.Context, id int64) (started bool, err error) {
	err = db.tx(ctx, func(t *Tx) error {
		var r pipeline.Request
		err := t.get(ctx, &r, `SELECT `+requestColumns+` FROM requests WHERE id = ?`+t.d.forUpdate(), id)
		if err != nil {
			return err
		}
		if r.Terminal() {
			return pipeline.FieldErrorf("", "Only requests that have not ended can be cancelled")
		}
		started = r.State == pipeline.RequestRunning
		return t.failRequest(ctx, &r, pipeline.RequestCancelled,
			pipeline.Failf(pipeline.CodeCancelled, "", "cancelled by its owner"), 0)
	})
	return started, err
}

// purgeUnit is the background work of removing what a request left, or, when
// requestID is 0, all of a deleted task.
func purgeUnit(taskID int64, tenant pipeline.Tenant, requestID int64) pipeline.Unit {
	key := fmt.Sprintf("purge:%d:%d", taskID, requestID)
	return pipeline.Unit{
		TaskID: taskID, Kind: pipeline.TaskPurge, Lane: pipeline.Background,
		Tenant: tenant, Lo: requestID, Hi: requestID, Dedupe: &key,
	}
}

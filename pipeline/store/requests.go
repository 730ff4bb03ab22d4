package store

import (
	"context"
	"fmt"

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

// statusSQL is the state of a request as clients see it.
const statusSQL = `CASE r.state WHEN 'accepted' THEN 'queued' WHEN 'running' THEN 'started'
	WHEN 'done' THEN 'finished' ELSE 'failed' END`

// requests lists current requests. One that was cancelled before it began is
// as if it had never been.
func requests() *listing {
	return &listing{
		columns: `r.id, r.rq_id, r.task_id, r.tenant, r.owner_id, r.op, r.spec, r.state, r.phase, r.code, r.text,
			r.total, r.bad, r.names, r.created, r.started, r.jobs_open, r.finished, r.superseded`,
		from:  `requests r`,
		joins: []join{{"t", `JOIN tasks t ON t.id = r.task_id`}},
		where: `r.superseded IS NULL AND NOT (r.state = 'cancelled' AND r.started IS NULL)`,
		task:  `r.task_id`,
		id:    "r.id",
		fields: map[string]field{
			"status":       {expr: statusSQL},
			"action":       {expr: "r.op"},
			"target":       {expr: "'task'"},
			"subresource":  {expr: "''"},
			"format":       {expr: "''"},
			"task_id":      {expr: "r.task_id", typ: number},
			"project_id":   {expr: "t.project_id", typ: number, joins: "t"},
			"job_id":       {expr: "CAST(NULL AS BIGINT)", typ: number},
			"created_date": {expr: "r.created", typ: date},
		},
	}
}

// RequestView is a request with what is shown beside it.
type RequestView struct {
	pipeline.Request
	Owner     *pipeline.User
	ProjectID *int64
	OrgID     *int64
	Frames    int64 // of the task, once its jobs are visible
	Jobs      int64
}

// Requests lists the current requests that v owns, whatever else he may see, and
// counts all that match.
func (db *DB) Requests(ctx context.Context, v Viewer, q Query) ([]RequestView, int64, error) {
	rows, total, err := list(ctx, db, requests(), q, func(r *pipeline.Request) int64 { return r.ID }, v.requests())
	if err != nil {
		return nil, 0, err
	}
	views, err := db.requestViews(ctx, rows)
	return views, total, err
}

// RequestView returns the current request with a public id as clients see it.
func (db *DB) RequestView(ctx context.Context, rqID string) (*RequestView, error) {
	r, err := db.Request(ctx, rqID)
	if err != nil {
		return nil, err
	}
	if r.State == pipeline.RequestCancelled && r.Started == nil {
		return nil, pipeline.Errorf(pipeline.NotFound, "the request was cancelled before it began")
	}
	views, err := db.requestViews(ctx, []pipeline.Request{*r})
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

func (c conn) requestViews(ctx context.Context, rows []pipeline.Request) ([]RequestView, error) {
	taskIDs, userIDs := idSet{}, idSet{}
	for i := range rows {
		taskIDs.add(&rows[i].TaskID)
		userIDs.add(&rows[i].OwnerID)
	}
	users, err := c.people(ctx, userIDs)
	if err != nil {
		return nil, fmt.Errorf("load owners of requests: %w", err)
	}
	type sum struct {
		TaskID    int64  `db:"id"`
		ProjectID *int64 `db:"project_id"`
		OrgID     *int64 `db:"org_id"`
		Frames    int64  `db:"frames"`
		Jobs      int64  `db:"jobs"`
	}
	sums, err := rowsBy(ctx, c, taskIDs, `
		SELECT t.id, t.project_id, t.org_id, COALESCE(d.size, 0) AS frames,
			(SELECT COUNT(*) FROM jobs j WHERE j.task_id = t.id) AS jobs
		FROM tasks t LEFT JOIN data d ON d.task_id = t.id WHERE t.id IN (?)`,
		func(s *sum) int64 { return s.TaskID })
	if err != nil {
		return nil, fmt.Errorf("sum up tasks of requests: %w", err)
	}
	out := make([]RequestView, len(rows))
	for i, r := range rows {
		out[i] = RequestView{Request: r, Owner: users[r.OwnerID]}
		if s := sums[r.TaskID]; s != nil {
			out[i].ProjectID, out[i].OrgID, out[i].Frames, out[i].Jobs = s.ProjectID, s.OrgID, s.Frames, s.Jobs
		}
	}
	return out, nil
}

// OpenRequests returns the ids of requests that have not ended, oldest first,
// at most limit and only those after an id.
func (db *DB) OpenRequests(ctx context.Context, after int64, limit int) ([]int64, error) {
	var ids []int64
	err := db.all(ctx, &ids, `
		SELECT id FROM requests WHERE state IN ('accepted', 'running') AND id > ? ORDER BY id LIMIT ?`, after, limit)
	return ids, err
}

// addEvent appends one change of state to the history of a request, and tells
// webhooks of its end. There is one end, as ended states stay as they are.
func (t *Tx) addEvent(ctx context.Context, requestID int64, from, to string, fence int64) error {
	_, err := t.exec(ctx, `
		INSERT INTO events (request_id, seq, old, new, fence, at)
		SELECT ?, COALESCE(MAX(seq), 0) + 1, ?, ?, ?, {now} FROM events WHERE request_id = ?`,
		requestID, from, to, fence, requestID)
	if err != nil || to == pipeline.RequestAccepted || to == pipeline.RequestRunning {
		return err
	}
	return t.tellEnd(ctx, requestID)
}

// countBad counts the files of a request that cannot be used, once no stage
// will find more of them. The index of such files is of those that are not ok.
const countBad = `bad = (SELECT COUNT(*) FROM files WHERE request_id = requests.id AND outcome <> 'ok' AND outcome = 'failed')`

// EndRequest marks a running request done with a note for people, "" if there
// is nothing to say. An ended request stays as it is.
func (t *Tx) EndRequest(ctx context.Context, c *pipeline.Claim, note string) error {
	n, err := t.exec(ctx, `
		UPDATE requests SET state = 'done', phase = 'finish', text = ?, finished = {now}, `+countBad+`
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
		UPDATE requests SET state = ?, code = ?, text = ?, finished = {now}, `+countBad+` WHERE id = ?`,
		state, string(why.Code), why.Text, r.ID); err != nil {
		return err
	}
	if err := t.addEvent(ctx, r.ID, old, state, fence); err != nil {
		return err
	}
	if _, err := t.exec(ctx, `DELETE FROM units WHERE request_id = ? AND state <> 'failed'`, r.ID); err != nil {
		return err
	}
	if err := t.unpublish(actorOr(ctx, r.OwnerID), r.TaskID); err != nil {
		return err
	}
	return t.AddUnits(ctx, []pipeline.Unit{purgeUnit(r.TaskID, r.Tenant, r.ID)})
}

// CancelRequest ends an open request on the wish of its owner. It reports
// whether the request had started; one that has ended is a Conflict.
func (db *DB) CancelRequest(ctx context.Context, id int64) (started bool, err error) {
	err = db.endOpen(ctx, id, func(t *Tx, r *pipeline.Request) error {
		if r.Terminal() {
			return pipeline.FieldErrorf("", "Only requests that have not ended can be cancelled")
		}
		started = r.State == pipeline.RequestRunning
		return t.failRequest(ctx, r, pipeline.RequestCancelled,
			pipeline.Failf(pipeline.CodeCancelled, "", "cancelled by its owner"), 0)
	})
	return started, err
}

// FailRequest ends an open request whose next phase cannot be begun. One that
// has ended stays as it is.
func (db *DB) FailRequest(ctx context.Context, id int64, why *pipeline.Error) error {
	return db.endOpen(ctx, id, func(t *Tx, r *pipeline.Request) error {
		return t.failRequest(ctx, r, pipeline.RequestFailed, why, 0)
	})
}

// endOpen drops the units of a request and has end decide about it.
func (db *DB) endOpen(ctx context.Context, id int64, end func(*Tx, *pipeline.Request) error) error {
	return db.tx(ctx, func(t *Tx) error {
		// Rows are locked in the order unit, request, task, as everywhere.
		if _, err := t.exec(ctx, `DELETE FROM units WHERE request_id = ?`, id); err != nil {
			return err
		}
		var r pipeline.Request
		err := t.get(ctx, &r, `SELECT `+requestColumns+` FROM requests WHERE id = ?`+t.d.forUpdate(), id)
		if err != nil {
			return err
		}
		return end(t, &r)
	})
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

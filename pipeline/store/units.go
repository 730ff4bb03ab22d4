package store

import (
	"context"
	"errors"

	"framemill/pipeline"
)

const unitColumns = `id, request_id, task_id, kind, lane, tenant, lo, hi, arg, rank, dedupe, cost, state, gen,
	sent, run_at, fence, worker_id, lease, attempts, crashes, code, created`

// Unit returns a unit; one that is done and was cleared away is NotFound.
func (db *DB) Unit(ctx context.Context, id pipeline.UnitID) (*pipeline.Unit, error) {
	var u pipeline.Unit
	err := db.get(ctx, &u, `SELECT `+unitColumns+` FROM units WHERE id = ?`, string(id))
	return &u, err
}

// AddUnits inserts ready units; of two open ones with the same dedupe key the
// first wins.
func (t *Tx) AddUnits(ctx context.Context, units []pipeline.Unit) error {
	if len(units) == 0 {
		return nil
	}
	var now int64
	if err := t.get(ctx, &now, `SELECT {now}`); err != nil {
		return err
	}
	type row = pipeline.Unit
	for i := range units {
		if units[i].ID == "" {
			units[i].ID = pipeline.NewUnitID()
		}
	}
	return t.insert(ctx, "units", len(units), " ON CONFLICT DO NOTHING",
		col("id", units, func(u *row) string { return string(u.ID) }),
		col("request_id", units, func(u *row) *int64 { return u.RequestID }),
		col("task_id", units, func(u *row) int64 { return u.TaskID }),
		col("kind", units, func(u *row) string { return string(u.Kind) }),
		col("lane", units, func(u *row) string { return string(u.Lane) }),
		col("tenant", units, func(u *row) string { return string(u.Tenant) }),
		col("lo", units, func(u *row) int64 { return u.Lo }),
		col("hi", units, func(u *row) int64 { return u.Hi }),
		col("arg", units, func(u *row) string { return u.Arg }),
		col("rank", units, func(u *row) int64 { return u.Rank }),
		col("dedupe", units, func(u *row) *string { return u.Dedupe }),
		col("cost", units, func(u *row) float64 { return u.Cost }),
		col("state", units, func(*row) string { return pipeline.UnitReady }),
		col("run_at", units, func(*row) int64 { return now }),
		col("created", units, func(*row) int64 { return now }),
	)
}

// ErrStale is returned by Fenced when the unit belongs to another attempt, or
// to nobody, by now: the caller's results are void.
var ErrStale = errors.New("another attempt has taken the unit")

// ErrNotClaimable is returned by Claim when the message is out of date: the
// unit is done, dropped, already running, or of another generation.
var ErrNotClaimable = errors.New("the unit cannot be claimed")

// Claim gives a worker the right to run one attempt at a unit. The first claim
// of a request starts it. A unit whose request has ended is dropped.
func (db *DB) Claim(ctx context.Context, m pipeline.Message, workerID string) (*pipeline.Claim, error) {
	var c pipeline.Claim
	var dropped bool
	err := db.tx(ctx, func(t *Tx) error {
		c, dropped = pipeline.Claim{}, false
		err := t.get(ctx, &c.Unit, `
			UPDATE units
			SET state = 'running', fence = fence + 1, crashes = crashes + 1, worker_id = ?, lease = {now} + ?
			WHERE id = ? AND gen = ? AND state = 'ready'
			RETURNING `+unitColumns, workerID, pipeline.LeaseTime.Microseconds(), string(m.ID), m.Gen)
		if pipeline.KindOf(err) == pipeline.NotFound {
			return ErrNotClaimable
		}
		if err != nil || c.RequestID == nil {
			return err
		}
		dropped, err = t.startRequest(ctx, &c)
		return err
	})
	if err == nil && dropped {
		err = ErrNotClaimable
	}
	if err != nil {
		return nil, err
	}
	return &c, nil
}

// startRequest loads the request of a fresh claim and marks its start. A unit
// whose request has ended is dropped.
func (t *Tx) startRequest(ctx context.Context, c *pipeline.Claim) (dropped bool, err error) {
	var r pipeline.Request
	err = t.get(ctx, &r, `SELECT `+requestColumns+` FROM requests WHERE id = ?`+t.d.forUpdate(), *c.RequestID)
	if err != nil && pipeline.KindOf(err) != pipeline.NotFound {
		return false, err
	}
	if err != nil || r.Terminal() {
		_, err := t.exec(ctx, `DELETE FROM units WHERE id = ?`, string(c.ID))
		return true, err
	}
	if r.State == pipeline.RequestAccepted {
		if _, err := t.exec(ctx, `
			UPDATE requests SET state = 'running', started = {now} WHERE id = ?`, r.ID); err != nil {
			return false, err
		}
		if err := t.addEvent(ctx, r.ID, r.State, pipeline.RequestRunning, c.Fence); err != nil {
			return false, err
		}
		r.State = pipeline.RequestRunning
	}
	c.Request = &r
	return false, nil
}

// Fenced runs fn in a transaction that has first locked the unit and checked
// that the claim still holds, so that an attempt which was taken for dead
// commits nothing. It returns ErrStale when the claim is void.
// Rows are always locked in the order unit, request, task.
func (db *DB) Fenced(ctx context.Context, c *pipeline.Claim, fn func(*Tx) error) error {
	return db.tx(ctx, func(t *Tx) error {
		var one int64
		err := t.get(ctx, &one, `
			SELECT 1 FROM units WHERE id = ? AND fence = ? AND state = 'running'`+t.d.forUpdate(),
			string(c.ID), c.Fence)
		if pipeline.KindOf(err) == pipeline.NotFound {
			return ErrStale
		}
		if err != nil {
			return err
		}
		return fn(t)
	})
}

// SetUnitArg keeps what another attempt at a unit needs to go on.
func (t *Tx) SetUnitArg(ctx context.Context, c *pipeline.Claim, arg string) error {
	_, err := t.exec(ctx, `UPDATE units SET arg = ? WHERE id = ?`, arg, string(c.ID))
	return err
}

// EndUnit marks the claimed unit done; one without a request is removed.
func (t *Tx) EndUnit(ctx context.Context, c *pipeline.Claim) error {
	query := `UPDATE units SET state = 'done', crashes = crashes - 1, lease = NULL WHERE id = ?`
	if c.RequestID == nil {
		query = `DELETE FROM units WHERE id = ?`
	}
	_, err := t.exec(ctx, query, string(c.ID))
	return err
}

// AgainUnit makes the claimed unit ready for another attempt after a pause of
// the given microseconds, because this one ended by an error.
func (t *Tx) AgainUnit(ctx context.Context, c *pipeline.Claim, pause int64, code pipeline.Code) error {
	_, err := t.exec(ctx, `
		UPDATE units
		SET state = 'ready', gen = gen + 1, sent = NULL, run_at = {now} + ?, worker_id = NULL, lease = NULL,
			attempts = attempts + 1, crashes = crashes - 1, code = ?
		WHERE id = ?`, pause, string(code), string(c.ID))
	return err
}

// ReleaseUnit hands the claimed unit back as if it had never been claimed,
// because this process is about to stop.
func (t *Tx) ReleaseUnit(ctx context.Context, c *pipeline.Claim) error {
	_, err := t.exec(ctx, `
		UPDATE units
		SET state = 'ready', gen = gen + 1, sent = NULL, run_at = {now}, worker_id = NULL, lease = NULL,
			crashes = crashes - 1
		WHERE id = ?`, string(c.ID))
	return err
}

// FailUnit ends the claimed unit for good, and its request with it.
func (t *Tx) FailUnit(ctx context.Context, c *pipeline.Claim, why *pipeline.Error) error {
	_, err := t.exec(ctx, `
		UPDATE units SET state = 'failed', crashes = crashes - 1, lease = NULL, code = ? WHERE id = ?`,
		string(why.Code), string(c.ID))
	if err != nil || c.Request == nil {
		return err
	}
	return t.failRequest(ctx, c.Request, pipeline.RequestFailed, why, c.Fence)
}

package store

import (
	"context"

	"framemill/pipeline"
)

// Step is what follows a phase: the next one and its units.
type Step struct {
	Phase pipeline.Phase
	Units []pipeline.Unit
}

// Advance moves a running request to its next phase when every unit of the
// current one is done. next computes what follows; it is asked only then, and
// may read in the same transaction. There is no counter to fight over: of all
// the callers one changes the row.
func (db *DB) Advance(ctx context.Context, requestID int64, next func(context.Context, *Tx, *pipeline.Request) (Step, error)) (bool, error) {
	through, err := db.phaseIsThrough(ctx, requestID)
	if err != nil || !through {
		return false, err
	}
	var moved bool
	err = db.tx(ctx, func(t *Tx) error {
		moved = false
		var r pipeline.Request
		err := t.get(ctx, &r, `SELECT `+requestColumns+` FROM requests WHERE id = ?`+t.d.forUpdate(), requestID)
		if err != nil {
			return err
		}
		if through, err := t.phaseIsThrough(ctx, requestID); err != nil || !through {
			return err
		}
		step, err := next(ctx, t, &r)
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, `
			UPDATE requests SET phase = ? WHERE id = ? AND phase = ?`, string(step.Phase), r.ID, string(r.Phase)); err != nil {
			return err
		}
		moved = true
		return t.AddUnits(ctx, step.Units)
	})
	return moved, err
}

// IndexToCut returns the key of the frame index by which the chunks of a request
// are to be cut, "" if it is not about to: of a video whose jobs are all there
// and whose chunks are stored.
func (db *DB) IndexToCut(ctx context.Context, requestID int64) (string, error) {
	through, err := db.phaseIsThrough(ctx, requestID)
	if err != nil || !through {
		return "", err
	}
	var key string
	err = db.get(ctx, &key, `
		SELECT COALESCE(MAX(d.index_key), '') FROM requests r JOIN data d ON d.task_id = r.task_id
		WHERE r.id = ? AND r.phase = 'generate' AND d.method <> 'cache'`, requestID)
	return key, err
}

// phaseIsThrough reports whether a request runs, every unit of its phase is
// done, and another phase follows.
func (c conn) phaseIsThrough(ctx context.Context, requestID int64) (bool, error) {
	var through bool
	err := c.get(ctx, &through, `
		SELECT EXISTS (SELECT 1 FROM requests WHERE id = ? AND state = 'running' AND phase NOT IN ('all', 'finish'))
			AND NOT EXISTS (SELECT 1 FROM units WHERE request_id = ? AND state IN ('ready', 'running'))`,
		requestID, requestID)
	return through, err
}

// Stuck lists running requests without an open unit: the process that should
// have advanced them died between two transactions. The condition on the state
// is spelled as in the index of open requests, for SQLite would not use it.
func (db *DB) Stuck(ctx context.Context, limit int) ([]int64, error) {
	var ids []int64
	err := db.all(ctx, &ids, `
		SELECT r.id FROM requests r
		WHERE r.state IN ('accepted', 'running') AND r.state = 'running' AND r.phase NOT IN ('all', 'finish') AND NOT EXISTS (
			SELECT 1 FROM units u WHERE u.request_id = r.id AND u.state IN ('ready', 'running')
		) LIMIT ?`, limit)
	return ids, err
}

package store

import (
	"context"

	"framemill/pipeline"
)

// Reap takes units away from workers that have stopped beating and makes them
// ready again. The fence stays, so the next claim raises it past the dead
// attempt's. They go to the interactive lane: they are late already, and would
// wait there for nobody who came after them. It returns how many it took.
func (db *DB) Reap(ctx context.Context) (int64, error) {
	var due int64
	err := db.get(ctx, &due, `SELECT COUNT(*) FROM units WHERE state = 'running' AND lease < {now}`)
	if err != nil || due == 0 {
		return 0, err
	}
	var n int64
	err = db.tx(ctx, func(t *Tx) error {
		n, err = t.exec(ctx, `
			UPDATE units
			SET state = 'ready', gen = gen + 1, sent = NULL, run_at = {now}, worker_id = NULL, lease = NULL,
				lane = 'interactive'
			WHERE state = 'running' AND lease < {now}`)
		return err
	})
	return n, err
}

// Reclaim takes every running unit away from its worker at once. Only a
// process that knows to be the only one may call it, at its start.
func (db *DB) Reclaim(ctx context.Context) (int64, error) {
	var n int64
	err := db.tx(ctx, func(t *Tx) (err error) {
		if _, err = t.exec(ctx, `DELETE FROM workers`); err != nil {
			return err
		}
		if _, err = t.exec(ctx, `UPDATE units SET sent = NULL, gen = gen + 1 WHERE state = 'ready' AND sent IS NOT NULL`); err != nil {
			return err
		}
		n, err = t.exec(ctx, `
			UPDATE units SET state = 'ready', gen = gen + 1, sent = NULL, run_at = {now}, worker_id = NULL, lease = NULL
			WHERE state = 'running'`)
		return err
	})
	return n, err
}

// SentUnit is a unit whose message was sent some time ago.
type SentUnit struct {
	pipeline.Unit
	Age int64 `db:"age"` // µs since it was sent
}

// Unclaimed lists units whose message was sent some time ago and not claimed:
// the message may be lost, or nobody may be there to take it.
func (db *DB) Unclaimed(ctx context.Context, limit int) ([]SentUnit, error) {
	var out []SentUnit
	err := db.all(ctx, &out, `
		SELECT `+unitColumns+`, {now} - sent AS age FROM units
		WHERE state = 'ready' AND sent IS NOT NULL AND sent < {now} - ? ORDER BY sent LIMIT ?`,
		pipeline.LostAfter.Microseconds(), limit)
	return out, err
}

// Resend makes the relay send a unit again under a new generation, unless it
// was claimed meanwhile.
func (db *DB) Resend(ctx context.Context, id pipeline.UnitID, gen int64) error {
	return db.tx(ctx, func(t *Tx) error {
		_, err := t.exec(ctx, `
			UPDATE units SET gen = gen + 1, sent = NULL WHERE id = ? AND gen = ? AND state = 'ready'`, string(id), gen)
		return err
	})
}

// LaneCount is how many units of a lane are in a state, and since when the
// oldest of them waits.
type LaneCount struct {
	Lane   pipeline.Lane `db:"lane"`
	State  string        `db:"state"` // waiting, sent or running
	N      int64         `db:"n"`
	Oldest int64         `db:"oldest"` // µs of age
}

// LaneCounts counts the open units.
func (db *DB) LaneCounts(ctx context.Context) ([]LaneCount, error) {
	var out []LaneCount
	err := db.all(ctx, &out, `
		SELECT lane, 'waiting' AS state, COUNT(*) AS n, {now} - MIN(created) AS oldest FROM units
		WHERE state = 'ready' AND sent IS NULL GROUP BY lane
		UNION ALL
		SELECT lane, 'sent', COUNT(*), {now} - MIN(created) FROM units
		WHERE state = 'ready' AND sent IS NOT NULL GROUP BY lane
		UNION ALL
		SELECT lane, 'running', COUNT(*), {now} - MIN(created) FROM units
		WHERE state = 'running' GROUP BY lane`)
	return out, err
}

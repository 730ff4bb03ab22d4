package store

import (
	"context"
	"encoding/json"

	"framemill/pipeline"
)

// Beat says that a consumer process lives: it renews the worker's row and the
// leases of the units that it runs, in one transaction. It returns the units
// among held that are no longer its own, whose attempts should end.
func (db *DB) Beat(ctx context.Context, w pipeline.Worker, held []pipeline.UnitID) (lost []pipeline.UnitID, err error) {
	var kept []pipeline.UnitID
	err = db.tx(ctx, func(t *Tx) error {
		kept = nil
		_, err := t.exec(ctx, `
			INSERT INTO workers (id, host, version, slots, beat) VALUES (?, ?, ?, ?, {now})
			ON CONFLICT (id) DO UPDATE SET beat = excluded.beat, slots = excluded.slots`,
			w.ID, w.Host, w.Version, w.Slots)
		if err != nil || len(held) == 0 {
			return err
		}
		ids := make([]string, len(held))
		for i, id := range held {
			ids[i] = string(id)
		}
		return t.allIn(ctx, &kept, `
			UPDATE units SET lease = {now} + ? WHERE worker_id = ? AND state = 'running' AND id IN (?)
			RETURNING id`, pipeline.LeaseTime.Microseconds(), w.ID, ids)
	})
	if err != nil {
		return nil, err
	}
	db.beats.Add(1)
	mine := make(map[pipeline.UnitID]bool, len(kept))
	for _, id := range kept {
		mine[id] = true
	}
	for _, id := range held {
		if !mine[id] {
			lost = append(lost, id)
		}
	}
	return lost, nil
}

// Leave removes the row of a worker that stops.
func (db *DB) Leave(ctx context.Context, workerID string) error {
	return db.tx(ctx, func(t *Tx) error {
		_, err := t.exec(ctx, `DELETE FROM workers WHERE id = ?`, workerID)
		return err
	})
}

// Worker returns the row of a live worker, or NotFound.
func (db *DB) Worker(ctx context.Context, id string) (*pipeline.Worker, error) {
	var w pipeline.Worker
	err := db.get(ctx, &w, `
		SELECT id, host, version, slots, beat FROM workers WHERE id = ? AND beat > {now} - ?`,
		id, pipeline.LeaseTime.Microseconds())
	return &w, err
}

// LiveWorkers counts the live workers that serve a lane.
func (db *DB) LiveWorkers(ctx context.Context, lane pipeline.Lane) (int64, error) {
	var rows []string
	err := db.all(ctx, &rows, `SELECT slots FROM workers WHERE beat > {now} - ?`, pipeline.LeaseTime.Microseconds())
	if err != nil {
		return 0, err
	}
	var n int64
	for _, r := range rows {
		slots := make(map[pipeline.Lane]int)
		if json.Unmarshal([]byte(r), &slots) == nil && slots[lane] > 0 {
			n++
		}
	}
	return n, nil
}

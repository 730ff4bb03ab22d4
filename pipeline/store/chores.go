package store

import (
	"context"
	"time"

	"framemill/pipeline"
)

// TakeChore reports whether a periodic chore is due, and if so moves its time
// forward, so that of all processes one runs it.
func (db *DB) TakeChore(ctx context.Context, name string, every time.Duration) (bool, error) {
	var later bool
	err := db.get(ctx, &later, `SELECT EXISTS (SELECT 1 FROM chores WHERE name = ? AND due > {now})`, name)
	if err != nil || later {
		return false, err
	}
	var n int64
	err = db.tx(ctx, func(t *Tx) error {
		n, err = t.exec(ctx, `
			INSERT INTO chores (name, due) VALUES (?, {now} + ?)
			ON CONFLICT (name) DO UPDATE SET due = excluded.due WHERE chores.due <= {now}`,
			name, every.Microseconds())
		return err
	})
	return n == 1, err
}

// EndedUnits removes a page of units that nobody will ask for again: those of
// requests that have ended, and failed ones that belong to none, but for purges.
// It returns how many it removed.
func (db *DB) EndedUnits(ctx context.Context) (int64, error) {
	const ended = `
		SELECT u.id FROM units u LEFT JOIN requests r ON r.id = u.request_id
		WHERE u.state IN ('done', 'failed') AND u.kind <> 'task:purge'
			AND (r.state IN ('done', 'failed', 'cancelled') OR u.request_id IS NULL AND u.created < {now} - ?)
		LIMIT ?`
	var due []pipeline.UnitID
	hour := time.Hour.Microseconds()
	err := db.all(ctx, &due, ended, hour, PurgePage)
	if err != nil || len(due) == 0 {
		return 0, err
	}
	var n int64
	err = db.tx(ctx, func(t *Tx) error {
		n, err = t.exec(ctx, `DELETE FROM units WHERE id IN (`+ended+`)`, hour, PurgePage)
		return err
	})
	return n, err
}

// PurgesAgain orders the purges again that failed for good more than an hour
// ago: what they left takes up room until one succeeds. It returns 0, because
// none of them is due a second time.
func (db *DB) PurgesAgain(ctx context.Context) (int64, error) {
	const due = `state = 'failed' AND kind = 'task:purge' AND run_at < {now} - ?`
	hour := time.Hour.Microseconds()
	var any bool
	err := db.get(ctx, &any, `SELECT EXISTS (SELECT 1 FROM units WHERE `+due+`)`, hour)
	if err != nil || !any {
		return 0, err
	}
	return 0, db.tx(ctx, func(t *Tx) error {
		// Another may have been ordered since, which does the same.
		if _, err := t.exec(ctx, `
			DELETE FROM units WHERE `+due+` AND dedupe IN (
				SELECT dedupe FROM units WHERE kind = 'task:purge' AND state IN ('ready', 'running'))`, hour); err != nil {
			return err
		}
		_, err := t.exec(ctx, `
			UPDATE units
			SET state = 'ready', gen = gen + 1, sent = NULL, run_at = {now}, worker_id = NULL, lease = NULL,
				attempts = 0, crashes = 0, code = ''
			WHERE id IN (SELECT MAX(id) FROM units WHERE `+due+` GROUP BY dedupe)`, hour)
		return err
	})
}

// retention is how long an ended request that was superseded stays readable in
// the history, and its events with it.
const retention = 30 * 24 * time.Hour

// OldRequests removes a page of requests that were superseded long ago, with
// their events and the reports of files that could not be used. It returns how
// many it removed.
func (db *DB) OldRequests(ctx context.Context) (int64, error) {
	var old []int64
	err := db.all(ctx, &old, `
		SELECT id FROM requests WHERE superseded IS NOT NULL AND finished < {now} - ? LIMIT ?`,
		retention.Microseconds(), oldRequests)
	if err != nil || len(old) == 0 {
		return 0, err
	}
	var n int64
	err = db.tx(ctx, func(t *Tx) (err error) {
		for _, query := range []string{
			`DELETE FROM related WHERE request_id IN (?)`,
			`DELETE FROM files WHERE request_id IN (?)`,
			`DELETE FROM events WHERE request_id IN (?)`,
			`DELETE FROM requests WHERE id IN (?)`,
		} {
			if n, err = t.execIn(ctx, query, old); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

// oldRequests is how many requests a page of OldRequests has: each may bring
// many files.
const oldRequests = 20

// unusedFor is how long what readers of videos asked for beside chunks is kept
// after its last use.
const unusedFor = 24 * time.Hour

// UnusedExtras forgets a page of such things; their files are garbage then.
func (db *DB) UnusedExtras(ctx context.Context) (int64, error) {
	var n int64
	err := db.tx(ctx, func(t *Tx) (err error) {
		n, err = t.exec(ctx, `
			DELETE FROM chunks WHERE (segment_id, quality, idx) IN (
				SELECT segment_id, quality, idx FROM chunks
				WHERE used < {now} - ? AND quality NOT IN ('compressed', 'original', 'preview') LIMIT ?)`,
			unusedFor.Microseconds(), PurgePage)
		return err
	})
	return n, err
}

// Unnamed returns those of the keys that no row names: garbage, when they are
// older than any attempt that may still write a row.
func (db *DB) Unnamed(ctx context.Context, keys []string) ([]string, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	named := make(map[string]bool)
	for _, query := range []string{
		`SELECT store_key FROM chunks WHERE store_key IN (?)`,
		`SELECT store_key FROM uploads WHERE store_key IN (?)`,
		`SELECT index_key FROM files WHERE index_key <> '' AND index_key IN (?)`,
		// As the index files_blob has it: the key of the blob that a file is, or
		// that it is a member of. LTRIM takes away "zip:offset,packed,method:" and "kitti:bytes:".
		`SELECT DISTINCT SUBSTR(LTRIM(ref, 'kitzp:0123456789,'), 6) FROM files
		WHERE LTRIM(ref, 'kitzp:0123456789,') LIKE 'blob:%' AND SUBSTR(LTRIM(ref, 'kitzp:0123456789,'), 6) IN (?)`,
	} {
		var found []string
		if err := db.allIn(ctx, &found, query, keys); err != nil {
			return nil, err
		}
		for _, k := range found {
			named[k] = true
		}
	}
	var out []string
	for _, k := range keys {
		if !named[k] {
			out = append(out, k)
		}
	}
	return out, nil
}

// OpenNames lists the prefixes of the collected names that open requests still
// read.
func (db *DB) OpenNames(ctx context.Context) ([]string, error) {
	var out []string
	err := db.all(ctx, &out, `
		SELECT names FROM requests WHERE state IN ('accepted', 'running') AND names <> ''`)
	return out, err
}

package store

import (
	"context"
	"time"

	"framemill/pipeline"
)

const partialColumns = `id, task_id, user_id, name, length, received, store_key, sums, fence, created, expires`

// maxPartials bounds how many files of a task may be under way.
const maxPartials = 10_000

// ErrSuperseded is what a sender hears after whom somebody else has begun to
// send the same file.
var ErrSuperseded = pipeline.Errorf(pipeline.Conflict, "Another connection is sending this file")

// OpenPartial begins a file that is sent piece by piece; it expires after ttl
// without a piece. A name that the task has already is a Conflict.
func (db *DB) OpenPartial(ctx context.Context, p *pipeline.Partial, ttl time.Duration) error {
	return db.tx(ctx, func(t *Tx) error {
		stale, err := t.uploadable(ctx, p.TaskID, t.d.forUpdate())
		if err != nil {
			return err
		}
		var have struct {
			Named bool  `db:"named"`
			Open  int64 `db:"open"`
		}
		err = t.get(ctx, &have, `
			SELECT EXISTS (SELECT 1 FROM uploads WHERE task_id = ? AND name = ? AND created > ?) AS named,
				(SELECT COUNT(*) FROM partials WHERE task_id = ?) AS open`, p.TaskID, p.Name, stale, p.TaskID)
		switch {
		case err != nil:
			return err
		case have.Named:
			return pipeline.Errorf(pipeline.Conflict, "File with same name already exists")
		case have.Open >= maxPartials:
			return pipeline.Errorf(pipeline.TooMany, "%d files of this task are being sent: finish some first", have.Open)
		}
		_, err = t.exec(ctx, `
			INSERT INTO partials (`+partialColumns+`) VALUES (?, ?, ?, ?, ?, 0, ?, '', 0, {now}, {now} + ?)`,
			p.ID, p.TaskID, p.UserID, p.Name, p.Length, p.Key, ttl.Microseconds())
		return err
	})
}

// Partial returns a file that is being sent.
func (db *DB) Partial(ctx context.Context, id string) (*pipeline.Partial, error) {
	var p pipeline.Partial
	err := db.get(ctx, &p, `SELECT `+partialColumns+` FROM partials WHERE id = ?`, id)
	return &p, err
}

// TakePartial begins a sitting of a file that is being sent. Whoever sends it
// already is superseded from now on.
func (db *DB) TakePartial(ctx context.Context, id string) (*pipeline.Partial, error) {
	var p pipeline.Partial
	err := db.tx(ctx, func(t *Tx) error {
		return t.get(ctx, &p, `UPDATE partials SET fence = fence + 1 WHERE id = ? RETURNING `+partialColumns, id)
	})
	return &p, err
}

// AdvancePartial records what has arrived and is safe on disk. It returns
// ErrSuperseded if another sitting has begun.
func (db *DB) AdvancePartial(ctx context.Context, p *pipeline.Partial, ttl time.Duration) error {
	return db.tx(ctx, func(t *Tx) error {
		n, err := t.exec(ctx, `
			UPDATE partials SET received = ?, sums = ?, expires = {now} + ? WHERE id = ? AND fence = ?`,
			p.Received, p.Sums, ttl.Microseconds(), p.ID, p.Fence)
		if err == nil && n == 0 {
			return ErrSuperseded
		}
		return err
	})
}

// SavePartial makes a file that has arrived whole part of its task, under the
// rules of SaveUploads, and returns the keys of blobs that no row names any
// more. It is NotFound if that was done before.
func (db *DB) SavePartial(ctx context.Context, f pipeline.Upload) (unused []string, err error) {
	err = db.tx(ctx, func(t *Tx) error {
		n, err := t.exec(ctx, `DELETE FROM partials WHERE id = ?`, f.ID)
		if err != nil {
			return err
		}
		if n == 0 {
			return pipeline.Errorf(pipeline.NotFound, "no such upload")
		}
		unused, err = t.saveUploads(ctx, f.TaskID, []pipeline.Upload{f})
		return err
	})
	return unused, err
}

// DropPartial forgets a file that is being sent.
func (db *DB) DropPartial(ctx context.Context, id string) error {
	return db.tx(ctx, func(t *Tx) error {
		_, err := t.exec(ctx, `DELETE FROM partials WHERE id = ?`, id)
		return err
	})
}

// UnfinishedPartials lists files of a task that have not arrived whole, and of
// which no other attempt to send them has succeeded; at most limit.
func (db *DB) UnfinishedPartials(ctx context.Context, taskID int64, limit int) ([]pipeline.Partial, error) {
	var out []pipeline.Partial
	err := db.all(ctx, &out, `
		SELECT `+partialColumns+` FROM partials p
		WHERE task_id = ? AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.task_id = p.task_id AND u.name = p.name)
		ORDER BY created, id LIMIT ?`, taskID, limit)
	return out, err
}

// Upload returns a file that was sent for a task.
func (db *DB) Upload(ctx context.Context, id string) (*pipeline.Upload, error) {
	var u pipeline.Upload
	err := db.get(ctx, &u, `SELECT `+uploadColumns+` FROM uploads WHERE id = ?`, id)
	return &u, err
}

// ExpirePartials forgets files of which no piece has come for too long, and
// returns the keys of their partial blobs, at most limit.
func (db *DB) ExpirePartials(ctx context.Context, limit int) (keys []string, err error) {
	err = db.tx(ctx, func(t *Tx) error {
		return t.all(ctx, &keys, `
			DELETE FROM partials WHERE id IN (SELECT id FROM partials WHERE expires <= {now} LIMIT ?)
			RETURNING store_key`, limit)
	})
	return keys, err
}

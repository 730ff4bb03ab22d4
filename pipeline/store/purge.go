package store

import (
	"context"

	"framemill/pipeline"
)

// PurgePage is how many rows one transaction of a purge removes.
const PurgePage = 5000

// Leftover is what a purge is to remove: all of a deleted task, or what one
// request that did not succeed left behind.
type Leftover struct {
	TaskID    int64
	RequestID int64 // 0 = the whole task
}

// PurgeRows removes one page of rows of a leftover and returns how many it
// removed and the uploaded files whose rows are gone. It is called until it
// returns 0.
func (db *DB) PurgeRows(ctx context.Context, c *pipeline.Claim, l Leftover) (rows int64, gone []GoneUpload, err error) {
	err = db.Fenced(ctx, c, func(t *Tx) error {
		rows, gone = 0, nil
		live, err := t.LeftoverIsLive(ctx, l)
		if err != nil || live {
			return err
		}
		if gone, err = t.purgeUploads(ctx, l); err != nil || len(gone) > 0 {
			rows = int64(len(gone))
			return err
		}
		for _, query := range purgeSteps(l) {
			if rows, err = t.exec(ctx, query, l.arg(), PurgePage); err != nil || rows > 0 {
				return err
			}
		}
		return nil
	})
	return rows, gone, err
}

func (l Leftover) arg() int64 {
	if l.RequestID != 0 {
		return l.RequestID
	}
	return l.TaskID
}

// GoneUpload is an uploaded file whose row was removed.
type GoneUpload struct {
	Key    string `db:"store_key"`
	Length int64  `db:"length"`
}

// LeftoverIsLive guards against removing what is in use: a request that
// succeeded, or a task that was not deleted.
func (c conn) LeftoverIsLive(ctx context.Context, l Leftover) (bool, error) {
	var live bool
	if l.RequestID != 0 {
		err := c.get(ctx, &live, `
			SELECT EXISTS (SELECT 1 FROM requests WHERE id = ? AND state NOT IN ('failed', 'cancelled'))`, l.RequestID)
		return live, err
	}
	err := c.get(ctx, &live, `SELECT EXISTS (SELECT 1 FROM tasks WHERE id = ? AND deleted IS NULL)`, l.TaskID)
	return live, err
}

// purgeUploads removes a page of the uploaded files. Those of a request that
// failed go only while no newer request of the task uses them.
func (t *Tx) purgeUploads(ctx context.Context, l Leftover) ([]GoneUpload, error) {
	var gone []GoneUpload
	if l.RequestID == 0 {
		err := t.all(ctx, &gone, `
			DELETE FROM uploads WHERE id IN (SELECT id FROM uploads WHERE task_id = ? LIMIT ?) RETURNING store_key, length`,
			l.TaskID, PurgePage)
		return gone, err
	}
	err := t.all(ctx, &gone, `
		DELETE FROM uploads WHERE id IN (
			SELECT u.id FROM uploads u JOIN requests r ON r.id = ? AND r.task_id = u.task_id
			WHERE r.superseded IS NULL AND u.created <= r.created LIMIT ?
		) RETURNING store_key, length`, l.RequestID, PurgePage)
	return gone, err
}

// purgeSteps are the statements that remove a leftover page by page, each with
// the id and the page size as parameters. What others point at goes last. Frames
// and files go by ranges of their keys: there may be a million of each, and to
// look for a page of them among those of all tasks would take long.
func purgeSteps(l Leftover) []string {
	if l.RequestID != 0 {
		return []string{
			`WITH f AS (
				SELECT d.id, (SELECT MIN(n) FROM frames WHERE data_id = d.id) AS lo
				FROM requests r JOIN data d ON d.task_id = r.task_id AND d.request_id = r.id
				WHERE r.id = ? AND d.published IS NULL
			) DELETE FROM frames WHERE data_id = (SELECT id FROM f) AND n < (SELECT lo FROM f) + ?`,
			`DELETE FROM related WHERE (request_id, frame_ord, ord) IN (
				SELECT request_id, frame_ord, ord FROM related WHERE request_id = ? LIMIT ?)`,
			`WITH f AS (
				SELECT r.id, (SELECT MIN(ord) FROM files WHERE request_id = r.id AND outcome = 'ok') AS lo
				FROM requests r WHERE r.id = ?
			) DELETE FROM files WHERE request_id = (SELECT id FROM f) AND outcome = 'ok' AND ord < (SELECT lo FROM f) + ?`,
		}
	}
	return []string{
		// Chores remove them, and their blobs.
		`UPDATE partials SET expires = 0, fence = fence + 1 WHERE id IN (
			SELECT id FROM partials WHERE task_id = ? AND expires > 0 LIMIT ?)`,
		// First, so that nothing is being built any more.
		`DELETE FROM units WHERE id IN (
			SELECT id FROM units WHERE task_id = ? AND kind <> 'task:purge' LIMIT ?)`,
		`DELETE FROM chunks WHERE (segment_id, quality, idx) IN (
			SELECT c.segment_id, c.quality, c.idx FROM chunks c JOIN segments s ON s.id = c.segment_id
			WHERE s.task_id = ? LIMIT ?)`,
		`WITH f AS (
			SELECT id, (SELECT MIN(n) FROM frames WHERE data_id = data.id) AS lo FROM data WHERE task_id = ?
		) DELETE FROM frames WHERE data_id = (SELECT id FROM f) AND n < (SELECT lo FROM f) + ?`,
		`DELETE FROM related WHERE (request_id, frame_ord, ord) IN (
			SELECT l.request_id, l.frame_ord, l.ord FROM requests r JOIN related l ON l.request_id = r.id
			WHERE r.task_id = ? LIMIT ?)`,
		`WITH f AS (
			SELECT id, lo FROM (
				SELECT id, (SELECT MIN(ord) FROM files WHERE request_id = requests.id) AS lo FROM requests WHERE task_id = ?
			) firsts WHERE lo IS NOT NULL LIMIT 1
		) DELETE FROM files WHERE request_id = (SELECT id FROM f) AND ord < (SELECT lo FROM f) + ?`,
		`DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE task_id = ? LIMIT ?)`,
		`DELETE FROM segments WHERE id IN (SELECT id FROM segments WHERE task_id = ? LIMIT ?)`,
		`DELETE FROM events WHERE (request_id, seq) IN (
			SELECT e.request_id, e.seq FROM events e JOIN requests r ON r.id = e.request_id WHERE r.task_id = ? LIMIT ?)`,
		`DELETE FROM requests WHERE id IN (SELECT id FROM requests WHERE task_id = ? LIMIT ?)`,
		`DELETE FROM layouts WHERE data_id IN (
			SELECT l.data_id FROM layouts l JOIN data d ON d.id = l.data_id WHERE d.task_id = ? LIMIT ?)`,
		`DELETE FROM data WHERE id IN (SELECT id FROM data WHERE task_id = ? LIMIT ?)`,
		`DELETE FROM attributes WHERE id IN (
			SELECT a.id FROM attributes a JOIN labels l ON l.id = a.label_id WHERE l.task_id = ? LIMIT ?)`,
		`DELETE FROM labels WHERE id IN (SELECT id FROM labels WHERE task_id = ? LIMIT ?)`,
		`DELETE FROM storages WHERE id IN (
			SELECT s.id FROM storages s JOIN tasks t ON s.id IN (t.source_storage_id, t.target_storage_id)
			WHERE t.id = ? LIMIT ?)`,
	}
}

// EndPurge leaves the receipt of a purge and removes the row of the task.
func (t *Tx) EndPurge(ctx context.Context, l Leftover, bytes, rows int64) error {
	if l.RequestID != 0 {
		return nil
	}
	if _, err := t.exec(ctx, `
		INSERT INTO receipts (task_id, bytes, row_count, at) VALUES (?, ?, ?, {now})
		ON CONFLICT (task_id) DO UPDATE SET bytes = receipts.bytes + excluded.bytes,
			row_count = receipts.row_count + excluded.row_count, at = excluded.at`, l.TaskID, bytes, rows); err != nil {
		return err
	}
	_, err := t.exec(ctx, `DELETE FROM tasks WHERE id = ? AND deleted IS NOT NULL`, l.TaskID)
	return err
}

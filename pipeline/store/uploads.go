package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"framemill/pipeline"
)

const uploadColumns = `id, task_id, user_id, ord, name, length, store_key, sha256, crc32, code, text, created`

// uploadPage is how many names one query looks up.
const uploadPage = 1000

// Uploads lists the files that clients sent for a task, in the order in which
// they are counted, after the place after; begin with -1.
func (db *DB) Uploads(ctx context.Context, taskID, after int64, limit int) ([]pipeline.Upload, error) {
	var out []pipeline.Upload
	err := db.all(ctx, &out, `
		SELECT `+uploadColumns+` FROM uploads WHERE task_id = ? AND ord > ? ORDER BY ord LIMIT ?`, taskID, after, limit)
	return out, err
}

// UploadTotals is how much clients sent for a task.
type UploadTotals struct {
	Files int64 `db:"files"`
	Bytes int64 `db:"bytes"`
}

// UploadTotals counts the files that clients sent for a task.
func (db *DB) UploadTotals(ctx context.Context, taskID int64) (UploadTotals, error) {
	var n UploadTotals
	err := db.get(ctx, &n, `
		SELECT COUNT(*) AS files, COALESCE(SUM(length), 0) AS bytes FROM uploads WHERE task_id = ?`, taskID)
	return n, err
}

// UploadNames lists the names of the files that clients sent for a task.
func (db *DB) UploadNames(ctx context.Context, taskID int64) ([]string, error) {
	var out []string
	err := db.all(ctx, &out, `SELECT name FROM uploads WHERE task_id = ? ORDER BY ord`, taskID)
	return out, err
}

// Uploadable returns an error unless the task takes files now: Invalid once it
// has data, Conflict while a request works on what was sent before.
func (db *DB) Uploadable(ctx context.Context, taskID int64) error {
	_, err := db.uploadable(ctx, taskID, "")
	return err
}

// uploadable returns the time before which uploads belong to an attempt that
// ended without success, 0 if there was none.
func (c conn) uploadable(ctx context.Context, taskID int64, lock string) (stale int64, err error) {
	var deleted *int64
	if err := c.get(ctx, &deleted, `SELECT deleted FROM tasks WHERE id = ?`+lock, taskID); err != nil {
		return 0, err
	}
	if deleted != nil {
		return 0, pipeline.Errorf(pipeline.NotFound, "no such task")
	}
	var last struct {
		Size    int64   `db:"size"`
		State   *string `db:"state"`
		Created *int64  `db:"created"`
	}
	err = c.get(ctx, &last, `
		SELECT d.size, r.state, r.created
		FROM data d LEFT JOIN requests r ON r.id = d.request_id
		WHERE d.task_id = ?`, taskID)
	switch {
	case pipeline.KindOf(err) == pipeline.NotFound:
		return 0, nil
	case err != nil:
		return 0, err
	case last.Size != 0:
		return 0, pipeline.Errorf(pipeline.Invalid, "Adding more data is not supported")
	case last.State == nil:
		return 0, nil
	}
	if r := (pipeline.Request{State: *last.State}); !r.Terminal() {
		return 0, pipeline.Errorf(pipeline.Conflict, "The files of this task are being processed: wait for the request to end")
	}
	return *last.Created, nil
}

// SaveUploads makes files part of the task in the given order, all or none.
//
// Files of an earlier attempt that failed are replaced. A file that the task
// has under the same name counts as saved if it is the same byte for byte,
// else it is a Conflict. SaveUploads returns the keys of blobs that no row
// names any more: replaced ones, and new ones that were not needed.
//
// A commit whose answer was lost should not end in an error: the same
// transaction runs again, which waits for the first to be over and finds its
// rows. If even that gets no answer in time, nobody knows whether the rows are
// there.
func (db *DB) SaveUploads(ctx context.Context, taskID int64, files []pipeline.Upload) (unused []string, err error) {
	unused, err = db.saveUploads(ctx, taskID, files)
	if !errors.Is(err, errUnknownCommit) {
		return unused, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), resolveTime)
	defer cancel()
	for {
		unused, err = db.saveUploads(ctx, taskID, files)
		if !errors.Is(err, errUnknownCommit) && !db.d.passing(err) {
			return unused, err
		}
		select {
		case <-time.After(resolvePause):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// How long, and how often, a database that broke off in a commit is asked for
// its outcome: longer than it takes to recover from a crash.
const (
	resolveTime  = 10 * time.Second
	resolvePause = 100 * time.Millisecond
)

func (db *DB) saveUploads(ctx context.Context, taskID int64, files []pipeline.Upload) (unused []string, err error) {
	err = db.tx(ctx, func(t *Tx) error {
		unused, err = t.saveUploads(ctx, taskID, files)
		return err
	})
	return unused, err
}

func (t *Tx) saveUploads(ctx context.Context, taskID int64, files []pipeline.Upload) (unused []string, err error) {
	unused, err = t.replaceUploads(ctx, taskID)
	if err != nil {
		return nil, err
	}
	fresh, spare, err := t.freshUploads(ctx, taskID, files)
	if err != nil {
		return nil, err
	}
	return append(unused, spare...), t.addUploads(ctx, taskID, fresh)
}

// DropUploads removes the files of an earlier attempt that failed, and returns
// the keys of their blobs.
func (db *DB) DropUploads(ctx context.Context, taskID int64) (keys []string, err error) {
	err = db.tx(ctx, func(t *Tx) error {
		keys, err = t.replaceUploads(ctx, taskID)
		return err
	})
	return keys, err
}

// replaceUploads locks the task and removes what a failed attempt left.
func (t *Tx) replaceUploads(ctx context.Context, taskID int64) (keys []string, err error) {
	stale, err := t.uploadable(ctx, taskID, t.d.forUpdate())
	if err != nil || stale == 0 {
		return nil, err
	}
	err = t.all(ctx, &keys, `DELETE FROM uploads WHERE task_id = ? AND created <= ? RETURNING store_key`, taskID, stale)
	return keys, err
}

// freshUploads returns which files the task does not have yet, and the keys of
// those that it has under another one.
func (t *Tx) freshUploads(ctx context.Context, taskID int64, files []pipeline.Upload) (fresh []pipeline.Upload, spare []string, err error) {
	for page := range slices.Chunk(files, uploadPage) {
		old, err := t.uploadsNamed(ctx, taskID, page)
		if err != nil {
			return nil, nil, err
		}
		for _, f := range page {
			have, ok := old[f.Name]
			switch {
			case !ok:
				fresh = append(fresh, f)
			case have.Key == f.Key: // saved by a commit whose answer was lost
			case have.SHA256 == f.SHA256 && have.Length == f.Length:
				spare = append(spare, f.Key)
			default:
				return nil, nil, pipeline.Errorf(pipeline.Conflict,
					"The task already has a file named %q with different content, of %d bytes; the new one has %d",
					f.Name, have.Length, f.Length)
			}
		}
	}
	return fresh, spare, nil
}

func (t *Tx) uploadsNamed(ctx context.Context, taskID int64, files []pipeline.Upload) (map[string]pipeline.Upload, error) {
	names := make([]string, len(files))
	for i := range files {
		names[i] = files[i].Name
	}
	var rows []pipeline.Upload
	err := t.allIn(ctx, &rows, `
		SELECT `+uploadColumns+` FROM uploads WHERE task_id = ? AND name IN (?)`, taskID, names)
	out := make(map[string]pipeline.Upload, len(rows))
	for _, u := range rows {
		out[u.Name] = u
	}
	return out, err
}

func (t *Tx) addUploads(ctx context.Context, taskID int64, files []pipeline.Upload) error {
	var at struct {
		Next int64 `db:"next"`
		Now  int64 `db:"now"`
	}
	if err := t.get(ctx, &at, `
		SELECT COALESCE(MAX(ord), -1) + 1 AS next, {now} AS now FROM uploads WHERE task_id = ?`, taskID); err != nil {
		return err
	}
	for i := range files {
		files[i].Ord = at.Next + int64(i)
	}
	type row = pipeline.Upload
	err := t.insert(ctx, "uploads", len(files), "",
		col("id", files, func(u *row) string { return u.ID }),
		col("task_id", files, func(*row) int64 { return taskID }),
		col("user_id", files, func(u *row) int64 { return u.UserID }),
		col("ord", files, func(u *row) int64 { return u.Ord }),
		col("name", files, func(u *row) string { return u.Name }),
		col("length", files, func(u *row) int64 { return u.Length }),
		col("store_key", files, func(u *row) string { return u.Key }),
		col("sha256", files, func(u *row) string { return u.SHA256 }),
		col("crc32", files, func(u *row) int64 { return u.CRC32 }),
		col("created", files, func(*row) int64 { return at.Now }),
	)
	if err != nil {
		return fmt.Errorf("insert %d uploads: %w", len(files), err)
	}
	return nil
}

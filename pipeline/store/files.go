package store

import (
	"context"

	"framemill/pipeline"
)

const fileColumns = `request_id, ord, name, ref, bytes, mtime, etag, crc32, format, width, height, orient, frames, index_key,
	outcome, code, text`

// AddFiles inserts what probing found of a range of files. A second attempt at
// the range writes the same rows, so rows that are there stay.
func (t *Tx) AddFiles(ctx context.Context, files []pipeline.File) error {
	type row = pipeline.File
	return t.insert(ctx, "files", len(files), " ON CONFLICT DO NOTHING",
		col("request_id", files, func(f *row) int64 { return f.RequestID }),
		col("ord", files, func(f *row) int64 { return f.Ord }),
		col("name", files, func(f *row) string { return f.Name }),
		col("ref", files, func(f *row) string { return string(f.Ref) }),
		col("bytes", files, func(f *row) int64 { return f.Bytes }),
		col("mtime", files, func(f *row) int64 { return f.MTime }),
		col("etag", files, func(f *row) string { return f.ETag }),
		col("crc32", files, func(f *row) *int64 { return f.CRC32 }),
		col("format", files, func(f *row) string { return f.Format }),
		col("width", files, func(f *row) int64 { return f.Width }),
		col("height", files, func(f *row) int64 { return f.Height }),
		col("orient", files, func(f *row) int64 { return f.Orient }),
		col("frames", files, func(f *row) int64 { return f.Frames }),
		col("index_key", files, func(f *row) string { return f.Index }),
		col("outcome", files, func(f *row) string { return string(f.Outcome) }),
		col("code", files, func(f *row) string { return string(f.Code) }),
		col("text", files, func(f *row) string { return f.Text }),
	)
}

// SetCollected records how many files were collected and where the pages of
// their names lie. An ingest that unfolds leaves its one unit: it goes on in
// phases with units of their own. Files that an earlier attempt found go: they
// may be those of another list.
func (t *Tx) SetCollected(ctx context.Context, r *pipeline.Request, total int64, names string, unfold bool) error {
	phase := r.Phase
	if unfold {
		phase = pipeline.PhaseCollect
	}
	if _, err := t.exec(ctx, `DELETE FROM files WHERE request_id = ?`, r.ID); err != nil {
		return err
	}
	_, err := t.exec(ctx, `
		UPDATE requests SET total = ?, names = ?, phase = ? WHERE id = ?`, total, names, string(phase), r.ID)
	return err
}

// SetStorage records where the media of a task lie.
func (t *Tx) SetStorage(ctx context.Context, taskID int64, storage string) error {
	_, err := t.exec(ctx, `UPDATE data SET storage = ? WHERE task_id = ?`, storage, taskID)
	return err
}

// SetBad records how many files of a request cannot be used.
func (t *Tx) SetBad(ctx context.Context, requestID, bad int64) error {
	_, err := t.exec(ctx, `UPDATE requests SET bad = ? WHERE id = ?`, bad, requestID)
	return err
}

// File returns one file of a request.
func (db *DB) File(ctx context.Context, requestID, ord int64) (*pipeline.File, error) {
	var f pipeline.File
	err := db.get(ctx, &f, `
		SELECT `+fileColumns+` FROM files WHERE request_id = ? AND ord = ?`, requestID, ord)
	return &f, err
}

// NamedFile is what ordering and selecting frames needs of a file.
type NamedFile struct {
	Ord     int64            `db:"ord"`
	Name    string           `db:"name"`
	Width   int64            `db:"width"`
	Height  int64            `db:"height"`
	Frames  int64            `db:"frames"`
	Index   string           `db:"index_key"`
	Outcome pipeline.Outcome `db:"outcome"`
}

// NamedFiles lists every file of a request by its place in the collected list.
func (db *DB) NamedFiles(ctx context.Context, requestID int64) ([]NamedFile, error) {
	var out []NamedFile
	err := db.all(ctx, &out, `
		SELECT ord, name, width, height, frames, index_key, outcome FROM files WHERE request_id = ? ORDER BY ord`, requestID)
	return out, err
}

// FileReport is what encoding found out about a file that probing had passed.
type FileReport struct {
	Ord     int64
	Outcome pipeline.Outcome
	Code    pipeline.Code
	Text    string
}

// ReportFiles records reports. The worst outcome of a file stays.
func (t *Tx) ReportFiles(ctx context.Context, requestID int64, reports []FileReport) error {
	for _, r := range reports {
		if _, err := t.exec(ctx, `
			UPDATE files SET outcome = ?, code = ?, text = ?
			WHERE request_id = ? AND ord = ? AND outcome IN ('ok', 'truncated')`,
			string(r.Outcome), string(r.Code), r.Text, requestID, r.Ord); err != nil {
			return err
		}
	}
	return nil
}

// CountBad counts the files of a request that were not used or were damaged,
// by outcome.
func (t *Tx) CountBad(ctx context.Context, requestID int64) (map[pipeline.Outcome]int64, error) {
	var rows []struct {
		Outcome pipeline.Outcome `db:"outcome"`
		N       int64            `db:"n"`
	}
	err := t.all(ctx, &rows, `
		SELECT outcome, COUNT(*) AS n FROM files WHERE request_id = ? AND outcome <> 'ok' GROUP BY outcome`, requestID)
	out := make(map[pipeline.Outcome]int64)
	for _, r := range rows {
		out[r.Outcome] = r.N
	}
	return out, err
}

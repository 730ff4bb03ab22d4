package store

import (
	"context"
	"fmt"

	"framemill/pipeline"
)

// ClearRelated removes the relations that an earlier attempt left.
func (t *Tx) ClearRelated(ctx context.Context, requestID int64) error {
	_, err := t.exec(ctx, `DELETE FROM related WHERE request_id = ?`, requestID)
	return err
}

// AddRelated inserts a page of relations between the files of a request.
func (t *Tx) AddRelated(ctx context.Context, requestID int64, all []pipeline.Relation) error {
	type row = pipeline.Relation
	return t.insert(ctx, "related", len(all), "",
		col("request_id", all, func(*row) int64 { return requestID }),
		col("frame_ord", all, func(r *row) int64 { return r.Frame }),
		col("ord", all, func(r *row) int64 { return r.Ord }),
	)
}

// SkipFiles records that usable files of a request are no frames after all.
func (t *Tx) SkipFiles(ctx context.Context, requestID int64, ords []int64) error {
	for _, ord := range ords {
		if _, err := t.exec(ctx, `
			UPDATE files SET outcome = ? WHERE request_id = ? AND ord = ?`, string(pipeline.OutcomeSkipped), requestID, ord); err != nil {
			return err
		}
	}
	return nil
}

// RelatedFiles lists the files that are shown beside a frame, by their names.
func (db *DB) RelatedFiles(ctx context.Context, d *pipeline.Data, n int64) ([]pipeline.FrameFile, error) {
	var out []pipeline.FrameFile
	err := db.all(ctx, &out, `
		SELECT `+frameColumns+`
		FROM frames fr
		JOIN related l ON l.request_id = ? AND l.frame_ord = fr.ord
		JOIN files f ON f.request_id = l.request_id AND f.ord = l.ord
		WHERE fr.data_id = ? AND fr.n = ? ORDER BY f.name, f.ord`, d.RequestID, d.ID, n)
	return out, err
}

// RelatedCounts counts the files beside each of the frames lo to hi-1. Frames
// without any are left out.
func (db *DB) RelatedCounts(ctx context.Context, d *pipeline.Data, lo, hi int64) (map[int64]int64, error) {
	var rows []struct {
		N     int64 `db:"n"`
		Files int64 `db:"files"`
	}
	err := db.all(ctx, &rows, `
		SELECT fr.n, COUNT(*) AS files
		FROM frames fr JOIN related l ON l.request_id = ? AND l.frame_ord = fr.ord
		WHERE fr.data_id = ? AND fr.n >= ? AND fr.n < ? GROUP BY fr.n`, d.RequestID, d.ID, lo, hi)
	if err != nil {
		return nil, fmt.Errorf("count related files of data %d: %w", d.ID, err)
	}
	out := make(map[int64]int64, len(rows))
	for _, r := range rows {
		out[r.N] = r.Files
	}
	return out, nil
}

// HasRelated reports whether any frame of data has a file beside it.
func (db *DB) HasRelated(ctx context.Context, d *pipeline.Data) (bool, error) {
	var any bool
	err := db.get(ctx, &any, `SELECT EXISTS (SELECT 1 FROM related WHERE request_id = ?)`, d.RequestID)
	return any, err
}

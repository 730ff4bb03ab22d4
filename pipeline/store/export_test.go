package store

import (
	"context"

	"framemill/pipeline"
)

// CountRows counts the rows of a table.
func CountRows(ctx context.Context, db *DB, table string) (n int64, err error) {
	err = db.get(ctx, &n, `SELECT COUNT(*) FROM `+table)
	return n, err
}

// UsedAt returns when a chunk was last used.
func UsedAt(ctx context.Context, db *DB, c pipeline.Chunk) (at pipeline.Micros, err error) {
	err = db.get(ctx, &at, `SELECT used FROM chunks WHERE segment_id = ? AND quality = ? AND idx = ?`,
		c.SegmentID, string(c.Quality), c.Index)
	return at, err
}

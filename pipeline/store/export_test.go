package store

import "context"

// CountRows counts the rows of a table.
func CountRows(ctx context.Context, db *DB, table string) (n int64, err error) {
	err = db.get(ctx, &n, `SELECT COUNT(*) FROM `+table)
	return n, err
}

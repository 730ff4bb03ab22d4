package store

import (
	"context"
	"strings"
	"time"

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

// EndLeases makes every lease over, as ten seconds without a beat do.
func EndLeases(ctx context.Context, db *DB) error {
	return db.tx(ctx, func(t *Tx) error {
		_, err := t.exec(ctx, `UPDATE units SET lease = 1 WHERE state = 'running'`)
		return err
	})
}

// AgeInvitations makes every invitation older.
func AgeInvitations(ctx context.Context, db *DB, by time.Duration) error {
	return db.tx(ctx, func(t *Tx) error {
		_, err := t.exec(ctx, `UPDATE invitations SET sent = sent - ?`, by.Microseconds())
		return err
	})
}

// EndDeliveryLeases makes the right of every process to send to webhooks over.
func EndDeliveryLeases(ctx context.Context, db *DB) error {
	return db.tx(ctx, func(t *Tx) error {
		_, err := t.exec(ctx, `UPDATE webhooks SET lease = 1`)
		return err
	})
}

// NoticeBodies returns all that is written down for webhooks.
func NoticeBodies(ctx context.Context, db *DB) (string, error) {
	var bodies []string
	err := db.all(ctx, &bodies, `SELECT body FROM notices`)
	return strings.Join(bodies, "\n"), err
}

// AgeUnits makes every unit older than any retention.
func AgeUnits(ctx context.Context, db *DB) error {
	return db.tx(ctx, func(t *Tx) error {
		_, err := t.exec(ctx, `UPDATE units SET run_at = 1, created = 1`)
		return err
	})
}

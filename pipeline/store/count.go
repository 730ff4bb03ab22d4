package store

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"

	"golang.org/x/sync/singleflight"
)

const (
	// fewRows is up to how many rows of a search are gathered before they are
	// sorted.
	fewRows = 1000
	// maxCounts bounds how many numbers are kept.
	maxCounts = 10_000
)

// total returns how many rows a selection has, of which seen were before the
// end of a page and more tells whether there are others behind it.
func (db *DB) total(ctx context.Context, s *selection, seen int64, more bool) (int64, error) {
	n, err := db.count(ctx, s)
	if more {
		return max(n, seen+1), err // rows may have gone, but not those that were seen
	}
	return min(n, seen), err
}

// count returns how many rows a selection has. It takes longer to count a
// million rows than to show ten of them, so where the database says what of it
// has changed, a number is kept until something does.
func (db *DB) count(ctx context.Context, s *selection) (n int64, err error) {
	if !s.revised {
		err := db.get(ctx, &n, s.total.sql, s.total.args...)
		return n, err
	}
	var revision int64
	if err := db.get(ctx, &revision, revisionSQL); err != nil {
		return 0, err
	}
	key := countKey(sha256.Sum256(fmt.Append(nil, s.total)))
	if n, ok := db.counts.find(key, revision); ok {
		return n, nil
	}
	// Who comes meanwhile with the same question waits for the same answer.
	flight := db.counts.flights.DoChan(fmt.Sprint(key, revision), func() (any, error) {
		return db.recount(context.WithoutCancel(ctx), key, s.total)
	})
	select {
	case r := <-flight:
		n, _ := r.Val.(int64)
		return n, r.Err
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// revisionSQL is the query of a number that grows with every change of what the
// lists of tasks and jobs depend on, once the change can be seen.
const revisionSQL = `SELECT COALESCE(SUM(n), 0) FROM revisions`

// recount counts, and learns in the same statement of which revision that is.
func (db *DB) recount(ctx context.Context, key countKey, total clause) (int64, error) {
	var c counted
	err := db.get(ctx, &c, `SELECT (`+revisionSQL+`) AS revision, (`+total.sql+`) AS n`, total.args...)
	if err == nil {
		db.counts.keep(key, c)
	}
	return c.N, err
}

// countKey stands for a query and its arguments.
type countKey [sha256.Size]byte

// counts remembers how many rows lists have.
type counts struct {
	mu      sync.Mutex
	rows    map[countKey]counted
	flights singleflight.Group
}

// counted is a number of rows, and the revision that it is of.
type counted struct {
	Revision int64
	N        int64
}

func (c *counts) find(key countKey, revision int64) (int64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	last, ok := c.rows[key]
	return last.N, ok && last.Revision == revision
}

func (c *counts) keep(key countKey, n counted) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rows == nil || len(c.rows) >= maxCounts {
		c.rows = make(map[countKey]counted)
	}
	c.rows[key] = n
}

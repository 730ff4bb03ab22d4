package store

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	// fewRows is up to how many rows a list is counted for every page.
	fewRows = 1000
	// manyRows is from how many rows on a list keeps its number for a while,
	// whatever is committed. Its next page never depends on it.
	manyRows = 10_000
	// The times for which numbers are kept: that of a list of many rows, and
	// that of others, which also ends with the next commit of this process.
	manyAge = 5 * time.Second
	someAge = time.Second
	// maxCounts bounds how many numbers are kept.
	maxCounts = 1000
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

// count returns how many rows a selection has.
func (db *DB) count(ctx context.Context, s *selection) (int64, error) {
	key, commits := fmt.Sprint(s.total), db.Commits()
	n, known := db.counts.find(key, commits)
	if known {
		return n, nil
	}
	if err := db.get(ctx, &n, s.total.sql, s.total.args...); err != nil {
		return 0, err
	}
	db.counts.keep(key, counted{n: n, when: time.Now(), commits: commits})
	return n, nil
}

// counts remembers how many rows long lists have: to count a million rows takes
// longer than to show ten of them.
type counts struct {
	mu   sync.Mutex
	rows map[string]counted
}

// counted is a number of rows, when it was right, and how many transactions
// this process had committed by then.
type counted struct {
	n       int64
	when    time.Time
	commits int64
}

// find returns a number that may still be shown. Of a long list that is due
// only the caller who hears of it first counts anew; meanwhile the others get
// the last number.
func (c *counts) find(key string, commits int64) (int64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	last, ok := c.rows[key]
	age := time.Since(last.when)
	switch {
	case !ok:
		return 0, false
	case last.n <= manyRows:
		return last.n, age < someAge && last.commits == commits
	case age >= manyAge:
		last.when = time.Now()
		c.rows[key] = last
		return 0, false
	}
	return last.n, true
}

// keep remembers a number, unless the rows are few and counted soon.
func (c *counts) keep(key string, n counted) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n.n <= fewRows {
		delete(c.rows, key)
		return
	}
	if c.rows == nil || len(c.rows) >= maxCounts {
		c.rows = make(map[string]counted)
	}
	c.rows[key] = n
}

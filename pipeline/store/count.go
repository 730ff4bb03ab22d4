package store

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	// maxExact is up to how many rows a list is counted anew for every page.
	maxExact = 10_000
	// countAge is how long the number of rows of a longer list is believed. Its
	// next page never depends on it.
	countAge = 5 * time.Second
	// maxCounts bounds how many such numbers are kept.
	maxCounts = 1000
)

// count returns how many rows a selection has, of which seen were before the
// end of a page and more tells whether there are others behind it.
func (db *DB) count(ctx context.Context, s *selection, seen int64, more bool) (int64, error) {
	var n int64
	err := db.get(ctx, &n, fmt.Sprintf(`SELECT COUNT(*) FROM (SELECT 1 FROM %s LIMIT %d) counted`, s.rows, maxExact+1), s.args...)
	if err == nil && n > maxExact {
		n, err = db.counts.of(s, func() (n int64, err error) {
			err = db.get(ctx, &n, `SELECT COUNT(*) FROM `+s.rows, s.args...)
			return n, err
		})
	}
	if more {
		return max(n, seen+1), err // rows may have gone, but not those that were seen
	}
	return min(n, seen), err
}

// counts remembers how many rows long lists have: to count a million rows takes
// longer than to show ten of them.
type counts struct {
	mu   sync.Mutex
	rows map[string]counted
}

// counted is a number of rows, and when it was right.
type counted struct {
	n    int64
	when time.Time
}

// of returns the number of rows of a selection. While one caller counts them
// anew the others get the last number.
func (c *counts) of(s *selection, count func() (int64, error)) (int64, error) {
	key := fmt.Sprint(s.rows, s.args)
	c.mu.Lock()
	last, known := c.rows[key]
	if known && time.Since(last.when) < countAge {
		c.mu.Unlock()
		return last.n, nil
	}
	if known { // keeps the others from counting too
		c.rows[key] = counted{n: last.n, when: time.Now()}
	}
	c.mu.Unlock()
	n, err := count()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		delete(c.rows, key)
		return 0, err
	}
	if c.rows == nil || len(c.rows) >= maxCounts {
		c.rows = make(map[string]counted)
	}
	c.rows[key] = counted{n: n, when: time.Now()}
	return n, nil
}

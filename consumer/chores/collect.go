package chores

import (
	"context"
	"fmt"
	"strings"
	"time"

	"framemill/pipeline/blob"
)

const (
	// collectPage is how many blobs are judged at a time.
	collectPage = 1000
	// maxShare is the share of all blobs beyond which garbage is not believed:
	// an empty or foreign database would make everything look like it.
	maxShare = 0.20
	// minBlobs is the number of blobs below which the share says nothing.
	minBlobs = 100
)

// Collect removes the blobs that no row names and that are older than the
// grace, and returns how many. It looks at all of them first, and removes none
// if they are more than a fifth of the total; each is looked up again before
// it goes.
func (c *Chores) Collect(ctx context.Context) (int, error) {
	garbage, total, err := c.findGarbage(ctx)
	if err != nil {
		return 0, fmt.Errorf("look for garbage: %w", err)
	}
	if total >= minBlobs && float64(len(garbage)) > maxShare*float64(total) {
		c.log.Error("more than a fifth of all blobs are named by no row; none was removed: "+
			"check that this database belongs to this blob folder", "unnamed", len(garbage), "blobs", total)
		return 0, nil
	}
	removed := 0
	for lo := 0; lo < len(garbage); lo += collectPage {
		page := garbage[lo:min(lo+collectPage, len(garbage))]
		still, err := c.db.Unnamed(ctx, page)
		if err != nil {
			return removed, fmt.Errorf("look garbage up again: %w", err)
		}
		for _, key := range still {
			if err := c.bucket.Delete(ctx, key); err != nil {
				return removed, fmt.Errorf("remove %s: %w", key, err)
			}
			removed++
		}
	}
	if removed > 0 {
		c.log.Info("collected blobs that no row names", "removed", removed, "blobs", total)
	}
	return removed, nil
}

// findGarbage lists the blobs that no row names, and counts all.
func (c *Chores) findGarbage(ctx context.Context) (garbage []string, total int, err error) {
	names, err := c.db.OpenNames(ctx)
	if err != nil {
		return nil, 0, err
	}
	now, err := c.db.Now(ctx)
	if err != nil {
		return nil, 0, err
	}
	limit := now.Time().Add(-c.cfg.Grace)
	after := ""
	for {
		page, err := c.bucket.List(ctx, "", after, collectPage)
		if err != nil {
			return nil, 0, err
		}
		unnamed, err := c.db.Unnamed(ctx, old(page, limit, names))
		if err != nil {
			return nil, 0, err
		}
		garbage = append(garbage, unnamed...)
		total += len(page)
		if len(page) < collectPage {
			return garbage, total, nil
		}
		after = page[len(page)-1].Key
	}
}

// old lists the keys of a page that were written before limit and are not pages
// of names that an open request reads.
func old(page []blob.Info, limit time.Time, names []string) []string {
	var keys []string
	for _, b := range page {
		if b.Modified.Before(limit) && !underAny(b.Key, names) {
			keys = append(keys, b.Key)
		}
	}
	return keys
}

func underAny(key string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(key, p) {
			return true
		}
	}
	return false
}

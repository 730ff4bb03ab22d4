package worker

import (
	"context"
	"errors"
	"fmt"

	"framemill/pipeline/store"
)

// purgePage is how many blobs one listing of a purge returns.
const purgePage = 1000

// purgeStep removes a deleted task, or what a request that did not succeed
// left behind: rows first, then the files that they named.
func purgeStep(ctx context.Context, a *attempt) error {
	l := store.Leftover{TaskID: a.TaskID, RequestID: a.Lo}
	live, err := a.w.DB.LeftoverIsLive(ctx, l)
	if err != nil || live {
		return err
	}
	rows, bytes, err := a.purgeRows(ctx, l)
	if err != nil {
		return err
	}
	prefix := TaskPrefix(l.TaskID)
	if l.RequestID != 0 {
		prefix = RequestPrefix(l.TaskID, l.RequestID)
	}
	more, err := a.purgeBlobs(ctx, prefix)
	if err != nil {
		return err
	}
	a.later(func(ctx context.Context, t *store.Tx) error { return t.EndPurge(ctx, l, bytes+more, rows) })
	return nil
}

// purgeRows removes rows page by page, and the uploaded files whose rows went.
func (a *attempt) purgeRows(ctx context.Context, l store.Leftover) (rows, bytes int64, err error) {
	for {
		page, uploads, err := a.w.DB.PurgeRows(ctx, a.Claim, l)
		if err != nil {
			return rows, bytes, fmt.Errorf("purge rows of task %d: %w", l.TaskID, err)
		}
		for _, u := range uploads {
			if err := a.w.Bucket.Delete(ctx, u.Key); err != nil {
				return rows, bytes, fmt.Errorf("purge upload %s: %w", u.Key, err)
			}
			bytes += u.Length
		}
		if page == 0 {
			return rows, bytes, nil
		}
		rows += page
		a.beat()
	}
}

// purgeBlobs removes every blob below a prefix.
func (a *attempt) purgeBlobs(ctx context.Context, prefix string) (int64, error) {
	var bytes int64
	after := ""
	for {
		page, err := a.w.Bucket.List(ctx, prefix, after, purgePage)
		if err != nil {
			return bytes, fmt.Errorf("list %s: %w", prefix, err)
		}
		var errs []error
		for _, b := range page {
			errs = append(errs, a.w.Bucket.Delete(ctx, b.Key))
			bytes += b.Bytes
			after = b.Key
		}
		if err := errors.Join(errs...); err != nil {
			return bytes, fmt.Errorf("purge %s: %w", prefix, err)
		}
		a.beat()
		if len(page) < purgePage {
			return bytes, nil
		}
	}
}

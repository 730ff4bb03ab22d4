package store

import (
	"context"
	"fmt"

	"framemill/pipeline"
)

// FetchedPlaces lists the places of the files that a request has fetched so far, or
// has given up.
func (db *DB) FetchedPlaces(ctx context.Context, r *pipeline.Request) ([]int64, error) {
	var places []int64
	err := db.all(ctx, &places, `SELECT ord FROM uploads WHERE task_id = ? AND created = ?`, r.TaskID, int64(r.Created))
	return places, err
}

// AddFetched makes a file that a request has fetched part of its task, at the
// place that it has in the list of the request. It counts as sent when the
// request was: a later attempt replaces it like the others.
func (t *Tx) AddFetched(ctx context.Context, r *pipeline.Request, f *pipeline.Upload) error {
	_, err := t.exec(ctx, `
		INSERT INTO uploads (`+uploadColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		f.ID, r.TaskID, r.OwnerID, f.Ord, f.Name, f.Length, f.Key, f.SHA256, f.CRC32, string(f.Code), f.Text, int64(r.Created))
	if err != nil {
		return fmt.Errorf("insert the fetched file %q: %w", f.Name, err)
	}
	return nil
}

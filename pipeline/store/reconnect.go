package store

import (
	"context"
	"fmt"

	"framemill/pipeline"
)

// Reconnect makes a cloud storage the one that the media of a task lie in,
// under the keys that they had in the one before. Which version of an object
// counts is forgotten, for no two storages tell versions alike; the lengths
// must still be the same. It is Invalid for data that lie elsewhere.
func (db *DB) Reconnect(ctx context.Context, taskID, storageID int64) error {
	err := db.tx(ctx, func(t *Tx) error {
		if _, err := t.lockTask(ctx, taskID); err != nil {
			return err
		}
		d, err := t.DataOf(ctx, taskID)
		if err != nil {
			return err
		}
		if d.Storage != pipeline.StorageCloud || d.RequestID == nil {
			return pipeline.FieldErrorf("cloud_storage_id", "The data of the task do not lie in a cloud storage")
		}
		if err := t.moveRefs(ctx, *d.RequestID, storageID); err != nil {
			return err
		}
		if _, err := t.exec(ctx, `UPDATE data SET cloud_storage_id = ? WHERE id = ?`, storageID, d.ID); err != nil {
			return err
		}
		_, err = t.exec(ctx, `UPDATE tasks SET updated = {now} WHERE id = ?`, taskID)
		return err
	})
	if err != nil {
		return fmt.Errorf("connect task %d to cloud storage %d: %w", taskID, storageID, err)
	}
	return nil
}

// moveRefs points the files of a request to the same keys of another storage.
// They all lie in one.
func (t *Tx) moveRefs(ctx context.Context, requestID, storageID int64) error {
	var ref pipeline.Ref
	err := t.get(ctx, &ref, `SELECT ref FROM files WHERE request_id = ? AND ref LIKE 'cloud:%' ORDER BY ord LIMIT 1`, requestID)
	if pipeline.KindOf(err) == pipeline.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	_, rest := ref.Split()
	old, _, err := pipeline.ParseCloud(rest)
	if err != nil {
		return err
	}
	before, after := string(pipeline.CloudRef(old, "")), string(pipeline.CloudRef(storageID, ""))
	_, err = t.exec(ctx, `
		UPDATE files SET ref = ? || SUBSTR(ref, ?), etag = '' WHERE request_id = ? AND ref LIKE ?`,
		after, len(before)+1, requestID, before+"%")
	return err
}

package store

import (
	"context"
	"time"

	"framemill/pipeline"
)

// SegmentsOver lists the segments of a task that hold any of the frames lo to
// hi-1, by their first frame. Every frame is in one that is a range; those of
// chosen frames are left out.
func (db *DB) SegmentsOver(ctx context.Context, taskID, lo, hi int64) ([]pipeline.Segment, error) {
	var out []pipeline.Segment
	err := db.all(ctx, &out, `
		SELECT `+segmentColumns+` FROM segments 
		WHERE task_id = ? AND type = 'range' AND start < ? AND stop >= ? ORDER BY start, id`, taskID, hi, lo)
	return out, err
}

// ChunksUpdated returns when chunks of a task were last made invalid, or
// NotFound while it has no segments.
func (db *DB) ChunksUpdated(ctx context.Context, taskID int64) (pipeline.Micros, error) {
	var newest *pipeline.Micros
	if err := db.get(ctx, &newest, `SELECT MAX(chunks_updated) FROM segments WHERE task_id = ?`, taskID); err != nil {
		return 0, err
	}
	if newest == nil {
		return 0, pipeline.Errorf(pipeline.NotFound, "the task has no segments")
	}
	return *newest, nil
}

// Footage returns the source file of data that are a video, or NotFound.
func (db *DB) Footage(ctx context.Context, d *pipeline.Data) (*pipeline.File, error) {
	var f pipeline.File
	err := db.get(ctx, &f, `
		SELECT `+fileColumns+` FROM files WHERE request_id = ? AND index_key = ? AND index_key <> '' ORDER BY ord LIMIT 1`,
		d.RequestID, d.Index)
	return &f, err
}

// UseChunk remembers that somebody reads a chunk, so that it is not forgotten
// for lack of readers. It writes only if the last use is longer ago than every.
func (db *DB) UseChunk(ctx context.Context, c *pipeline.Chunk, every time.Duration) error {
	var stale int64
	if err := db.get(ctx, &stale, `
		SELECT COUNT(*) FROM chunks WHERE segment_id = ? AND quality = ? AND idx = ? AND used < {now} - ?`,
		c.SegmentID, string(c.Quality), c.Index, every.Microseconds()); err != nil || stale == 0 {
		return err
	}
	return db.tx(ctx, func(t *Tx) error {
		_, err := t.exec(ctx, `
			UPDATE chunks SET used = {now} WHERE segment_id = ? AND quality = ? AND idx = ?`,
			c.SegmentID, string(c.Quality), c.Index)
		return err
	})
}

// NewestTask returns the newest task of a project that has frames, or NotFound.
func (db *DB) NewestTask(ctx context.Context, projectID int64) (int64, error) {
	var id int64
	err := db.get(ctx, &id, `
		SELECT t.id FROM tasks t
		WHERE t.project_id = ? AND t.deleted IS NULL
			AND EXISTS (SELECT 1 FROM data d WHERE d.id = t.data_id AND d.published IS NOT NULL)
		ORDER BY t.id DESC LIMIT 1`, projectID)
	return id, err
}

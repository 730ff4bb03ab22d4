package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"framemill/pipeline"
)

// frameColumns are those of a frame joined with its file, as FrameFile has them.
const frameColumns = `fr.n, f.request_id, f.ord, f.name, f.ref, f.bytes, f.mtime, f.etag, f.crc32, f.format, f.width, f.height,
	f.orient, f.frames, f.index_key, f.outcome, f.code, f.text`

// ClearFrames removes the frames that an earlier attempt left.
func (t *Tx) ClearFrames(ctx context.Context, dataID int64) error {
	_, err := t.exec(ctx, `DELETE FROM frames WHERE data_id = ?`, dataID)
	return err
}

// AddFrames inserts a page of frames, which stay invisible until Publish.
func (t *Tx) AddFrames(ctx context.Context, dataID int64, frames []pipeline.Frame) error {
	type row = pipeline.Frame
	return t.insert(ctx, "frames", len(frames), "",
		col("data_id", frames, func(*row) int64 { return dataID }),
		col("n", frames, func(f *row) int64 { return f.N }),
		col("ord", frames, func(f *row) int64 { return f.Ord }),
		col("real_n", frames, func(f *row) *int64 { return f.Real }),
	)
}

// FrameFiles lists the frames lo to hi-1 of a task's data with their files.
func (db *DB) FrameFiles(ctx context.Context, dataID, lo, hi int64) ([]pipeline.FrameFile, error) {
	var out []pipeline.FrameFile
	err := db.all(ctx, &out, `
		SELECT `+frameColumns+`
		FROM frames fr
		JOIN data d ON d.id = fr.data_id
		JOIN files f ON f.request_id = d.request_id AND f.ord = fr.ord
		WHERE fr.data_id = ? AND fr.n >= ? AND fr.n < ? ORDER BY fr.n`, dataID, lo, hi)
	return out, err
}

// FrameHead is what a description of data says of a frame.
type FrameHead struct {
	N      int64  `db:"n"`
	Name   string `db:"name"`
	Width  int64  `db:"width"`
	Height int64  `db:"height"`
}

// FrameHeads is FrameFiles for readers of descriptions, which may have a
// million frames: it reads no more of each than they show.
func (db *DB) FrameHeads(ctx context.Context, d *pipeline.Data, lo, hi int64) ([]FrameHead, error) {
	var out []FrameHead
	err := db.all(ctx, &out, `
		SELECT fr.n, f.name, f.width, f.height
		FROM frames fr JOIN files f ON f.request_id = ? AND f.ord = fr.ord
		WHERE fr.data_id = ? AND fr.n >= ? AND fr.n < ? ORDER BY fr.n`, d.RequestID, d.ID, lo, hi)
	return out, err
}

// FrameFilesAt is FrameFiles for chosen frames, in ascending order.
func (db *DB) FrameFilesAt(ctx context.Context, dataID int64, numbers []int64) ([]pipeline.FrameFile, error) {
	out := make([]pipeline.FrameFile, 0, len(numbers))
	for some := range slices.Chunk(numbers, maxIDs) {
		var page []pipeline.FrameFile
		if err := db.allIn(ctx, &page, `
			SELECT `+frameColumns+`
			FROM frames fr
			JOIN data d ON d.id = fr.data_id
			JOIN files f ON f.request_id = d.request_id AND f.ord = fr.ord
			WHERE fr.data_id = ? AND fr.n IN (?) ORDER BY fr.n`, dataID, some); err != nil {
			return nil, err
		}
		out = append(out, page...)
	}
	return out, nil
}

// Publication is everything that becomes visible at once when the jobs open.
type Publication struct {
	Data        pipeline.Data // Size, StartFrame, StopFrame, Step, FrameFilter, ChunkSize, the chunk types, Index
	Mode        string
	Dimension   string // 2d if empty
	SegmentSize int64  // effective
	Overlap     int64  // effective
	Segments    []pipeline.Segment
	Replicas    int64  // replica jobs for each annotation job
	Truth       *Truth // nil without a validation set
}

// Publish makes the size, the segments and the jobs of a task visible, once.
// The segments' ids are those of their rows afterwards.
func (t *Tx) Publish(ctx context.Context, c *pipeline.Claim, p Publication) error {
	ctx = actorOr(ctx, c.Request.OwnerID)
	changed, err := t.watchTask(ctx, c.TaskID)
	if err != nil {
		return err
	}
	if err := t.publish(ctx, c, p); err != nil {
		return err
	}
	if err := changed(); err != nil {
		return err
	}
	return t.tellJobs(ctx, pipeline.EventCreateJob, c.TaskID)
}

// suitsProject refuses a task whose frames are of another dimension than those of
// the other tasks of its project.
func (t *Tx) suitsProject(ctx context.Context, taskID int64, dimension string) error {
	var other string
	err := t.get(ctx, &other, `
		SELECT o.dimension FROM tasks t
		JOIN tasks o ON o.project_id = t.project_id AND o.id <> t.id AND o.deleted IS NULL
		JOIN data d ON d.id = o.data_id AND d.published IS NOT NULL
		WHERE t.id = ? AND o.dimension <> ? LIMIT 1`, taskID, dimension)
	switch {
	case pipeline.KindOf(err) == pipeline.NotFound:
		return nil
	case err != nil:
		return err
	}
	return pipeline.Failf(pipeline.CodeMediaMix, "",
		"Dimension (%s) of the task must be the same as other tasks in project (%s)", dimension, other)
}

func (t *Tx) publish(ctx context.Context, c *pipeline.Claim, p Publication) error {
	dimension := cmp.Or(p.Dimension, pipeline.Dimension2D)
	if err := t.suitsProject(ctx, c.TaskID, dimension); err != nil {
		return err
	}
	n, err := t.exec(ctx, `
		UPDATE data
		SET size = ?, start_frame = ?, stop_frame = ?, step = ?, chunk_size = ?, compressed_type = ?, original_type = ?,
			index_key = ?, frame_filter = ?, method = ?, published = {now}
		WHERE task_id = ? AND published IS NULL`,
		p.Data.Size, p.Data.StartFrame, p.Data.StopFrame, p.Data.Step, p.Data.ChunkSize, p.Data.CompressedType,
		p.Data.OriginalType, p.Data.Index, p.Data.FrameFilter, p.Data.Method, c.TaskID)
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("the data of task %d were published before", c.TaskID)
	}
	if _, err := t.exec(ctx, `
		UPDATE tasks SET mode = ?, dimension = ?, segment_size = ?, overlap = ?, updated = {now} WHERE id = ?`,
		p.Mode, dimension, p.SegmentSize, p.Overlap, c.TaskID); err != nil {
		return err
	}
	if _, err := t.exec(ctx, `UPDATE requests SET jobs_open = {now} WHERE id = ?`, c.Request.ID); err != nil {
		return err
	}
	if err := t.addSegments(ctx, c.TaskID, p.Segments); err != nil {
		return err
	}
	if err := t.addJobs(ctx, c.TaskID, p.Replicas); err != nil || p.Truth == nil {
		return err
	}
	_, err = t.addTruth(ctx, c.TaskID, p.Truth) // after all other jobs
	return err
}

func (t *Tx) addSegments(ctx context.Context, taskID int64, segs []pipeline.Segment) error {
	var now int64
	if err := t.get(ctx, &now, `SELECT {now}`); err != nil {
		return err
	}
	type row = pipeline.Segment
	return t.insert(ctx, "segments", len(segs), "",
		col("task_id", segs, func(*row) int64 { return taskID }),
		col("type", segs, func(s *row) string { return s.Type }),
		col("start", segs, func(s *row) int64 { return s.Start }),
		col("stop", segs, func(s *row) int64 { return s.Stop }),
		col("frames", segs, func(s *row) string { return string(s.Frames) }),
		col("chunk_base", segs, func(s *row) int64 { return s.ChunkBase }),
		col("chunks_updated", segs, func(*row) int64 { return now }),
	)
}

// addJobs makes one annotation job for each segment of the task, in the order
// of the segments, each followed by its replicas.
func (t *Tx) addJobs(ctx context.Context, taskID, replicas int64) error {
	if replicas == 0 {
		_, err := t.exec(ctx, `
			INSERT INTO jobs (task_id, segment_id, type, stage, state, created, updated)
			SELECT task_id, id, 'annotation', 'annotation', 'new', {now}, {now}
			FROM segments WHERE task_id = ? ORDER BY start`, taskID)
		return err
	}
	var segs []int64
	if err := t.all(ctx, &segs, `SELECT id FROM segments WHERE task_id = ? ORDER BY start`, taskID); err != nil {
		return err
	}
	const add = `
		INSERT INTO jobs (task_id, segment_id, parent_id, type, stage, state, created, updated)
		VALUES (?, ?, ?, ?, 'annotation', 'new', {now}, {now}) RETURNING id`
	for _, seg := range segs {
		var parent, id int64
		if err := t.get(ctx, &parent, add, taskID, seg, nil, pipeline.JobAnnotation); err != nil {
			return err
		}
		for range replicas {
			if err := t.get(ctx, &id, add, taskID, seg, parent, pipeline.JobReplica); err != nil {
				return err
			}
		}
	}
	return nil
}

// unpublish takes back what Publish showed, after a failure.
func (t *Tx) unpublish(ctx context.Context, taskID int64) error {
	var d struct {
		Published *int64 `db:"published"`
		Spec      string `db:"spec"`
	}
	err := t.get(ctx, &d, `
		SELECT d.published, r.spec FROM data d JOIN requests r ON r.id = d.request_id
		WHERE d.task_id = ?`+t.d.forUpdate(), taskID)
	if pipeline.KindOf(err) == pipeline.NotFound || (err == nil && d.Published == nil) {
		return nil
	}
	if err != nil {
		return err
	}
	var spec pipeline.Spec
	if err := json.Unmarshal([]byte(d.Spec), &spec); err != nil {
		return err
	}
	changed, err := t.watchTask(ctx, taskID)
	if err != nil {
		return err
	}
	if err := t.tellJobs(ctx, pipeline.EventDeleteJob, taskID); err != nil {
		return err
	}
	for _, query := range []string{
		// Or a chunk that is being built now would outlive its segment.
		`DELETE FROM units WHERE task_id = ? AND kind = 'chunk:serve'`,
		`DELETE FROM chunks WHERE segment_id IN (SELECT id FROM segments WHERE task_id = ?)`,
		`DELETE FROM jobs WHERE task_id = ?`,
		`DELETE FROM segments WHERE task_id = ?`,
		`DELETE FROM layouts WHERE data_id IN (SELECT id FROM data WHERE task_id = ?)`,
		`UPDATE data SET size = 0, published = NULL, chunk_size = NULL, index_key = '',
			compressed_type = 'imageset', original_type = 'imageset' WHERE task_id = ?`,
	} {
		if _, err := t.exec(ctx, query, taskID); err != nil {
			return err
		}
	}
	if _, err = t.exec(ctx, `UPDATE tasks SET mode = '', dimension = '2d', segment_size = ?, overlap = ? WHERE id = ?`,
		spec.SegmentSize, spec.Overlap, taskID); err != nil {
		return err
	}
	return changed()
}

// MeanPixels returns the mean number of pixels of the usable files of a request.
func (c conn) MeanPixels(ctx context.Context, requestID int64) (int64, error) {
	var mean int64
	err := c.get(ctx, &mean, `
		SELECT CAST(COALESCE(AVG(width * height), 0) AS BIGINT) FROM files
		WHERE request_id = ? AND outcome IN ('ok', 'truncated')`, requestID)
	return mean, err
}

// Segments lists the segments of a task by their first frame, without those of
// chosen frames: their chunks are made when somebody asks for them.
func (c conn) Segments(ctx context.Context, taskID int64) ([]pipeline.Segment, error) {
	var out []pipeline.Segment
	err := c.all(ctx, &out, `
		SELECT `+segmentColumns+` FROM segments WHERE task_id = ? AND type = 'range' ORDER BY start, id`, taskID)
	return out, err
}

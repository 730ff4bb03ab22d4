package store

import (
	"context"
	"fmt"

	"framemill/pipeline"
)

// Truth is the job of ground truth of a task, and what it validates.
type Truth struct {
	Segment    pipeline.Segment
	Layout     pipeline.Layout
	AssigneeID *int64
}

// addTruth adds the segment, the job and the layout, and returns the job's id.
func (t *Tx) addTruth(ctx context.Context, taskID int64, n *Truth) (jobID int64, err error) {
	var segmentID int64
	s := &n.Segment
	if err := t.get(ctx, &segmentID, `
		INSERT INTO segments (task_id, type, start, stop, frames, chunk_base, chunks_updated)
		VALUES (?, ?, ?, ?, ?, ?, {now}) RETURNING id`,
		taskID, s.Type, s.Start, s.Stop, string(s.Frames), s.ChunkBase); err != nil {
		return 0, err
	}
	if err := t.get(ctx, &jobID, `
		INSERT INTO jobs (task_id, segment_id, type, stage, state, assignee_id, created, updated, assignee_updated)
		SELECT ?, ?, 'ground_truth', 'annotation', 'new', ?, n.at, n.at, CASE WHEN ? THEN n.at END
		FROM (SELECT {now} AS at) n
		RETURNING id`, taskID, segmentID, n.AssigneeID, n.AssigneeID != nil); err != nil {
		return 0, err
	}
	_, err = t.exec(ctx, `
		INSERT INTO layouts (data_id, mode, frames, per_job)
		SELECT id, ?, ?, ? FROM data WHERE task_id = ?`,
		n.Layout.Mode, string(n.Layout.Frames), n.Layout.PerJob, taskID)
	return jobID, err
}

// Layout returns the validation set of data, or NotFound.
func (c conn) Layout(ctx context.Context, dataID int64) (*pipeline.Layout, error) {
	var l pipeline.Layout
	err := c.get(ctx, &l, `SELECT data_id, mode, frames, disabled, per_job FROM layouts WHERE data_id = ?`, dataID)
	return &l, err
}

// Honeypots lists the honeypots among the frames lo to hi-1, by their number.
func (c conn) Honeypots(ctx context.Context, dataID, lo, hi int64) ([]pipeline.Honeypot, error) {
	var out []pipeline.Honeypot
	err := c.all(ctx, &out, `
		SELECT n, real_n FROM frames
		WHERE data_id = ? AND n >= ? AND n < ? AND real_n IS NOT NULL ORDER BY n`, dataID, lo, hi)
	return out, err
}

// validationMode is how a task is validated.
type validationMode struct {
	TaskID int64  `db:"task_id"`
	Mode   string `db:"mode"`
}

func (c conn) validationModes(ctx context.Context, taskIDs idSet) (map[int64]*validationMode, error) {
	return rowsBy(ctx, c, taskIDs, `
		SELECT d.task_id, l.mode FROM layouts l JOIN data d ON d.id = l.data_id WHERE d.task_id IN (?)`,
		func(m *validationMode) int64 { return m.TaskID })
}

// AddTruthJob gives a task a job of ground truth over the frames that choose
// returns, and returns the job's id. The task counts as updated.
func (db *DB) AddTruthJob(ctx context.Context, taskID int64, assignee *int64, choose func(*FrameState) ([]int64, error)) (int64, error) {
	var jobID int64
	err := db.tx(ctx, func(t *Tx) error {
		s, err := t.frameState(ctx, taskID)
		if err != nil {
			return err
		}
		frames, err := choose(s)
		if err != nil {
			return err
		}
		list := pipeline.NewFrameList(frames)
		if jobID, err = t.addTruth(ctx, taskID, &Truth{
			AssigneeID: assignee,
			Layout:     pipeline.Layout{Mode: pipeline.ValidationTruth, Frames: list},
			Segment:    pipeline.Segment{Type: pipeline.SegmentSpecific, Stop: s.Data.Size - 1, Frames: list},
		}); err != nil {
			return err
		}
		if err := t.touch(ctx, &s.Task); err != nil {
			return err
		}
		return t.tell(ctx, pipeline.EventCreateJob, place{s.Task.ProjectID, s.Task.OrgID}, t.jobSubject(jobID))
	})
	if err != nil {
		return 0, fmt.Errorf("add a job of ground truth to task %d: %w", taskID, err)
	}
	return jobID, nil
}

// DeleteTruthJob removes the job of ground truth of a task, and with it the
// validation set, so that another can be made.
func (db *DB) DeleteTruthJob(ctx context.Context, j *pipeline.Job) error {
	err := db.tx(ctx, func(t *Tx) error {
		// Without its unit, nobody can add a chunk of the segment any more.
		if _, err := t.exec(ctx, `
			DELETE FROM units WHERE task_id = ? AND kind = 'chunk:serve' AND lo = ?`, j.TaskID, j.SegmentID); err != nil {
			return err
		}
		s, err := t.frameState(ctx, j.TaskID)
		if err != nil {
			return err
		}
		if s.Layout != nil && s.Layout.Mode == pipeline.ValidationPool {
			return pipeline.Errorf(pipeline.Invalid,
				`GT jobs cannot be removed when task validation mode is "%s"`, pipeline.ValidationPool)
		}
		err = t.tell(ctx, pipeline.EventDeleteJob, place{s.Task.ProjectID, s.Task.OrgID}, t.jobSubject(j.ID))
		if err != nil && pipeline.KindOf(err) != pipeline.NotFound {
			return err
		}
		if n, err := t.exec(ctx, `DELETE FROM jobs WHERE id = ? AND type = 'ground_truth'`, j.ID); err != nil || n == 0 {
			return err // somebody else has removed it
		}
		for _, query := range []string{`DELETE FROM chunks WHERE segment_id = ?`, `DELETE FROM segments WHERE id = ?`} {
			if _, err := t.exec(ctx, query, j.SegmentID); err != nil {
				return err
			}
		}
		if _, err := t.exec(ctx, `DELETE FROM layouts WHERE data_id = ?`, s.Data.ID); err != nil {
			return err
		}
		if err := t.touch(ctx, &s.Task); err != nil {
			return err
		}
		return t.deriveStatus(ctx, j.TaskID)
	})
	if err != nil {
		return fmt.Errorf("delete job %d of ground truth: %w", j.ID, err)
	}
	return nil
}

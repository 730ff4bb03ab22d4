package store

import (
	"context"
	"fmt"
	"math"
	"slices"

	"framemill/pipeline"
)

// FrameState is what a change of a task's frames depends on.
type FrameState struct {
	Task      pipeline.Task
	Data      pipeline.Data
	Deleted   []int64             // frames, ascending
	Layout    *pipeline.Layout    // nil without a validation set
	Pool      []int64             // the frames of the validation set
	Disabled  []int64             // those of them that do not count
	Honeypots []pipeline.Honeypot // by number
	Segments  []pipeline.Segment  // by first frame
}

// FrameChange is what to change of the frames of a task.
type FrameChange struct {
	Deleted   Change[[]int64]
	Disabled  Change[[]int64]
	Honeypots []pipeline.Honeypot // those that show another frame from now on
}

// ChangeFrames changes which frames of a task's published data are deleted or
// disabled and what its honeypots show: change gets the state so far. Chunks
// with honeypots that changed are out of date from then on, and these are
// deleted no longer. The task and its project count as updated.
func (db *DB) ChangeFrames(ctx context.Context, taskID int64, change func(*FrameState) (FrameChange, error)) error {
	err := db.tx(ctx, func(t *Tx) error {
		s, err := t.frameState(ctx, taskID)
		if err != nil {
			return err
		}
		ch, err := change(s)
		if err != nil {
			return err
		}
		return t.changeFrames(ctx, s, ch)
	})
	if err != nil {
		return fmt.Errorf("change frames of task %d: %w", taskID, err)
	}
	return nil
}

// frameState locks a task and reads the state of its frames.
func (t *Tx) frameState(ctx context.Context, taskID int64) (*FrameState, error) {
	task, err := t.lockTask(ctx, taskID)
	if err != nil {
		return nil, err
	}
	s := &FrameState{Task: task}
	d, err := t.DataOf(ctx, taskID)
	if err != nil {
		return nil, err
	}
	if d.Published == nil || d.ChunkSize == nil {
		return nil, pipeline.Errorf(pipeline.Invalid, "The data of the task are not ready yet")
	}
	s.Data = *d
	if s.Deleted, err = d.DeletedFrames.Frames(); err != nil {
		return nil, err
	}
	if s.Segments, err = t.Segments(ctx, taskID); err != nil {
		return nil, err
	}
	return s, t.validationState(ctx, s)
}

// validationState reads the validation set, if there is one.
func (t *Tx) validationState(ctx context.Context, s *FrameState) error {
	l, err := t.Layout(ctx, s.Data.ID)
	if pipeline.KindOf(err) == pipeline.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	s.Layout = l
	if s.Pool, err = l.Frames.Frames(); err != nil {
		return err
	}
	if s.Disabled, err = l.Disabled.Frames(); err != nil || l.Mode != pipeline.ValidationPool {
		return err
	}
	s.Honeypots, err = t.Honeypots(ctx, s.Data.ID, 0, math.MaxInt64)
	return err
}

func (t *Tx) changeFrames(ctx context.Context, s *FrameState, ch FrameChange) error {
	if len(ch.Honeypots) > 0 {
		deleted := s.Deleted
		if ch.Deleted.Set {
			deleted = ch.Deleted.To
		}
		ch.Deleted = To(undeleted(deleted, ch.Honeypots))
		if err := t.changeHoneypots(ctx, s, ch.Honeypots); err != nil {
			return err
		}
	}
	if ch.Deleted.Set {
		if _, err := t.exec(ctx, `UPDATE data SET deleted_frames = ? WHERE id = ?`,
			string(pipeline.NewFrameList(ch.Deleted.To)), s.Data.ID); err != nil {
			return err
		}
	}
	if ch.Disabled.Set {
		if _, err := t.exec(ctx, `UPDATE layouts SET disabled = ? WHERE data_id = ?`,
			string(pipeline.NewFrameList(ch.Disabled.To)), s.Data.ID); err != nil {
			return err
		}
	}
	return t.touch(ctx, &s.Task)
}

// undeleted returns the deleted frames without the honeypots that changed.
func undeleted(deleted []int64, changed []pipeline.Honeypot) []int64 {
	again := make(map[int64]struct{}, len(changed))
	for _, h := range changed {
		again[h.N] = struct{}{}
	}
	return slices.DeleteFunc(slices.Clone(deleted), func(n int64) bool {
		_, ok := again[n]
		return ok
	})
}

// changeHoneypots makes honeypots show other frames of the pool, and the chunks
// that hold them out of date.
func (t *Tx) changeHoneypots(ctx context.Context, s *FrameState, changed []pipeline.Honeypot) error {
	var pool []pipeline.Frame
	if err := t.all(ctx, &pool, `SELECT n, ord FROM frames WHERE data_id = ? AND n >= ? AND n <= ?`,
		s.Data.ID, slices.Min(s.Pool), slices.Max(s.Pool)); err != nil {
		return err
	}
	ords := make(map[int64]int64, len(pool))
	for _, f := range pool {
		ords[f.N] = f.Ord
	}
	type row = pipeline.Honeypot
	if err := t.insert(ctx, "frames", len(changed), `
		ON CONFLICT (data_id, n) DO UPDATE SET ord = excluded.ord, real_n = excluded.real_n`,
		col("data_id", changed, func(*row) int64 { return s.Data.ID }),
		col("n", changed, func(h *row) int64 { return h.N }),
		col("ord", changed, func(h *row) int64 { return ords[h.Real] }),
		col("real_n", changed, func(h *row) int64 { return h.Real }),
	); err != nil {
		return err
	}
	return segmentsOf(s.Segments, changed).inPages(func(ids []int64) error {
		if _, err := t.execIn(ctx, `
			UPDATE segments SET chunk_ver = chunk_ver + 1, chunks_updated = {now} WHERE id IN (?)`, ids); err != nil {
			return err
		}
		_, err := t.execIn(ctx, `UPDATE jobs SET updated = {now} WHERE segment_id IN (?)`, ids)
		return err
	})
}

// segmentsOf returns the segments that hold any of some honeypots.
func segmentsOf(segments []pipeline.Segment, honeypots []pipeline.Honeypot) idSet {
	numbers := make([]int64, len(honeypots))
	for i, h := range honeypots {
		numbers[i] = h.N
	}
	slices.Sort(numbers)
	ids := idSet{}
	for i := range segments {
		s := &segments[i]
		if at, _ := slices.BinarySearch(numbers, s.Start); at < len(numbers) && numbers[at] <= s.Stop {
			ids.add(&s.ID)
		}
	}
	return ids
}

// touch marks a task and its project as updated.
func (t *Tx) touch(ctx context.Context, task *pipeline.Task) error {
	if _, err := t.exec(ctx, `UPDATE tasks SET updated = {now} WHERE id = ?`, task.ID); err != nil {
		return err
	}
	if task.ProjectID == nil {
		return nil
	}
	_, err := t.exec(ctx, `UPDATE projects SET updated = {now} WHERE id = ?`, *task.ProjectID)
	return err
}

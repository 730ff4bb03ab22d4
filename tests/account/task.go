package account

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Want is what a finished task must look like.
type Want struct {
	Frames      int64
	SegmentSize int64                 // frames of a job
	Overlap     int64                 // frames
	Picture     func(frame int64) int // the number in the picture of a frame
	Video       bool                  // the frames are of a video, and have no rows
}

// segment is a run of frames, inclusive.
type segment struct{ id, start, stop int64 }

// chunk is the row of a chunk.
type chunk struct {
	segment, idx, frames int64
	key                  string
	bytes, crc           int64
}

// Task reports everything that is wrong with the one finished ingest of a
// task whose chunks are all stored.
func (b *Books) Task(ctx context.Context, id int64, want Want) error {
	segments, err := b.segments(ctx, id)
	if err != nil {
		return err
	}
	chunks, err := b.chunks(ctx, id)
	if err != nil {
		return err
	}
	return errors.Join(
		b.checkRequest(ctx, id), b.checkFrames(ctx, id, want),
		checkTiling(segments, want), b.checkJobs(ctx, id, segments),
		b.checkChunks(ctx, id, segments, chunks), b.checkContent(ctx, segments, chunks, want),
	)
}

func (b *Books) segments(ctx context.Context, task int64) (out []segment, err error) {
	err = b.rows(ctx, fmt.Sprintf(`SELECT id, start, stop FROM segments WHERE task_id = %d ORDER BY start`, task),
		func(r *sql.Rows) error {
			var s segment
			defer func() { out = append(out, s) }()
			return r.Scan(&s.id, &s.start, &s.stop)
		})
	return out, err
}

func (b *Books) chunks(ctx context.Context, task int64) (out []chunk, err error) {
	err = b.rows(ctx, fmt.Sprintf(`
		SELECT c.segment_id, c.idx, c.frames, c.store_key, c.bytes, c.crc32
		FROM chunks c JOIN segments s ON s.id = c.segment_id
		WHERE s.task_id = %d AND c.quality = 'compressed' ORDER BY s.start, c.idx`, task),
		func(r *sql.Rows) error {
			var c chunk
			defer func() { out = append(out, c) }()
			return r.Scan(&c.segment, &c.idx, &c.frames, &c.key, &c.bytes, &c.crc)
		})
	return out, err
}

// checkRequest wants one request, which went from accepted over running to
// done, each once.
func (b *Books) checkRequest(ctx context.Context, task int64) error {
	var history string
	err := b.rows(ctx, fmt.Sprintf(`
		SELECT e.request_id, e.old, e.new FROM events e JOIN requests r ON r.id = e.request_id
		WHERE r.task_id = %d ORDER BY e.request_id, e.seq`, task),
		func(r *sql.Rows) error {
			var request int64
			var old, now string
			defer func() { history += fmt.Sprintf("%s→%s ", old, now) }()
			return r.Scan(&request, &old, &now)
		})
	if want := "→accepted accepted→running running→done "; err == nil && history != want {
		err = fmt.Errorf("task %d: the history of its requests is %q, want %q", task, history, want)
	}
	return err
}

// checkFrames wants a row for each frame, once, and none of another. A video
// has an index instead.
func (b *Books) checkFrames(ctx context.Context, task int64, w Want) error {
	if w.Video {
		return b.checkIndex(ctx, task, w.Frames)
	}
	want := w.Frames
	var size, n, distinct, first, last int64
	var published *int64
	err := b.DB.QueryRowContext(ctx, fmt.Sprintf(`
		SELECT d.size, d.published, COUNT(f.n), COUNT(DISTINCT f.ord), COALESCE(MIN(f.n), -1), COALESCE(MAX(f.n), -1)
		FROM data d LEFT JOIN frames f ON f.data_id = d.id WHERE d.task_id = %d GROUP BY d.id, d.size, d.published`, task)).
		Scan(&size, &published, &n, &distinct, &first, &last)
	if err != nil {
		return fmt.Errorf("task %d: read its frames: %w", task, err)
	}
	if published == nil || size != want || n != want || distinct != want || first != 0 || last != want-1 {
		return fmt.Errorf("task %d: size %d with %d frame rows of %d files, %d to %d; want %d of each, published",
			task, size, n, distinct, first, last, want)
	}
	return nil
}

// checkIndex wants the index of a video to be there, and no row of a frame.
func (b *Books) checkIndex(ctx context.Context, task, want int64) error {
	var size, rows int64
	var key string
	var published *int64
	err := b.DB.QueryRowContext(ctx, fmt.Sprintf(`
		SELECT d.size, d.index_key, d.published, (SELECT COUNT(*) FROM frames f WHERE f.data_id = d.id)
		FROM data d WHERE d.task_id = %d`, task)).Scan(&size, &key, &published, &rows)
	if err != nil {
		return fmt.Errorf("task %d: read its data: %w", task, err)
	}
	if published == nil || size != want || rows != 0 {
		return fmt.Errorf("task %d: size %d with %d frame rows; want %d with none, published", task, size, rows, want)
	}
	if _, err := b.bucket.Stat(ctx, key); err != nil {
		return fmt.Errorf("task %d: its frame index: %w", task, err)
	}
	return nil
}

// checkTiling compares the segments with those of the simplest planner.
func checkTiling(got []segment, want Want) error {
	var tiles []segment
	for start := int64(0); ; start += want.SegmentSize - want.Overlap {
		stop := min(start+want.SegmentSize, want.Frames) - 1
		tiles = append(tiles, segment{start: start, stop: stop})
		if stop == want.Frames-1 {
			break
		}
	}
	if len(got) != len(tiles) {
		return fmt.Errorf("%d segments, want %d", len(got), len(tiles))
	}
	for i, s := range got {
		if s.start != tiles[i].start || s.stop != tiles[i].stop {
			return fmt.Errorf("segment %d is of frames %d to %d, want %d to %d", i, s.start, s.stop, tiles[i].start, tiles[i].stop)
		}
	}
	return nil
}

// checkJobs wants one job for each segment.
func (b *Books) checkJobs(ctx context.Context, task int64, segments []segment) error {
	jobs := map[int64]int{}
	err := b.rows(ctx, fmt.Sprintf(`SELECT segment_id FROM jobs WHERE task_id = %d`, task), func(r *sql.Rows) error {
		var s int64
		defer func() { jobs[s]++ }()
		return r.Scan(&s)
	})
	if err != nil {
		return err
	}
	for _, s := range segments {
		if jobs[s.id] != 1 {
			return fmt.Errorf("task %d: segment %d has %d jobs, want 1", task, s.id, jobs[s.id])
		}
	}
	if len(jobs) != len(segments) {
		return fmt.Errorf("task %d: jobs of %d segments, want %d", task, len(jobs), len(segments))
	}
	return nil
}

// checkChunks wants the chunks of every segment to be there, none twice, and to
// hold exactly its frames.
func (b *Books) checkChunks(ctx context.Context, task int64, segments []segment, chunks []chunk) error {
	next, frames := map[int64]int64{}, map[int64]int64{}
	for _, c := range chunks {
		if c.idx != next[c.segment] {
			return fmt.Errorf("task %d: chunk %d of segment %d follows number %d", task, c.idx, c.segment, next[c.segment]-1)
		}
		next[c.segment]++
		frames[c.segment] += c.frames
	}
	for _, s := range segments {
		if want := s.stop - s.start + 1; frames[s.id] != want {
			return fmt.Errorf("task %d: the %d chunks of segment %d hold %d frames, want %d", task, next[s.id], s.id, frames[s.id], want)
		}
	}
	var previews int64
	err := b.DB.QueryRowContext(ctx, fmt.Sprintf(`
		SELECT COUNT(*) FROM chunks c JOIN segments s ON s.id = c.segment_id
		WHERE s.task_id = %d AND c.quality = 'preview'`, task)).Scan(&previews)
	if err == nil && previews < 1 {
		err = fmt.Errorf("task %d has no preview", task)
	}
	return err
}

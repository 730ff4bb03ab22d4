package store

import (
	"context"
	"fmt"

	"framemill/pipeline"
)

const chunkColumns = `c.segment_id, c.quality, c.idx, c.ver, c.store_key, c.bytes, c.crc32, c.frames`

// Chunk returns a chunk that is built and up to date, else NotFound.
func (db *DB) Chunk(ctx context.Context, segmentID int64, q pipeline.Quality, index int64) (*pipeline.Chunk, error) {
	var c pipeline.Chunk
	err := db.get(ctx, &c, `
		SELECT `+chunkColumns+` FROM chunks c JOIN segments s ON s.id = c.segment_id
		WHERE c.segment_id = ? AND c.quality = ? AND c.idx = ? AND c.ver >= s.chunk_ver`,
		segmentID, string(q), index)
	return &c, err
}

// BuiltChunks lists which of the chunks lo to hi of a segment are built and up to
// date.
func (db *DB) BuiltChunks(ctx context.Context, segmentID int64, q pipeline.Quality, lo, hi int64) ([]int64, error) {
	var out []int64
	err := db.all(ctx, &out, `
		SELECT c.idx FROM chunks c JOIN segments s ON s.id = c.segment_id
		WHERE c.segment_id = ? AND c.quality = ? AND c.idx BETWEEN ? AND ? AND c.ver >= s.chunk_ver`,
		segmentID, string(q), lo, hi)
	return out, err
}

// Chunks lists the rows of chunks after a segment, for checking them.
func (db *DB) Chunks(ctx context.Context, after pipeline.Chunk, limit int) ([]pipeline.Chunk, error) {
	var out []pipeline.Chunk
	err := db.all(ctx, &out, `
		SELECT `+chunkColumns+` FROM chunks c
		WHERE (c.segment_id, c.quality, c.idx) > (?, ?, ?)
		ORDER BY c.segment_id, c.quality, c.idx LIMIT ?`,
		after.SegmentID, string(after.Quality), after.Index, limit)
	return out, err
}

// PutChunks records chunks that were built. A row of an older or equal version
// is replaced; the file that it named becomes garbage for the collector.
func (t *Tx) PutChunks(ctx context.Context, chunks []pipeline.Chunk) error {
	var now int64
	if err := t.get(ctx, &now, `SELECT {now}`); err != nil {
		return err
	}
	type row = pipeline.Chunk
	return t.insert(ctx, "chunks", len(chunks), `
		ON CONFLICT (segment_id, quality, idx) DO UPDATE
		SET ver = excluded.ver, store_key = excluded.store_key, bytes = excluded.bytes, crc32 = excluded.crc32,
			frames = excluded.frames, used = excluded.used
		WHERE excluded.ver >= chunks.ver`,
		col("segment_id", chunks, func(c *row) int64 { return c.SegmentID }),
		col("quality", chunks, func(c *row) string { return string(c.Quality) }),
		col("idx", chunks, func(c *row) int64 { return c.Index }),
		col("ver", chunks, func(c *row) int64 { return c.Version }),
		col("store_key", chunks, func(c *row) string { return c.Key }),
		col("bytes", chunks, func(c *row) int64 { return c.Bytes }),
		col("crc32", chunks, func(c *row) int64 { return c.CRC32 }),
		col("frames", chunks, func(c *row) int64 { return c.Frames }),
		col("used", chunks, func(*row) int64 { return now }),
	)
}

// Segment returns a segment.
func (db *DB) Segment(ctx context.Context, id int64) (*pipeline.Segment, error) {
	var s pipeline.Segment
	err := db.get(ctx, &s, `SELECT `+segmentColumns+` FROM segments WHERE id = ?`, id)
	return &s, err
}

const segmentColumns = `id, task_id, type, start, stop, frames, chunk_base, chunk_ver, chunks_updated`

// SegmentsByChunk lists the segments of a task that own any of the chunks lo
// to hi-1, counted over the whole task.
func (db *DB) SegmentsByChunk(ctx context.Context, taskID, lo, hi int64) ([]pipeline.Segment, error) {
	var out []pipeline.Segment
	err := db.all(ctx, &out, `
		SELECT `+segmentColumns+` FROM segments
		WHERE task_id = ? AND type = 'range' AND chunk_base < ? AND chunk_base >= (
			SELECT COALESCE(MAX(chunk_base), 0) FROM segments WHERE task_id = ? AND type = 'range' AND chunk_base <= ?
		) ORDER BY chunk_base`, taskID, hi, taskID, lo)
	return out, err
}

const dataColumns = `id, task_id, request_id, size, start_frame, stop_frame, step, frame_filter, chunk_size, quality,
	compressed_type, original_type, storage, cloud_storage_id, sorting, method, deleted_frames, index_key, published`

// DataOf returns the data of a task, or NotFound before the first upload.
func (c conn) DataOf(ctx context.Context, taskID int64) (*pipeline.Data, error) {
	var d pipeline.Data
	err := c.get(ctx, &d, `SELECT `+dataColumns+` FROM data WHERE task_id = ?`, taskID)
	return &d, err
}

// Ask is a chunk that a reader waits for.
type Ask struct {
	TaskID    int64
	Tenant    pipeline.Tenant
	SegmentID int64
	Quality   pipeline.Quality
	Index     int64
	// Before is how many of the chunks in front of it are built together with it.
	Before int64
	Lane   pipeline.Lane // Interactive when somebody waits
}

// ChunkUnit is the unit that builds a chunk, and those that are built together
// with it. At most one of them is open for these chunks in a lane at any time: a
// reader does not wait behind what nobody waits for.
func ChunkUnit(a Ask) pipeline.Unit {
	key := fmt.Sprintf("chunk:%s:%d:%s:%d", a.Lane, a.SegmentID, a.Quality, a.Index-a.Before)
	return pipeline.Unit{
		ID: pipeline.NewUnitID(), TaskID: a.TaskID, Kind: pipeline.ChunkServe, Lane: a.Lane, Tenant: a.Tenant,
		Lo: a.SegmentID, Hi: a.Index, Arg: string(a.Quality), Dedupe: &key,
	}
}

// AskChunk makes sure that a unit will build a chunk and returns its id. Asking
// for the same chunk again, or for one that is built together with it, from any
// process, gives the same unit.
func (db *DB) AskChunk(ctx context.Context, a Ask) (pipeline.UnitID, error) {
	u := ChunkUnit(a)
	const find = `SELECT id FROM units WHERE dedupe = ? AND state IN ('ready', 'running')`
	var id pipeline.UnitID
	err := db.get(ctx, &id, find, *u.Dedupe)
	if pipeline.KindOf(err) != pipeline.NotFound {
		return id, err
	}
	err = db.tx(ctx, func(t *Tx) error {
		if err := t.AddUnits(ctx, []pipeline.Unit{u}); err != nil {
			return err
		}
		return t.get(ctx, &id, find, *u.Dedupe)
	})
	return id, err
}

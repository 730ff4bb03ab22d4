package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/plan"
	"framemill/pipeline/store"
	"framemill/stages/film"
)

// serveStep builds the chunk that a reader waits for: of segment Lo, with index
// Hi and the quality Arg.
func serveStep(ctx context.Context, a *attempt) error {
	seg, err := a.w.DB.Segment(ctx, a.Lo)
	if err != nil {
		return fmt.Errorf("read segment %d: %w", a.Lo, err)
	}
	data, err := a.w.DB.DataOf(ctx, a.TaskID)
	if err != nil {
		return fmt.Errorf("read data: %w", err)
	}
	if data.Published == nil {
		return pipeline.Errorf(pipeline.NotFound, "the task has no frames")
	}
	q, asked := pipeline.Quality(a.Arg), chunkAt{seg, a.Hi}
	there, err := a.isThere(ctx, q, asked)
	switch {
	case err != nil:
		return fmt.Errorf("look for the chunk: %w", err)
	case there: // the unit before this one was quicker than the reader
		return nil
	case data.Video() && a.Lane == pipeline.Interactive && q.InRuns():
		return a.serveFilm(ctx, data, q, asked)
	}
	return a.build(ctx, data, q, []chunkAt{asked})
}

// isThere reports whether a chunk is built, and its file whole.
func (a *attempt) isThere(ctx context.Context, q pipeline.Quality, at chunkAt) (bool, error) {
	c, err := a.w.DB.Chunk(ctx, at.segment.ID, q, at.index)
	if pipeline.KindOf(err) == pipeline.NotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	file, err := a.w.Bucket.Stat(ctx, c.Key)
	if errors.Is(err, blob.ErrNotExist) {
		return false, nil
	}
	return err == nil && file.Bytes == c.Bytes, err
}

// serveFilm builds a chunk of a video, and with it all that lack of those that
// are built together. Where others cannot be built, this one still may.
func (a *attempt) serveFilm(ctx context.Context, d *pipeline.Data, q pipeline.Quality, asked chunkAt) error {
	chunks, err := a.lacking(ctx, d, q, asked)
	if err != nil {
		return err
	}
	p := publisher{attempt: a, asked: asked.index}
	err = a.buildFilm(ctx, d, q, chunks, func(c pipeline.Chunk) error { return p.keep(ctx, c) })
	switch {
	case len(chunks) == 1 || pipeline.KindOf(err) != pipeline.Media:
		return err
	case !p.served:
		return a.build(ctx, d, q, []chunkAt{asked})
	}
	a.w.Log.Warn("built the chunk that was asked for, but not all of those around it", "unit", a.ID, "task_id", a.TaskID, "error", err)
	return nil // who asks for one of the others will hear why
}

// lacking lists the chunks that are built together with the one that was asked
// for and are not there.
func (a *attempt) lacking(ctx context.Context, d *pipeline.Data, q pipeline.Quality, asked chunkAt) ([]chunkAt, error) {
	index, err := film.ReadIndex(ctx, a.w.Bucket, d.Index)
	if err != nil {
		return []chunkAt{asked}, nil //nolint:nilerr // the stage says it, with the name of the file
	}
	run := plan.Together(d, asked.segment, asked.index, index.GOP)
	built, err := a.w.DB.BuiltChunks(ctx, asked.segment.ID, q, run.Start, run.Stop)
	if err != nil {
		return nil, fmt.Errorf("look for the chunks around it: %w", err)
	}
	var out []chunkAt
	for k := run.Start; k <= run.Stop; k++ {
		if k == asked.index || !slices.Contains(built, k) {
			out = append(out, chunkAt{asked.segment, k})
		}
	}
	return out, nil
}

// publisher shows readers chunks while others are being built: the one that was
// asked for at once, and then now and then what there is.
type publisher struct {
	*attempt
	asked  int64
	served bool
	last   time.Time
}

// publishEvery is how often chunks are shown that nobody may wait for.
const publishEvery = 250 * time.Millisecond

func (p *publisher) keep(ctx context.Context, c pipeline.Chunk) error {
	p.later(func(ctx context.Context, t *store.Tx) error { return t.PutChunks(ctx, []pipeline.Chunk{c}) })
	asked, now := c.Index == p.asked, p.w.clock()
	if !asked && now.Sub(p.last) < publishEvery {
		return nil
	}
	if err := p.flush(ctx); err != nil {
		return fmt.Errorf("publish chunk %d: %w", c.Index, err)
	}
	p.served, p.last = p.served || asked, now
	return nil
}

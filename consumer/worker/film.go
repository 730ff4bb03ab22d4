package worker

import (
	"context"
	"fmt"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/plan"
	"framemill/stages"
	"framemill/stages/film"
)

// filmChunk describes the work of building one chunk of a video, or another
// thing that is kept like one.
func (a *attempt) filmChunk(s *pipeline.Segment, d *pipeline.Data, q pipeline.Quality, index int64) (film.ChunkWork, error) {
	r, ok := filmFrames(s, d, q, index)
	if !ok {
		return film.ChunkWork{}, pipeline.Errorf(pipeline.NotFound, "segment %d has no %s chunk %d", s.ID, q, index)
	}
	w := film.ChunkWork{
		SegmentID: s.ID, Index: index, Version: s.ChunkVersion, Quality: q, Form: filmForm(d, q),
		Lo: r.Start, Hi: r.Stop + 1, Key: a.chunkKey(s, q, index),
	}
	if s.Type == pipeline.SegmentSpecific && listed(q) {
		numbers, err := s.Frames.Frames()
		if err != nil {
			return w, err
		}
		w.Picked = numbers[r.Start : r.Stop+1]
		w.Lo, w.Hi = w.Picked[0], w.Picked[len(w.Picked)-1]+1 // a still comes from the first
		if w.Form == film.MP4 {
			w.Form = film.Zip
		}
	}
	return w, nil
}

// listed reports whether a quality is counted over the places of a segment that
// holds chosen frames, and not over the frames of the task.
func listed(q pipeline.Quality) bool {
	return q == pipeline.Compressed || q == pipeline.Original || q == pipeline.Preview
}

// filmFrames says which frames, by relative numbers, a chunk of a video has.
func filmFrames(s *pipeline.Segment, d *pipeline.Data, q pipeline.Quality, index int64) (plan.Range, bool) {
	switch places := plan.Places(s); q {
	case pipeline.Preview:
		return plan.Range{Start: places.Start, Stop: places.Start}, index == 0
	case pipeline.Compressed, pipeline.Original:
		return places.Chunk(index, *d.ChunkSize)
	case pipeline.FrameCompressed, pipeline.FrameOriginal:
		return plan.Range{Start: index, Stop: index}, index >= s.Start && index <= s.Stop
	case pipeline.TaskCompressed, pipeline.TaskOriginal:
		r, err := plan.TaskChunk(d.Size, *d.ChunkSize, index)
		return r, err == nil
	case pipeline.WindowCompressed, pipeline.WindowOriginal:
		r, err := plan.TaskChunk(d.Size, *d.ChunkSize, index)
		r.Start, r.Stop = max(r.Start, s.Start), min(r.Stop, s.Stop)
		return r, err == nil && r.Size() > 0
	}
	return plan.Range{}, false
}

// filmForm says as what a chunk of a video is written.
func filmForm(d *pipeline.Data, q pipeline.Quality) film.Form {
	switch q {
	case pipeline.Preview:
		return film.Thumbnail
	case pipeline.FrameCompressed, pipeline.FrameOriginal:
		return film.PNG
	}
	chunks := d.CompressedType
	if q == pipeline.Original || q == pipeline.TaskOriginal || q == pipeline.WindowOriginal {
		chunks = d.OriginalType
	}
	if chunks == pipeline.ChunkImageset {
		return film.Zip
	}
	return film.MP4
}

// buildFilm builds chunks of one quality of a video and gives each to kept.
func (a *attempt) buildFilm(ctx context.Context, d *pipeline.Data, q pipeline.Quality, chunks []chunkAt, kept func(pipeline.Chunk) error) error {
	work := make([]film.ChunkWork, len(chunks))
	for i, c := range chunks {
		var err error
		if work[i], err = a.filmChunk(c.segment, d, q, c.index); err != nil {
			return err
		}
	}
	return a.encodeFilm(ctx, d, work, kept)
}

// encodeFilm builds chunks of a video and gives each to kept.
func (a *attempt) encodeFilm(ctx context.Context, d *pipeline.Data, work []film.ChunkWork, kept func(pipeline.Chunk) error) error {
	file, err := a.w.DB.Footage(ctx, d)
	if err != nil {
		return fmt.Errorf("read the file of the video: %w", err)
	}
	return a.runFilm(ctx, film.Input{
		Footage: film.Footage{File: *file, Start: d.StartFrame, Step: d.Step}, Chunks: work, Quality: d.Quality,
	}, kept)
}

// runFilm runs the stage here, or alone in a child after crashes, which hands
// over nothing before it ends.
func (a *attempt) runFilm(ctx context.Context, in film.Input, kept func(pipeline.Chunk) error) error {
	defer a.reads([]string{in.File.Name})()
	if a.solo {
		var chunks []pipeline.Chunk
		t := SoloTask{Stage: stages.Film, Input: in, Progress: a.beat, Files: a.files()}
		if err := a.w.Solo.Run(ctx, t, &chunks); err != nil {
			return err
		}
		for _, c := range chunks {
			if err := kept(c); err != nil {
				return err
			}
		}
		return nil
	}
	begin := a.w.clock()
	chunks, err := a.stages().Film.Run(ctx, in, a.beat, kept)
	a.observe(chunks, a.w.clock().Sub(begin))
	return err
}

// observe tells of chunks that were built together in a time.
func (a *attempt) observe(chunks []pipeline.Chunk, took time.Duration) {
	for _, c := range chunks {
		a.w.Observe.ChunkBuilt(c.Quality, took/time.Duration(len(chunks)), c.Bytes)
	}
}

package worker

import (
	"context"
	"fmt"

	"framemill/pipeline"
	"framemill/pipeline/plan"
	"framemill/pipeline/store"
	"framemill/stages"
	"framemill/stages/encode"
)

// encodeStep builds the chunks of the unit's range, or of the whole task when
// the unit runs every stage. A task of the cache method builds none ahead.
func encodeStep(ctx context.Context, a *attempt) error {
	if err := a.flush(ctx); err != nil {
		return err
	}
	data, err := a.w.DB.DataOf(ctx, a.TaskID)
	if err != nil {
		return fmt.Errorf("read data: %w", err)
	}
	if data.Method == pipeline.MethodCache {
		return nil
	}
	segs, err := a.encodeSegments(ctx)
	if err != nil {
		return fmt.Errorf("read segments: %w", err)
	}
	var chunks []chunkAt
	for i := range segs {
		chunks = append(chunks, a.chunksOf(&segs[i], data)...)
	}
	return a.build(ctx, data, pipeline.Compressed, chunks)
}

// chunkAt is one chunk of a segment.
type chunkAt struct {
	segment *pipeline.Segment
	index   int64
}

// build builds chunks of one quality and keeps their rows.
func (a *attempt) build(ctx context.Context, d *pipeline.Data, q pipeline.Quality, chunks []chunkAt) error {
	if d.Video() {
		rows := make([]pipeline.Chunk, 0, len(chunks))
		err := a.buildFilm(ctx, d, q, chunks, func(c pipeline.Chunk) error { rows = append(rows, c); return nil })
		a.later(func(ctx context.Context, t *store.Tx) error { return t.PutChunks(ctx, rows) })
		return err
	}
	work := make([]encode.ChunkWork, len(chunks))
	for i, c := range chunks {
		var err error
		if work[i], err = a.chunk(ctx, c.segment, d, q, c.index); err != nil {
			return err
		}
	}
	return a.encode(ctx, d, work)
}

func (a *attempt) encodeSegments(ctx context.Context) ([]pipeline.Segment, error) {
	if a.Kind == pipeline.UploadRun {
		return a.w.DB.Segments(ctx, a.TaskID)
	}
	return a.w.DB.SegmentsByChunk(ctx, a.TaskID, a.Lo, a.Hi)
}

// chunksOf lists the chunks of a segment that the unit covers.
func (a *attempt) chunksOf(s *pipeline.Segment, d *pipeline.Data) []chunkAt {
	var out []chunkAt
	for k := range (plan.Range{Start: s.Start, Stop: s.Stop}).Chunks(*d.ChunkSize) {
		if n := s.ChunkBase + k; a.Kind == pipeline.ChunksEncode && (n < a.Lo || n >= a.Hi) {
			continue
		}
		out = append(out, chunkAt{s, k})
	}
	return out
}

// chunkKey is where a chunk goes.
func (a *attempt) chunkKey(s *pipeline.Segment, q pipeline.Quality, index int64) string {
	return a.key(string(q), fmt.Sprintf("%d/%d-", s.ID, index))
}

// chunk describes the work of building one chunk of pictures.
func (a *attempt) chunk(ctx context.Context, s *pipeline.Segment, d *pipeline.Data, q pipeline.Quality, index int64) (encode.ChunkWork, error) {
	if q == pipeline.Context {
		return a.context(ctx, s, d, index)
	}
	places := plan.Places(s)
	r, ok := places.Chunk(index, *d.ChunkSize)
	if q == pipeline.Preview {
		r, ok = plan.Range{Start: places.Start, Stop: places.Start}, index == 0
	}
	if !ok {
		return encode.ChunkWork{}, pipeline.Errorf(pipeline.NotFound, "segment %d has no %s chunk %d", s.ID, q, index)
	}
	frames, err := a.framesAt(ctx, s, d, r)
	if err != nil {
		return encode.ChunkWork{}, fmt.Errorf("read places %d to %d of segment %d: %w", r.Start, r.Stop, s.ID, err)
	}
	if int64(len(frames)) != r.Size() {
		return encode.ChunkWork{}, fmt.Errorf("places %d to %d of segment %d have %d rows", r.Start, r.Stop, s.ID, len(frames))
	}
	return encode.ChunkWork{
		SegmentID: s.ID, Index: index, Version: s.ChunkVersion, Quality: q, Frames: frames,
		Key: a.chunkKey(s, q, index),
	}, nil
}

// context describes the work of building the zip of the images beside a frame.
func (a *attempt) context(ctx context.Context, s *pipeline.Segment, d *pipeline.Data, n int64) (encode.ChunkWork, error) {
	files, err := a.w.DB.RelatedFiles(ctx, d, n)
	if err == nil && len(files) == 0 {
		err = pipeline.Errorf(pipeline.NotFound, "frame %d has no related images", n)
	}
	return encode.ChunkWork{
		SegmentID: s.ID, Index: n, Version: s.ChunkVersion, Quality: pipeline.Context, Frames: files,
		Key: a.chunkKey(s, pipeline.Context, n),
	}, err
}

// framesAt reads the frames at some places of a segment.
func (a *attempt) framesAt(ctx context.Context, s *pipeline.Segment, d *pipeline.Data, r plan.Range) ([]pipeline.FrameFile, error) {
	if s.Type != pipeline.SegmentSpecific {
		return a.w.DB.FrameFiles(ctx, d.ID, r.Start, r.Stop+1)
	}
	numbers, err := s.Frames.Frames()
	if err != nil {
		return nil, err
	}
	return a.w.DB.FrameFilesAt(ctx, d.ID, numbers[r.Start:r.Stop+1])
}

// encode builds chunks and keeps their rows and what was found out about files.
func (a *attempt) encode(ctx context.Context, d *pipeline.Data, work []encode.ChunkWork) error {
	out, err := a.runEncode(ctx, encode.Input{
		Chunks: work, JPEGQuality: d.Quality, NeedSources: a.Kind == pipeline.ChunkServe,
	})
	if err != nil {
		return err
	}
	a.later(func(ctx context.Context, t *store.Tx) error {
		if err := t.PutChunks(ctx, out.Chunks); err != nil {
			return err
		}
		return t.ReportFiles(ctx, *d.RequestID, reports(out.Reports))
	})
	return nil
}

// runEncode runs the stage here, or alone in a child after crashes.
func (a *attempt) runEncode(ctx context.Context, in encode.Input) (encode.Output, error) {
	var names []string
	for _, c := range in.Chunks {
		for i := range c.Frames {
			names = append(names, c.Frames[i].Name)
		}
	}
	defer a.reads(names)()
	var out encode.Output
	if a.solo {
		t := SoloTask{Stage: stages.Encode, Input: in, Progress: a.beat, Files: names}
		err := a.w.Solo.Run(ctx, t, &out)
		return out, err
	}
	begin := a.w.clock()
	out, err := a.stages().Encode.Run(ctx, in, a.beat)
	a.observe(out.Chunks, a.w.clock().Sub(begin))
	return out, err
}

// reports says what became of files that encoding complained about.
func reports(found []encode.FileReport) []store.FileReport {
	out := make([]store.FileReport, len(found))
	for i, r := range found {
		out[i] = store.FileReport{Ord: r.Ord, Outcome: pipeline.OutcomeFailed, Code: r.Code, Text: r.Text}
		switch {
		case r.Code == pipeline.CodeTruncated:
			out[i].Outcome = pipeline.OutcomeTruncated
		case r.Shown:
			out[i].Outcome = pipeline.OutcomeDamaged
		}
	}
	return out
}

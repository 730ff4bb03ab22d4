// Package serve sends bytes out: chunks, single frames and previews.
//
// What is stored as one file is sent as it lies. Everything else, namely
// chunks of original pictures and chunks counted over the whole task, is a zip
// that is put together while it is sent; its length is known beforehand,
// because nothing in it is compressed. What cannot be put together from other
// files, as a film of frames that lie in two segments, is built as a file of
// its own. A file that does not exist yet is asked for, and the reader waits a
// while.
//
// A method that returns an error after the status was sent has sent only part
// of an answer: the caller breaks the connection off, so that nobody takes the
// part for the whole.
package serve

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/plan"
	"framemill/pipeline/source"
	"framemill/pipeline/store"
)

// Config says how patient the server is with those who build and those who read.
type Config struct {
	Wait       time.Duration // for a chunk that is being built
	RetryAfter time.Duration // what a reader is told who waited in vain
	Poll       time.Duration // first pause between two looks for a chunk
	MaxPoll    time.Duration // longest pause
	MinRate    int64         // bytes a second that a reader must take
	IndexBytes int64         // memory for the indexes of videos that were read of late
}

// Defaults returns the configuration that clients of the contract expect.
func Defaults() Config {
	return Config{
		Wait:       20 * time.Second,
		RetryAfter: 10 * time.Second,
		Poll:       10 * time.Millisecond,
		MaxPoll:    200 * time.Millisecond,
		MinRate:    16 << 10,
		IndexBytes: 64 << 20,
	}
}

// rows is what serving needs of the store.
type rows interface {
	Chunk(ctx context.Context, segmentID int64, q pipeline.Quality, index int64) (*pipeline.Chunk, error)
	AskChunk(ctx context.Context, a store.Ask) (pipeline.UnitID, error)
	Unit(ctx context.Context, id pipeline.UnitID) (*pipeline.Unit, error)
	LiveWorkers(ctx context.Context, lane pipeline.Lane) (int64, error)
	SegmentsOver(ctx context.Context, taskID, lo, hi int64) ([]pipeline.Segment, error)
	FrameFiles(ctx context.Context, dataID, lo, hi int64) ([]pipeline.FrameFile, error)
	FrameFilesAt(ctx context.Context, dataID int64, numbers []int64) ([]pipeline.FrameFile, error)
	Footage(ctx context.Context, d *pipeline.Data) (*pipeline.File, error)
	RelatedFiles(ctx context.Context, d *pipeline.Data, n int64) ([]pipeline.FrameFile, error)
	UseChunk(ctx context.Context, c *pipeline.Chunk, every time.Duration) error
}

// opener opens source files where they lie.
type opener interface {
	Open(ctx context.Context, ref pipeline.Ref, stamp pipeline.Stamp) (source.File, error)
}

// Server sends bytes. Its methods may be called concurrently.
type Server struct {
	cfg     Config
	db      rows
	bucket  blob.Bucket
	sources opener
	kick    func()
	indexes *indexes
}

// New returns a server of what db, bucket and sources hold. It calls kick after
// it has asked for a chunk.
func New(cfg Config, db rows, bucket blob.Bucket, sources opener, kick func()) *Server {
	return &Server{
		cfg: cfg, db: db, bucket: bucket, sources: sources, kick: kick, indexes: newIndexes(cfg.IndexBytes),
	}
}

// View is what a reader looks at: the published data of a task, in one quality.
type View struct {
	Task    *pipeline.Task
	Data    *pipeline.Data
	Quality pipeline.Quality
	Updated pipeline.Micros // when chunks were last made invalid
}

// clouds reports whether the frames are point clouds, which are sent as they are
// in either quality.
func (v *View) clouds() bool { return v.Task.Dimension == pipeline.Dimension3D }

// chunkSize returns how many frames a chunk has.
func (v *View) chunkSize() int64 {
	if v.Data.ChunkSize == nil {
		return 0
	}
	return *v.Data.ChunkSize
}

// JobChunk sends chunk index of a segment, as its jobs count them.
func (s *Server) JobChunk(w http.ResponseWriter, r *http.Request, v View, seg *pipeline.Segment, index int64) error {
	all := plan.Places(seg)
	places, ok := all.Chunk(index, v.chunkSize())
	if !ok {
		return noChunk(index, 0, all.Chunks(v.chunkSize())-1)
	}
	if seg.Type == pipeline.SegmentSpecific {
		return s.answer(w, r, v).chosen(seg, places)
	}
	return s.answer(w, r, v).send(slices(v, []pipeline.Segment{*seg}, places))
}

// JobWindow sends what a segment has of a chunk that is counted over the whole
// task. Where it has only chosen frames, placeholders stand for the others.
func (s *Server) JobWindow(w http.ResponseWriter, r *http.Request, v View, seg *pipeline.Segment, number int64) error {
	size := v.chunkSize()
	if size < 1 || number < seg.Start/size || number > seg.Stop/size {
		return noChunk(number, seg.Start/max(size, 1), seg.Stop/max(size, 1))
	}
	frames := plan.Range{Start: max(number*size, seg.Start), Stop: min(number*size+size-1, seg.Stop)}
	if seg.Type == pipeline.SegmentSpecific {
		return s.answer(w, r, v).sparse(seg, frames)
	}
	a, parts := s.answer(w, r, v), slices(v, []pipeline.Segment{*seg}, frames)
	if v.film() && !isWhole(parts) {
		return a.sendAside(asides[v.Quality].window, slice{seg: *seg, index: number}, videoType)
	}
	return a.send(parts)
}

// TaskChunk sends a chunk that is counted over the whole task.
func (s *Server) TaskChunk(w http.ResponseWriter, r *http.Request, v View, number int64) error {
	frames, err := plan.TaskChunk(v.Data.Size, v.chunkSize(), number)
	if err != nil {
		return err
	}
	segs, err := s.db.SegmentsOver(r.Context(), v.Task.ID, frames.Start, frames.Stop+1)
	if err != nil {
		return err
	}
	a, parts := s.answer(w, r, v), slices(v, segs, frames)
	if v.film() && !isWhole(parts) {
		return a.wholeTaskFilm(number)
	}
	return a.send(parts)
}

// noChunk is the error of a chunk number that does not exist.
func noChunk(number, first, last int64) error {
	return pipeline.Errorf(pipeline.Invalid,
		"Invalid chunk number '%d'. The chunk number should be in the [%d, %d] range", number, first, last)
}

// Preview sends the small picture of a segment.
func (s *Server) Preview(w http.ResponseWriter, r *http.Request, v View, seg *pipeline.Segment) error {
	v.Quality = pipeline.Preview
	return s.answer(w, r, v).sendFile(slice{seg: *seg}, "image/jpeg")
}

// Context sends the images that are shown beside a frame, as a zip. seg is the
// segment that the reader is limited to, nil for the whole task.
func (s *Server) Context(w http.ResponseWriter, r *http.Request, v View, n int64, seg *pipeline.Segment) error {
	files, err := s.db.RelatedFiles(r.Context(), v.Data, n)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return pipeline.Errorf(pipeline.NotFound, "The frame has no related images")
	}
	if seg == nil {
		if seg, err = s.segmentOf(r.Context(), v, n); err != nil {
			return err
		}
	}
	return s.answer(w, r, v).sendAside(pipeline.Context, slice{seg: *seg, index: n}, zipType)
}

// segmentOf returns the first segment that holds a frame.
func (s *Server) segmentOf(ctx context.Context, v View, n int64) (*pipeline.Segment, error) {
	segs, err := s.db.SegmentsOver(ctx, v.Task.ID, n, n+1)
	if err != nil {
		return nil, err
	}
	if len(segs) == 0 {
		return nil, fmt.Errorf("no segment of task %d holds frame %d", v.Task.ID, n)
	}
	return &segs[0], nil
}

// Frame sends one frame. seg is the segment that the reader is limited to, nil
// for the whole task.
func (s *Server) Frame(w http.ResponseWriter, r *http.Request, v View, n int64, seg *pipeline.Segment) error {
	if seg == nil {
		var err error
		if seg, err = s.segmentOf(r.Context(), v, n); err != nil {
			return err
		}
	}
	parts, err := frameOf(v, seg, n)
	if err != nil {
		return err
	}
	if len(parts) != 1 {
		return pipeline.Errorf(pipeline.Invalid, "Incorrect requested frame number: %d", n)
	}
	switch {
	case v.Data.Video():
		return s.answer(w, r, v).sendAside(asides[v.Quality].frame, slice{seg: *seg, index: n}, "image/png")
	case v.Quality == pipeline.Original || v.clouds():
		return s.answer(w, r, v).originalFrame(parts[0])
	}
	return s.answer(w, r, v).packedFrame(parts[0], (*pack).at, "image/jpeg")
}

package serve

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/plan"
	"framemill/pipeline/store"
)

// patience is until when readers of one request wait for chunks.
type patience time.Time

func (s *Server) patience() patience { return patience(time.Now().Add(s.cfg.Wait)) }

// order is a chunk that a reader wants.
type order struct {
	View
	at    slice
	lost  string // the key of a file that is not there, although a row names it
	until patience
}

// later is an error that asks the reader to come back.
type later struct {
	why   *pipeline.Error
	after time.Duration
}

func (l *later) Error() string             { return l.why.Error() }
func (l *later) Unwrap() error             { return l.why }
func (l *later) RetryAfter() time.Duration { return l.after }

func (s *Server) later(code pipeline.Code, text string) error {
	return &later{pipeline.Failf(code, "", "%s", text), s.cfg.RetryAfter}
}

// open opens the chunk of a slice, and has it built if it is not there. A chunk
// whose file is lost or cut off is built anew.
func (s *Server) open(ctx context.Context, o order) (*pipeline.Chunk, blob.Object, error) {
	for {
		c, err := s.chunk(ctx, o)
		if err != nil {
			return nil, nil, err
		}
		obj, err := s.bucket.Open(ctx, c.Key)
		switch {
		case err == nil && obj.Size() == c.Bytes:
			return c, obj, nil
		case err == nil:
			obj.Close()
		case !errors.Is(err, blob.ErrNotExist):
			return nil, nil, fmt.Errorf("open chunk %q: %w", c.Key, err)
		}
		o.lost = c.Key
	}
}

// chunk returns the row of a chunk, after waiting for it if need be.
func (s *Server) chunk(ctx context.Context, o order) (*pipeline.Chunk, error) {
	c, err := s.built(ctx, o)
	if c != nil && o.Data.Video() {
		// Whoever watches is behind this chunk soon, and a film takes a while.
		return c, s.askNext(ctx, o)
	}
	if c != nil || err != nil {
		return c, err
	}
	live, err := s.db.LiveWorkers(ctx, pipeline.Interactive)
	if err != nil {
		return nil, fmt.Errorf("count live workers: %w", err)
	}
	if live == 0 {
		return nil, s.later(pipeline.CodeNoLiveWorker, "No consumer is running that could build this chunk")
	}
	id, err := s.ask(ctx, o)
	if err != nil {
		return nil, err
	}
	s.kick()
	if err := s.askNext(ctx, o); err != nil {
		return nil, err
	}
	return s.wait(ctx, o, id)
}

// built returns the row of a chunk, nil if it is not built. A row that names
// the lost file does not count.
func (s *Server) built(ctx context.Context, o order) (*pipeline.Chunk, error) {
	c, err := s.db.Chunk(ctx, o.at.seg.ID, o.Quality, o.at.index)
	if pipeline.KindOf(err) == pipeline.NotFound || err == nil && c.Key == o.lost {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for chunk %d of segment %d: %w", o.at.index, o.at.seg.ID, err)
	}
	return c, nil
}

func (s *Server) ask(ctx context.Context, o order) (pipeline.UnitID, error) {
	id, err := s.db.AskChunk(ctx, store.Ask{
		TaskID: o.Task.ID, Tenant: o.Task.Tenant, SegmentID: o.at.seg.ID, Quality: o.Quality, Index: o.at.index,
		Before: s.before(ctx, &o), Lane: pipeline.Interactive,
	})
	if err != nil {
		return "", fmt.Errorf("ask for chunk %d of segment %d: %w", o.at.index, o.at.seg.ID, err)
	}
	return id, nil
}

// askNext asks for the chunk that the reader will want after this one.
func (s *Server) askNext(ctx context.Context, o order) error {
	o.at.index++
	o.lost = ""
	if o.Quality != pipeline.Compressed || o.at.index >= plan.Places(&o.at.seg).Chunks(o.chunkSize()) {
		return nil
	}
	if c, err := s.built(ctx, o); c != nil || err != nil {
		return err
	}
	if _, err := s.ask(ctx, o); err != nil {
		return err
	}
	s.kick()
	return nil
}

// wait looks for the chunk at growing intervals until it is there, its unit
// has failed, or patience is over.
func (s *Server) wait(ctx context.Context, o order, id pipeline.UnitID) (*pipeline.Chunk, error) {
	pause := s.cfg.Poll
	for {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		pause = min(pause*3/2, s.cfg.MaxPoll)
		ended, err := s.ended(ctx, id)
		if err != nil {
			return nil, s.explain(ctx, o, err)
		}
		// In this order: a unit that has ended leaves its chunk behind.
		if c, err := s.built(ctx, o); c != nil || err != nil {
			return c, err
		}
		if time.Now().After(time.Time(o.until)) {
			return nil, s.later(pipeline.CodeNotReady, "The chunk is still being built")
		}
		if !ended {
			continue
		}
		if id, err = s.ask(ctx, o); err != nil { // what was built is out of date already
			return nil, err
		}
		s.kick()
	}
}

// ended reports whether a unit will do no more, and returns its failure.
func (s *Server) ended(ctx context.Context, id pipeline.UnitID) (bool, error) {
	u, err := s.db.Unit(ctx, id)
	switch {
	case pipeline.KindOf(err) == pipeline.NotFound:
		return true, nil
	case err != nil:
		return false, fmt.Errorf("look for unit %s: %w", id, err)
	case u.State == pipeline.UnitFailed:
		why := pipeline.Codes()[u.Code]
		return true, failure(u.Code, "", fmt.Sprintf("The chunk cannot be built: %s; %s", why.Meaning, why.Remedy))
	}
	return u.State == pipeline.UnitDone, nil
}

// failure returns the error of a chunk or frame that cannot be served. To the
// reader a source that is gone is not found, and one that changed a conflict.
func failure(code pipeline.Code, file, text string) *pipeline.Error {
	e := pipeline.Failf(code, file, "%s", text)
	switch code {
	case pipeline.CodeSourceGone:
		e.Kind = pipeline.NotFound
	case pipeline.CodeSourceChanged:
		e.Kind = pipeline.Conflict
	}
	return e
}

// explain finds out which file is to blame for a chunk that cannot be built,
// for the unit only remembers why.
func (s *Server) explain(ctx context.Context, o order, err error) error {
	switch pipeline.CodeOf(err) {
	case pipeline.CodeSourceGone, pipeline.CodeSourceChanged, pipeline.CodeUnsafePath, pipeline.CodeForbidden, pipeline.CodeStorageDetached:
	default:
		return err
	}
	for f, bad := range s.sourcesOf(ctx, o) {
		if bad != nil {
			break
		}
		if bad := s.readable(ctx, f); bad != nil {
			return bad
		}
	}
	return err
}

// sourcesOf yields the sources that a chunk is built from.
func (s *Server) sourcesOf(ctx context.Context, o order) iter.Seq2[*pipeline.FrameFile, error] {
	if !o.Data.Video() {
		return s.frames(ctx, o.View, o.at)
	}
	return func(yield func(*pipeline.FrameFile, error) bool) {
		f, err := s.db.Footage(ctx, o.Data)
		yield(&pipeline.FrameFile{File: *f}, err)
	}
}

// readable returns the error of opening a frame's source.
func (s *Server) readable(ctx context.Context, f *pipeline.FrameFile) error {
	src, err := s.openSource(ctx, f)
	if err != nil {
		return err
	}
	return src.Close()
}

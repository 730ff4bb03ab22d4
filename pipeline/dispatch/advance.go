package dispatch

import (
	"context"
	"errors"
	"fmt"

	"framemill/pipeline"
	"framemill/pipeline/frameindex"
	"framemill/pipeline/plan"
	"framemill/pipeline/store"
)

// Advancer begins the next phase of a request when one is through.
type Advancer struct {
	db      *store.DB
	indexes ReadIndex
	kick    func()
}

// ReadIndex reads the frame index of a video.
type ReadIndex func(ctx context.Context, key string) (*frameindex.Index, error)

// NewAdvancer returns an Advancer; kick wakes the relay.
func NewAdvancer(db *store.DB, indexes ReadIndex, kick func()) *Advancer {
	return &Advancer{db: db, indexes: indexes, kick: kick}
}

// Advance begins the next phase of a request if every unit of the current one
// is done. Any number of processes may call it at any time.
func (a *Advancer) Advance(ctx context.Context, requestID int64) error {
	moved, err := a.advance(ctx, requestID)
	if final, ok := errors.AsType[*pipeline.Error](err); ok && final.Kind == pipeline.Media {
		// What follows cannot be worked out, now or ever: an end is better than
		// a request that runs for ever.
		return a.db.FailRequest(ctx, requestID, final)
	}
	if err != nil {
		return fmt.Errorf("advance request %d: %w", requestID, err)
	}
	if moved {
		a.kick()
	}
	return nil
}

// advance reads the index of a video that is about to be cut, if it is one,
// before the transaction that cuts it: nobody waits for a bucket in there.
func (a *Advancer) advance(ctx context.Context, requestID int64) (bool, error) {
	n := next{}
	key, err := a.db.IndexToCut(ctx, requestID)
	if err == nil && key != "" {
		n.index, err = a.indexes(ctx, key)
	}
	if err != nil {
		return false, err
	}
	return a.db.Advance(ctx, requestID, n.step)
}

// next works out what follows.
type next struct {
	index *frameindex.Index // of a video whose chunks are cut into units
}

// step says what follows the phase of a request. A phase without work is passed
// over.
func (n next) step(ctx context.Context, t *store.Tx, r *pipeline.Request) (store.Step, error) {
	switch r.Phase {
	case pipeline.PhaseFetch:
		return step(r, pipeline.PhaseCollect, pipeline.UploadCollect, whole(0)), nil
	case pipeline.PhaseCollect:
		return step(r, pipeline.PhaseProbe, pipeline.UploadProbe, plan.Shards(r.Total)), nil
	case pipeline.PhaseProbe:
		return step(r, pipeline.PhaseGenerate, pipeline.JobsGenerate, whole(r.Total)), nil
	case pipeline.PhaseGenerate:
		return n.encodeStep(ctx, t, r)
	}
	return step(r, pipeline.PhaseFinish, pipeline.IngestFinish, whole(0)), nil
}

// encodeStep cuts the chunks that must be stored into units. A task of the
// cache method stores none.
func (n next) encodeStep(ctx context.Context, t *store.Tx, r *pipeline.Request) (store.Step, error) {
	data, err := t.DataOf(ctx, r.TaskID)
	if err != nil {
		return store.Step{}, err
	}
	if data.Method == pipeline.MethodCache {
		return step(r, pipeline.PhaseFinish, pipeline.IngestFinish, whole(0)), nil
	}
	segs, err := t.Segments(ctx, r.TaskID)
	if err != nil {
		return store.Step{}, err
	}
	pixels, err := t.MeanPixels(ctx, r.ID)
	if err != nil {
		return store.Step{}, err
	}
	cut := plan.Cut{Ranges: make([]plan.Range, len(segs))}
	for i, s := range segs {
		cut.Ranges[i] = plan.Range{Start: s.Start, Stop: s.Stop}
	}
	spans, err := n.encodeSpans(data, cut, pixels)
	return step(r, pipeline.PhaseEncode, pipeline.ChunksEncode, spans), err
}

// encodeSpans cuts the work on pictures by its size alone, and that on a video
// where decoding can begin.
func (n next) encodeSpans(d *pipeline.Data, cut plan.Cut, pixels int64) ([]plan.Span, error) {
	if !d.Video() {
		return plan.EncodeUnits(cut, *d.ChunkSize, plan.FrameSeconds(pixels, 1))
	}
	if n.index == nil {
		return nil, errors.New("the index of the video was not read: the request moved on meanwhile")
	}
	return plan.VideoUnits(cut, *d.ChunkSize, plan.Footage{
		Selection: plan.Selection{Start: d.StartFrame, Stop: d.StopFrame, Step: d.Step, Size: d.Size},
		Keys:      n.index.Keys(), Pixels: float64(pixels),
	})
}

// whole is the span of a phase that one unit does.
func whole(n int64) []plan.Span { return []plan.Span{{Lo: 0, Hi: n, Cost: 0.1}} }

// encodeRank lets the chunks of one ingest wait for the listing and cutting of
// another: its jobs can be opened already.
const encodeRank = 1

// step makes the units of a phase.
func step(r *pipeline.Request, phase pipeline.Phase, kind pipeline.MessageKind, spans []plan.Span) store.Step {
	units := make([]pipeline.Unit, len(spans))
	for i, s := range spans {
		units[i] = pipeline.Unit{
			RequestID: &r.ID, TaskID: r.TaskID, Tenant: r.Tenant, Kind: kind, Lane: pipeline.Bulk,
			Lo: s.Lo, Hi: s.Hi, Cost: s.Cost,
		}
		if kind == pipeline.ChunksEncode {
			units[i].Rank = encodeRank
		}
	}
	return store.Step{Phase: phase, Units: units}
}

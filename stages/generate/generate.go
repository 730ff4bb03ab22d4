// Package generate is the stage that cuts frames into segments and says how
// chunks are made of them.
package generate

import (
	"context"

	"framemill/pipeline"
	"framemill/pipeline/plan"
)

// Input is what the jobs of a task are cut from.
type Input struct {
	Spec    pipeline.Spec   `json:"spec"`
	Size    int64           `json:"size"`    // frames
	Lengths []int64         `json:"lengths"` // frames of each annotation job, where they are given
	Video   bool            `json:"video"`
	Pool    *plan.Placement `json:"pool"`   // where the validation pool is, nil without one
	Manual  []int64         `json:"manual"` // validation frames that the client named
	Width   int64           `json:"width"`  // of the first frame, upright
	Height  int64           `json:"height"`
}

// Output is the cut.
type Output struct {
	ChunkSize   int64              `json:"chunk_size"`
	SegmentSize int64              `json:"segment_size"` // effective
	Overlap     int64              `json:"overlap"`      // effective
	Segments    []pipeline.Segment `json:"segments"`
	Truth       *Truth             `json:"truth"` // nil without a validation set
}

// Truth is the validation set and the segment of its job.
type Truth struct {
	Layout  pipeline.Layout  `json:"layout"`
	Segment pipeline.Segment `json:"segment"`
}

// Stage cuts segments.
type Stage struct{}

// Run cuts the frames of a task.
func (Stage) Run(_ context.Context, in Input) (Output, error) {
	cut, err := cut(in)
	if err != nil {
		return Output{}, err
	}
	out := Output{ChunkSize: in.Spec.ChunkSize, SegmentSize: cut.SegmentSize, Overlap: cut.Overlap}
	if out.ChunkSize == 0 {
		out.ChunkSize = plan.DefaultChunkSize(in.Width, in.Height, in.Video && !in.Spec.UseZipChunks)
	}
	bases, total := cut.ChunkBases(out.ChunkSize)
	out.Segments = make([]pipeline.Segment, len(cut.Ranges))
	for i, r := range cut.Ranges {
		out.Segments[i] = pipeline.Segment{Type: pipeline.SegmentRange, Start: r.Start, Stop: r.Stop, ChunkBase: bases[i]}
	}
	out.Truth, err = truth(in, cut, total)
	return out, err
}

func cut(in Input) (plan.Cut, error) {
	if len(in.Lengths) > 0 {
		return plan.MappedSegments(in.Lengths, in.Spec.Replicas)
	}
	return plan.Segments(in.Size, in.Spec.SegmentSize, in.Spec.Overlap, in.Video, in.Spec.Replicas)
}

// truth returns the validation set that was asked for. Its chunks come after
// those of the other segments.
func truth(in Input, cut plan.Cut, chunks int64) (*Truth, error) {
	v := in.Spec.Validation
	switch {
	case v == nil:
		return nil, nil
	case in.Pool != nil:
		return poolTruth(in.Pool, chunks), nil
	}
	chosen := *v
	chosen.Frames = in.Manual
	frames, err := plan.TruthFrames(&chosen, plan.Population{
		Size: in.Size, SegmentSize: cut.SegmentSize, Overlap: cut.Overlap, Segments: cut.Ranges,
	})
	if err != nil {
		return nil, err
	}
	list := pipeline.NewFrameList(frames)
	return &Truth{
		Layout:  pipeline.Layout{Mode: v.Mode, Frames: list},
		Segment: pipeline.Segment{Type: pipeline.SegmentSpecific, Stop: in.Size - 1, Frames: list},
	}, nil
}

// poolTruth returns the validation set that is a pool of frames of its own.
func poolTruth(p *plan.Placement, chunks int64) *Truth {
	frames := make([]int64, 0, p.Pool.Size())
	for n := p.Pool.Start; n <= p.Pool.Stop; n++ {
		frames = append(frames, n)
	}
	return &Truth{
		Layout:  pipeline.Layout{Mode: pipeline.ValidationPool, Frames: pipeline.NewFrameList(frames), PerJob: &p.PerJob},
		Segment: pipeline.Segment{Type: pipeline.SegmentRange, Start: p.Pool.Start, Stop: p.Pool.Stop, ChunkBase: chunks},
	}
}

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
	Spec    pipeline.Spec `json:"spec"`
	Size    int64         `json:"size"`    // frames
	Lengths []int64       `json:"lengths"` // frames of each job, where the client gave them
	Video   bool          `json:"video"`
	Width   int64         `json:"width"` // of the first frame, upright
	Height  int64         `json:"height"`
}

// Output is the cut.
type Output struct {
	ChunkSize   int64              `json:"chunk_size"`
	SegmentSize int64              `json:"segment_size"` // effective
	Overlap     int64              `json:"overlap"`      // effective
	Segments    []pipeline.Segment `json:"segments"`
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
	bases, _ := cut.ChunkBases(out.ChunkSize)
	out.Segments = make([]pipeline.Segment, len(cut.Ranges))
	for i, r := range cut.Ranges {
		out.Segments[i] = pipeline.Segment{Type: "range", Start: r.Start, Stop: r.Stop, ChunkBase: bases[i]}
	}
	return out, nil
}

func cut(in Input) (plan.Cut, error) {
	if len(in.Lengths) > 0 {
		return plan.MappedSegments(in.Lengths, in.Spec.Replicas)
	}
	return plan.Segments(in.Size, in.Spec.SegmentSize, in.Spec.Overlap, in.Video, in.Spec.Replicas)
}

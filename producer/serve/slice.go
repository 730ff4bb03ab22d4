package serve

import (
	"framemill/pipeline"
	"framemill/pipeline/plan"
)

// slice is a run of frames that lie in one chunk of one segment.
type slice struct {
	seg    pipeline.Segment
	index  int64      // of the chunk
	frames plan.Range // relative frames of the task
	first  int64      // place of the first frame within the chunk
	whole  bool       // these are all frames of the chunk
}

func rangeOf(seg *pipeline.Segment) plan.Range {
	return plan.Range{Start: seg.Start, Stop: seg.Stop}
}

// isWhole reports whether the slices are just one whole chunk.
func isWhole(parts []slice) bool { return len(parts) == 1 && parts[0].whole }

// slices says where the given frames lie. A frame that two segments share is
// taken from the one that begins first.
func slices(v View, segs []pipeline.Segment, frames plan.Range) []slice {
	var out []slice
	next := frames.Start
	for _, seg := range segs {
		for next <= min(seg.Stop, frames.Stop) {
			index := (next - seg.Start) / v.chunkSize()
			chunk, ok := rangeOf(&seg).Chunk(index, v.chunkSize())
			if !ok {
				break // the segment begins behind the frame
			}
			part := plan.Range{Start: next, Stop: min(chunk.Stop, frames.Stop)}
			out = append(out, slice{
				seg: seg, index: index, frames: part, first: next - chunk.Start, whole: part == chunk,
			})
			next = part.Stop + 1
		}
	}
	return out
}

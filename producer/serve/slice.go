package serve

import (
	"framemill/pipeline"
	"framemill/pipeline/plan"
)

// slice is a run of frames that lie in one chunk of one segment.
type slice struct {
	seg     pipeline.Segment
	index   int64      // of the chunk
	frames  plan.Range // relative frames of the task, or places among chosen ones
	numbers []int64    // the chosen frames, nil for other segments
	first   int64      // place of the first frame within the chunk
	whole   bool       // these are all frames of the chunk
}

// size returns how many frames the slice has.
func (s *slice) size() int64 { return s.frames.Size() }

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
			chunk, ok := plan.Places(&seg).Chunk(index, v.chunkSize())
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

// slicesOf says where the frames at some places of a segment lie.
func slicesOf(v View, seg *pipeline.Segment, places plan.Range) ([]slice, error) {
	if seg.Type != pipeline.SegmentSpecific {
		return slices(v, []pipeline.Segment{*seg}, places), nil
	}
	numbers, err := seg.Frames.Frames()
	if err != nil {
		return nil, err
	}
	all := plan.Places(seg)
	parts := slices(v, []pipeline.Segment{{Type: pipeline.SegmentRange, Start: all.Start, Stop: all.Stop}}, places)
	for i := range parts {
		p := &parts[i]
		p.seg, p.numbers = *seg, numbers[p.frames.Start:p.frames.Stop+1]
	}
	return parts, nil
}

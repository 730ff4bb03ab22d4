package plan

import (
	"slices"
	"sort"

	"framemill/pipeline"
)

// What a frame of video costs to decode, and an output frame to encode, in
// seconds a pixel.
const (
	decodeSecondsPerPixel = 3.2e-9
	encodeSecondsPerPixel = 25e-9
)

// maxWaste is how much of a unit's own decoding may be spent on frames before
// its first one, because decoding can only begin at a keyframe.
const maxWaste = 0.125

// Footage is what cutting the work on a video goes by.
type Footage struct {
	Selection Selection
	Keys      []int64 // source numbers of the keyframes, ascending, the first 0
	Pixels    float64 // of a source frame
}

// VideoUnits cuts the chunks of all segments, counted over the whole task,
// into spans of at least about two seconds of work. A span begins only where a
// keyframe is near, so that hardly any frame is decoded by two units; a video
// with few keyframes gets long spans, and one with a single keyframe is one.
func VideoUnits(c Cut, chunkSize int64, v Footage) ([]Span, error) {
	if chunkSize < 1 || len(v.Keys) == 0 || v.Keys[0] != 0 {
		return nil, pipeline.Errorf(pipeline.Internal, "cannot cut chunks of %d frames with %d keyframes", chunkSize, len(v.Keys))
	}
	var spans []Span
	open := Span{}
	decoded := int64(0) // source frames that the open span decodes
	for _, r := range c.Ranges {
		for k := range r.Chunks(chunkSize) {
			frames, _ := r.Chunk(k, chunkSize)
			first, last := v.Selection.Source(frames.Start), v.Selection.Source(frames.Stop)
			waste := first - v.keyBefore(first)
			if open.Cost >= unitSeconds && float64(waste) <= maxWaste*float64(decoded) {
				spans = append(spans, open)
				open, decoded = Span{Lo: open.Hi, Hi: open.Hi, Cost: v.decodeSeconds(waste)}, waste
			}
			open.Hi++
			open.Cost += v.decodeSeconds(last-first+1) + v.encodeSeconds(frames.Size())
			decoded += last - first + 1
		}
	}
	if open.Hi > open.Lo {
		spans = append(spans, open)
	}
	return spans, nil
}

// keyBefore returns the last keyframe at or before a source frame.
func (v *Footage) keyBefore(frame int64) int64 {
	i, exact := slices.BinarySearch(v.Keys, frame)
	if exact {
		return frame
	}
	return v.Keys[i-1]
}

func (v *Footage) decodeSeconds(frames int64) float64 {
	return float64(frames) * v.Pixels * decodeSecondsPerPixel
}

func (v *Footage) encodeSeconds(frames int64) float64 {
	return float64(frames) * v.Pixels * encodeSecondsPerPixel
}

// togetherFrames bounds the frames of the chunks that are built together: more
// than any usual GOP has, and half a minute of work. A video with one keyframe
// is built in pieces.
const togetherFrames = 1000

// Together returns which chunks of a segment of a video, by their numbers, are
// built when chunk k, which it has, is missing: those that begin in the same
// GOP, because whoever decodes one of them decodes most of the others. Asked of
// any of them, the answer is the same. gop returns the first and the last source
// frame of the GOP that has a frame.
func Together(d *pipeline.Data, s *pipeline.Segment, k int64, gop func(frame int64) (first, last int64)) Range {
	sel := Selection{Start: d.StartFrame, Stop: d.StopFrame, Step: d.Step, Size: d.Size}
	places, size := Places(s), *d.ChunkSize
	listed, err := s.Frames.Frames()
	if err != nil {
		return Range{k, k} // whoever builds it says what is wrong
	}
	// begins returns the source frame that a chunk begins with.
	begins := func(chunk int64) int64 {
		if s.Type == pipeline.SegmentSpecific {
			return sel.Source(listed[chunk*size])
		}
		return sel.Source(places.Start + chunk*size)
	}
	// before returns how many chunks begin before a source frame.
	before := func(source int64) int64 {
		return int64(sort.Search(int(places.Chunks(size)), func(c int) bool { return begins(int64(c)) >= source }))
	}
	begin, end := gop(begins(k))
	first, last := before(begin), before(end+1)-1
	most := max(togetherFrames/size, 1)
	first += (k - first) / most * most
	return Range{first, min(last, first+most-1)}
}

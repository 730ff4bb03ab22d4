package plan

import "framemill/pipeline"

// Limits of the default chunk size, in frames.
const (
	videoChunk     = 36
	minChunk       = 2
	maxChunk       = 72
	chunkPixels    = 36 * 1920 * 1080
	maxPictureSide = 1 << 31 // beyond every format
)

// DefaultChunkSize returns how many frames a chunk holds if the client did not
// say: 36 of a video, else as many as make about 75 megapixels, judged by the
// size of the first selected frame.
func DefaultChunkSize(width, height int64, video bool) int64 {
	if video {
		return videoChunk
	}
	width, height = min(width, maxPictureSide), min(height, maxPictureSide)
	if width < 1 || height < 1 {
		return maxChunk
	}
	return max(minChunk, min(maxChunk, chunkPixels/(width*height)))
}

// Chunks returns how many chunks of chunkSize frames the range has; the last
// may be shorter. A size that is not positive makes no chunks.
func (r Range) Chunks(chunkSize int64) int64 {
	if chunkSize < 1 || r.Size() < 1 {
		return 0
	}
	return (r.Size()-1)/chunkSize + 1
}

// Chunk returns the relative frames of chunk k of a segment with this range,
// and whether there is such a chunk.
func (r Range) Chunk(k, chunkSize int64) (frames Range, ok bool) {
	if k < 0 || k >= r.Chunks(chunkSize) {
		return Range{}, false
	}
	start := r.Start + k*chunkSize
	return Range{start, start + min(chunkSize-1, r.Stop-start)}, true // in this order, huge sizes do not overflow
}

// TaskChunk returns the relative frames of a chunk numbered over the whole
// task. Such chunks ignore segments; they are assembled for readers that ask
// by task.
func TaskChunk(size, chunkSize, number int64) (Range, error) {
	all := Range{0, size - 1}
	frames, ok := all.Chunk(number, chunkSize)
	if !ok {
		return Range{}, pipeline.Errorf(pipeline.Invalid,
			"Invalid chunk number '%d'. The chunk number should be in the [0, %d] range", number, all.Chunks(chunkSize)-1)
	}
	return frames, nil
}

// ChunkBases returns, for each segment, how many chunks the segments before it
// have, and the total. The chunks of all segments in order are what units of
// encoding work count.
func (c Cut) ChunkBases(chunkSize int64) (bases []int64, total int64) {
	bases = make([]int64, len(c.Ranges))
	for i, r := range c.Ranges {
		bases[i] = total
		total += r.Chunks(chunkSize)
	}
	return bases, total
}

// Places returns what the chunks of a segment are counted over: its frames, or
// the places in its list if it holds only chosen ones.
func Places(s *pipeline.Segment) Range {
	if s.Type == pipeline.SegmentSpecific {
		return Range{0, s.Size() - 1}
	}
	return Range{s.Start, s.Stop}
}

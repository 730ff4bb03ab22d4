package plan

import "framemill/pipeline"

// How work is cut. A unit must be long enough that its few commits do not
// matter, and short enough that losing one does not either.
const (
	// ShardFiles is how many files one probe unit reads.
	ShardFiles   = 2000
	unitSeconds  = 2.0
	fusedFiles   = 500
	fusedSeconds = 2.0
)

// The estimate of the cost of a picture. Decoding and encoding take about
// 25 ms a megapixel; before probing only the length of a file is known, and a
// photograph has about 3 pixels a byte. Formats that compress less look more
// expensive than they are, which costs a few messages and nothing else.
const (
	secondsPerPixel = 25e-9
	pixelsPerByte   = 3
)

// Span is the half-open range [Lo,Hi) that one unit works on, and its
// estimated cost in seconds.
type Span struct {
	Lo, Hi int64
	Cost   float64
}

// FrameSeconds estimates how long it takes to encode one picture.
func FrameSeconds(width, height int64) float64 {
	return max(float64(width)*float64(height), 1) * secondsPerPixel
}

// Fused reports whether an ingest is so small that one unit runs all of it:
// at most 500 files and two seconds of estimated work.
func Fused(files, bytes int64) bool {
	return files <= fusedFiles && float64(bytes)*pixelsPerByte*secondsPerPixel <= fusedSeconds
}

// Shards cuts files that are to be probed into spans of 2,000. Probing reads
// headers, so the cost is by the file.
func Shards(files int64) []Span {
	const secondsPerFile = 0.5e-3
	if files < 1 {
		return nil
	}
	spans := make([]Span, 0, (files-1)/ShardFiles+1)
	for lo := int64(0); lo < files; lo += ShardFiles {
		hi := min(lo+ShardFiles, files)
		spans = append(spans, Span{lo, hi, float64(hi-lo) * secondsPerFile})
	}
	return spans
}

// EncodeUnits cuts the chunks of all segments, counted over the whole task,
// into spans of about two seconds of work and at least one chunk, given how
// long one frame takes.
func EncodeUnits(c Cut, chunkSize int64, frameSeconds float64) ([]Span, error) {
	if chunkSize < 1 || !(frameSeconds > 0) {
		return nil, pipeline.Errorf(pipeline.Internal, "cannot cut chunks of %d frames of %g s", chunkSize, frameSeconds)
	}
	var spans []Span
	open := Span{}
	for _, r := range c.Ranges {
		for k := range r.Chunks(chunkSize) {
			frames, _ := r.Chunk(k, chunkSize)
			cost := float64(frames.Size()) * frameSeconds
			if open.Hi > open.Lo && open.Cost+cost > unitSeconds {
				spans = append(spans, open)
				open = Span{Lo: open.Hi, Hi: open.Hi}
			}
			open.Hi++
			open.Cost += cost
		}
	}
	if open.Hi > open.Lo {
		spans = append(spans, open)
	}
	return spans, nil
}

// Package frameindex holds what is known of each frame of a video: when it is
// shown, whether decoding can begin there, and where its bytes lie. Frame k is
// the k-th presented frame; the order of packets in the file plays no part.
//
// An index is kept as one packed blob, which Encode writes and Decode reads.
package frameindex

import (
	"iter"
	"sort"
)

// MaxFrames is how many frames an index can hold: 38 hours at 60 frames a
// second. A frame takes 24 bytes in memory, so the largest takes 200 MB.
const MaxFrames = 8 << 20

// How says what the index was made from.
type How string

// The ways to make an index, from the cheapest to the one that proves most.
const (
	Tables  How = "tables"  // the tables of the container
	Packets How = "packets" // a walk over the packets
	Counted How = "counted" // every frame was decoded
)

// Index describes one video. Sizes are in pixels.
type Index struct {
	Width, Height           int64 // upright, that is after Rotation
	CodedWidth, CodedHeight int64 // as the decoder puts them out
	Rotation                int64 // clockwise, to make it upright: 0, 90, 180 or 270
	TimeNum, TimeDen        int64 // seconds of one tick of PTS
	Demuxer, Codec, PixFmt  string
	FullRange               bool   // samples use 0..255, not 16..235
	Matrix                  string // bt601 or bt709
	Variable                bool   // the frames do not all last equally long
	How                     How
	Chapters                []Chapter
	Frames                  []Frame // in the order of presentation
}

// Frame is one frame. Key means that a decoder which begins there puts out
// this frame and every later one as if it had begun at the start. Offset is -1
// where it is unknown.
type Frame struct {
	PTS    int64
	Offset int64 // of its packet in the file
	Size   uint32
	Key    bool
}

// Chapter is a named run of frames, both ends included.
type Chapter struct {
	ID, Start, Stop int64
	Title           string
}

// Len returns the number of frames.
func (x *Index) Len() int64 { return int64(len(x.Frames)) }

// KeyBefore returns the last frame at or before k where decoding can begin.
// The start of the file is always one.
func (x *Index) KeyBefore(k int64) int64 {
	for k = min(k, x.Len()-1); k > 0 && !x.Frames[k].Key; k-- {
	}
	return max(k, 0)
}

// GOP returns the first and the last frame of the run around frame k that is
// decoded from one start.
func (x *Index) GOP(k int64) (first, last int64) {
	for last = max(k, 0); last+1 < x.Len() && !x.Frames[last+1].Key; last++ {
	}
	return x.KeyBefore(k), last
}

// Keys lists the frames where decoding can begin, frame 0 first.
func (x *Index) Keys() []int64 {
	var keys []int64
	for lo := range x.GOPs() {
		keys = append(keys, lo)
	}
	return keys
}

// GOPs yields the runs [lo,hi) of frames that are decoded from one start.
func (x *Index) GOPs() iter.Seq2[int64, int64] {
	return func(yield func(lo, hi int64) bool) {
		lo := int64(0)
		for k := int64(1); k < x.Len(); k++ {
			if !x.Frames[k].Key {
				continue
			}
			if !yield(lo, k) {
				return
			}
			lo = k
		}
		if x.Len() > 0 {
			yield(lo, x.Len())
		}
	}
}

// Seconds returns when frame k is shown, on the clock of the file: the first
// frame need not be at 0.
func (x *Index) Seconds(k int64) float64 {
	return float64(x.Frames[k].PTS) * float64(x.TimeNum) / float64(x.TimeDen)
}

// At returns the first frame that is shown at or after a time of the file's
// clock, Len if there is none.
func (x *Index) At(seconds float64) int64 {
	return int64(sort.Search(len(x.Frames), func(k int) bool { return x.Seconds(int64(k)) >= seconds }))
}

// MeasureVariable sets Variable: whether two frames differ by more than a tick
// in how long they last. A container with a coarse clock makes equal frames
// differ by one tick.
func (x *Index) MeasureVariable() {
	if len(x.Frames) < 3 {
		x.Variable = false
		return
	}
	least, most := x.Frames[1].PTS-x.Frames[0].PTS, int64(0)
	for k := 1; k < len(x.Frames); k++ {
		d := x.Frames[k].PTS - x.Frames[k-1].PTS
		least, most = min(least, d), max(most, d)
	}
	x.Variable = most-least > 1
}

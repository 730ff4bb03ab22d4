package film

import (
	"slices"

	"framemill/stages/media/video"
)

// picked returns what is decoded for zips of chosen frames: all that they list,
// in as few runs as pays.
func (r *reel) picked(run []int) []video.Run {
	var frames []int64 // of the file
	for _, place := range run {
		for _, n := range r.in.Chunks[place].Picked {
			frames = append(frames, r.in.Start+n*r.in.Step)
		}
	}
	slices.Sort(frames)
	frames = slices.Compact(frames)
	var out []video.Run
	for begin, i := 0, 1; i <= len(frames); i++ {
		if i == len(frames) || i-begin == maxPicks || r.src.Index.KeyBefore(frames[i]) > frames[i-1]+bridge {
			out = append(out, video.Picks(frames[begin:i]))
			begin = i
		}
	}
	return out
}

const (
	// bridge is how many frames are decoded for nothing before it costs less to
	// start ffmpeg again at a later keyframe, a tenth of a second.
	bridge = 16
	// maxPicks bounds what one decoding is asked for, frame by frame: the kernel
	// bounds the arguments of ffmpeg.
	maxPicks = 1000
)

package serve

import (
	"bytes"
	"hash/crc32"
	"image"
	"image/jpeg"
	"io"
	"sort"

	"framemill/pipeline"
	"framemill/pipeline/plan"
)

// chosen sends the frames at some places of a segment of chosen frames: a zip
// of pictures, also of a video.
func (a *answer) chosen(seg *pipeline.Segment, places plan.Range) error {
	parts, err := slicesOf(a.v, seg, places)
	if err != nil {
		return err
	}
	return a.sendPictures(parts)
}

// inPlace reports whether pictures are sent from their sources.
func (a *answer) inPlace() bool {
	return (a.v.Quality == pipeline.Original || a.v.clouds()) && !a.v.Data.Video()
}

// entries yields the pictures of slices.
func (a *answer) entries(parts []slice) entries {
	if a.inPlace() {
		return a.originals(parts)
	}
	return a.copies(parts)
}

// sparse sends a window of the task of which a segment has only chosen frames:
// one entry for every frame, those that are not chosen being placeholders.
func (a *answer) sparse(seg *pipeline.Segment, window plan.Range) error {
	numbers, err := seg.Frames.Frames()
	if err != nil {
		return err
	}
	places := plan.Range{Start: placeOf(numbers, window.Start), Stop: placeOf(numbers, window.Stop+1) - 1}
	parts, err := slicesOf(a.v, seg, places)
	if err != nil {
		return err
	}
	blank, err := newBlank()
	if err != nil {
		return err
	}
	return a.sendZip(spread(window, numbers[places.Start:places.Stop+1], a.entries(parts), blank))
}

// frameOf says where a frame lies, which is nowhere if the segment does not hold
// it.
func frameOf(v View, seg *pipeline.Segment, n int64) ([]slice, error) {
	place := n
	if seg.Type == pipeline.SegmentSpecific {
		numbers, err := seg.Frames.Frames()
		if err != nil {
			return nil, err
		}
		if place = placeOf(numbers, n); place == int64(len(numbers)) || numbers[place] != n {
			return nil, nil
		}
	}
	return slicesOf(v, seg, plan.Range{Start: place, Stop: place})
}

// placeOf returns the place of the first number that is not below n.
func placeOf(numbers []int64, n int64) int64 {
	return int64(sort.Search(len(numbers), func(i int) bool { return numbers[i] >= n }))
}

// spread yields one entry for each frame of a window: those of the given
// numbers come from all, and the others are blank.
func spread(window plan.Range, numbers []int64, all entries, blank entry) entries {
	return func(yield func(entry, error) bool) {
		next, i := window.Start, 0
		blanks := func(until int64) bool {
			for ; next < until; next++ {
				if !yield(blank, nil) {
					return false
				}
			}
			return true
		}
		for e, err := range all {
			if err == nil && !blanks(numbers[i]) {
				return
			}
			if !yield(e, err) || err != nil {
				return
			}
			next, i = next+1, i+1
		}
		blanks(window.Stop + 1)
	}
}

// newBlank returns the placeholder of the contract: one black pixel.
func newBlank() (entry, error) {
	var b bytes.Buffer
	black := image.NewYCbCr(image.Rect(0, 0, 1, 1), image.YCbCrSubsampleRatio444)
	black.Cb[0], black.Cr[0] = 128, 128 // no colour
	if err := jpeg.Encode(&b, black, nil); err != nil {
		return entry{}, err
	}
	return entry{
		ext: ".jpeg", size: int64(b.Len()), crc: int64(crc32.ChecksumIEEE(b.Bytes())),
		open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil },
	}, nil
}

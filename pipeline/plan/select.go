package plan

import (
	"regexp"
	"strconv"
	"unicode/utf8"

	"framemill/pipeline"
)

// stepPattern is searched for, not matched whole: clients depend on it.
var stepPattern = regexp.MustCompile(`step\s*=\s*([1-9][0-9]*)`)

const maxFilter = 256 // characters

// ParseStep returns the step that a frame_filter expression asks for, as in
// "step=5". An empty expression is refused: a request that wants every frame
// leaves the field out.
func ParseStep(filter string) (int64, error) {
	if utf8.RuneCountInString(filter) > maxFilter {
		return 0, pipeline.FieldErrorf("frame_filter", "Ensure this field has no more than %d characters.", maxFilter)
	}
	m := stepPattern.FindStringSubmatch(filter)
	if m == nil {
		return 0, pipeline.FieldErrorf("frame_filter", "Invalid frame filter expression %s, want step=N", quote(filter))
	}
	step, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0, pipeline.FieldErrorf("frame_filter", "Invalid frame filter expression: the step is too large")
	}
	return step, nil
}

// Selection is the arithmetic series of source frames that a task uses. Its
// k-th member is relative frame k of the task.
type Selection struct {
	Start int64 // source index of the first frame
	Stop  int64 // source index of the last frame that is included
	Step  int64
	Size  int64
}

// Select selects every step-th of n source frames from start to stop, both
// included. A stop that is nil, 0 or beyond the data means the last frame.
func Select(n, start int64, stop *int64, step int64) (Selection, error) {
	if step < 1 {
		return Selection{}, pipeline.FieldErrorf("frame_filter", "Frame step is %d, want at least 1", step)
	}
	if start < 0 {
		return Selection{}, pipeline.FieldErrorf("start_frame", "Start frame is %d, want at least 0", start)
	}
	last := n - 1
	if stop != nil && *stop != 0 {
		last = min(last, *stop)
	}
	if last < start {
		return Selection{}, pipeline.Failf(pipeline.CodeBadFrameRange, "",
			"No frame is selected: the data has %d frames, the first requested is %d and the last %d (counted from 0)",
			max(n, 0), start, last)
	}
	size := (last-start)/step + 1
	return Selection{Start: start, Stop: start + (size-1)*step, Step: step, Size: size}, nil
}

// Source returns the source index of relative frame k.
func (s Selection) Source(k int64) int64 { return s.Start + k*s.Step }

// Relative returns the relative number of a source frame, and whether it is
// selected.
func (s Selection) Relative(source int64) (k int64, ok bool) {
	if source < s.Start || source > s.Stop || (source-s.Start)%s.Step != 0 {
		return 0, false
	}
	return (source - s.Start) / s.Step, true
}

package plan

import (
	"slices"
	"strconv"
	"strings"

	"framemill/pipeline"
)

// CheckValidation checks what can be known of a validation set without the
// task: that exactly the fields are given which its method needs.
func CheckValidation(v *pipeline.Validation) error {
	named := len(v.Files) + len(v.Frames)
	switch {
	case named > 0 && v.Method != pipeline.SelectManual:
		return pipeline.FieldErrorf("frames", "'frames' can only be used when 'frame_selection_method' is 'manual'")
	case v.Share != nil && !isShare(*v.Share):
		return errShare("frame_share")
	case v.PerJobShare != nil && !isShare(*v.PerJobShare):
		return errShare("frames_per_job_share")
	}
	var err error
	switch v.Method {
	case pipeline.SelectManual:
		if named == 0 {
			err = pipeline.FieldErrorf("frames", "The 'manual' frame selection method needs a list of frames")
		} else if name, twice := repeated(v.Files); twice {
			err = pipeline.FieldErrorf("frames", "Frames must not repeat: '%s'", printable(name))
		}
	case pipeline.SelectUniform:
		err = exactlyOne(v.Count != nil, v.Share != nil, "frame_count", "frame_share")
	case pipeline.SelectPerJob:
		err = exactlyOne(v.PerJobCount != nil, v.PerJobShare != nil, "frames_per_job_count", "frames_per_job_share")
	}
	if err == nil && v.Mode == pipeline.ValidationPool {
		err = exactlyOne(v.PerJobCount != nil, v.PerJobShare != nil, "frames_per_job_count", "frames_per_job_share")
	}
	return err
}

func isShare(share float64) bool { return share >= 0 && share <= 1 }

func errShare(field string) error {
	return pipeline.FieldErrorf(field, "Ensure this value is between 0 and 1.")
}

func exactlyOne(first, second bool, firstField, secondField string) error {
	if first != second {
		return nil
	}
	return pipeline.FieldErrorf(firstField, "Exactly one of '%s' and '%s' is needed", firstField, secondField)
}

// repeated returns the first element of a list that an earlier one equals.
func repeated[T comparable](list []T) (T, bool) {
	seen := make(map[T]struct{}, len(list))
	for _, v := range list {
		if _, twice := seen[v]; twice {
			return v, true
		}
		seen[v] = struct{}{}
	}
	var none T
	return none, false
}

// CheckPoolAlone refuses a validation pool beside fields that decide by
// themselves which frames go into which job.
func CheckPoolAlone(s *pipeline.Spec) error {
	switch {
	case s.Validation == nil || s.Validation.Mode != pipeline.ValidationPool:
		return nil
	case s.Sorting != pipeline.SortRandom:
		return pipeline.FieldErrorf("sorting_method", `validation mode "%s" can only be used with "random" sorting`, pipeline.ValidationPool)
	case len(s.FileMapping) > 0:
		return pipeline.FieldErrorf("job_file_mapping", `validation mode "%s" cannot be used together with job_file_mapping`, pipeline.ValidationPool)
	}
	return nil
}

// badValidation is the error of a validation set that does not fit the frames.
func badValidation(field, format string, args ...any) error {
	e := pipeline.Failf(pipeline.CodeBadValidation, "", format, args...)
	e.Field = field
	return e
}

// Population is the task that the frames of ground truth are chosen from.
type Population struct {
	Size        int64
	SegmentSize int64 // effective; 0 if the segments are of custom sizes
	Overlap     int64 // effective
	Segments    []Range
}

// TruthFrames chooses the frames of a job of ground truth, in ascending order.
// The same seed chooses the same frames. Frames that were named are v.Frames.
func TruthFrames(v *pipeline.Validation, in Population) ([]int64, error) {
	var frames []int64
	var err error
	switch v.Method {
	case pipeline.SelectUniform:
		frames, err = uniform(NewGenerator(v.Seed), v, in.Size)
	case pipeline.SelectPerJob:
		frames, err = perJob(NewGenerator(v.Seed), v, in)
	default:
		frames, err = manual(v.Frames, in.Size)
	}
	if err != nil {
		return nil, err
	}
	slices.Sort(frames)
	return frames, nil
}

// uniform draws a count or a share of n frames, in the order of the draw.
func uniform(g *Generator, v *pipeline.Validation, n int64) ([]int64, error) {
	k := int64(0)
	if v.Count != nil {
		k = *v.Count
	} else if v.Share != nil {
		k = share(*v.Share, n)
	}
	if k < 1 || k > n {
		return nil, badValidation("frame_count",
			"The number of validation frames requested (%d) must not be greater than the number of frames (%d)", k, n)
	}
	chosen, err := g.Choice(int(n), int(k), false)
	if err != nil {
		return nil, err
	}
	frames := make([]int64, len(chosen))
	for i, c := range chosen {
		frames[i] = int64(c)
	}
	return frames, nil
}

// share is the whole number of frames that a share of n is, at least one.
func share(of float64, n int64) int64 { return max(1, int64(of*float64(n))) }

// perJob draws frames of each segment. Frames that two segments share count
// for both, and are drawn for the first only, so that a segment which is little
// more than overlap yields what it has.
func perJob(g *Generator, v *pipeline.Validation, in Population) ([]int64, error) {
	chosen := make(map[int64]struct{})
	frames := []int64{}
	for _, seg := range in.Segments {
		have := int64(0)
		var candidates []int64
		own := seg.Start
		if seg.Start > 0 {
			own += in.Overlap
		}
		for n := seg.Start; n <= seg.Stop; n++ {
			if _, taken := chosen[n]; taken {
				have++
			} else if n >= own {
				candidates = append(candidates, n)
			}
		}
		missing := min(perJobCount(v, in, seg)-have, int64(len(candidates)))
		if missing < 1 {
			continue
		}
		drawn, err := g.Choice(len(candidates), int(missing), true)
		if err != nil {
			return nil, err
		}
		for _, i := range drawn {
			chosen[candidates[i]] = struct{}{}
			frames = append(frames, candidates[i])
		}
	}
	return frames, nil
}

// perJobCount is how many frames a segment should have in the validation set.
func perJobCount(v *pipeline.Validation, in Population, seg Range) int64 {
	size := in.SegmentSize
	if size == 0 {
		size = seg.Size()
	}
	k := int64(1)
	switch {
	case v.PerJobCount != nil:
		k = *v.PerJobCount
	case v.PerJobShare != nil:
		k = share(*v.PerJobShare, size)
	}
	return min(k, seg.Size())
}

// manual checks the frames that a client chose.
func manual(frames []int64, size int64) ([]int64, error) {
	if n, twice := repeated(frames); twice {
		return nil, badValidation("frames", "Frames must not repeat: %d", n)
	}
	outside := slices.DeleteFunc(slices.Clone(frames), func(n int64) bool { return n >= 0 && n < size })
	if len(outside) > 0 {
		return nil, badValidation("frames", "Frames %s are not in the task, which has the frames 0 to %d", Numbers(outside), size-1)
	}
	return slices.Clone(frames), nil
}

// ResolveValidation returns the frames, as indices into names, that a client
// chose by name.
func ResolveValidation(files, names []string) ([]int64, error) {
	index := indexOf(names)
	frames := make([]int64, 0, len(files))
	var unknown mismatches
	for _, name := range files {
		if i, ok := index[name]; ok {
			frames = append(frames, int64(i))
		} else {
			unknown.add(name, "unknown")
		}
	}
	if unknown.n > 0 {
		return nil, badValidation("frames", "Unknown validation frames requested: %s", unknown)
	}
	return frames, nil
}

// Numbers lists the first few of some numbers for people.
func Numbers(list []int64) string {
	shown := make([]string, 0, maxMismatches+1)
	for i, n := range list {
		if i == maxMismatches {
			shown = append(shown, "…")
			break
		}
		shown = append(shown, strconv.FormatInt(n, 10))
	}
	return strings.Join(shown, ", ")
}

// Package filter is the stage that decides which source files become frames,
// and in which order.
package filter

import (
	"context"

	"framemill/pipeline"
	"framemill/pipeline/plan"
)

// File is what the stage needs to know of a source file.
type File struct {
	Ord     int64            `json:"ord"`
	Name    string           `json:"name"`
	Outcome pipeline.Outcome `json:"outcome"`
	Frames  int64            `json:"frames"` // of a video; 0 for a picture
}

// Input is every file of a request, in the order of collection.
type Input struct {
	Spec  pipeline.Spec `json:"spec"`
	Files []File        `json:"files"`
}

// Output is the frames. Of pictures, Ords[k] is the source file of frame k; a
// video has one source file, and the selection says which of its frames.
type Output struct {
	Ords      []int64        `json:"ords"`
	Video     bool           `json:"video"`
	Selection plan.Selection `json:"selection"`
	// Lengths is the number of frames of each job, without the pool, where they
	// are not all alike.
	Lengths []int64 `json:"lengths"`
	Bad     int64   `json:"bad"` // files left out because they cannot be used
	// Related is the files that are shown beside frames, and Skipped those that
	// would be, were the frame there.
	Related []pipeline.Relation `json:"related"`
	Skipped []int64             `json:"skipped"`
	Clouds  bool                `json:"clouds"` // the frames are point clouds
	// Pool is where honeypots and their pool are, nil without a pool.
	Pool *plan.Placement `json:"pool"`
	// Manual is the validation frames that the client named, where there is no
	// pool.
	Manual []int64 `json:"manual"`
}

// Real returns the frame of the pool that frame k shows, nil if it is no
// honeypot.
func (o *Output) Real(k int) *int64 {
	if o.Pool == nil || o.Pool.Reals[k] < 0 {
		return nil
	}
	return &o.Pool.Reals[k]
}

// Stage orders and selects frames.
type Stage struct{}

// Run applies the error policy, the sorting method and the frame filter.
func (Stage) Run(_ context.Context, in Input) (Output, error) {
	usable, bad, err := usable(in)
	if err != nil {
		return Output{}, err
	}
	if usable[0].Frames > 0 {
		return footage(in.Spec, usable, bad)
	}
	out := Output{Bad: bad}
	if usable, err = out.relate(in.Spec, usable); err != nil {
		return Output{}, err
	}
	order, lengths, err := order(in.Spec, usable)
	if err != nil {
		return Output{}, err
	}
	sel, err := plan.Select(int64(len(order)), in.Spec.StartFrame, in.Spec.StopFrame, in.Spec.Step)
	if err != nil {
		return Output{}, err
	}
	frames := make([]File, sel.Size)
	for k := range frames {
		frames[k] = usable[order[sel.Source(int64(k))]]
	}
	out.Selection, out.Lengths = sel, lengths
	if v := in.Spec.Validation; v != nil && v.Mode == pipeline.ValidationPool {
		return out, out.place(in.Spec, frames)
	}
	out.Ords = make([]int64, len(frames))
	for k, f := range frames {
		out.Ords[k] = f.Ord
	}
	if v := in.Spec.Validation; v != nil {
		out.Manual, err = plan.ResolveValidation(v.Files, namesOf(frames))
	}
	return out, err
}

// relate takes the files that are shown beside others out of the list, and
// returns the frames.
func (o *Output) relate(spec pipeline.Spec, files []File) ([]File, error) {
	of, err := plan.Relate(namesOf(files))
	if err != nil {
		return nil, err
	}
	frames := make([]File, 0, len(files))
	for i, f := range files {
		switch of[i] {
		case plan.IsFrame:
			frames = append(frames, f)
		case plan.IsNobody:
			o.Skipped = append(o.Skipped, f.Ord)
		default:
			o.Related = append(o.Related, pipeline.Relation{Frame: files[of[i]].Ord, Ord: f.Ord})
		}
	}
	if len(frames) == 0 {
		return nil, pipeline.Failf(pipeline.CodeNoMedia, "", "No media data found")
	}
	o.Clouds = plan.ClassOf(frames[0].Name) == plan.PointCloud
	if o.Clouds && spec.Validation != nil {
		return nil, pipeline.Failf(pipeline.CodeBadValidation, frames[0].Name, "Validation frames can only be chosen of pictures and videos, not of point clouds")
	}
	return frames, nil
}

// place makes the frames of a task with a validation pool. What was selected is
// only the population: the frames are numbered anew, job by job.
func (o *Output) place(spec pipeline.Spec, files []File) error {
	order, err := plan.Order(namesOf(files), pipeline.SortNatural, 0)
	if err != nil {
		return err
	}
	natural := make([]File, len(files))
	for k, i := range order {
		natural[k] = files[i]
	}
	chosen, err := plan.ResolveValidation(spec.Validation.Files, namesOf(natural))
	if err != nil {
		return err
	}
	o.Pool, err = plan.PlaceHoneypots(spec.Validation, int64(len(natural)), spec.SegmentSize, chosen)
	if err != nil {
		return err
	}
	size := int64(len(o.Pool.Files))
	o.Selection = plan.Selection{Stop: size - 1, Step: 1, Size: size}
	o.Lengths = o.Pool.Lengths
	o.Ords = make([]int64, size)
	for k, i := range o.Pool.Files {
		o.Ords[k] = natural[i].Ord
	}
	return nil
}

func namesOf(files []File) []string {
	names := make([]string, len(files))
	for i := range files {
		names[i] = files[i].Name
	}
	return names
}

// footage selects the frames of a video, which is always alone.
func footage(spec pipeline.Spec, files []File, bad int64) (Output, error) {
	if len(spec.FileMapping) > 0 {
		return Output{}, pipeline.Failf(pipeline.CodeBadMapping, files[0].Name, "job_file_mapping cannot be used with a video")
	}
	if v := spec.Validation; v != nil && (v.Mode == pipeline.ValidationPool || v.Method == pipeline.SelectManual) {
		return Output{}, pipeline.Failf(pipeline.CodeBadValidation, files[0].Name,
			"Validation frames of a video can only be chosen at random, and not for a pool")
	}
	sel, err := plan.Select(files[0].Frames, spec.StartFrame, spec.StopFrame, spec.Step)
	return Output{Ords: []int64{files[0].Ord}, Video: true, Selection: sel, Bad: bad}, err
}

// usable leaves out the files that cannot be frames. Whether they fail the
// whole request is the policy's to say; without any frame it fails anyway.
func usable(in Input) (files []File, bad int64, err error) {
	files = make([]File, 0, len(in.Files))
	var first *File
	for i := range in.Files {
		f := &in.Files[i]
		switch f.Outcome {
		case pipeline.OutcomeOK, pipeline.OutcomeTruncated:
			files = append(files, *f)
		case pipeline.OutcomeFailed:
			bad++
			if first == nil {
				first = f
			}
		}
	}
	switch {
	case first != nil && (in.Spec.OnError == pipeline.ErrorFail || len(files) == 0):
		return nil, bad, &BadFileError{Ord: first.Ord, Count: bad}
	case len(files) == 0:
		return nil, 0, pipeline.Failf(pipeline.CodeNoMedia, "", "No media data found")
	}
	return files, bad, nil
}

// order returns the permutation of the usable files, and the lengths of the
// jobs if the client mapped files to jobs.
func order(spec pipeline.Spec, files []File) ([]int, []int64, error) {
	names := namesOf(files)
	switch {
	case len(spec.FileMapping) > 0:
		return plan.ResolveMapping(spec.FileMapping, names)
	case spec.Sorting == pipeline.SortPredefined && len(spec.FileOrder) > 0:
		order, err := plan.ResolveOrder(known(spec.FileOrder, files), names)
		return order, nil, err
	}
	order, err := plan.Order(names, spec.Sorting, spec.Seed)
	return order, nil, err
}

// known keeps the names of an upload order that became usable files: a file
// that was left out keeps its neighbours in their order.
func known(order []string, files []File) []string {
	have := make(map[string]bool, len(files))
	for _, f := range files {
		have[f.Name] = true
	}
	out := make([]string, 0, len(order))
	for _, name := range order {
		if have[name] {
			out = append(out, name)
		}
	}
	return out
}

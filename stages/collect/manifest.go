package collect

import (
	"context"
	"slices"

	"framemill/pipeline"
	"framemill/pipeline/manifest"
	"framemill/pipeline/plan"
)

// order is the order that a manifest beside the files asks for.
type order struct {
	file  string           // the manifest
	place map[string]int64 // by the name of a picture
}

// readOrder reads the manifest among the inputs, if there is one. It is always
// checked; its order counts only where the files have none of their own. That of
// a video is passed over: the video says the same, and is right.
func (r *run) readOrder(ctx context.Context, inputs []input) error {
	if slices.ContainsFunc(inputs, func(i input) bool { return i.class == plan.Video }) {
		return nil
	}
	for _, i := range inputs {
		if i.class != plan.Manifest {
			continue
		}
		if r.in.Spec.Sorting == pipeline.SortRandom {
			return errRandomManifest(i.Name)
		}
		o, err := r.parseOrder(ctx, i.SourceFile)
		if err != nil {
			return blame(err, i.Name)
		}
		if r.in.Spec.Sorting == pipeline.SortPredefined && len(o.place) > 0 && len(r.in.Spec.FileOrder) == 0 {
			r.order = o
		}
	}
	return nil
}

// parseOrder reads a manifest. Its names are relative to the root of the data,
// or to its own folder.
func (r *run) parseOrder(ctx context.Context, f pipeline.SourceFile) (*order, error) {
	src, err := r.stage.sources.Open(ctx, f.Ref, f.Stamp())
	if err != nil {
		return nil, err
	}
	defer src.Close()
	o := &order{file: f.Name, place: map[string]int64{}}
	_, err = manifest.Read(progressReader{src, r.attempt.Progress}, func(i manifest.Image) error {
		o.place[i.Name] = int64(len(o.place))
		return nil
	})
	return o, err
}

// arrange puts the files in the order of the manifest, which must name them all
// and no others.
func (r *run) arrange() error {
	if r.order == nil {
		return nil
	}
	out := make([]pipeline.SourceFile, len(r.order.place))
	dir := r.order.file[:len(r.order.file)-len(base(r.order.file))]
	used := 0
	for _, f := range r.page {
		place, ok := r.order.place[f.Name]
		if !ok && len(f.Name) > len(dir) && f.Name[:len(dir)] == dir {
			place, ok = r.order.place[f.Name[len(dir):]]
		}
		if !ok || out[place].Name != "" {
			return r.mismatch("%s is not in it", f.Name)
		}
		out[place] = f
		used++
	}
	if used < len(out) {
		return r.mismatch("it lists %d pictures, and %d were found", len(out), used)
	}
	r.page = out
	return nil
}

func (r *run) mismatch(format string, args ...any) error {
	e := pipeline.Failf(pipeline.CodeBadManifest, r.order.file, format, args...)
	e.Text = "Uploaded files do no match the upload manifest file contents: " + e.Text
	return e
}

// base returns the last component of a path.
func base(path string) string {
	if dir := parent(path); dir != "" {
		return path[len(dir)+1:]
	}
	return path
}

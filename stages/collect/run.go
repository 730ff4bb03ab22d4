package collect

import (
	"context"
	"strings"

	"framemill/pipeline"
	"framemill/pipeline/plan"
	"framemill/pipeline/source"
)

// run is one attempt at one request.
type run struct {
	stage   *Stage
	in      Input
	attempt Attempt
	out     Output
	page    []pipeline.SourceFile
	copied  int64  // keys given out
	order   *order // nil = that of the files
}

// shareInputs returns the files and folders of the share that the client
// listed. A folder is dropped if something inside it is listed too, as the
// contract has it.
func (r *run) shareInputs(ctx context.Context) ([]input, error) {
	if r.stage.share == nil {
		return nil, pipeline.Failf(pipeline.CodeSourceGone, r.in.Spec.ServerFiles[0], "no share is mounted on this server")
	}
	excluded := newExclusions(r.in.Spec.ServerExcl)
	parents, seen := map[string]bool{}, map[string]bool{}
	for _, path := range r.in.Spec.ServerFiles {
		for dir := parent(path); dir != "" && !parents[dir]; dir = parent(dir) {
			parents[dir] = true
		}
	}
	var inputs []input
	for _, path := range r.in.Spec.ServerFiles {
		path = strings.TrimSuffix(path, "/")
		if seen[path] || parents[path] || excluded.match(path) {
			continue
		}
		seen[path] = true
		e, err := r.stage.share.Stat(ctx, path)
		if err != nil {
			return nil, err
		}
		i := input{SourceFile: shareFile(e), class: plan.ClassOf(path)}
		if e.Dir {
			i.class = plan.Directory
		} else if !r.in.Spec.CopyData && (i.class == plan.Image || i.class == plan.PointCloud || i.class == plan.Video) {
			r.out.Storage = pipeline.StorageShare
		}
		inputs = append(inputs, i)
		r.attempt.Progress()
	}
	return inputs, nil
}

func shareFile(e source.Entry) pipeline.SourceFile {
	return pipeline.SourceFile{Name: e.Path, Ref: pipeline.ShareRef(e.Path), Bytes: e.Bytes, MTime: e.MTime}
}

// unnamed is what is known of a file whose name was refused.
func unnamed(err error) pipeline.SourceFile {
	e := pipeline.Public(err)
	return pipeline.SourceFile{Name: e.File, Ref: pipeline.ShareRef(e.File), Code: e.Code, Text: e.Text}
}

// parent returns the folder that a path lies in, "" at the top.
func parent(path string) string {
	return path[:max(strings.LastIndexByte(strings.TrimSuffix(path, "/"), '/'), 0)]
}

// exclusions are paths of files and folders that are left out.
type exclusions map[string]bool

func newExclusions(paths []string) exclusions {
	x := exclusions{}
	for _, p := range paths {
		x[strings.Trim(p, "/")] = true
	}
	return x
}

// match reports whether a path or a folder above it is excluded.
func (x exclusions) match(path string) bool {
	for p := path; p != "" && len(x) > 0; p = parent(p) {
		if x[p] {
			return true
		}
	}
	return false
}

// takeFolder adds the pictures below a folder of the share. One whose name
// cannot be shown is bad, and so is a folder: nobody knows what is in it.
func (r *run) takeFolder(ctx context.Context, dir string) error {
	excluded := newExclusions(r.in.Spec.ServerExcl)
	if !r.in.Spec.CopyData {
		r.out.Storage = pipeline.StorageShare
	}
	return r.stage.share.Walk(ctx, dir, func(e source.Entry) error {
		if excluded.match(e.Path) || !plan.IsMedia(e.Path) && !e.Dir {
			r.skip()
			return nil
		}
		if err := plan.FoundPath(e.Path); err != nil {
			return r.add(ctx, unnamed(err))
		}
		return r.add(ctx, shareFile(e))
	})
}

func (r *run) skip() {
	r.out.Skipped++
	r.attempt.Progress()
}

// add appends a file to the page, and gives the page out when it is full.
func (r *run) add(ctx context.Context, f pipeline.SourceFile) error {
	r.out.Files++
	r.out.Bytes += max(f.Bytes, 0)
	r.page = append(r.page, f)
	r.attempt.Progress()
	if len(r.page) < r.stage.cfg.Page || r.order != nil { // all of them are to be arranged
		return nil
	}
	return r.flush(ctx)
}

// flush copies what is to be copied of the page and gives it out.
func (r *run) flush(ctx context.Context) error {
	if len(r.page) == 0 {
		return nil
	}
	if err := r.copyPage(ctx); err != nil {
		return err
	}
	for i := range r.page {
		readKITTI(&r.page[i])
	}
	if err := r.arrange(); err != nil {
		return err
	}
	page := r.page
	r.page = nil
	return r.attempt.Emit(page)
}

// Package survey makes manifests: it finds the pictures of a folder or a bucket
// and reads their headers, and nothing else of them. No task and no server is
// needed for that.
package survey

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"framemill/pipeline"
	"framemill/pipeline/cloud"
	"framemill/pipeline/manifest"
	"framemill/pipeline/plan"
	"framemill/pipeline/source"
	"framemill/stages/media/picture"
)

// parallel is how many headers are read at a time.
const parallel = 32

// Place is where the pictures lie: a folder, or what a bucket has below a
// prefix, "" or one that ends in a slash. One of the two is set.
type Place struct {
	Share  *source.Share
	Bucket cloud.Bucket
	Prefix string
}

// Watch hears how it goes. Its methods are never called by two goroutines at
// once.
type Watch interface {
	// Found is told how many pictures there are, before the first is read.
	Found(total int64)
	// Read is told of each picture that was read, in the order of the manifest;
	// bad is why it was left out, nil if it was not.
	Read(name string, bad error)
}

// bucketOf finds the one bucket whatever the id.
type bucketOf struct{ bucket cloud.Bucket }

// Bucket returns the one bucket.
func (b bucketOf) Bucket(context.Context, int64) (cloud.Bucket, error) { return b.bucket, nil }

// Write writes the manifest of a place, by name, and returns how many pictures
// it lists. The same pictures always make the same manifest.
func Write(ctx context.Context, p Place, out io.Writer, watch Watch) (int64, error) {
	files, err := p.list(ctx)
	if err != nil {
		return 0, err
	}
	watch.Found(int64(len(files)))
	w, err := manifest.NewWriter(out)
	if err != nil {
		return 0, fmt.Errorf("write the manifest: %w", err)
	}
	var n int64
	opener := source.New(nil, p.Share, bucketOf{p.Bucket})
	const page = 1024
	for lo := 0; lo < len(files); lo += page {
		read, err := probe(ctx, opener, files[lo:min(lo+page, len(files))])
		if err != nil {
			return n, err
		}
		for _, r := range read {
			watch.Read(r.Name, r.bad)
			if r.bad != nil {
				continue
			}
			if err := w.Add(r.Image); err != nil {
				return n, fmt.Errorf("write the manifest: %w", err)
			}
			n++
		}
	}
	if n == 0 {
		return 0, pipeline.Failf(pipeline.CodeNoMedia, "", "No media data found")
	}
	return n, nil
}

// list returns the pictures of the place by name, relative to it.
func (p Place) list(ctx context.Context) ([]pipeline.SourceFile, error) {
	list := p.listBucket
	if p.Share != nil {
		list = p.listShare
	}
	files, err := list(ctx)
	slices.SortFunc(files, func(a, b pipeline.SourceFile) int { return strings.Compare(a.Name, b.Name) })
	return files, err
}

// wanted reports whether a file can be a frame by its name.
func wanted(name string) bool {
	return plan.ClassOf(name) == plan.Image && !plan.Related(name) && !plan.Ignored(name) && plan.ObjectKey(name) == nil
}

func (p Place) listShare(ctx context.Context) (files []pipeline.SourceFile, err error) {
	err = p.Share.Walk(ctx, "", func(e source.Entry) error {
		if !e.Dir && wanted(e.Path) {
			files = append(files, pipeline.SourceFile{Name: e.Path, Ref: pipeline.ShareRef(e.Path), Bytes: e.Bytes, MTime: e.MTime})
		}
		return nil
	})
	return files, err
}

func (p Place) listBucket(ctx context.Context) (files []pipeline.SourceFile, err error) {
	for token := ""; ; {
		page, err := p.Bucket.List(ctx, p.Prefix, token, cloud.MaxPage, false)
		if err != nil {
			return nil, err
		}
		for _, o := range page.Objects {
			if name := strings.TrimPrefix(o.Key, p.Prefix); wanted(name) {
				files = append(files, pipeline.SourceFile{Name: name, Ref: pipeline.CloudRef(1, o.Key), Bytes: o.Bytes, ETag: o.ETag})
			}
		}
		if token = page.Next; token == "" {
			return files, nil
		}
	}
}

// read is what was found of one picture.
type read struct {
	manifest.Image
	bad error
}

// probe reads the headers of files. Its error ends the survey: the storage does
// not answer.
func probe(ctx context.Context, opener *source.Opener, files []pipeline.SourceFile) ([]read, error) {
	out := make([]read, len(files))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i := range files {
		g.Go(func() error {
			f := &files[i]
			out[i].Name = f.Name
			info, err := header(ctx, opener, f)
			if err != nil && (pipeline.Retryable(err) || ctx.Err() != nil) {
				return fmt.Errorf("read the header of %s: %w", f.Name, err)
			}
			out[i].Width, out[i].Height, out[i].bad = info.Width, info.Height, err
			return nil
		})
	}
	return out, g.Wait()
}

func header(ctx context.Context, opener *source.Opener, f *pipeline.SourceFile) (picture.Info, error) {
	r, err := opener.Header(ctx, f.Ref, f.Stamp())
	if err != nil {
		return picture.Info{}, err
	}
	defer r.Close()
	return picture.Probe(r, r.Size(), picture.Limits{})
}

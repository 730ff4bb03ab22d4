package collect

import (
	"context"
	"strings"

	"framemill/pipeline"
	"framemill/pipeline/cloud"
	"framemill/pipeline/manifest"
	"framemill/pipeline/plan"
)

// Place is how far the listing of a bucket has come: whoever begins there goes
// on behind the last file that was given out.
type Place struct {
	Input  int                   `json:"input"`           // of those that the client named
	Token  string                `json:"token,omitempty"` // of the page of the listing under way
	After  string                `json:"after,omitempty"` // key of the last file of this input
	Counts map[plan.Class]int64  `json:"counts"`
	Packed []pipeline.SourceFile `json:"packed,omitempty"` // videos and archives so far
	Output Output                `json:"output"`
}

// bucketRun lists what the client named of a cloud storage.
type bucketRun struct {
	*run
	bucket   cloud.Bucket
	excluded exclusions
	explicit map[string]bool // keys that the client names one by one
	at       Place
	manifest []manifest.Image // nil without one
	lines    map[string]int   // of the manifest, by key; nil until it is needed
}

// runBucket lists the objects of a request.
func (r *run) runBucket(ctx context.Context) error {
	spec := &r.in.Spec
	bucket, err := r.stage.sources.Bucket(ctx, spec.CloudStorageID)
	if err != nil {
		return err
	}
	b := &bucketRun{run: r, bucket: bucket, excluded: newExclusions(spec.ServerExcl), explicit: map[string]bool{}}
	if b.at = r.in.From; b.at.Counts == nil {
		b.at.Counts = map[plan.Class]int64{}
		b.at.Output.Storage = pipeline.StorageCloud
	}
	r.out = b.at.Output
	wanted, err := b.wanted(ctx)
	if err != nil {
		return err
	}
	for ; b.at.Input < len(wanted); b.at.Input++ {
		if err := wanted[b.at.Input](ctx); err != nil {
			return err
		}
		b.at.Token, b.at.After = "", ""
	}
	return b.finish(ctx)
}

// wanted returns what lists each thing that the client named, in order. The
// same request always gives the same.
func (b *bucketRun) wanted(ctx context.Context) ([]func(context.Context) error, error) {
	var list, folders []string
	var key string
	for _, name := range b.in.Spec.ServerFiles {
		switch {
		case plan.ClassOf(name) == plan.Manifest && key != "" && key != name:
			return nil, pipeline.Failf(pipeline.CodeMediaMix, "", "Only one manifest file can be attached to data, but 2 were found.")
		case plan.ClassOf(name) == plan.Manifest:
			key = name
			continue
		case strings.HasSuffix(name, "/"):
			folders = append(folders, name)
		case b.explicit[name]:
			continue
		default:
			b.explicit[name] = true
		}
		list = append(list, name)
	}
	if key != "" {
		if err := b.readManifest(ctx, key); err != nil {
			return nil, err
		}
	}
	var out []func(context.Context) error
	for _, name := range list {
		if !strings.HasSuffix(name, "/") {
			out = append(out, func(ctx context.Context) error { return b.named(ctx, name) })
		} else if !within(name, folders) {
			out = append(out, func(ctx context.Context) error { return b.folder(ctx, name, func(string) bool { return true }) })
		}
	}
	pattern := b.in.Spec.Pattern
	if pattern == "" && key != "" && len(list) == 0 {
		pattern = "*"
	}
	if pattern == "" {
		return out, nil
	}
	p, err := plan.ParsePattern(pattern)
	return append(out, func(ctx context.Context) error { return b.folder(ctx, "", p.Match) }), err
}

// within reports whether a folder lies in another one of the list.
func within(name string, folders []string) bool {
	for _, f := range folders {
		if f != name && strings.HasPrefix(name, f) {
			return true
		}
	}
	return false
}

// readManifest reads the manifest, whose names are relative to its own folder.
func (b *bucketRun) readManifest(ctx context.Context, key string) error {
	if b.in.Spec.Sorting == pipeline.SortRandom {
		return errRandomManifest(key)
	}
	f, err := b.stage.sources.Open(ctx, pipeline.CloudRef(b.in.Spec.CloudStorageID, key), pipeline.AnyStamp())
	if err != nil {
		return err
	}
	defer f.Close()
	dir := key[:strings.LastIndexByte(key, '/')+1]
	b.manifest = []manifest.Image{}
	_, err = manifest.Read(progressReader{f, b.attempt.Progress}, func(i manifest.Image) error {
		i.Name = dir + i.Name
		b.manifest = append(b.manifest, i)
		return nil
	})
	return blame(err, key)
}

// named adds an object that the client named by its key.
func (b *bucketRun) named(ctx context.Context, key string) error {
	f := b.file(key)
	if b.manifest != nil && plan.ClassOf(key) == plan.Image {
		i, ok := b.line(key)
		if !ok {
			return pipeline.Failf(pipeline.CodeBadManifest, key, "Incorrect file mapping to manifest content: %s is not in the manifest", key)
		}
		f.Width, f.Height = i.Width, i.Height
	}
	return b.object(ctx, f)
}

// line finds the picture of a key in the manifest.
func (b *bucketRun) line(key string) (manifest.Image, bool) {
	if b.lines == nil {
		b.lines = make(map[string]int, len(b.manifest))
		for n, i := range b.manifest {
			b.lines[i.Name] = n
		}
	}
	n, ok := b.lines[key]
	if !ok {
		return manifest.Image{}, false
	}
	return b.manifest[n], true
}

// file is an object of which nothing but the key is known.
func (b *bucketRun) file(key string) pipeline.SourceFile {
	return pipeline.SourceFile{Name: key, Ref: pipeline.CloudRef(b.in.Spec.CloudStorageID, key), Bytes: -1}
}

// folder adds the objects whose keys begin with a prefix and match: those of
// the manifest, or else what a listing finds.
func (b *bucketRun) folder(ctx context.Context, prefix string, match func(string) bool) error {
	if b.manifest == nil {
		return b.list(ctx, prefix, match)
	}
	for n := b.place(); n < len(b.manifest); n++ {
		i := &b.manifest[n]
		b.at.After = i.Name
		if !strings.HasPrefix(i.Name, prefix) || !match(i.Name) || b.explicit[i.Name] {
			continue
		}
		f := b.file(i.Name)
		f.Width, f.Height = i.Width, i.Height
		if err := b.object(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// place is where in the manifest this input goes on.
func (b *bucketRun) place() int {
	if b.at.After == "" {
		return 0
	}
	b.line(b.at.After)
	return b.lines[b.at.After] + 1
}

// list adds what a listing finds. It goes on behind the last key that an
// earlier attempt gave out.
func (b *bucketRun) list(ctx context.Context, prefix string, match func(string) bool) error {
	if wide := b.in.Spec.CloudPrefix; strings.HasPrefix(wide, prefix) {
		prefix = wide // of anything else nothing counts
	}
	for {
		page, err := b.bucket.List(ctx, prefix, b.at.Token, cloud.MaxPage, false)
		if err != nil {
			return err
		}
		b.attempt.Progress()
		for _, o := range page.Objects {
			if b.at.After != "" && o.Key <= b.at.After {
				continue
			}
			b.at.After = o.Key
			if !match(o.Key) || b.explicit[o.Key] {
				continue
			}
			f := b.file(o.Key)
			f.Bytes, f.ETag = o.Bytes, o.ETag
			if err := b.object(ctx, f); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		b.at.Token = page.Next
	}
}

// object adds one object, unless it is not to be a frame.
func (b *bucketRun) object(ctx context.Context, f pipeline.SourceFile) error {
	class := plan.ClassOf(f.Name)
	switch {
	case b.excluded.match(f.Name), !strings.HasPrefix(f.Name, b.in.Spec.CloudPrefix),
		class == plan.Unknown, class == plan.Manifest, class == plan.Image && plan.Related(f.Name), plan.Ignored(f.Name):
		b.skip()
		return nil
	}
	b.at.Counts[class]++
	if err := plan.ObjectKey(f.Name); err != nil {
		e := pipeline.Public(err)
		f.Name, f.Code, f.Text = e.File, e.Code, e.Text
		f.Ref = pipeline.CloudRef(b.in.Spec.CloudStorageID, e.File)
	}
	if class != plan.Image {
		if b.at.Packed = append(b.at.Packed, f); len(b.at.Packed) > 1 {
			return plan.CheckMix(b.at.Counts)
		}
		return nil
	}
	if err := b.add(ctx, f); err != nil || len(b.page) > 0 {
		return err
	}
	return b.mark()
}

// mark tells how far the listing has come, all files so far being given out.
func (b *bucketRun) mark() error {
	at := b.at
	at.Output = b.out
	if at.After == "" { // what was named one by one needs no second look
		at.Input++
	}
	return b.attempt.Mark(at)
}

// finish judges the mix, and takes the one video or archive that there may be.
func (b *bucketRun) finish(ctx context.Context) error {
	if err := plan.CheckMix(b.at.Counts); err != nil {
		return err
	}
	inputs := make([]input, len(b.at.Packed))
	for i, f := range b.at.Packed {
		inputs[i] = input{f, plan.ClassOf(f.Name)}
	}
	if len(inputs) > 0 {
		if err := b.checkMix(inputs); err != nil {
			return err
		}
	}
	for _, i := range inputs {
		b.out.Storage = pipeline.StorageLocal
		if i.Code == "" { // it is read often, and by programs: once is enough for the network
			if err := b.copy(ctx, &i.SourceFile, b.nextKey()); err != nil {
				return err
			}
		}
		if err := b.take(ctx, i); err != nil {
			return err
		}
	}
	if b.in.Spec.CopyData {
		b.out.Storage = pipeline.StorageLocal
	}
	return nil
}

func errRandomManifest(name string) error {
	return pipeline.Failf(pipeline.CodeBadManifest, name,
		"It isn't supported to upload a manifest file together with the random sorting method: a manifest has an order of its own")
}

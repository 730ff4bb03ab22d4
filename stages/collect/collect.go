// Package collect is the stage that lists the source files of an ingest, in
// the order in which the client gave them: what was uploaded, what lies on the
// share, or what is in a zip archive. It looks at names and places only;
// whether a file is a picture or a video after all is for probing to find out.
package collect

import (
	"cmp"
	"context"
	"slices"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/cloud"
	"framemill/pipeline/plan"
	"framemill/pipeline/source"
	"framemill/stages/media/ziparchive"
)

// sources opens the files that archives are read from, and copies.
type sources interface {
	Open(ctx context.Context, ref pipeline.Ref, stamp pipeline.Stamp) (source.File, error)
	Bucket(ctx context.Context, storageID int64) (cloud.Bucket, error)
}

// share lists the mounted share.
type share interface {
	Stat(ctx context.Context, path string) (source.Entry, error)
	Walk(ctx context.Context, dir string, fn func(source.Entry) error) error
}

// blobs takes the copies.
type blobs interface {
	Create(ctx context.Context, key string, d blob.Durability) (blob.Writer, error)
}

// Config bounds the stage. Zero fields mean the defaults.
type Config struct {
	Archive ziparchive.Limits
	Page    int // files given out at a time, 10,000 by default
	Copies  int // files copied at a time, 4 by default
}

// Input is what an ingest was asked to read.
type Input struct {
	Spec    pipeline.Spec     `json:"spec"`
	Uploads []pipeline.Upload `json:"uploads"` // complete ones
	// From is where the listing of a bucket goes on. Its zero value is the
	// beginning.
	From Place `json:"from,omitzero"`
}

// Output counts what was found.
type Output struct {
	Files   int64  `json:"files"`
	Skipped int64  `json:"skipped"` // not media, or not frames, by their names
	Bytes   int64  `json:"bytes"`
	Storage string `json:"storage"` // where the bytes lie, as the contract spells it
}

// Attempt is what one run of the stage hands its results to.
type Attempt struct {
	// Emit takes the next page of files. It may keep the page.
	Emit func(page []pipeline.SourceFile) error
	// Mark is told, after some pages of the files of a bucket, where another
	// attempt can go on.
	Mark func(at Place) error
	// Key names the blob that the n-th copy goes to. It is used only if the
	// files of a share are to be copied, or something is unpacked, and must
	// differ between attempts.
	Key func(n int64) string
	// Unpack unpacks an archive into the blob of a key. It returns the files in it,
	// and how many others it passed over.
	Unpack func(ctx context.Context, archive pipeline.SourceFile, key string) (files []pipeline.SourceFile, skipped int64, err error)
	// Progress is called whenever something was done, also concurrently.
	Progress func()
}

// Stage lists source files.
type Stage struct {
	cfg     Config
	sources sources
	share   share
	blobs   blobs
}

// New returns the stage. Where no share is mounted, share is nil.
func New(cfg Config, sources sources, share share, blobs blobs) *Stage {
	cfg.Page = cmp.Or(cfg.Page, 10_000)
	cfg.Copies = cmp.Or(cfg.Copies, 4)
	return &Stage{cfg: cfg, sources: sources, share: share, blobs: blobs}
}

// Run lists the files of a request and gives them out in pages. Its error
// blames the request if it names nothing usable, a mix that cannot be one task,
// or a file that is not there.
func (s *Stage) Run(ctx context.Context, in Input, a Attempt) (Output, error) {
	r := &run{stage: s, in: in, attempt: a}
	listed := r.runNamed
	if in.Spec.CloudStorageID != 0 {
		listed = r.runBucket
	}
	if err := listed(ctx); err != nil {
		return Output{}, err
	}
	if err := r.flush(ctx); err != nil {
		return Output{}, err
	}
	if r.out.Files == 0 {
		return Output{}, pipeline.Failf(pipeline.CodeNoMedia, "", "No media data found")
	}
	return r.out, nil
}

// runNamed lists what was uploaded or lies on the share.
func (r *run) runNamed(ctx context.Context) error {
	r.out.Storage = pipeline.StorageLocal
	inputs, err := r.inputs(ctx)
	if err != nil {
		return err
	}
	if err := r.checkMix(inputs); err != nil {
		return err
	}
	if err := r.readOrder(ctx, inputs); err != nil {
		return err
	}
	for _, i := range inputs {
		if err := r.take(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

// input is one thing that the client named: a file, or a folder of the share.
type input struct {
	pipeline.SourceFile
	class plan.Class
}

// inputs returns what the client named, in order.
func (r *run) inputs(ctx context.Context) ([]input, error) {
	if len(r.in.Uploads) > 0 && len(r.in.Spec.ServerFiles) > 0 {
		return nil, pipeline.Failf(pipeline.CodeMediaMix, "", "uploaded files and files of the share cannot be used together")
	}
	if len(r.in.Spec.ServerFiles) > 0 {
		return r.shareInputs(ctx)
	}
	uploads := slices.Clone(r.in.Uploads)
	slices.SortStableFunc(uploads, func(a, b pipeline.Upload) int { return cmp.Compare(a.Ord, b.Ord) })
	inputs := make([]input, len(uploads))
	for i, u := range uploads {
		crc := u.CRC32
		inputs[i] = input{
			SourceFile: pipeline.SourceFile{
				Name: u.Name, Ref: pipeline.BlobRef(u.Key), Bytes: u.Length, CRC32: &crc, Code: u.Code, Text: u.Text,
			},
			class: plan.ClassOf(u.Name),
		}
	}
	return inputs, nil
}

// checkMix refuses inputs that are no task.
func (r *run) checkMix(inputs []input) error {
	counts := map[plan.Class]int64{}
	for _, i := range inputs {
		if i.class == plan.Image && plan.Related(i.Name) {
			continue
		}
		counts[i.class]++
	}
	return plan.CheckMix(counts)
}

// take adds what one input stands for.
func (r *run) take(ctx context.Context, i input) error {
	if i.Code != "" { // known to be bad: it is only reported
		return r.add(ctx, i.SourceFile)
	}
	switch i.class {
	case plan.Directory:
		return r.takeFolder(ctx, i.Name)
	case plan.Zip, plan.Archive, plan.PDF:
		return r.takeArchive(ctx, i.SourceFile)
	case plan.Video:
		return r.add(ctx, i.SourceFile)
	case plan.Image, plan.PointCloud:
		return r.add(ctx, i.SourceFile)
	}
	r.skip()
	return nil
}

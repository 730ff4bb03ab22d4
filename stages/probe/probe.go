// Package probe is the stage that looks into source files: what they are, how
// large, and which way up. It reads headers only, whatever the files' size, but
// for videos whose headers do not name every frame, which are read through.
package probe

import (
	"cmp"
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/frameindex"
	"framemill/pipeline/plan"
	"framemill/pipeline/source"
	"framemill/stages/media/picture"
	"framemill/stages/media/pointcloud"
	"framemill/stages/media/video"
)

// sources opens the files.
type sources interface {
	Header(ctx context.Context, ref pipeline.Ref, stamp pipeline.Stamp) (source.File, error)
	Local(ctx context.Context, ref pipeline.Ref, stamp pipeline.Stamp) (path string, release func(), err error)
}

// films finds the frames of videos.
type films interface {
	Index(ctx context.Context, f video.File, progress func()) (*frameindex.Index, error)
}

// blobs takes the indexes of videos.
type blobs interface {
	Create(ctx context.Context, key string, d blob.Durability) (blob.Writer, error)
}

// Config bounds the stage. Zero fields mean the defaults.
type Config struct {
	Limits   picture.Limits
	Parallel int // files read at a time, 4 by default: a network share has latency
}

// cloudParallel is how many objects of a cloud storage are asked for at a time.
const cloudParallel = 32

// Input is a range of the collected files.
type Input struct {
	Files []pipeline.SourceFile `json:"files"`
	Lo    int64                 `json:"lo"` // the place of the first in the collected list
	// IndexKey is where the frame index of a video goes, which is always alone.
	IndexKey string `json:"index_key"`
}

// Stage probes files.
type Stage struct {
	cfg     Config
	sources sources
	films   films
	blobs   blobs
}

// New returns the stage.
func New(cfg Config, sources sources, films films, blobs blobs) *Stage {
	cfg.Parallel = cmp.Or(cfg.Parallel, 4)
	return &Stage{cfg: cfg, sources: sources, films: films, blobs: blobs}
}

// Run probes the files and returns a row for each, in order; the caller adds
// the request. A file that cannot be used is a row that says why. Run fails
// only where another try may go well, as when the storage does not answer.
// progress is called for each file, also concurrently.
func (s *Stage) Run(ctx context.Context, in Input, progress func()) ([]pipeline.File, error) {
	out := make([]pipeline.File, len(in.Files))
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(s.parallel(&in))
	for i := range in.Files {
		g.Go(func() (err error) {
			if inner.Err() != nil {
				return context.Cause(inner)
			}
			out[i], err = s.file(inner, &in, i, progress)
			progress()
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return out, nil
}

// parallel is how many files are read at a time. Those of a cloud storage are
// mostly waited for.
func (s *Stage) parallel(in *Input) int {
	if len(in.Files) > 0 {
		if scheme, _ := in.Files[0].Ref.Split(); scheme == "cloud" {
			return max(s.cfg.Parallel, cloudParallel)
		}
	}
	return s.cfg.Parallel
}

// file returns the row of one file.
func (s *Stage) file(ctx context.Context, in *Input, i int, progress func()) (pipeline.File, error) {
	src := in.Files[i]
	f := pipeline.File{
		Ord: in.Lo + int64(i), Name: src.Name, Ref: src.Ref, Bytes: src.Bytes, MTime: src.MTime, ETag: src.ETag, CRC32: src.CRC32,
		Orient: 1, Outcome: pipeline.OutcomeOK,
	}
	if src.Code != "" {
		f.Outcome, f.Code, f.Text = pipeline.OutcomeFailed, src.Code, src.Text
		return f, nil
	}
	if src.Width > 0 {
		f.Width, f.Height = src.Width, src.Height
		return f, nil
	}
	var err error
	switch plan.ClassOf(src.Name) {
	case plan.Video:
		err = s.film(ctx, &f, in.IndexKey, progress)
	case plan.PointCloud:
		err = s.cloud(ctx, &f)
	default:
		err = s.picture(ctx, &f)
	}
	switch {
	case err == nil:
	case pipeline.Retryable(err) || ctx.Err() != nil:
		return f, fmt.Errorf("probe %s: %w", src.Ref, err)
	default:
		bad := pipeline.Public(err)
		f.Outcome, f.Code, f.Text = pipeline.OutcomeFailed, bad.Code, bad.Text
	}
	return f, nil
}

// picture reads the headers of a picture.
func (s *Stage) picture(ctx context.Context, f *pipeline.File) error {
	r, err := s.sources.Header(ctx, f.Ref, f.Stamp())
	if err != nil {
		return err
	}
	defer r.Close()
	if v, ok := r.(source.Versioned); ok { // the first look says which version counts
		f.Bytes, f.ETag = v.Version().Bytes, v.Version().ETag
	}
	info, err := picture.Probe(r, r.Size(), s.cfg.Limits)
	if err != nil {
		return err
	}
	f.Format, f.Width, f.Height, f.Orient = info.Format, info.Width, info.Height, info.Orient
	return nil
}

// cloud reads the header of a point cloud.
func (s *Stage) cloud(ctx context.Context, f *pipeline.File) error {
	r, err := s.sources.Header(ctx, f.Ref, f.Stamp())
	if err != nil {
		return err
	}
	defer r.Close()
	info, err := pointcloud.Probe(r, r.Size())
	if err != nil {
		return err
	}
	f.Format, f.Width, f.Height = pipeline.FormatCloud, info.Width, info.Height
	return nil
}

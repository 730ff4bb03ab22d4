// Package probe is the stage that looks into source files: what they are, how
// large, and which way up. It reads headers only, whatever the files' size.
package probe

import (
	"cmp"
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"framemill/pipeline"
	"framemill/pipeline/source"
	"framemill/stages/media/picture"
)

// sources opens the files.
type sources interface {
	Open(ctx context.Context, ref pipeline.Ref, bytes, mtime int64) (source.File, error)
}

// Config bounds the stage. Zero fields mean the defaults.
type Config struct {
	Limits   picture.Limits
	Parallel int // files read at a time, 4 by default: a network share has latency
}

// Input is a range of the collected files.
type Input struct {
	Files []pipeline.SourceFile `json:"files"`
	Lo    int64                 `json:"lo"` // the place of the first in the collected list
}

// Stage probes files.
type Stage struct {
	cfg     Config
	sources sources
}

// New returns the stage.
func New(cfg Config, sources sources) *Stage {
	cfg.Parallel = cmp.Or(cfg.Parallel, 4)
	return &Stage{cfg: cfg, sources: sources}
}

// Run probes the files and returns a row for each, in order; the caller adds
// the request. A file that cannot be used is a row that says why. Run fails
// only where another try may go well, as when the storage does not answer.
// progress is called for each file, also concurrently.
func (s *Stage) Run(ctx context.Context, in Input, progress func()) ([]pipeline.File, error) {
	out := make([]pipeline.File, len(in.Files))
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(s.cfg.Parallel)
	for i := range in.Files {
		g.Go(func() (err error) {
			if inner.Err() != nil {
				return context.Cause(inner)
			}
			out[i], err = s.file(inner, in.Files[i], in.Lo+int64(i))
			progress()
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return out, nil
}

// file returns the row of one file.
func (s *Stage) file(ctx context.Context, src pipeline.SourceFile, ord int64) (pipeline.File, error) {
	f := pipeline.File{
		Ord: ord, Name: src.Name, Ref: src.Ref, Bytes: src.Bytes, MTime: src.MTime, CRC32: src.CRC32,
		Orient: 1, Outcome: pipeline.OutcomeOK,
	}
	if src.Code != "" {
		f.Outcome, f.Code, f.Text = pipeline.OutcomeFailed, src.Code, src.Text
		return f, nil
	}
	info, err := s.probe(ctx, src)
	switch {
	case err == nil:
		f.Format, f.Width, f.Height, f.Orient = info.Format, info.Width, info.Height, info.Orient
	case pipeline.Retryable(err) || ctx.Err() != nil:
		return f, fmt.Errorf("probe %s: %w", src.Ref, err)
	default:
		bad := pipeline.Public(err)
		f.Outcome, f.Code, f.Text = pipeline.OutcomeFailed, bad.Code, bad.Text
	}
	return f, nil
}

func (s *Stage) probe(ctx context.Context, src pipeline.SourceFile) (picture.Info, error) {
	r, err := s.sources.Open(ctx, src.Ref, src.Bytes, src.MTime)
	if err != nil {
		return picture.Info{}, err
	}
	defer r.Close()
	return picture.Probe(r, r.Size(), s.cfg.Limits)
}

package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"framemill/pipeline"
	"framemill/pipeline/store"
	"framemill/stages/filter"
	"framemill/stages/generate"
	"framemill/stages/media/video"
)

// framePage is how many frame rows one transaction writes.
const framePage = 10_000

// filterStep orders and selects the frames of the request.
func filterStep(ctx context.Context, a *attempt) error {
	if err := a.flush(ctx); err != nil {
		return err
	}
	files, err := a.w.DB.NamedFiles(ctx, a.Request.ID)
	if err != nil {
		return fmt.Errorf("read files: %w", err)
	}
	in := filter.Input{Spec: a.spec, Files: make([]filter.File, len(files))}
	for i, f := range files {
		in.Files[i] = filter.File{Ord: f.Ord, Name: f.Name, Outcome: f.Outcome, Frames: f.Frames}
	}
	out, err := filter.Stage{}.Run(ctx, in)
	if bad, ok := errors.AsType[*filter.BadFileError](err); ok {
		return a.badFile(ctx, bad)
	}
	if err != nil {
		return err
	}
	a.frames = out
	a.first = files[out.Ords[0]]
	return nil
}

// badFile turns a file that ends the request into its failure.
func (a *attempt) badFile(ctx context.Context, bad *filter.BadFileError) error {
	f, err := a.w.DB.File(ctx, a.Request.ID, bad.Ord)
	if err != nil {
		return fmt.Errorf("read the bad file: %w", err)
	}
	more := ""
	if bad.Count > 1 {
		more = fmt.Sprintf(" (and %d more files that cannot be used)", bad.Count-1)
	}
	return pipeline.Failf(f.Code, f.Name, "%s: %s%s", f.Name, f.Text, more)
}

// generateStep cuts the jobs and publishes them: from then on people can open
// them. Many frames are written in pages beforehand, unseen.
func generateStep(ctx context.Context, a *attempt) error {
	out, err := generate.Stage{}.Run(ctx, generate.Input{
		Spec: a.spec, Size: a.frames.Selection.Size, Lengths: a.frames.Lengths, Video: a.frames.Video,
		Pool: a.frames.Pool, Manual: a.frames.Manual,
		Width: a.first.Width, Height: a.first.Height,
	})
	if err != nil {
		return err
	}
	data, err := a.w.DB.DataOf(ctx, a.TaskID)
	if err != nil {
		return fmt.Errorf("read data: %w", err)
	}
	if err := a.writeRelated(ctx); err != nil {
		return err
	}
	if err := a.writeFrames(ctx, data.ID); err != nil {
		return err
	}
	sel := a.frames.Selection
	data.Size, data.StartFrame, data.StopFrame, data.Step = sel.Size, sel.Start, sel.Stop, sel.Step
	data.ChunkSize, data.Index = &out.ChunkSize, a.first.Index
	if a.frames.Pool != nil {
		data.FrameFilter = "" // what it selected was numbered anew
	}
	mode, dimension := pipeline.ModeAnnotation, pipeline.Dimension2D
	if a.frames.Clouds {
		dimension = pipeline.Dimension3D
		data.Method = pipeline.MethodCache // their chunks are what they are, and never built
	}
	if a.frames.Video {
		mode = pipeline.ModeInterpolation
		if video.Fits(a.first.Width, a.first.Height) {
			data.OriginalType = pipeline.ChunkVideo
		}
		if !a.spec.UseZipChunks {
			data.CompressedType = pipeline.ChunkVideo
		}
	}
	a.later(func(ctx context.Context, t *store.Tx) error {
		if err := t.SetBad(ctx, a.Request.ID, a.frames.Bad); err != nil {
			return err
		}
		return t.Publish(ctx, a.Claim, store.Publication{
			Data: *data, Mode: mode, Dimension: dimension, SegmentSize: out.SegmentSize, Overlap: out.Overlap,
			Segments: out.Segments, Replicas: a.spec.Replicas, Truth: truth(out.Truth),
		})
	})
	return nil
}

// truth returns the validation set as it is stored.
func truth(made *generate.Truth) *store.Truth {
	if made == nil {
		return nil
	}
	return &store.Truth{Layout: made.Layout, Segment: made.Segment}
}

// writeRelated writes which files are shown beside frames.
func (a *attempt) writeRelated(ctx context.Context) error {
	if len(a.frames.Related) == 0 && len(a.frames.Skipped) == 0 {
		return nil
	}
	a.later(func(ctx context.Context, t *store.Tx) error {
		if err := t.ClearRelated(ctx, a.Request.ID); err != nil {
			return err
		}
		return t.SkipFiles(ctx, a.Request.ID, a.frames.Skipped)
	})
	for page := range slices.Chunk(a.frames.Related, framePage) {
		a.later(func(ctx context.Context, t *store.Tx) error { return t.AddRelated(ctx, a.Request.ID, page) })
		if err := a.flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

// writeFrames writes the rows of the frames, the last page together with the
// publication. A video has none.
func (a *attempt) writeFrames(ctx context.Context, dataID int64) error {
	a.later(func(ctx context.Context, t *store.Tx) error { return t.ClearFrames(ctx, dataID) })
	if a.frames.Video {
		return nil
	}
	ords := a.frames.Ords
	for lo := 0; lo < len(ords); lo += framePage {
		page := make([]pipeline.Frame, min(framePage, len(ords)-lo))
		for i := range page {
			page[i] = pipeline.Frame{N: int64(lo + i), Ord: ords[lo+i], Real: a.frames.Real(lo + i)}
		}
		if lo > 0 {
			if err := a.flush(ctx); err != nil {
				return err
			}
		}
		a.later(func(ctx context.Context, t *store.Tx) error { return t.AddFrames(ctx, dataID, page) })
	}
	return nil
}

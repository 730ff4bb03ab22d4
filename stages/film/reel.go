package film

import (
	"context"
	"errors"
	"fmt"

	"framemill/pipeline"
	"framemill/stages/media/video"
)

// reel is one decoding and the chunks that are cut from it.
type reel struct {
	stage *Stage
	films *video.Engine // with the threads of this turn
	in    *Input
	src   video.Source
	hooks
	rows []pipeline.Chunk // by the places of the chunks in the input
	open []*cut           // zips that wait for frames
}

// make makes a group of chunks, given by their places in the input.
func (r *reel) make(ctx context.Context, run []int) error {
	switch form := r.in.Chunks[run[0]].Form; form {
	case MP4:
		return r.turn(ctx, func() error { return r.makeMP4(ctx, run) })
	case Zip:
		return r.makeZips(ctx, run)
	case PNG, Thumbnail:
		for _, i := range run {
			if err := r.turn(ctx, func() error { return r.makeStill(ctx, i, form) }); err != nil {
				return err
			}
		}
		return nil
	default:
		return pipeline.Errorf(pipeline.Internal, "unknown form %q", form)
	}
}

// turn waits for a turn at the processor, in which it decodes once.
func (r *reel) turn(ctx context.Context, decode func() error) error {
	pixels := r.src.Index.CodedWidth * r.src.Index.CodedHeight
	return r.stage.films.Turn(ctx, pixels, r.progress, func(films *video.Engine) error {
		r.films = films
		return decode()
	})
}

// frames returns the frames of the file that a chunk has.
func (r *reel) frames(c *ChunkWork) video.Run {
	return video.Run{First: r.in.Start + c.Lo*r.in.Step, Step: r.in.Step, Count: c.Hi - c.Lo}
}

// originalQuality is that of JPEGs that stand for the source.
const originalQuality = 100

// quality returns the quality of the JPEGs of a chunk.
func (r *reel) quality(c *ChunkWork) int {
	if c.original() {
		return originalQuality
	}
	return int(r.in.Quality)
}

// keep commits the file of a chunk and writes its row.
func (r *reel) keep(ctx context.Context, place int, f *file) error {
	c := &r.in.Chunks[place]
	if err := f.Commit(ctx); err != nil {
		return fmt.Errorf("keep %s chunk %d: %w", c.Quality, c.Index, err)
	}
	r.rows[place] = pipeline.Chunk{
		SegmentID: c.SegmentID, Quality: c.Quality, Index: c.Index, Version: c.Version, Key: c.Key,
		Bytes: f.n, CRC32: int64(f.sum.Sum32()), Frames: c.count(),
	}
	return r.tell(ctx, r.rows[place])
}

// tell hands the row of a chunk to who asked for it, if the video is still the
// one that was probed.
func (r *reel) tell(ctx context.Context, c pipeline.Chunk) error {
	if r.kept == nil {
		return nil
	}
	if err := r.stage.unchanged(ctx, r.in.File); err != nil {
		return err
	}
	return r.kept(c)
}

// thumbnailSide is the longest side of a preview, thumbnailQuality its quality.
const (
	thumbnailSide    = 256
	thumbnailQuality = 80
)

// makeStill makes a chunk that is one picture.
func (r *reel) makeStill(ctx context.Context, place int, form Form) error {
	c := &r.in.Chunks[place]
	k := r.frames(c).First
	var data []byte
	var err error
	if form == PNG {
		data, err = r.films.FramePNG(ctx, r.src, k)
	} else {
		data, err = r.films.PreviewJPEG(ctx, r.src, k, thumbnailSide, thumbnailQuality)
	}
	if err != nil {
		return fmt.Errorf("frame %d: %w", k, err)
	}
	r.progress()
	f, err := r.stage.create(ctx, c.Key)
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return r.keep(ctx, place, f)
}

// makeZips decodes the frames of a run of chunks and hands each to the zips
// that have it.
func (r *reel) makeZips(ctx context.Context, run []int) error {
	defer r.abort()
	wait := run // for their first frames
	for _, frames := range r.decoded(run) {
		err := r.turn(ctx, func() error {
			return r.films.JPEGs(ctx, r.src, frames, r.quality(&r.in.Chunks[run[0]]), func(k int64, jpeg []byte) error {
				n := (k - r.in.Start) / r.in.Step
				for len(wait) > 0 && r.in.Chunks[wait[0]].Lo <= n {
					if err := r.begin(ctx, wait[0]); err != nil {
						return err
					}
					wait = wait[1:]
				}
				r.progress()
				return r.add(ctx, n, jpeg)
			})
		})
		if err != nil {
			return err
		}
	}
	if len(r.open)+len(wait) > 0 {
		return errors.New("the video ended before its last chunk")
	}
	return nil
}

// decoded returns what is decoded for zips, each run in one go.
func (r *reel) decoded(run []int) []video.Run {
	first, last := &r.in.Chunks[run[0]], int64(0)
	if first.Picked != nil {
		return r.picked(run)
	}
	for _, i := range run {
		last = max(last, r.in.Chunks[i].Hi)
	}
	return []video.Run{r.frames(&ChunkWork{Lo: first.Lo, Hi: last})}
}

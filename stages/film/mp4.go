package film

import (
	"context"
	"io"
	"os"

	"framemill/stages/media/scratch"
	"framemill/stages/media/video"
)

// makeMP4 makes a run of MP4 chunks with one decoding.
func (r *reel) makeMP4(ctx context.Context, run []int) error {
	dir, err := scratch.New(r.stage.scratch)
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // what stays is swept later
	runs := make([]video.Run, len(run))
	for i, place := range run {
		runs[i] = r.frames(&r.in.Chunks[place])
	}
	how := video.MP4{Quality: r.in.Quality, Downscale: true}
	if r.in.Chunks[run[0]].original() {
		how = video.MP4{Quality: video.OriginalQuality}
	}
	return r.films.EncodeMP4(ctx, r.src, dir.Path, runs, how, video.Hooks{
		Progress: r.progress,
		Done: func(chunk int, path string) error {
			defer r.progress()
			return r.take(ctx, run[chunk], path)
		},
	})
}

// take copies a finished chunk to its place and removes it where it was.
func (r *reel) take(ctx context.Context, place int, path string) error {
	src, err := os.Open(path)
	if err != nil {
		return err
	}
	defer src.Close()
	f, err := r.stage.create(ctx, r.in.Chunks[place].Key)
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := io.Copy(f, src); err != nil {
		return err
	}
	if err := r.keep(ctx, place, f); err != nil {
		return err
	}
	return os.Remove(path)
}

package film

import (
	"context"
	"fmt"

	"framemill/stages/media/video"
)

// makePicked makes zips of frames that do not follow one another. Each frame
// is decoded from its keyframe: they are few, and far apart.
func (r *reel) makePicked(ctx context.Context, run []int) error {
	defer r.abort()
	for _, place := range run {
		if err := r.begin(ctx, place); err != nil {
			return err
		}
		c := r.open[0]
		for _, n := range c.Picked {
			if err := r.pick(ctx, c, n); err != nil {
				return fmt.Errorf("frame %d of chunk %d: %w", n, c.Index, err)
			}
		}
		if err := r.end(ctx, 0); err != nil {
			return err
		}
	}
	return nil
}

// pick adds one frame of the task to a chunk.
func (r *reel) pick(ctx context.Context, c *cut, n int64) error {
	one := video.Run{First: r.in.Start + n*r.in.Step, Step: 1, Count: 1}
	return r.films.JPEGs(ctx, r.src, one, r.quality(c.ChunkWork), func(_ int64, jpeg []byte) error {
		r.progress()
		return c.add(jpeg)
	})
}

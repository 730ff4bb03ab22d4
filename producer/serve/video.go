package serve

import (
	"context"
	"fmt"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/plan"
)

// aside names what readers of a video ask for beside the chunks of a quality.
type aside struct{ frame, window, task pipeline.Quality }

var asides = map[pipeline.Quality]aside{
	pipeline.Compressed: {pipeline.FrameCompressed, pipeline.WindowCompressed, pipeline.TaskCompressed},
	pipeline.Original:   {pipeline.FrameOriginal, pipeline.WindowOriginal, pipeline.TaskOriginal},
}

// useEvery is how exactly the last use of what is built aside is remembered.
const useEvery = time.Hour

// film reports whether the chunks of the view are films, which nothing can be
// copied out of, and not zips of pictures.
func (v *View) film() bool {
	if v.Quality == pipeline.Original {
		return v.Data.OriginalType == pipeline.ChunkVideo
	}
	return v.Data.CompressedType == pipeline.ChunkVideo
}

// before returns how many of the chunks in front of the ordered one are built
// together with it.
func (s *Server) before(ctx context.Context, o *order) int64 {
	if !o.Data.Video() || !o.Quality.InRuns() {
		return 0
	}
	index, err := s.Index(ctx, o.Data)
	if err != nil {
		return 0 // whoever builds the chunk will say it
	}
	return o.at.index - plan.Together(o.Data, &o.at.seg, o.at.index, index.GOP).Start
}

// sendAside sends what is built beside the chunks of a video, and is forgotten
// when nobody has read it for a while.
func (a *answer) sendAside(q pipeline.Quality, at slice, contentType string) error {
	a.v.Quality = q
	c, obj, err := a.s.open(a.r.Context(), a.order(at))
	if err != nil {
		return err
	}
	defer obj.Close()
	if err := a.s.db.UseChunk(a.r.Context(), c, useEvery); err != nil {
		return fmt.Errorf("note the use of chunk %q: %w", c.Key, err)
	}
	a.sendBlob(c.Key, contentType, obj)
	return nil
}

// wholeTaskFilm sends a film that is counted over the whole task. Such films are
// kept with the task's first segment.
func (a *answer) wholeTaskFilm(number int64) error {
	segs, err := a.s.db.SegmentsOver(a.r.Context(), a.v.Task.ID, 0, 1)
	if err != nil {
		return err
	}
	if len(segs) == 0 {
		return fmt.Errorf("task %d has data and no segment", a.v.Task.ID)
	}
	return a.sendAside(asides[a.v.Quality].task, slice{seg: segs[0], index: number}, videoType)
}

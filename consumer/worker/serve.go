package worker

import (
	"context"
	"fmt"

	"framemill/pipeline"
)

// serveStep builds the one chunk that a reader waits for: of segment Lo, with
// index Hi and the quality Arg.
func serveStep(ctx context.Context, a *attempt) error {
	seg, err := a.w.DB.Segment(ctx, a.Lo)
	if err != nil {
		return fmt.Errorf("read segment %d: %w", a.Lo, err)
	}
	data, err := a.w.DB.DataOf(ctx, a.TaskID)
	if err != nil {
		return fmt.Errorf("read data: %w", err)
	}
	if data.Published == nil {
		return pipeline.Errorf(pipeline.NotFound, "the task has no frames")
	}
	return a.build(ctx, data, pipeline.Quality(a.Arg), []chunkAt{{seg, a.Hi}})
}

package worker

import (
	"context"
	"fmt"
	"strings"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// warmJobs is how many jobs of a cache-method task get their first chunk built
// ahead of their first reader.
const warmJobs = 16

// finishStep makes the preview and ends the request.
func finishStep(ctx context.Context, a *attempt) error {
	if a.Kind == pipeline.IngestFinish {
		if err := a.flush(ctx); err != nil {
			return err
		}
	}
	data, err := a.w.DB.DataOf(ctx, a.TaskID)
	if err != nil {
		return fmt.Errorf("read data: %w", err)
	}
	segs, err := a.w.DB.Segments(ctx, a.TaskID)
	if err != nil || len(segs) == 0 {
		return fmt.Errorf("read segments: %d found: %w", len(segs), err)
	}
	if err := a.build(ctx, data, pipeline.Preview, []chunkAt{{&segs[0], 0}}); err != nil {
		return err
	}
	task, err := a.w.DB.Task(ctx, a.TaskID)
	if err != nil {
		return fmt.Errorf("read task: %w", err)
	}
	if data.Method == pipeline.MethodCache && task.Dimension != pipeline.Dimension3D {
		a.warm(segs)
	}
	a.later(func(ctx context.Context, t *store.Tx) error {
		bad, err := t.CountBad(ctx, a.Request.ID)
		if err != nil {
			return err
		}
		return t.EndRequest(ctx, a.Claim, note(bad))
	})
	return nil
}

// tidy removes the pages of names once the request that reads them has ended.
// The unit is done by then: what cannot be removed is left to the collector.
func (a *attempt) tidy(ctx context.Context) {
	if a.Kind != pipeline.IngestFinish {
		return
	}
	if _, err := a.purgeBlobs(ctx, a.names()); err != nil {
		a.w.Log.Warn("left the pages of names to the collector", "request_id", a.Request.ID, "error", err)
	}
}

// warm asks for the first chunk of the first jobs.
func (a *attempt) warm(segs []pipeline.Segment) {
	units := make([]pipeline.Unit, 0, warmJobs)
	for _, s := range segs[:min(warmJobs, len(segs))] {
		units = append(units, store.ChunkUnit(store.Ask{
			TaskID: a.TaskID, Tenant: a.Tenant, SegmentID: s.ID, Quality: pipeline.Compressed, Lane: pipeline.Background,
		}))
	}
	a.later(func(ctx context.Context, t *store.Tx) error { return t.AddUnits(ctx, units) })
}

// note says what people should know of a request that succeeded, "" if all
// files were fine.
func note(bad map[pipeline.Outcome]int64) string {
	var parts []string
	for _, o := range []struct {
		outcome   pipeline.Outcome
		one, many string
	}{
		{pipeline.OutcomeFailed, "1 file cannot be used and was left out or replaced", "%d files cannot be used and were left out or replaced"},
		{pipeline.OutcomeTruncated, "1 file ends early and was used as far as it goes", "%d files end early and were used as far as they go"},
		{pipeline.OutcomeDamaged, "1 file is not what was packed and was used as it is", "%d files are not what was packed and were used as they are"},
	} {
		switch n := bad[o.outcome]; {
		case n == 1:
			parts = append(parts, o.one)
		case n > 1:
			parts = append(parts, fmt.Sprintf(o.many, n))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, "; ") + "; the report of the request names them"
}

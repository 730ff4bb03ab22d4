package worker_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"framemill/consumer/worker"
	"framemill/pipeline"
)

// TestVerdictFollowsTheCause ends the context of an attempt for each cause. The
// error that follows is the context's own, as of a query that was cut short.
func TestVerdictFollowsTheCause(t *testing.T) {
	t.Parallel()
	stalled := pipeline.Failf(pipeline.CodeStalled, "", "no progress for 1m0s")
	tests := []struct {
		name     string
		cause    error
		attempts int64
		want     string
		code     pipeline.Code
	}{
		{"drained", worker.ErrDraining, 0, "released", pipeline.CodeInternal},
		{"cancelled by the queue", context.Canceled, 0, "released", pipeline.CodeInternal},
		{"taken by another", worker.ErrLeaseLost, 0, "stale", pipeline.CodeInternal},
		{"stalled", stalled, 0, "again", pipeline.CodeStalled},
		{"stalled for the last time", stalled, pipeline.MaxAttempts - 1, "failed", pipeline.CodeStalled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(t.Context())
			cancel(tt.cause)
			err := worker.Because(ctx, fmt.Errorf("stage probe: %w", ctx.Err()))
			got := worker.Judge(&pipeline.Claim{Unit: pipeline.Unit{Attempts: tt.attempts}}, err)
			if got != tt.want || pipeline.CodeOf(err) != tt.code {
				t.Errorf("verdict %q with code %q of %v, want %q with %q", got, pipeline.CodeOf(err), err, tt.want, tt.code)
			}
			if !errors.Is(err, tt.cause) {
				t.Errorf("%v does not wrap its cause", err)
			}
		})
	}
}

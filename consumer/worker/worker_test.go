package worker_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"framemill/consumer/worker"
	"framemill/pipeline"
	"framemill/pipeline/store"
	"framemill/stages"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		err      error
		attempts int64
		want     string
	}{
		{"fine", nil, 0, "done"},
		{"taken by another", fmt.Errorf("write: %w", store.ErrStale), 0, "stale"},
		{"stopping", fmt.Errorf("stage: %w", worker.ErrDraining), 0, "released"},
		{"context gone", context.Canceled, 0, "released"},
		{"unknown error", errors.New("disk on fire"), 0, "again"},
		{"unknown error too often", errors.New("disk on fire"), pipeline.MaxAttempts - 1, "failed"},
		{"stalled", pipeline.Failf(pipeline.CodeStalled, "", "no progress"), 0, "again"},
		{"stalled again", pipeline.Failf(pipeline.CodeStalled, "", "no progress"), 1, "failed"},
		{"bad file", pipeline.Failf(pipeline.CodeEmptyFile, "a", "empty"), 0, "failed"},
		{"wrong request", pipeline.FieldErrorf("x", "wrong"), 0, "failed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := &pipeline.Claim{Unit: pipeline.Unit{Attempts: tt.attempts}}
			if got := worker.Judge(c, tt.err); got != tt.want {
				t.Errorf("verdict of %v after %d attempts is %s, want %s", tt.err, tt.attempts, got, tt.want)
			}
		})
	}
}

func TestBackoffGrowsWithinBounds(t *testing.T) {
	t.Parallel()
	for attempts := range int64(10) {
		base := time.Second << min(attempts, 6)
		if got := worker.Backoff(attempts); got < base/2 || got > 3*base/2 {
			t.Errorf("pause after %d attempts is %s, want within half of %s", attempts, got, base)
		}
	}
}

func TestEveryStageOfEveryMessageHasAStep(t *testing.T) {
	t.Parallel()
	for _, kind := range pipeline.MessageKinds() {
		if len(stages.Order[kind]) == 0 {
			t.Errorf("message %s runs no stage", kind)
		}
		for _, name := range stages.Order[kind] {
			if worker.Step[name] == nil {
				t.Errorf("message %s runs stage %s, which has no step", kind, name)
			}
		}
	}
}

func TestNote(t *testing.T) {
	t.Parallel()
	if got := worker.Note(nil); got != "" {
		t.Errorf("note of a clean ingest is %q, want none", got)
	}
	got := worker.Note(map[pipeline.Outcome]int64{pipeline.OutcomeFailed: 2, pipeline.OutcomeTruncated: 1, pipeline.OutcomeSkipped: 5})
	if want := "2 files cannot be used and were left out or replaced; 1 file ends early and was used as far as it goes; the report of the request names them"; got != want {
		t.Errorf("note = %q, want %q", got, want)
	}
}

package dispatch_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/dispatch"
)

// silentStore looks at how long a round would wait for it.
type silentStore struct{ patience time.Duration }

func (s *silentStore) Dispatch(ctx context.Context, _ func(context.Context, pipeline.Unit) error) (int, error) {
	if end, ok := ctx.Deadline(); ok {
		s.patience = time.Until(end)
	}
	return 0, nil
}

func TestRelayDoesNotWaitForEverForASilentDatabase(t *testing.T) {
	t.Parallel()
	db := &silentStore{}
	if err := dispatch.NewRelay(db, nil, slog.New(slog.DiscardHandler)).Round(t.Context()); err != nil {
		t.Fatalf("round: %v", err)
	}
	if db.patience <= 0 || db.patience > pipeline.LeaseTime {
		t.Errorf("a round waits %s for the database, want at most a lease", db.patience)
	}
}

package store_test

import (
	"context"
	"testing"

	"framemill/pipeline"
)

func TestFrozenRelayDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	url := postgresURL(t)
	frozen, other := open(t, url), open(t, url)
	beat(t, other, "w", 1)
	ingest(t, other, 1)
	holds, thaw, ended := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		_, err := frozen.Dispatch(context.Background(), func(context.Context, pipeline.Unit) error {
			close(holds)
			<-thaw
			return nil
		})
		ended <- err
	}()
	<-holds
	ctx, cancel := context.WithTimeout(t.Context(), pipeline.LeaseTime)
	defer cancel()
	n, err := other.Dispatch(ctx, func(context.Context, pipeline.Unit) error { return nil })
	if err != nil || n != 1 {
		t.Errorf("while another process is frozen in its round, a relay sends %d units, %v; want 1", n, err)
	}
	close(thaw)
	if err := <-ended; err == nil {
		t.Error("the frozen round was committed, want it to have lost its lock")
	}
}

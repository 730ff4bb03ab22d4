// Package alive tells those who watch over work that it goes on, while it only
// waits for its turn.
package alive

import (
	"context"
	"time"
)

// Every is how often work that waits says so.
const Every = 10 * time.Second

// Waiting calls progress every now and then until wait returns. That others are
// long at work is no lack of progress.
func Waiting(ctx context.Context, progress func(), wait func()) {
	ctx, ended := context.WithCancel(ctx)
	defer ended()
	go func() {
		tick := time.NewTicker(Every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				progress()
			case <-ctx.Done():
				return
			}
		}
	}()
	wait()
}

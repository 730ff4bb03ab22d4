package worker

import (
	"context"
	"runtime"

	"golang.org/x/sync/semaphore"
)

// gateMemory is what all pictures that are worked on at a time may take
// together, in bytes. One that needs more gets all of it, and runs alone.
const gateMemory = 1 << 30

// gate keeps the pictures that are worked on at a time to the number of cores
// and to a budget of memory, whatever the number of slots, so that lanes do
// not crowd each other out. It is asked once per picture, and who waits is
// served in order.
type gate struct{ cores, memory *semaphore.Weighted }

func newGate() *gate {
	return &gate{
		cores:  semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0))),
		memory: semaphore.NewWeighted(gateMemory),
	}
}

// enter waits for a core and for so many bytes, and returns what gives them
// back.
func (g *gate) enter(ctx context.Context, bytes int64) (func(), error) {
	bytes = min(bytes, gateMemory)
	if err := g.memory.Acquire(ctx, bytes); err != nil {
		return nil, err
	}
	if err := g.cores.Acquire(ctx, 1); err != nil {
		g.memory.Release(bytes)
		return nil, err
	}
	return func() {
		g.cores.Release(1)
		g.memory.Release(bytes)
	}, nil
}

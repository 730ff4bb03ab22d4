package worker

import (
	"context"
	"slices"
	"sync"

	"framemill/pipeline"
)

// gateMemory is what all media that are worked on at a time may take together,
// in bytes. What needs more gets all of it, and runs alone.
const gateMemory = 1 << 30

// What the interactive lane may take beyond what there is for all: a reader does
// not wait until a film is through.
const (
	spareCores  = 1
	spareMemory = gateMemory / 4
)

// gate keeps what is worked on at a time to the number of cores and to a budget
// of memory, whatever the number of slots, so that lanes do not crowd each other
// out. It is asked once per picture, and once per run of ffmpeg or ffprobe. Who
// waits is served in order, the interactive lane first.
type gate struct {
	mu      sync.Mutex
	cores   int // that nobody has
	memory  int64
	waiting map[pipeline.Lane][]*turn // interactive, and bulk for all others
}

// turn is what somebody wants, and is ready once it was granted.
type turn struct {
	cores, granted int
	memory         int64
	ready          chan struct{}
}

func newGate(cores int) *gate {
	return &gate{cores: cores, memory: gateMemory, waiting: make(map[pipeline.Lane][]*turn)}
}

// enter waits for at least one core, and for so many bytes. It returns how many
// of the wanted cores there are, and what gives everything back.
func (g *gate) enter(ctx context.Context, lane pipeline.Lane, cores int, bytes int64) (granted int, leave func(), err error) {
	if lane != pipeline.Interactive {
		lane = pipeline.Bulk
	}
	t := &turn{cores: max(cores, 1), memory: min(bytes, gateMemory), ready: make(chan struct{})}
	g.mu.Lock()
	g.waiting[lane] = append(g.waiting[lane], t)
	g.admit()
	g.mu.Unlock()
	select {
	case <-t.ready:
		return t.granted, sync.OnceFunc(func() { g.giveBack(t) }), nil
	case <-ctx.Done():
		g.withdraw(lane, t)
		return 0, nil, context.Cause(ctx)
	}
}

// lane returns the gate as those in a lane enter it.
func (g *gate) lane(l pipeline.Lane) func(context.Context, int, int64) (int, func(), error) {
	return func(ctx context.Context, cores int, bytes int64) (int, func(), error) {
		return g.enter(ctx, l, cores, bytes)
	}
}

// admit lets in whoever can be. While a reader waits, nobody else comes before.
func (g *gate) admit() {
	for g.admitFirst(pipeline.Interactive, spareCores, spareMemory) {
	}
	for len(g.waiting[pipeline.Interactive]) == 0 && g.admitFirst(pipeline.Bulk, 0, 0) {
	}
}

// admitFirst lets in who waits longest, if there is room with what is spare.
func (g *gate) admitFirst(lane pipeline.Lane, cores int, memory int64) bool {
	if len(g.waiting[lane]) == 0 {
		return false
	}
	t := g.waiting[lane][0]
	if g.cores+cores < 1 || g.memory+memory < t.memory {
		return false
	}
	t.granted = min(t.cores, max(g.cores, 1))
	g.cores -= t.granted
	g.memory -= t.memory
	g.waiting[lane] = g.waiting[lane][1:]
	close(t.ready)
	return true
}

func (g *gate) giveBack(t *turn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cores += t.granted
	g.memory += t.memory
	g.admit()
}

// withdraw ends the waiting of a turn, or gives it back if it was granted at the
// same time.
func (g *gate) withdraw(lane pipeline.Lane, t *turn) {
	g.mu.Lock()
	i := slices.Index(g.waiting[lane], t)
	if i >= 0 {
		g.waiting[lane] = slices.Delete(g.waiting[lane], i, i+1)
		g.admit()
	}
	g.mu.Unlock()
	if i < 0 {
		g.giveBack(t)
	}
}

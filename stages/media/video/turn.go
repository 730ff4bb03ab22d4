package video

import (
	"context"

	"framemill/stages/media/alive"
)

// Gate gives a turn at the processor, and memory of so many bytes. It blocks
// until there is the memory and at least one core; of the wanted ones it grants
// as many as there are.
type Gate func(ctx context.Context, cores int, bytes int64) (granted int, leave func(), err error)

// Gated returns an engine like this one whose turns the gate gives.
func (e *Engine) Gated(g Gate) *Engine {
	out := *e
	out.gate = g
	return &out
}

// free is the gate of engines without another.
func free(_ context.Context, cores int, _ int64) (int, func(), error) { return cores, func() {}, nil }

// What ffmpeg takes: for itself, and for each pixel of a frame, of which it
// keeps a few dozen.
const (
	ffmpegBytes   = 64 << 20
	bytesPerPixel = 40
)

// Turn waits for a turn at the processor, in which it calls work with an engine
// whose programs have as many threads as there are cores. pixels is how many a
// frame has. It calls progress now and then while it waits. Index has turns of
// its own; whoever decodes takes one first.
func (e *Engine) Turn(ctx context.Context, pixels int64, progress func(), work func(e *Engine) error) (err error) {
	var threads int
	var leave func()
	alive.Waiting(ctx, progress, func() { threads, leave, err = e.gate(ctx, e.cfg.Threads, ffmpegBytes+pixels*bytesPerPixel) })
	if err != nil {
		return err
	}
	defer leave()
	out := *e
	out.cfg.Threads = threads
	return work(&out)
}

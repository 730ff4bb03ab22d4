package worker

import (
	"context"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// What the tests look at from outside.
var (
	Judge   = judge
	Because = because
	Backoff = backoff
	Note    = note
	Step    = step
	Crash   = crash
	Stalled = stalled
	Refused = refused

	ErrLeaseLost = errLeaseLost
)

// SetClock gives the worker another clock.
func (w *Worker) SetClock(now func() time.Time) { w.clock = now }

// Sleep lets the clock of the worker go on without it.
func (w *Worker) Sleep(d time.Duration) {
	before := w.clock
	w.clock = func() time.Time { return before().Add(d) }
}

// HoldReading begins an attempt at a claimed unit, which reads a file, and
// returns its context.
func (w *Worker) HoldReading(ctx context.Context, c *pipeline.Claim, file string) (context.Context, error) {
	ctx, a, err := w.newAttempt(ctx, c)
	if err == nil {
		a.reads([]string{file})
	}
	return ctx, err
}

// Finish ends an attempt at a claimed unit for a cause when its work is done
// and not yet committed, and returns how the commit went.
func (w *Worker) Finish(ctx context.Context, c *pipeline.Claim, cause error) error {
	ctx, a, err := w.newAttempt(ctx, c)
	if err != nil {
		return err
	}
	a.later(func(ctx context.Context, t *store.Tx) error { return t.EndUnit(ctx, c) })
	a.cancel(cause)
	return because(ctx, a.flush(ctx))
}

// Watch looks once for attempts without progress.
func (w *Worker) Watch(ctx context.Context) { w.watch(ctx) }

// HeldIDs lists the units whose leases the next beat renews.
func (w *Worker) HeldIDs() []pipeline.UnitID { return w.heldIDs() }

// GateMemory is what all media that are worked on may take together.
const GateMemory = gateMemory

// Gate is the gate of a process with so many cores.
func Gate(cores int) func(context.Context, pipeline.Lane, int, int64) (int, func(), error) {
	return newGate(cores).enter
}

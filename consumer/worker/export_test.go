package worker

import (
	"context"
	"time"

	"framemill/pipeline"
)

// What the tests look at from outside.
var (
	Judge   = judge
	Because = because
	Backoff = backoff
	Note    = note
	Step    = step
	Crash   = crash
)

// SetClock gives the worker another clock.
func (w *Worker) SetClock(now func() time.Time) { w.clock = now }

// Hold begins an attempt at a claimed unit and returns its context.
func (w *Worker) Hold(ctx context.Context, c *pipeline.Claim) (context.Context, error) {
	ctx, _, err := w.newAttempt(ctx, c)
	return ctx, err
}

// Watch looks once for attempts without progress.
func (w *Worker) Watch() { w.watch() }

// HeldIDs lists the units whose leases the next beat renews.
func (w *Worker) HeldIDs() []pipeline.UnitID { return w.heldIDs() }

// GateMemory is what all media that are worked on may take together.
const GateMemory = gateMemory

// Gate is the gate of a process with so many cores.
func Gate(cores int) func(context.Context, pipeline.Lane, int, int64) (int, func(), error) {
	return newGate(cores).enter
}

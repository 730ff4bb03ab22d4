package worker

import (
	"context"
	"time"

	"framemill/pipeline"
)

// hungAfter is how long an attempt that was ended may take to notice.
const hungAfter = 2 * pipeline.LeaseTime

// pausedAfter is how long the watchdog does not look, every second, before it
// knows that all of the process stood still, as on a host that slept.
const pausedAfter = 15 * time.Second

// maxStalls is how many attempts a unit has that make no progress. Each waits
// for a minute, and may cost a slot: the second, which may be on another host,
// tells whether the host or the share is at fault.
const maxStalls = 2

// watch ends attempts that have made no progress for too long. One that does not
// end, because a call hangs that knows no context, is given up: no beat renews
// its lease any more, and its verdict is committed without it.
func (w *Worker) watch(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock()
	paused := now.Sub(w.watched) > pausedAfter && !w.watched.IsZero()
	w.watched = now
	for id, a := range w.held {
		if paused {
			a.beat() // it had no chance to make progress
		}
		idle := now.Sub(a.lastProgress())
		if idle > pipeline.StallAfter {
			a.cancel(stalled(a.files(), idle))
		}
		if idle > pipeline.StallAfter+hungAfter {
			delete(w.held, id)
			w.Log.Error("attempt hangs and was given up; its slot is lost until this process ends",
				"unit", id, "kind", a.Kind, "task_id", a.TaskID)
			go w.giveUp(context.WithoutCancel(ctx), a, stalled(a.files(), idle))
		}
	}
}

// giveUp commits the verdict of an attempt that hangs. If it comes back, the
// fence refuses what it writes. Where the database does not answer either, the
// lease ends, and others take the unit.
func (w *Worker) giveUp(ctx context.Context, a *attempt, why *pipeline.Error) {
	verdict, err := w.commit(ctx, a.Claim, why)
	if err != nil {
		w.Log.Warn("commit verdict of an attempt that hangs", "unit", a.ID, "error", err)
		return
	}
	w.tell(a.Claim, verdict, why, pipeline.StallAfter+hungAfter)
	w.follow(ctx, a.Claim, verdict)
}

// reads notes the files that the attempt reads from now on, until the returned
// function is called: they are named if nothing comes of it.
func (a *attempt) reads(files []string) (done func()) {
	a.reading.Store(&files)
	return func() { a.reading.Store(nil) }
}

// files returns the files that the attempt reads.
func (a *attempt) files() []string {
	if f := a.reading.Load(); f != nil {
		return *f
	}
	return nil
}

// stalled is the error of an attempt that makes no progress.
func stalled(files []string, idle time.Duration) *pipeline.Error {
	idle = idle.Round(time.Second)
	switch n := len(files); n {
	case 0:
		return pipeline.Failf(pipeline.CodeStalled, "", "no progress for %s", idle)
	case 1:
		return pipeline.Failf(pipeline.CodeStalled, files[0], "%s: reading the file made no progress for %s", files[0], idle)
	default:
		return pipeline.Failf(pipeline.CodeStalled, "", "reading the %d files from %s to %s made no progress for %s", n, files[0], files[n-1], idle)
	}
}

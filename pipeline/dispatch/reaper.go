package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/queue"
	"framemill/pipeline/store"
)

// reapStore is what the reaper needs of the store.
type reapStore interface {
	Reap(ctx context.Context) (int64, error)
	Unclaimed(ctx context.Context, limit int) ([]store.SentUnit, error)
	Resend(ctx context.Context, id pipeline.UnitID, gen int64) error
	Stuck(ctx context.Context, limit int) ([]int64, error)
	LiveWorkers(ctx context.Context, lane pipeline.Lane) (int64, error)
}

// inspector is what the reaper needs of the queue.
type inspector interface {
	State(ctx context.Context, lane pipeline.Lane, unit pipeline.UnitID, gen int64) (queue.MessageState, error)
	Delete(ctx context.Context, lane pipeline.Lane, unit pipeline.UnitID, gen int64) error
	Register(ctx context.Context) error
	Kick()
}

// Reaper brings back what was lost: the units of dead workers, messages that
// the queue forgot, and requests whose next phase nobody began.
type Reaper struct {
	db      reapStore
	q       inspector
	advance *Advancer
	log     *slog.Logger
	alone   map[pipeline.Lane]time.Time // lanes without a live worker, since when
}

// NewReaper returns a reaper.
func NewReaper(db reapStore, q inspector, advance *Advancer, log *slog.Logger) *Reaper {
	return &Reaper{db: db, q: q, advance: advance, log: log, alone: make(map[pipeline.Lane]time.Time)}
}

// Run reaps until ctx ends.
func (r *Reaper) Run(ctx context.Context) {
	tick := time.NewTicker(pipeline.ReapEvery)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := r.Round(ctx, n%registerRounds == 0); err != nil && ctx.Err() == nil {
			r.log.Warn("reaper round", "error", err)
		}
	}
}

const (
	// registerRounds is how often the queue's names are registered again, in
	// rounds: a Redis that was emptied has forgotten them.
	registerRounds = 20
	reapPage       = 100
)

// Round does each duty once. None waits for another to go well.
func (r *Reaper) Round(ctx context.Context, register bool) error {
	ctx, cancel := context.WithTimeout(ctx, roundTime)
	defer cancel()
	errs := []error{r.reap(ctx)}
	if register {
		errs = append(errs, r.q.Register(ctx))
	}
	return errors.Join(append(errs, r.unstick(ctx), r.findLost(ctx))...)
}

// reap takes units away from dead workers.
func (r *Reaper) reap(ctx context.Context) error {
	n, err := r.db.Reap(ctx)
	if err != nil {
		return fmt.Errorf("reap: %w", err)
	}
	if n > 0 {
		r.log.Warn("took units from workers that stopped beating", "units", n)
		r.q.Kick()
	}
	return nil
}

// findLost looks for the messages of units that were sent and not claimed. One
// that cannot be read, because somebody damaged it, does not hide the others; a
// queue that is away is not asked about each of them.
func (r *Reaper) findLost(ctx context.Context) error {
	units, err := r.db.Unclaimed(ctx, reapPage)
	if err != nil {
		return fmt.Errorf("look for lost messages: %w", err)
	}
	begin := time.Now()
	var first error
	for _, u := range units {
		if err := r.look(ctx, u); err != nil && first == nil {
			first = fmt.Errorf("look for lost messages: %w", err)
		}
		if first != nil && time.Since(begin) > pipeline.ReapEvery {
			break
		}
	}
	return first
}

func (r *Reaper) look(ctx context.Context, u store.SentUnit) error {
	state, err := r.q.State(ctx, u.Lane, u.ID, u.Gen)
	switch {
	case err == nil:
		return r.judge(ctx, u, state)
	case u.Age > unreadableGrace.Microseconds():
		return errors.Join(err, r.db.Resend(ctx, u.ID, u.Gen))
	}
	return err
}

// unreadableGrace is how long a message may stay unreadable before its unit is
// sent under another name. Should it be handed out all the same, the claim
// refuses it.
const unreadableGrace = time.Minute

// judge decides about one unclaimed message. Pending ones only wait: sending
// them again would not bring a worker.
func (r *Reaper) judge(ctx context.Context, u store.SentUnit, state queue.MessageState) error {
	live, err := r.db.LiveWorkers(ctx, u.Lane)
	if err != nil {
		return err
	}
	switch state {
	case queue.Pending, queue.Scheduled:
		r.reportAlone(u.Lane, live)
		return nil
	case queue.Active:
		// Delivered and not yet claimed: some live worker may be about to, but
		// not for long.
		if live > 0 && u.Age < activeGrace.Microseconds() {
			return nil
		}
	}
	if state != queue.Gone {
		if err := r.q.Delete(ctx, u.Lane, u.ID, u.Gen); err != nil {
			r.log.Debug("delete a stale message", "unit", u.ID, "error", err)
		}
	}
	r.log.Warn("message lost, sending again", "unit", u.ID, "lane", u.Lane, "state", state)
	if err := r.db.Resend(ctx, u.ID, u.Gen); err != nil {
		return err
	}
	r.q.Kick()
	return nil
}

// activeGrace is how long a delivered message may stay unclaimed before its
// worker is taken for dead although others live.
const activeGrace = 2 * pipeline.LostAfter

// reportAlone says once, and again when it ends, that a lane has no worker.
func (r *Reaper) reportAlone(lane pipeline.Lane, live int64) {
	since, known := r.alone[lane]
	switch {
	case live == 0 && !known:
		r.alone[lane] = time.Now()
		r.log.Warn("no live consumer for a lane with work: start a consumer", "lane", lane)
	case live > 0 && known:
		delete(r.alone, lane)
		r.log.Info("a lane has a consumer again", "lane", lane, "after", time.Since(since).Round(time.Second))
	}
}

// unstick advances requests whose last unit was done by a process that died
// before it could begin the next phase.
func (r *Reaper) unstick(ctx context.Context) error {
	ids, err := r.db.Stuck(ctx, reapPage)
	if err != nil {
		return fmt.Errorf("look for stuck requests: %w", err)
	}
	var errs []error
	for _, id := range ids {
		errs = append(errs, r.advance.Advance(ctx, id))
	}
	return errors.Join(errs...)
}

package worker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/queue"
	"framemill/pipeline/store"
	"framemill/stages"
)

// Verdicts of attempts, for logs and metrics.
const (
	verdictDone     = "done"
	verdictAgain    = "again"
	verdictReleased = "released"
	verdictFailed   = "failed"
	verdictStale    = "stale"
)

// The writes of lost attempts that are refused, for metrics.
const (
	writeCommit = "commit"
	writeLease  = "lease"
)

// ErrDraining is the cause that ends attempts when the process stops.
var ErrDraining = errors.New("the process is stopping")

// Handle runs the unit of a message to a verdict, which it commits. The queue
// hears an error only when the verdict could not be committed, or, wrapped by
// queue.Terminal, when the unit failed for good.
func (w *Worker) Handle(ctx context.Context, _ pipeline.MessageKind, m pipeline.Message) error {
	begin := w.clock()
	c, err := w.DB.Claim(ctx, m, w.row.ID)
	if errors.Is(err, store.ErrNotClaimable) {
		return nil // the row knows better than the message
	}
	if err != nil {
		return fmt.Errorf("claim unit %s: %w", m.ID, err)
	}
	runErr := w.run(ctx, c)
	verdict, commitErr := w.commit(context.WithoutCancel(ctx), c, runErr)
	w.tell(c, verdict, runErr, w.clock().Sub(begin))
	if commitErr != nil {
		return fmt.Errorf("commit verdict of unit %s: %w", c.ID, commitErr)
	}
	w.follow(context.WithoutCancel(ctx), c, verdict)
	if verdict == verdictFailed {
		return queue.Terminal(runErr)
	}
	return nil
}

// run runs the stages of the unit. Their last writes and the unit's end are
// one transaction.
func (w *Worker) run(ctx context.Context, c *pipeline.Claim) error {
	ctx, a, err := w.newAttempt(ctx, c)
	if err != nil {
		return err
	}
	defer a.close()
	for _, name := range span(c) {
		if a.unfold {
			break
		}
		if err := step[name](ctx, a); err != nil {
			return because(ctx, fmt.Errorf("stage %s: %w", name, err))
		}
		a.beat()
	}
	a.later(func(ctx context.Context, t *store.Tx) error { return t.EndUnit(ctx, c) })
	if err := a.flush(ctx); err != nil {
		return err
	}
	a.tidy(ctx)
	return nil
}

// span lists the stages that are left to run. An earlier attempt at a small
// ingest may have opened the jobs, which happens once: people may be at work on
// them, so the attempts after it go on from there.
func span(c *pipeline.Claim) []stages.Name {
	all := stages.Order[c.Kind]
	if c.Kind == pipeline.UploadRun && c.Request.JobsOpen != nil {
		return all[slices.Index(all, stages.Generate)+1:]
	}
	return all
}

// step is the code that feeds a stage and writes what it returns.
var step = map[stages.Name]func(context.Context, *attempt) error{
	stages.Fetch:    fetchStep,
	stages.Collect:  collectStep,
	stages.Probe:    probeStep,
	stages.Filter:   filterStep,
	stages.Generate: generateStep,
	stages.Encode:   encodeStep,
	stages.Finish:   finishStep,
	stages.Serve:    serveStep,
	stages.Purge:    purgeStep,
}

// because puts the cause that ended a context in place of the error that
// followed, which stays for the log only: it is often a cancellation, and would
// pass for a drain. A refused write says itself what it is.
func because(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil && !errors.Is(err, store.ErrStale) {
		return fmt.Errorf("%w (%v)", context.Cause(ctx), err) //nolint:errorlint // not to be found by errors.Is
	}
	return err
}

// commit writes the verdict that an attempt's error asks for.
func (w *Worker) commit(ctx context.Context, c *pipeline.Claim, err error) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, pipeline.LeaseTime)
	defer cancel()
	verdict := judge(c, err)
	var write func(*store.Tx) error
	switch verdict {
	case verdictDone, verdictStale:
		return verdict, nil
	case verdictReleased:
		write = func(t *store.Tx) error { return t.ReleaseUnit(ctx, c) }
	case verdictAgain:
		write = func(t *store.Tx) error {
			return t.AgainUnit(ctx, c, backoff(c.Attempts).Microseconds(), pipeline.CodeOf(err))
		}
	default:
		write = func(t *store.Tx) error { return t.FailUnit(ctx, c, pipeline.Public(err)) }
	}
	switch err := w.DB.Fenced(ctx, c, write); {
	case errors.Is(err, store.ErrStale):
		return verdictStale, nil
	case err != nil:
		return verdict, err
	}
	return verdict, nil
}

// judge says what an attempt's error means for its unit.
func judge(c *pipeline.Claim, err error) string {
	switch {
	case err == nil:
		return verdictDone
	case errors.Is(err, store.ErrStale):
		return verdictStale
	case errors.Is(err, ErrDraining) || errors.Is(err, context.Canceled):
		return verdictReleased
	case pipeline.CodeOf(err) == pipeline.CodeStalled && c.Attempts+1 >= maxStalls:
		return verdictFailed
	case pipeline.Retryable(err) && c.Attempts+1 < pipeline.MaxAttempts:
		return verdictAgain
	}
	return verdictFailed
}

// backoff is the pause before the next attempt: it doubles from a second, with
// jitter.
func backoff(attempts int64) time.Duration {
	base := time.Second << min(attempts, 6)
	return base/2 + rand.N(base)
}

// follow does what comes after a verdict: the next phase, the next units.
func (w *Worker) follow(ctx context.Context, c *pipeline.Claim, verdict string) {
	if verdict == verdictDone && c.Request != nil {
		if err := w.Advance.Advance(ctx, c.Request.ID); err != nil {
			w.Log.Warn("advance; the reaper will", "request_id", c.Request.ID, "error", err)
		}
	}
	w.Kick()
}

// tell reports the end of an attempt, once.
func (w *Worker) tell(c *pipeline.Claim, verdict string, err error, took time.Duration) {
	w.Observe.UnitEnded(c.Kind, c.Lane, verdict, took)
	log := w.Log.With("unit", c.ID, "kind", c.Kind, "lane", c.Lane, "task_id", c.TaskID, "lo", c.Lo, "hi", c.Hi,
		"attempt", c.Attempts+1, "fence", c.Fence, "verdict", verdict, "took", took.Round(time.Millisecond))
	if c.Request != nil {
		log = log.With("request_id", c.Request.ID)
	}
	switch verdict {
	case verdictDone, verdictReleased:
		log.Info("unit ended")
	case verdictStale:
		write := refused(err)
		w.Observe.WriteRefused(write)
		log.Warn("unit ended: another attempt has taken it, nothing was written", "refused", write)
	default:
		log.Warn("unit ended", "code", pipeline.CodeOf(err), "error", err)
	}
}

// refused says which write of a stale attempt was refused: the renewal of its
// lease, which ended it at work, or else what it tried to commit.
func refused(err error) string {
	if errors.Is(err, errLeaseLost) {
		return writeLease
	}
	return writeCommit
}

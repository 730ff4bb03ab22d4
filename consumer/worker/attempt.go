package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/store"
	"framemill/stages"
	"framemill/stages/filter"
)

// attempt is one try at a unit.
type attempt struct {
	*pipeline.Claim
	w        *Worker
	spec     pipeline.Spec // of the request, if there is one
	solo     bool          // media are touched in a child process only
	cancel   context.CancelCauseFunc
	progress atomic.Int64 // ns of the last progress
	reading  atomic.Pointer[[]string]
	writes   []func(context.Context, *store.Tx) error
	found    []pipeline.SourceFile // collected by an earlier stage of this attempt
	unfold   bool                  // the ingest is too large for one unit
	frames   filter.Output         // what the filter chose
	first    store.NamedFile       // the file of the first frame
}

// newAttempt begins an attempt and makes it known to beats and the watchdog.
func (w *Worker) newAttempt(ctx context.Context, c *pipeline.Claim) (context.Context, *attempt, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	a := &attempt{Claim: c, w: w, cancel: cancel, solo: c.Crashes > pipeline.SoloAfter}
	a.beat()
	if c.Request != nil {
		if err := json.Unmarshal([]byte(c.Request.Spec), &a.spec); err != nil {
			cancel(nil)
			return ctx, nil, fmt.Errorf("spec of request %d: %w", c.Request.ID, err)
		}
	}
	w.mu.Lock()
	w.held[c.ID] = a
	w.mu.Unlock()
	return ctx, a, nil
}

// close ends the attempt's context and forgets it.
func (a *attempt) close() {
	a.cancel(nil)
	a.w.mu.Lock()
	defer a.w.mu.Unlock()
	if a.w.held[a.ID] == a {
		delete(a.w.held, a.ID)
	}
}

// stages returns the stages that touch media, for the lane of the unit.
func (a *attempt) stages() *stages.Set { return a.w.stages[a.Lane] }

// beat tells the watchdog that the attempt made progress.
func (a *attempt) beat() { a.progress.Store(a.w.clock().UnixNano()) }

func (a *attempt) lastProgress() time.Time { return time.Unix(0, a.progress.Load()) }

// later adds a write to the attempt's next transaction. Stages write late, so
// that a small ingest costs few commits.
func (a *attempt) later(write func(context.Context, *store.Tx) error) {
	a.writes = append(a.writes, write)
}

// flush commits all writes so far in one fenced transaction, because what
// comes next reads them or they should be seen. What ends the attempt does not
// end its commit: the work is done, and whether it still counts is for the
// fence to say. A commit that is broken off has an unknown outcome.
func (a *attempt) flush(ctx context.Context) error {
	if len(a.writes) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pipeline.StallAfter)
	defer cancel()
	writes := a.writes
	err := a.w.DB.Fenced(ctx, a.Claim, func(t *store.Tx) error {
		for _, write := range writes {
			if err := write(ctx, t); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	a.writes = nil
	a.beat()
	return nil
}

// prefix is where the files of this attempt's task lie: keys that begin with
// it go when the request fails or the task is deleted.
func (a *attempt) prefix() string {
	if a.Request != nil {
		return RequestPrefix(a.TaskID, a.Request.ID)
	}
	return TaskPrefix(a.TaskID) + "serve/"
}

// key returns an immutable key: it contains the unit and the fence, so no two
// attempts ever write the same one.
func (a *attempt) key(kind, name string) string {
	return fmt.Sprintf("%s%s/%s%s-%d", a.prefix(), kind, name, a.ID, a.Fence)
}

// TaskPrefix is the prefix of the keys of all that was made for a task.
func TaskPrefix(taskID int64) string { return fmt.Sprintf("task/%d/", taskID) }

// RequestPrefix is the prefix of the keys of all that a request made.
func RequestPrefix(taskID, requestID int64) string {
	return fmt.Sprintf("%sr%d/", TaskPrefix(taskID), requestID)
}

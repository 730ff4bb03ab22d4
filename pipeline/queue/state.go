package queue

import (
	"context"
	"errors"
	"fmt"

	"github.com/hibiken/asynq"

	"framemill/pipeline"
)

// MessageState is what became of a message.
type MessageState string

// The states of a message. Retry, Archived and Completed messages are never
// handed to a worker again in time, so for a unit that nobody claimed they are
// as lost as Gone ones.
const (
	Gone      MessageState = "gone"      // Redis does not know it: handled, dropped or lost
	Pending   MessageState = "pending"   // waits for a server
	Scheduled MessageState = "scheduled" // waits for its time
	Active    MessageState = "active"    // was handed to a server, which may have died since
	Retry     MessageState = "retry"     // its handler returned an error, or its server died
	Archived  MessageState = "archived"  // a terminal failure, or tried too often
	Completed MessageState = "completed" // handled and kept
)

// stateOf translates asynq's states. An aggregating task is never ours.
var stateOf = map[asynq.TaskState]MessageState{
	asynq.TaskStatePending: Pending, asynq.TaskStateScheduled: Scheduled, asynq.TaskStateActive: Active,
	asynq.TaskStateRetry: Retry, asynq.TaskStateArchived: Archived, asynq.TaskStateCompleted: Completed,
}

// State tells what became of a message. asynq offers no context here: a call
// that has begun ends by the timeouts of the connection, after seconds.
func (q *Queue) State(ctx context.Context, lane pipeline.Lane, unit pipeline.UnitID, gen int64) (MessageState, error) {
	var state MessageState
	err := q.whereRegistered(ctx, func() error {
		info, err := q.inspect.GetTaskInfo(string(lane), messageID(unit, gen))
		if err == nil {
			state = stateOf[info.State]
		}
		return err
	})
	switch {
	case isGone(err):
		return Gone, nil
	case err != nil:
		return "", fmt.Errorf("state of unit %s generation %d on lane %s: %w", unit, gen, lane, err)
	}
	return state, nil
}

// Delete removes a message that is not active, so that it is not kept and not
// handed out. A message that is gone already is no error.
func (q *Queue) Delete(ctx context.Context, lane pipeline.Lane, unit pipeline.UnitID, gen int64) error {
	err := q.whereRegistered(ctx, func() error {
		return q.inspect.DeleteTask(string(lane), messageID(unit, gen))
	})
	if err != nil && !isGone(err) {
		return fmt.Errorf("delete unit %s generation %d from lane %s: %w", unit, gen, lane, err)
	}
	return nil
}

// whereRegistered calls fn, and calls it again after writing the names of the
// lanes if asynq did not know the lane.
func (q *Queue) whereRegistered(ctx context.Context, fn func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := fn()
	if !errors.Is(err, asynq.ErrQueueNotFound) {
		return err
	}
	if err := q.Register(ctx); err != nil {
		return err
	}
	return fn()
}

func isGone(err error) bool {
	return errors.Is(err, asynq.ErrTaskNotFound) || errors.Is(err, asynq.ErrQueueNotFound)
}

package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"

	"github.com/hibiken/asynq"

	"framemill/pipeline"
)

// Handler works on the unit of a message. Returning nil means that the
// database knows the verdict, whatever it is; Terminal wraps a final one for
// the console. Any other error, or a panic, makes asynq hand the message out
// again, which the database may have overtaken by then.
type Handler func(ctx context.Context, kind pipeline.MessageKind, m pipeline.Message) error

// Terminal marks err as the final failure of a unit, so that its message is
// kept in the archive, where the console shows it under the code of err.
func Terminal(err error) error { return &attemptError{cause: err, verdict: asynq.SkipRetry} }

// errHandedBack marks an attempt that ended because its server is drained.
// asynq does not count it.
var errHandedBack = errors.New("handed back")

// attemptError is what asynq may know of a failure. asynq writes the text of
// an error to Redis and shows it, so that is only the code; the cause is for
// the log.
type attemptError struct {
	cause   error
	verdict error // asynq.SkipRetry, errHandedBack or nil
}

// Error implements error.
func (e *attemptError) Error() string { return string(pipeline.CodeOf(e.cause)) }

// Is reports whether target is the verdict.
func (e *attemptError) Is(target error) bool { return e.verdict != nil && e.verdict == target }

// Unwrap returns the cause, so that callers of Terminal can look into it.
func (e *attemptError) Unwrap() error { return e.cause }

// adapter makes an asynq handler of a Handler.
type adapter struct {
	handle Handler
	drain  context.Context // ends the contexts of running handlers
	log    *slog.Logger
}

// ProcessTask implements [asynq.Handler]. Messages that this build does not
// understand are dropped: their rows wait for a newer consumer.
//
// The end of drain reaches the handler but not asynq's context: asynq abandons
// a handler whose context ended, and would take its slot for free.
func (a adapter) ProcessTask(ctx context.Context, t *asynq.Task) error {
	m, err := decode(t)
	if err != nil {
		a.log.Warn("message dropped", "kind", t.Type(), "bytes", len(t.Payload()), "error", err)
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(a.drain, func() { cancel(context.Cause(a.drain)) })()
	err = a.attempt(ctx, pipeline.MessageKind(t.Type()), m)
	var known *attemptError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return known // without what was wrapped around it, which asynq would store
	case a.drain.Err() != nil:
		return &attemptError{cause: err, verdict: errHandedBack}
	}
	return &attemptError{cause: err}
}

// attempt calls the handler on a goroutine of its own, so that neither a panic
// nor runtime.Goexit costs more than the attempt.
func (a adapter) attempt(ctx context.Context, kind pipeline.MessageKind, m pipeline.Message) error {
	done := make(chan error, 1)
	go func() {
		err := errors.New("handler left by runtime.Goexit")
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("handler panicked: %v\n%s", p, debug.Stack())
			}
			done <- err
		}()
		err = a.handle(ctx, kind, m)
	}()
	return <-done
}

// decode reads a message and refuses what this build does not understand.
func decode(t *asynq.Task) (pipeline.Message, error) {
	var m pipeline.Message
	if err := json.Unmarshal(t.Payload(), &m); err != nil {
		return m, fmt.Errorf("decode payload: %w", err)
	}
	if m.V != pipeline.MessageVersion {
		return m, fmt.Errorf("payload version is %d, want %d", m.V, pipeline.MessageVersion)
	}
	if m.ID == "" {
		return m, errors.New("payload names no unit")
	}
	if !slices.Contains(pipeline.MessageKinds(), pipeline.MessageKind(t.Type())) {
		return m, errors.New("kind of message is not known")
	}
	return m, nil
}

// logFailure implements [asynq.ErrorHandlerFunc]: one line for each attempt
// that did not end well, also where asynq gave up on a handler.
func (a adapter) logFailure(ctx context.Context, t *asynq.Task, err error) {
	id, _ := asynq.GetTaskID(ctx)
	lane, _ := asynq.GetQueueName(ctx)
	level, cause := slog.LevelWarn, err
	if known, ok := errors.AsType[*attemptError](err); ok {
		cause = known.cause
		if known.verdict != nil {
			level = slog.LevelInfo // the worker has said why
		}
	}
	a.log.Log(ctx, level, "attempt failed", "message", id, "lane", lane, "kind", t.Type(), "error", cause)
}

// isFailure implements asynq's IsFailure: neither a drain nor a lost
// connection to Redis is the fault of the message.
func isFailure(err error) bool {
	return !errors.Is(err, errHandedBack) && !errors.Is(err, asynq.ErrLeaseExpired)
}

package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"framemill/pipeline"
)

const (
	// tick is how long asynq sleeps after finding every lane empty. It is not
	// the pace of looking, which the bell sets by letting dequeues wait.
	tick = time.Millisecond

	// laneWeight is how much more often a lane is asked first than the next
	// one of the same server. A strict order would starve the last.
	laneWeight = 3

	// delayedEvery is how often asynq looks for messages whose time has come.
	// Only those are delayed whose handler could not commit a verdict; pauses
	// between attempts are rows of the database.
	delayedEvery = 15 * time.Second

	// janitorEvery is how often asynq looks for completed messages to expire,
	// of which we keep none.
	janitorEvery = 5 * time.Minute
)

// ServerConfig says which lanes a server takes messages from.
type ServerConfig struct {
	Lanes []pipeline.Lane // the most urgent first
	Slots int             // messages handled at the same time

	// ShutdownTimeout is how long Shutdown waits for handlers before it gives
	// their messages back to Redis.
	ShutdownTimeout time.Duration
}

// Validate reports everything that is wrong with the configuration.
func (c ServerConfig) Validate() error {
	var errs []error
	if len(c.Lanes) == 0 {
		errs = append(errs, errors.New("a server needs a lane"))
	}
	for i, l := range c.Lanes {
		if !slices.Contains(pipeline.Lanes(), l) || slices.Contains(c.Lanes[:i], l) {
			errs = append(errs, fmt.Errorf("lane %q is unknown or given twice", l))
		}
	}
	if c.Slots < 1 {
		errs = append(errs, fmt.Errorf("slots are %d, want at least 1", c.Slots))
	}
	if c.ShutdownTimeout <= 0 {
		errs = append(errs, fmt.Errorf("shutdown timeout is %s, want more than 0", c.ShutdownTimeout))
	}
	return errors.Join(errs...)
}

// Server takes messages and hands them to a handler.
type Server struct {
	asynq  *asynq.Server
	client redis.UniversalClient
	bell   *bell
	hints  *hints
	mute   func()       // closes the bell, once
	end    func() error // shuts down, once
}

// Serve starts a server. When drain ends, the contexts of running handlers
// end with its cause; the server goes on until it is stopped, so drain is
// ended after Stop. Serve does not wait for Redis: a server takes messages as
// soon as there is one.
func (q *Queue) Serve(drain context.Context, cfg ServerConfig, handle Handler) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("queue server: %w", err)
	}
	client := redis.NewUniversalClient(q.options)
	s := &Server{client: client, bell: newBell(cfg.Lanes, &q.polls), hints: q.hints}
	s.mute, s.end = sync.OnceFunc(s.bell.close), sync.OnceValue(s.shutdown)
	client.AddHook(s.bell)
	a := adapter{handle: handle, drain: drain, log: q.log}
	s.asynq = asynq.NewServerFromRedisClient(client, asynqConfig(cfg, a, q.log))
	q.hints.add(s.bell)
	if err := s.asynq.Start(a); err != nil {
		q.hints.remove(s.bell)
		return nil, fmt.Errorf("start queue server: %w", errors.Join(err, client.Close()))
	}
	return s, nil
}

// Stop makes the server take no more messages. Handlers go on.
func (s *Server) Stop() {
	s.mute() // or asynq would wait for the dequeue that waits for a ring
	s.asynq.Stop()
}

// Shutdown stops the server, waits for handlers as long as the configuration
// says, gives the messages of those that still run back to Redis, and lets go
// of Redis. Every call waits for the same shutdown.
func (s *Server) Shutdown() error { return s.end() }

func (s *Server) shutdown() error {
	s.mute()
	s.asynq.Shutdown()
	s.hints.remove(s.bell)
	return s.client.Close()
}

func asynqConfig(cfg ServerConfig, a adapter, log *slog.Logger) asynq.Config {
	c := asynq.Config{
		Concurrency:              cfg.Slots,
		Queues:                   make(map[string]int, len(cfg.Lanes)),
		TaskCheckInterval:        tick,
		ShutdownTimeout:          cfg.ShutdownTimeout,
		JanitorInterval:          janitorEvery,
		DelayedTaskCheckInterval: delayedEvery,
		RetryDelayFunc:           retryDelay,
		IsFailure:                isFailure,
		ErrorHandler:             asynq.ErrorHandlerFunc(a.logFailure),
		Logger:                   asynqLog{log},
		LogLevel:                 asynq.WarnLevel,
	}
	if log.Enabled(context.Background(), slog.LevelDebug) {
		c.LogLevel = asynq.InfoLevel // below that is a line for each look
	}
	weight := 1
	for _, l := range slices.Backward(cfg.Lanes) {
		c.Queues[string(l)] = weight
		weight *= laneWeight
	}
	return c
}

// retryDelay is how long asynq keeps a message whose handler could not commit
// a verdict: long enough for a database to come back, short because the
// reaper may be gone.
func retryDelay(retried int, _ error, _ *asynq.Task) time.Duration {
	return time.Duration(1+min(retried, messageRetries)) * pipeline.LostAfter
}

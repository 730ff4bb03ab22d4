package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"framemill/pipeline"
)

const (
	// messageTime is how long asynq lets a handler run. A worker has a
	// watchdog of its own; asynq would abandon a handler, not end it.
	messageTime = 24 * time.Hour

	// messageRetries is how often asynq hands a message out again. With none,
	// the message of a killed worker would be archived in silence.
	messageRetries = 3
)

// Queue is this process's end of the queue. Its methods may be called from any
// goroutine.
type Queue struct {
	options  *redis.UniversalOptions
	client   redis.UniversalClient
	asynq    *asynq.Client
	inspect  *asynq.Inspector
	embedded *Embedded // nil if Redis is elsewhere
	hints    *hints
	log      *slog.Logger

	polls     atomic.Int64
	sent      atomic.Int64
	conflicts atomic.Int64

	stop    context.CancelFunc
	running sync.WaitGroup
}

// Open returns a queue for cfg. It does not wait for Redis: a producer accepts
// work without it. Check tells how Redis is. Close ends what Open started.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (*Queue, error) {
	var embedded *Embedded
	if cfg.URL == "" {
		e, err := StartEmbedded()
		if err != nil {
			return nil, err
		}
		embedded, cfg.URL = e, e.URL()
	}
	options, err := parse(cfg.URL)
	if err != nil {
		return nil, err
	}
	client := redis.NewUniversalClient(options)
	q := &Queue{
		options: options, client: client, embedded: embedded, log: log,
		asynq:   asynq.NewClientFromRedisClient(client),
		inspect: asynq.NewInspectorFromRedisClient(client),
	}
	q.hints = newHints(client, log)
	if embedded != nil {
		q.hints.client = nil // nobody else to talk to
	}
	ctx, q.stop = context.WithCancel(context.WithoutCancel(ctx))
	q.running.Go(func() { q.hints.run(ctx) })
	return q, nil
}

// Close lets go of Redis. Servers are shut down before.
func (q *Queue) Close() error {
	q.stop()
	q.running.Wait()
	err := q.client.Close()
	if q.embedded != nil {
		q.embedded.Close()
	}
	return err
}

// Embedded reports whether Redis is inside this process, so that no other
// process can take part.
func (q *Queue) Embedded() bool { return q.embedded != nil }

// Send puts the message of a unit on a lane. Sending the same generation again
// is no error and changes nothing, whatever became of the first. The message
// waits until a server looks: Ring says that there is something to see.
func (q *Queue) Send(ctx context.Context, m pipeline.Message, kind pipeline.MessageKind, lane pipeline.Lane) error {
	payload, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode message of unit %s: %w", m.ID, err)
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	_, err = q.asynq.EnqueueContext(ctx, asynq.NewTask(string(kind), payload),
		asynq.TaskID(messageID(m.ID, m.Gen)), asynq.Queue(string(lane)),
		asynq.MaxRetry(messageRetries), asynq.Timeout(messageTime), asynq.Retention(0))
	switch {
	case errors.Is(err, asynq.ErrTaskIDConflict):
		q.conflicts.Add(1)
		return nil
	case err != nil:
		return fmt.Errorf("send unit %s generation %d to lane %s: %w", m.ID, m.Gen, lane, err)
	}
	q.sent.Add(1)
	return nil
}

// Ring tells the servers of this and every other process that the lanes have
// messages. It does not wait for Redis, and it may be lost on the way.
func (q *Queue) Ring(lanes ...pipeline.Lane) {
	names := make([]string, len(lanes))
	for i, l := range lanes {
		names[i] = string(l)
	}
	q.hints.give(names...)
}

// Kick tells the relays of this and every other process that the database has
// ready units. It does not wait for Redis, and it may be lost on the way.
func (q *Queue) Kick() { q.hints.give(kickHint) }

// Kicks returns the channel that holds a value after kicks. However many came,
// it holds one; the relay of the process is its only reader.
func (q *Queue) Kicks() <-chan struct{} { return q.hints.kicks }

// Register writes the names of the lanes where the inspector and the console
// look for them. asynq does so once a process, so that they would stay unknown
// after Redis was emptied.
func (q *Queue) Register(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	names := make([]any, 0, len(pipeline.Lanes()))
	for _, l := range pipeline.Lanes() {
		names = append(names, string(l))
	}
	if err := q.client.SAdd(ctx, "asynq:queues", names...).Err(); err != nil {
		return fmt.Errorf("register lanes: %w", err)
	}
	return nil
}

// Depths returns how many messages wait on each lane.
func (q *Queue) Depths(ctx context.Context) (map[pipeline.Lane]int, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	waiting := map[pipeline.Lane]*redis.IntCmd{}
	_, err := q.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, l := range pipeline.Lanes() {
			waiting[l] = p.LLen(ctx, pendingKey(l))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count waiting messages: %w", err)
	}
	depths := make(map[pipeline.Lane]int, len(waiting))
	for l, n := range waiting {
		depths[l] = int(n.Val())
	}
	return depths, nil
}

// Stats counts what the queue did since it was opened.
type Stats struct {
	Sent        int64 // messages that were new
	AlreadySent int64 // messages that Redis had already
	Polls       int64 // times that servers looked for messages
}

// Stats returns the counts of now.
func (q *Queue) Stats() Stats {
	return Stats{Sent: q.sent.Load(), AlreadySent: q.conflicts.Load(), Polls: q.polls.Load()}
}

// messageID is the name of a message on its lane.
func messageID(unit pipeline.UnitID, gen int64) string {
	return string(unit) + ":" + strconv.FormatInt(gen, 10)
}

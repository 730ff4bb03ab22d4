package queue

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"framemill/pipeline"
)

const (
	// backstop is how long an idle server believes that a lane is empty without
	// having heard a ring. Rings are lost only with the connection that brings
	// them, and a new one counts as a ring, so it is long: every look costs
	// Redis three commands for each lane of each process.
	backstop = 3 * time.Second
	// rest is how long a server leaves a Redis alone that failed.
	rest = 500 * time.Millisecond
)

// bell is a hook of the driver that lets the dequeues of an idle asynq server
// wait in this process instead of asking Redis again and again. One bell
// belongs to one server, whose processor dequeues from a single goroutine and
// asks for one lane after the other; rings come from any goroutine.
type bell struct {
	polls  *atomic.Int64 // dequeues that asked Redis
	rung   chan struct{} // holds a value after rings
	closed chan struct{}

	mu    sync.Mutex
	lines map[string]*line // by the key that the dequeue script pops from
}

// line is what a bell knows of one lane.
type line struct {
	rung  int64     // rings so far
	empty int64     // rings heard when Redis last said that the lane is empty
	since time.Time // of the last answer that makes asking again pointless
	down  bool      // that answer was a failure
}

// newBell returns a bell for the lanes of one server.
func newBell(lanes []pipeline.Lane, polls *atomic.Int64) *bell {
	b := &bell{
		polls: polls, rung: make(chan struct{}, 1), closed: make(chan struct{}),
		lines: make(map[string]*line, len(lanes)),
	}
	for _, l := range lanes {
		b.lines[pendingKey(l)] = &line{}
	}
	return b
}

// ring makes the next dequeue of a lane ask Redis, now if one is waiting.
func (b *bell) ring(l pipeline.Lane) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ln := b.lines[pendingKey(l)]; ln != nil {
		ln.rung++
		signal(b.rung)
	}
}

// close answers "empty" to the waiting dequeue and to all that follow.
func (b *bell) close() { close(b.closed) }

// DialHook implements [redis.Hook]; it changes nothing.
func (b *bell) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessPipelineHook implements [redis.Hook]; it changes nothing.
func (b *bell) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// ProcessHook implements [redis.Hook]. It lets everything pass but dequeues
// that would find nothing.
func (b *bell) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, c redis.Cmder) error {
		ln := b.lineOf(c)
		if ln == nil {
			return next(ctx, c)
		}
		b.await()
		heard, ask := b.ask(ln)
		if !ask {
			c.SetErr(redis.Nil)
			return redis.Nil
		}
		b.polls.Add(1)
		err := next(ctx, c)
		b.answered(ln, heard, err)
		return err
	}
}

// lineOf returns the line of a dequeue, or nil for every other command. asynq
// has no other script whose first key is a pending list and second the pause
// flag. EVAL is left alone: it only follows an EVALSHA that Redis did not
// know, and holding it back would mean that the script is never loaded.
func (b *bell) lineOf(c redis.Cmder) *line {
	a := c.Args()
	if len(a) < 5 || a[0] != "evalsha" {
		return nil
	}
	key, _ := a[3].(string)
	ln := b.lines[key]
	if ln == nil || a[4] != key[:len(key)-len("pending")]+"paused" {
		return nil
	}
	return ln
}

// await returns when Redis has to be asked for any lane of the server.
func (b *bell) await() {
	for {
		wait := time.Until(b.due())
		if wait <= 0 {
			return
		}
		select {
		case <-b.rung:
		case <-time.After(wait):
		case <-b.closed:
			return
		}
	}
}

// due returns when the first lane has to be asked for.
func (b *bell) due() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	first := time.Now().Add(backstop)
	for _, ln := range b.lines {
		if d := ln.due(); d.Before(first) {
			first = d
		}
	}
	return first
}

// ask reports whether Redis has to be asked for a lane now, and how many rings
// were heard until then.
func (b *bell) ask(ln *line) (heard int64, now bool) {
	select {
	case <-b.closed:
		return 0, false
	default:
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return ln.rung, time.Until(ln.due()) <= 0
}

// answered records what Redis said to a dequeue that began after heard rings.
func (b *bell) answered(ln *line, heard int64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ln.down = false
	switch {
	case err == nil, redis.HasErrorPrefix(err, "NOSCRIPT"):
		ln.since = time.Time{} // there may be more
	case err == redis.Nil:
		ln.since, ln.empty = time.Now(), heard
	default:
		ln.since, ln.down = time.Now(), true
	}
}

// due returns when to ask for the lane: at once after a ring, else after the
// backstop. Rings do not count while Redis fails, because asynq asks again at
// once after an error, and would spin.
func (l *line) due() time.Time {
	switch {
	case l.down:
		return l.since.Add(rest)
	case l.rung != l.empty:
		return l.since
	}
	return l.since.Add(backstop)
}

// pendingKey returns the key of the list of waiting messages of a lane, as
// asynq names it. The braces make a lane live in one slot of a cluster.
func pendingKey(l pipeline.Lane) string { return "asynq:{" + string(l) + "}:pending" }

package queue

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"framemill/pipeline"
)

// backstop is how long an idle server believes that a lane is empty without
// having heard a ring, and how long it leaves a Redis alone that failed.
const backstop = 500 * time.Millisecond

// bell is a hook of the driver that answers the dequeues of an idle asynq
// server without asking Redis. One bell belongs to one server, whose processor
// dequeues from one goroutine; rings come from any.
type bell struct {
	lines map[string]*line // by the key that the dequeue script pops from
	polls *polls
}

// polls counts the dequeues of a process.
type polls struct{ real, local atomic.Int64 }

// newBell returns a bell for the lanes of one server.
func newBell(lanes []pipeline.Lane, p *polls) *bell {
	b := &bell{lines: make(map[string]*line, len(lanes)), polls: p}
	for _, l := range lanes {
		b.lines[pendingKey(l)] = &line{}
	}
	return b
}

// ring makes the next dequeue of a lane ask Redis.
func (b *bell) ring(l pipeline.Lane) {
	if ln := b.lines[pendingKey(l)]; ln != nil {
		ln.ring()
	}
}

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
		heard, ask := ln.ask(time.Now())
		if !ask {
			b.polls.local.Add(1)
			c.SetErr(redis.Nil)
			return redis.Nil
		}
		b.polls.real.Add(1)
		err := next(ctx, c)
		ln.answered(heard, err, time.Now())
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

// line is what the bell knows of one lane.
type line struct {
	mu    sync.Mutex
	rung  int64     // rings so far
	empty int64     // rings heard when Redis was last found empty
	since time.Time // of the last answer of Redis that makes asking again pointless
	down  bool      // that answer was a failure
}

func (l *line) ring() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rung++
}

// ask reports whether Redis has to be asked, and how many rings were heard by
// now. Rings do not count while Redis fails: asynq asks again at once after an
// error, and would spin.
func (l *line) ask(now time.Time) (heard int64, ask bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.since) >= backstop {
		return l.rung, true
	}
	return l.rung, !l.down && l.rung != l.empty
}

// answered records what Redis said to a dequeue that began after heard rings.
func (l *line) answered(heard int64, err error, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = false
	switch {
	case err == nil, redis.HasErrorPrefix(err, "NOSCRIPT"):
		l.since = time.Time{} // there may be more
	case err == redis.Nil:
		l.since, l.empty = now, heard
	default:
		l.since, l.down = now, true
	}
}

// pendingKey returns the key of the list of waiting messages of a lane, as
// asynq names it. The braces make a lane live in one slot of a cluster.
func pendingKey(l pipeline.Lane) string { return "asynq:{" + string(l) + "}:pending" }

package queue

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"framemill/pipeline"
)

// hintChannel carries hints between processes: "<sender> kick" or
// "<sender> <lane>". Channels know no database numbers, so installations
// that share a Redis hear each other; a stray hint costs one look.
const hintChannel = "framemill:hints"

// kickHint is the hint that the database has ready units. Every other hint is
// the name of a lane to ring.
const kickHint = "kick"

// hints carries kicks and rings inside this process and to others.
type hints struct {
	self   string                // tells our own hints from those of others
	client redis.UniversalClient // nil if there are no other processes
	log    *slog.Logger
	kicks  chan struct{}
	wake   chan struct{} // something is unsent

	mu     sync.Mutex
	unsent map[string]bool
	bells  map[*bell]bool
}

func newHints(client redis.UniversalClient, log *slog.Logger) *hints {
	return &hints{
		self: pipeline.NewID(), client: client, log: log,
		kicks: make(chan struct{}, 1), wake: make(chan struct{}, 1),
		unsent: map[string]bool{}, bells: map[*bell]bool{},
	}
}

// run carries hints from and to other processes until ctx ends.
func (h *hints) run(ctx context.Context) {
	if h.client == nil {
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() { h.publish(ctx) })
	wg.Go(func() { h.subscribe(ctx) })
	wg.Wait()
}

// give delivers a hint here at once and leaves it for the publisher. It never
// waits for Redis, because requests are accepted whether or not Redis is there.
func (h *hints) give(names ...string) {
	for _, n := range names {
		h.hear(n)
	}
	if h.client == nil {
		return
	}
	h.mu.Lock()
	for _, n := range names {
		h.unsent[n] = true
	}
	h.mu.Unlock()
	signal(h.wake)
}

// hear acts on a hint.
func (h *hints) hear(name string) {
	if name == kickHint {
		signal(h.kicks)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for b := range h.bells {
		b.ring(pipeline.Lane(name))
	}
}

// hearAll acts as if every hint had been heard, after some may have been lost.
func (h *hints) hearAll() {
	h.hear(kickHint)
	for _, l := range pipeline.Lanes() {
		h.hear(string(l))
	}
}

func (h *hints) add(b *bell) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bells[b] = true
}

func (h *hints) remove(b *bell) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.bells, b)
}

// publish sends hints to other processes. However many were given while one
// send was under way, each name is sent once more. A hint that cannot be sent
// is dropped, and the next has to wait a little.
func (h *hints) publish(ctx context.Context) {
	for {
		select {
		case <-h.wake:
		case <-ctx.Done():
			return
		}
		if err := h.publishUnsent(ctx); err != nil {
			h.log.Debug("hint not sent", "error", err)
			pause(ctx, rest)
		}
	}
}

func (h *hints) publishUnsent(ctx context.Context) error {
	h.mu.Lock()
	names := h.unsent
	h.unsent = map[string]bool{}
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	_, err := h.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for n := range names {
			p.Publish(ctx, hintChannel, h.self+" "+n)
		}
		return nil
	})
	return err
}

// subscribe hears the hints of other processes. The driver connects again by
// itself, every 100 ms while Redis is down, and reports each new subscription:
// that is when hints may have been missed.
func (h *hints) subscribe(ctx context.Context) {
	sub := h.client.Subscribe(ctx, hintChannel)
	defer sub.Close()
	heard := sub.ChannelWithSubscriptions()
	for {
		select {
		case <-ctx.Done():
			return
		case m, open := <-heard:
			if !open {
				return
			}
			h.receive(m)
		}
	}
}

func (h *hints) receive(m any) {
	switch m := m.(type) {
	case *redis.Subscription:
		h.hearAll()
	case *redis.Message:
		if sender, name, ok := strings.Cut(m.Payload, " "); ok && sender != h.self {
			h.hear(name)
		}
	}
}

// signal makes sure that a channel with one place holds a value.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

package receive

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"framemill/pipeline"
)

const (
	// idleTime is after how long without a byte a sender counts as gone.
	idleTime = 2 * time.Second
	// waitTime is how long another waits for the sender to end: below what a
	// client waits for an answer.
	waitTime = 4 * time.Second
	// seatTick is how often the sender is looked at meanwhile.
	seatTick = 20 * time.Millisecond
)

// seats knows who sends which file to this process, so that each has one
// sender at a time. A sender whose line hangs is cut off when another comes,
// for that is the same client with a new connection.
type seats struct {
	mu    sync.Mutex
	taken map[string]*seat
}

// seat is one sender at work.
type seat struct {
	cut   func()       // ends the reading of its body
	heard atomic.Int64 // when its last byte came, in ns
	left  chan struct{}
}

func (s *seat) hear(now time.Time) { s.heard.Store(now.UnixNano()) }

// errBusy is what who comes second hears while bytes still arrive.
var errBusy = pipeline.Errorf(pipeline.Conflict, "Another connection is sending this file")

// take waits until nobody else sends the file, and takes the seat. The caller
// calls leave when it ends.
func (s *seats) take(ctx context.Context, id string, cut func()) (mine *seat, leave func(), err error) {
	for {
		if err := s.wait(ctx, id); err != nil {
			return nil, nil, err
		}
		mine = &seat{cut: cut, left: make(chan struct{})}
		mine.hear(time.Now())
		if s.sit(id, mine) {
			return mine, func() { s.leave(id, mine) }, nil
		}
	}
}

func (s *seats) sit(id string, mine *seat) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[id] != nil {
		return false
	}
	if s.taken == nil {
		s.taken = make(map[string]*seat)
	}
	s.taken[id] = mine
	return true
}

func (s *seats) leave(id string, mine *seat) {
	s.mu.Lock()
	delete(s.taken, id)
	s.mu.Unlock()
	close(mine.left)
}

// wait returns when nobody sends the file. A sender that went silent is cut
// off; one that goes on is errBusy.
func (s *seats) wait(ctx context.Context, id string) error {
	s.mu.Lock()
	other := s.taken[id]
	s.mu.Unlock()
	if other == nil {
		return nil
	}
	tick := time.NewTicker(seatTick)
	defer tick.Stop()
	over := time.After(waitTime)
	for {
		select {
		case <-other.left:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-over:
			return errBusy
		case now := <-tick.C:
			// Again and again: the sender may be about to read on.
			if now.UnixNano()-other.heard.Load() > int64(idleTime) {
				other.cut()
			}
		}
	}
}

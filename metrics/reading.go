package metrics

import (
	"context"
	"sync"
	"time"
)

// reading is the last answer of a source that may be slow or hang. At most one
// question is open at a time, however many scrapes come meanwhile. A nil
// reading never has an answer.
type reading[T any] struct {
	now func() time.Time
	ask func(context.Context) (T, error)

	mu    sync.Mutex
	asked chan struct{} // closed when the open question ends; nil = none is open
	value T
	at    time.Time // of value; zero = none yet
}

func newReading[T any](now func() time.Time, ask func(context.Context) (T, error)) *reading[T] {
	return &reading[T]{now: now, ask: ask}
}

// begin asks the source, unless a question is open.
func (r *reading[T]) begin() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asked == nil {
		r.asked = make(chan struct{})
		go r.answer(r.asked)
	}
}

// answer keeps what the source says. An error keeps the last answer: its age
// shows that something is wrong.
func (r *reading[T]) answer(asked chan struct{}) {
	defer close(asked)
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	v, err := r.ask(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = nil
	if err == nil {
		r.value, r.at = v, r.now()
	}
}

// wait returns the answer of the open question, or the last one if ctx ends
// first, and its age. There may be none.
func (r *reading[T]) wait(ctx context.Context) (value T, age time.Duration, ok bool) {
	if r == nil {
		return value, 0, false
	}
	r.mu.Lock()
	asked := r.asked
	r.mu.Unlock()
	if asked != nil {
		select {
		case <-asked:
		case <-ctx.Done():
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at.IsZero() {
		return value, 0, false
	}
	return r.value, max(0, r.now().Sub(r.at)), true
}

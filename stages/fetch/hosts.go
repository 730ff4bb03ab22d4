package fetch

import (
	"context"
	"net/url"
	"sync"
)

// hostSlots bounds how many files come from one host at a time: whoever offers
// a thousand files did not ask for a thousand connections.
type hostSlots struct {
	most  int
	mu    sync.Mutex
	slots map[string]chan struct{}
}

// enter waits for a slot of the URL's host. The caller calls leave at the end.
func (h *hostSlots) enter(ctx context.Context, raw string) (leave func(), err error) {
	slot := h.of(raw)
	select {
	case slot <- struct{}{}:
		return func() { <-slot }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (h *hostSlots) of(raw string) chan struct{} {
	host := ""
	if u, err := url.Parse(raw); err == nil {
		host = u.Host
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.slots == nil {
		h.slots = make(map[string]chan struct{})
	}
	if h.slots[host] == nil {
		h.slots[host] = make(chan struct{}, h.most)
	}
	return h.slots[host]
}

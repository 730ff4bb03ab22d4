package queue

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// ageEvery is how often the embedded Redis learns that time has passed.
const ageEvery = 200 * time.Millisecond

// Embedded is a Redis inside this process, for running without one. It listens
// on loopback with a random password, so that other users of the host cannot
// send messages. It keeps nothing on disk: what a restart loses, the reaper
// sends again.
type Embedded struct {
	redis    *miniredis.Miniredis
	password string
	stop     chan struct{}
	stopped  chan struct{}
}

// StartEmbedded starts an embedded Redis. Close ends it.
func StartEmbedded() (*Embedded, error) {
	e := &Embedded{
		redis:    miniredis.NewMiniRedis(),
		password: rand.Text(),
		stop:     make(chan struct{}),
		stopped:  make(chan struct{}),
	}
	e.redis.RequireAuth(e.password)
	if err := e.redis.StartAddr("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("start embedded redis: %w", err)
	}
	go e.age()
	return e, nil
}

// URL returns the URL of the embedded Redis, password included: not for logs.
func (e *Embedded) URL() string {
	u := url.URL{Scheme: "redis", User: url.UserPassword("default", e.password), Host: e.redis.Addr()}
	return u.String()
}

// Close ends the embedded Redis and forgets what it held.
func (e *Embedded) Close() {
	close(e.stop)
	<-e.stopped
	e.redis.Close()
}

// age moves the clock of the embedded Redis, which stands still by itself:
// without it nothing would ever expire.
func (e *Embedded) age() {
	defer close(e.stopped)
	tick := time.NewTicker(ageEvery)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case now := <-tick.C:
			e.redis.FastForward(now.Sub(last))
			last = now
		case <-e.stop:
			return
		}
	}
}

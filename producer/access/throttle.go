package access

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"framemill/pipeline"
)

// Limits of wrong passwords and tokens within failureWindow.
const (
	failureWindow     = time.Minute
	failuresPerLogin  = 10  // of one name from one address
	failuresPerSource = 200 // of any name from one address
	// tokensPerSource is how many unknown tokens one address may show. They
	// cannot be guessed, but each is looked for in the database.
	tokensPerSource = 1000
	// maxFailureRows bounds the table; an attacker with more addresses than
	// that pushes out the oldest windows.
	maxFailureRows = 20_000
)

// throttle counts wrong passwords and tokens, so that guessing costs the guesser time and
// this process nothing.
type throttle struct {
	now func() time.Time
	mu  sync.Mutex
	row map[string]*failures
}

// failures is one window of wrong ones.
type failures struct {
	n     int
	until time.Time
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{now: now, row: make(map[string]*failures)}
}

// throttled is the refusal to look at a password or token at all.
type throttled struct {
	err   *pipeline.Error
	after time.Duration
}

// Error implements error.
func (t *throttled) Error() string { return t.err.Error() }

// Unwrap gives the error that the caller hears.
func (t *throttled) Unwrap() error { return t.err }

// RetryAfter returns when it makes sense to try again.
func (t *throttled) RetryAfter() time.Duration { return t.after }

// check refuses a login while there were too many wrong ones.
func (t *throttle) check(login string, from netip.Addr) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	wait := max(t.wait(loginKey(login, from), failuresPerLogin), t.wait(sourceKey(from), failuresPerSource))
	return refusal(wait, "passwords")
}

// checkToken refuses a token while too many unknown ones came from its address.
func (t *throttle) checkToken(from netip.Addr) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return refusal(t.wait(tokenKey(from), tokensPerSource), "tokens")
}

// refusal is nil if there is nothing to wait for.
func refusal(wait time.Duration, of string) error {
	if wait == 0 {
		return nil
	}
	return &throttled{
		err:   pipeline.Errorf(pipeline.TooMany, "too many wrong %s; try again in %d seconds", of, int(wait.Seconds())+1),
		after: wait,
	}
}

func (t *throttle) wait(key string, limit int) time.Duration {
	f := t.row[key]
	if f == nil || f.n < limit {
		return 0
	}
	return max(0, f.until.Sub(t.now()))
}

// failed counts a wrong password.
func (t *throttle) failed(login string, from netip.Addr) {
	t.count(loginKey(login, from), sourceKey(from))
}

// failedToken counts an unknown token.
func (t *throttle) failedToken(from netip.Addr) { t.count(tokenKey(from)) }

func (t *throttle) count(keys ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	for _, key := range keys {
		f := t.row[key]
		if f == nil || !now.Before(f.until) {
			t.makeRoom(now)
			f = &failures{until: now.Add(failureWindow)}
			t.row[key] = f
		}
		f.n++
	}
}

// makeRoom drops the windows that are over and, if that is not enough, an
// arbitrary tenth of the others.
func (t *throttle) makeRoom(now time.Time) {
	if len(t.row) < maxFailureRows {
		return
	}
	for key, f := range t.row {
		if !now.Before(f.until) {
			delete(t.row, key)
		}
	}
	drop := 0
	if len(t.row) >= maxFailureRows {
		drop = maxFailureRows / 10
	}
	for key := range t.row {
		if drop == 0 {
			return
		}
		delete(t.row, key)
		drop--
	}
}

func loginKey(login string, from netip.Addr) string { return fmt.Sprintf("%q %s", login, from) }
func sourceKey(from netip.Addr) string              { return from.String() }
func tokenKey(from netip.Addr) string               { return "token " + from.String() }

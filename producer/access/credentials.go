package access

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"
)

const (
	// verifiedFor is how long a checked password is believed.
	verifiedFor = time.Minute
	maxVerified = 10_000
)

// verified remembers passwords that were right a moment ago, for clients that
// send one with every request. It holds neither passwords nor anything that
// could be tried offline without the key of this process.
type verified struct {
	now func() time.Time
	key [32]byte
	mu  sync.Mutex
	row map[[32]byte]proof
}

// proof is that a password matched a hash.
type proof struct {
	user  int64
	hash  string // as it was then: a changed password ends the proof
	until time.Time
}

func newVerified(now func() time.Time) *verified {
	v := &verified{now: now, row: make(map[[32]byte]proof)}
	_, _ = rand.Read(v.key[:]) // never fails
	return v
}

func (v *verified) sum(login, password string) (out [32]byte) {
	mac := hmac.New(sha256.New, v.key[:])
	inner := sha256.Sum256([]byte(login)) // a fixed length parts the two
	mac.Write(inner[:])
	mac.Write([]byte(password))
	mac.Sum(out[:0])
	return out
}

// find returns the proof of a login and password, if there is one.
func (v *verified) find(login, password string) (proof, bool) {
	sum := v.sum(login, password)
	v.mu.Lock()
	defer v.mu.Unlock()
	p, ok := v.row[sum]
	return p, ok && v.now().Before(p.until)
}

// add remembers that password was right for login.
func (v *verified) add(login, password string, user int64, hash string) {
	sum := v.sum(login, password)
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.row) >= maxVerified {
		v.shrink()
	}
	v.row[sum] = proof{user: user, hash: hash, until: v.now().Add(verifiedFor)}
}

// shrink drops what is over, or everything: a proof is cheap to renew.
func (v *verified) shrink() {
	now := v.now()
	for sum, p := range v.row {
		if !now.Before(p.until) {
			delete(v.row, sum)
		}
	}
	if len(v.row) >= maxVerified {
		clear(v.row)
	}
}

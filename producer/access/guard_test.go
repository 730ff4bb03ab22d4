package access_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/store"
	"framemill/producer/access"
)

// fakeUsers is a store of one user. It embeds nothing: what a test does not
// expect fails to compile or to find.
type fakeUsers struct {
	mu     sync.Mutex
	user   pipeline.User
	tokens map[string]bool
	looked int // for tokens
	broken error
}

func (f *fakeUsers) find(ok func(u pipeline.User) bool) (pipeline.User, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		return pipeline.User{}, f.broken
	}
	if !ok(f.user) {
		return pipeline.User{}, pipeline.Errorf(pipeline.NotFound, "no such user")
	}
	return f.user, nil
}

func (f *fakeUsers) User(_ context.Context, id int64) (pipeline.User, error) {
	return f.find(func(u pipeline.User) bool { return u.ID == id })
}

func (f *fakeUsers) UserByName(_ context.Context, name string) (pipeline.User, error) {
	return f.find(func(u pipeline.User) bool { return u.Name == name })
}

func (f *fakeUsers) UserByEmail(_ context.Context, email string) (pipeline.User, error) {
	return f.find(func(u pipeline.User) bool { return strings.EqualFold(u.Email, email) })
}

func (f *fakeUsers) TokenUser(_ context.Context, hash string, _ time.Duration) (pipeline.User, error) {
	return f.find(func(pipeline.User) bool { f.looked++; return f.tokens[hash] })
}

func (f *fakeUsers) UseAccessToken(_ context.Context, hash string) (pipeline.AccessToken, pipeline.User, error) {
	u, err := f.find(func(pipeline.User) bool { f.looked++; return f.tokens[hash] })
	return pipeline.AccessToken{ID: 5, ReadOnly: true}, u, err
}

func (f *fakeUsers) Login(_ context.Context, t pipeline.Token, _ time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tokens[t.Hash] = true
	return nil
}

func (f *fakeUsers) Logout(_ context.Context, hash string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.tokens, hash)
	return nil
}

func (f *fakeUsers) SetPassword(_ context.Context, _ int64, password, _ string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.user.Password = password
	return nil
}

// The real store is one of these.
var _ interface {
	TokenUser(context.Context, string, time.Duration) (pipeline.User, error)
} = (*store.DB)(nil)

const secret = "correct horse"

func newGuard(t *testing.T, cfg access.Config) (*access.Guard, *fakeUsers) {
	t.Helper()
	f := &fakeUsers{
		user:   pipeline.User{ID: 1, Name: "ada", Email: "ada@example.org", Password: access.CheapHash(secret), Group: pipeline.GroupUser, Active: true},
		tokens: map[string]bool{},
	}
	g, err := access.New(cfg, f)
	if err != nil {
		t.Fatal(err)
	}
	g.Cheapen()
	return g, f
}

// basic asks g who sends these credentials from an address.
func basic(g *access.Guard, name, password, from string, header ...string) error {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = from
	r.SetBasicAuth(name, password)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	_, err := g.Authenticate(r)
	return err
}

func TestBasicIsBelievedForAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, f := newGuard(t, access.Config{})
		from := "192.0.2.1:1"
		if err := basic(g, "ada", secret, from); err != nil {
			t.Fatalf("the right password: %v", err)
		}
		for range 50 {
			_ = basic(g, "ada", "wrong", from)
		}
		if err := basic(g, "ada", secret, from); err != nil {
			t.Errorf("a password that was right a moment ago is throttled: %v", err)
		}
		time.Sleep(59 * time.Second)
		for range 50 {
			_ = basic(g, "ada", "wrong", from) // the first window ends in a second
		}
		time.Sleep(30 * time.Second)
		f.user.Password = ""
		if err := basic(g, "ada", secret, from); err == nil {
			t.Error("the old password works after it was changed")
		}
	})
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGuard(t, access.Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
		const from = "192.0.2.1:1"
		for i := range 30 {
			want := pipeline.Unauthenticated
			if i >= 10 {
				want = pipeline.TooMany
			}
			if got := pipeline.KindOf(basic(g, "ada", "wrong", from)); got != want {
				t.Fatalf("wrong password number %d: kind %d, want %d", i+1, got, want)
			}
		}
		var after interface {
			error
			RetryAfter() time.Duration
		}
		if err := basic(g, "ada", secret, from); !errors.As(err, &after) || after.RetryAfter() != time.Minute {
			t.Errorf("the right password after ten wrong ones: %v, want a wait of a minute", err)
		}
		if err := basic(g, "ada", secret, "192.0.2.2:1"); err != nil {
			t.Errorf("another address pays for it: %v", err)
		}
		if err := basic(g, "ada", "wrong", "10.0.0.1:1", "X-Forwarded-For", "192.0.2.1"); pipeline.KindOf(err) != pipeline.TooMany {
			t.Errorf("the same client behind a trusted proxy: %v", err)
		}
		if err := basic(g, "ada", "wrong", "192.0.2.9:1", "X-Forwarded-For", "192.0.2.1"); pipeline.KindOf(err) != pipeline.Unauthenticated {
			t.Errorf("a client that claims to be another one: %v", err)
		}
		time.Sleep(time.Minute)
		if err := basic(g, "ada", secret, from); err != nil {
			t.Errorf("the right password a minute later: %v", err)
		}
	})
}

// TestManyNamesFromOneAddress guesses names instead of passwords, from the
// addresses of one IPv6 network.
func TestManyNamesFromOneAddress(t *testing.T) {
	t.Parallel()
	g, _ := newGuard(t, access.Config{})
	looked := 0
	for i := range 260 {
		err := basic(g, fmt.Sprintf("user%d", i), "wrong", fmt.Sprintf("[2001:db8::%x]:1", i))
		if pipeline.KindOf(err) == pipeline.Unauthenticated {
			looked++
		}
	}
	if looked != 200 {
		t.Errorf("%d passwords were looked at, want 200", looked)
	}
}

// TestGuessingAtOnce sends 1,000 wrong passwords at the same time. Those that
// wait for a slot hear of the failures before them.
func TestGuessingAtOnce(t *testing.T) {
	t.Parallel()
	g, _ := newGuard(t, access.Config{})
	var group sync.WaitGroup
	var mu sync.Mutex
	looked := 0
	for range 1000 {
		group.Go(func() {
			if pipeline.KindOf(basic(g, "ada", "wrong", "192.0.2.1:1")) == pipeline.Unauthenticated {
				mu.Lock()
				looked++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if looked < 10 || looked > 11 { // two are looked at together
		t.Errorf("%d passwords were looked at, want 10", looked)
	}
}

func TestOutageIsNotAWrongPassword(t *testing.T) {
	t.Parallel()
	g, f := newGuard(t, access.Config{})
	f.broken = errors.New("connection refused")
	if err := basic(g, "ada", secret, "192.0.2.1:1"); !errors.Is(err, f.broken) {
		t.Errorf("error %v, want the outage", err)
	}
}

func TestUnknownAndInactiveUsersLookTheSame(t *testing.T) {
	t.Parallel()
	g, f := newGuard(t, access.Config{})
	want := basic(g, "ada", "wrong", "192.0.2.1:1").Error()
	if got := basic(g, "eve", "wrong", "192.0.2.1:1").Error(); got != want {
		t.Errorf("an unknown user hears %q, a known one %q", got, want)
	}
	f.user.Active = false
	if got := basic(g, "ada", secret, "192.0.2.1:1").Error(); got != want {
		t.Errorf("an inactive user hears %q, a known one %q", got, want)
	}
}

func TestHashPassword(t *testing.T) {
	t.Parallel()
	a, errA := access.HashPassword(secret)
	b, errB := access.HashPassword(secret)
	if errA != nil || errB != nil || a == b || !strings.HasPrefix(a, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hashes %q and %q, errors %v and %v: want two salted ones", a, b, errA, errB)
	}
	for _, bad := range []string{"", strings.Repeat("x", 2000)} {
		if _, err := access.HashPassword(bad); err == nil {
			t.Errorf("a password of %d bytes was hashed", len(bad))
		}
	}
}

// TestBrokenHashes puts what it likes where a hash should be: nobody gets in,
// nothing is expensive.
func TestBrokenHashes(t *testing.T) {
	t.Parallel()
	good, err := access.HashPassword(secret)
	if err != nil {
		t.Fatal(err)
	}
	for i, hash := range []string{
		"", "plain", secret, "$argon2id$", strings.Replace(good, "argon2id", "argon2i", 1),
		strings.Replace(good, "m=19456", "m=4294967295", 1), strings.Replace(good, "t=2", "t=4000000000", 1),
		strings.Replace(good, "t=2", "t=0", 1), strings.Replace(good, "p=1", "p=0", 1), good[:len(good)-30], good + "$x",
	} {
		g, f := newGuard(t, access.Config{})
		f.user.Password = hash
		if err := basic(g, "ada", secret, "192.0.2.1:1"); pipeline.KindOf(err) != pipeline.Unauthenticated {
			t.Errorf("hash number %d: error %v, want a wrong password", i, err)
		}
	}
}

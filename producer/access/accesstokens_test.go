package access_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"framemill/pipeline"
	"framemill/producer/access"
)

// show asks g who shows a token.
func show(g *access.Guard, header, from string) (*access.Principal, error) {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = from
	r.Header.Set("Authorization", header)
	return g.Authenticate(r)
}

// keptToken returns a key that f knows.
func keptToken(f *fakeUsers) string {
	key, hash := access.NewAccessKey()
	f.tokens[hash] = true
	return key
}

func TestAccessTokenIsItsUser(t *testing.T) {
	t.Parallel()
	g, f := newGuard(t, access.Config{})
	key := keptToken(f)
	p, err := show(g, "Bearer "+key, "192.0.2.1:1")
	if err != nil || p.User.ID != 1 || p.Via != access.ViaAccessToken || p.Token == nil || !p.Token.ReadOnly {
		t.Fatalf("principal %+v, error %v, want ada by a token for reading", p, err)
	}
	if p.User.Password != "" {
		t.Error("the principal carries the password's hash")
	}
	f.user.Active = false
	if _, err := show(g, "Bearer "+key, "192.0.2.1:1"); pipeline.KindOf(err) != pipeline.Unauthenticated {
		t.Errorf("the token of an inactive user: %v", err)
	}
	f.broken = errors.New("connection refused")
	if _, err := show(g, "Bearer "+key, "192.0.2.1:1"); !errors.Is(err, f.broken) {
		t.Errorf("error %v, want the outage", err)
	}
}

// TestMalformedTokensAreNotLookedFor shows what cannot be a token, and what can
// be one but is none: all hear the same.
func TestMalformedTokensAreNotLookedFor(t *testing.T) {
	t.Parallel()
	g, f := newGuard(t, access.Config{})
	good := keptToken(f)
	swapped := good[:10] + good[11:12] + good[10:11] + good[12:]
	tests := []struct {
		name, token string
		looked      bool
	}{
		{"nothing", "", false},
		{"64 KiB", strings.Repeat("a", 64<<10), false},
		{"one character less", good[:len(good)-1], false},
		{"one more", good + "0", false},
		{"a wrong check sum", good[:len(good)-8] + "00000000", false},
		{"two characters swapped", swapped, good == swapped},
		{"not hex", strings.Repeat("g", 40), false},
		{"null characters", strings.Repeat("\x00", 40), false},
		{"a signed web token", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.", false},
		{"an unknown login", strings.Repeat("a", 40), true},
	}
	for _, tt := range tests {
		for _, scheme := range []string{"Bearer", "Token", "bearer"} {
			before := f.looked
			_, err := show(g, scheme+" "+tt.token, "192.0.2.1:1")
			if tt.token == good {
				continue
			}
			if e := pipeline.Public(err); e.Kind != pipeline.Unauthenticated || e.Text != "Invalid token." {
				t.Errorf("%s as %s: error %v, want an invalid token", tt.name, scheme, err)
			}
			if looked := f.looked > before; looked != tt.looked {
				t.Errorf("%s as %s: looked for is %v, want %v", tt.name, scheme, looked, tt.looked)
			}
		}
	}
}

func TestUnknownTokensAreThrottled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, f := newGuard(t, access.Config{})
		used, unused := keptToken(f), keptToken(f)
		const from = "192.0.2.1:1"
		if _, err := show(g, "Bearer "+used, from); err != nil {
			t.Fatal(err)
		}
		kinds := map[pipeline.Kind]int{}
		for i := range 1200 {
			_, err := show(g, fmt.Sprintf("Bearer %040x", i), from)
			kinds[pipeline.KindOf(err)]++
		}
		if kinds[pipeline.Unauthenticated] != 1000 || kinds[pipeline.TooMany] != 200 {
			t.Errorf("kinds of 1,200 unknown tokens: %v, want 1,000 looked for", kinds)
		}
		if _, err := show(g, "Bearer "+used, from); err != nil {
			t.Errorf("a token that was good a moment ago: %v", err)
		}
		if _, err := show(g, "Bearer "+unused, from); pipeline.KindOf(err) != pipeline.TooMany {
			t.Errorf("a token not seen before: %v", err)
		}
		if _, err := show(g, "Bearer "+unused, "192.0.2.2:1"); err != nil {
			t.Errorf("another address pays for it: %v", err)
		}
		if err := basic(g, "ada", secret, from); err != nil {
			t.Errorf("a password from the same address: %v", err)
		}
		time.Sleep(time.Minute)
		if _, err := show(g, "Bearer "+unused, from); err != nil {
			t.Errorf("a minute later: %v", err)
		}
	})
}

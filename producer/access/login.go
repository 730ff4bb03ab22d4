package access

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"framemill/pipeline"
)

// Session is a fresh login. Key opens it, as a token in a header or as the
// value of the session cookie.
type Session struct {
	User pipeline.User
	Key  string
	CSRF string
	TTL  time.Duration
}

// Login checks a password and opens a session. The login is a username or an
// email. Whatever is wrong, the error is the same, of kind Unauthenticated.
func (g *Guard) Login(r *http.Request, login, password string) (Session, error) {
	u, err := g.check(r, login, password)
	if err != nil {
		return Session{}, err
	}
	key := newKey()
	t := pipeline.Token{Hash: hashOf(key), UserID: u.ID, Kind: pipeline.TokenLogin}
	if err := g.db.Login(r.Context(), t, g.cfg.SessionTTL); err != nil {
		return Session{}, err
	}
	u.Password = ""
	return Session{User: u, Key: key, CSRF: csrfOf(key), TTL: g.cfg.SessionTTL}, nil
}

// Logout ends the session or token that r came with.
func (g *Guard) Logout(r *http.Request) error {
	key := shownKey(r)
	if !plausibleKey(key) {
		return nil
	}
	return g.db.Logout(r.Context(), hashOf(key))
}

// ChangePassword replaces a user's password after checking the old one, and
// ends all their logins but the one that r came with.
func (g *Guard) ChangePassword(r *http.Request, user int64, old, password string) error {
	u, err := g.db.User(r.Context(), user)
	if err != nil {
		return err
	}
	if err := g.checkOf(r, u.Name, u, old); err != nil {
		return err
	}
	leave, err := g.hasher.enter(r.Context())
	if err != nil {
		return err
	}
	defer leave()
	hash, err := HashPassword(password)
	if err != nil {
		return err
	}
	return g.db.SetPassword(r.Context(), user, hash, hashOf(shownKey(r)))
}

// shownKey returns the key that a request came with, "" if none.
func shownKey(r *http.Request) string {
	scheme, rest, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if ok && (strings.EqualFold(scheme, "token") || strings.EqualFold(scheme, "bearer")) {
		return strings.TrimSpace(rest)
	}
	return sessionKey(r)
}

// check returns the user whose password this is. A password that was right a
// moment ago is believed; the rest is throttled and slow.
func (g *Guard) check(r *http.Request, login, password string) (pipeline.User, error) {
	if !plausible(login) || len(password) > maxPasswordBytes {
		return pipeline.User{}, errBadLogin()
	}
	if u, ok := g.recent(r.Context(), login, password); ok {
		return u, nil
	}
	// An outage must not look like a wrong password.
	u, err := g.find(r.Context(), login)
	if err != nil && pipeline.KindOf(err) != pipeline.NotFound {
		return u, err
	}
	return u, g.checkOf(r, login, u, password)
}

// maxLoginBytes is the length of the longest email.
const maxLoginBytes = 254

// plausible reports whether a user could be called so. The databases refuse to
// look for some texts.
func plausible(login string) bool {
	return login != "" && len(login) <= maxLoginBytes && utf8.ValidString(login) && !strings.ContainsRune(login, 0)
}

// recent returns the user of a proof that still holds.
func (g *Guard) recent(ctx context.Context, login, password string) (pipeline.User, bool) {
	p, ok := g.verified.find(login, password)
	if !ok {
		return pipeline.User{}, false
	}
	u, err := g.db.User(ctx, p.user)
	return u, err == nil && u.Active && u.Password == p.hash && (u.Name == login || strings.EqualFold(u.Email, login))
}

// checkOf checks a password against a user, or against nobody's, in the same
// time.
func (g *Guard) checkOf(r *http.Request, login string, u pipeline.User, password string) error {
	from := g.source(r)
	if err := g.throttle.check(login, from); err != nil {
		return err
	}
	leave, err := g.hasher.enter(r.Context())
	if err != nil {
		return err
	}
	defer leave()
	// Others may have failed, or proven it, while this one waited.
	if err := g.throttle.check(login, from); err != nil {
		return err
	}
	if p, ok := g.verified.find(login, password); ok && p.user == u.ID && p.hash == u.Password && u.Active {
		return nil
	}
	if !g.hasher.matches(u.Password, password) || !u.Active {
		g.throttle.failed(login, from)
		return errBadLogin()
	}
	g.verified.add(login, password, u.ID, u.Password)
	return nil
}

// find returns the user with a name, else with an email.
func (g *Guard) find(ctx context.Context, login string) (pipeline.User, error) {
	u, err := g.db.UserByName(ctx, login)
	if pipeline.KindOf(err) == pipeline.NotFound && strings.Contains(login, "@") {
		return g.db.UserByEmail(ctx, login)
	}
	return u, err
}

// source returns the address that wrong passwords are counted for. One IPv6
// customer has a whole /64.
func (g *Guard) source(r *http.Request) netip.Addr {
	addr := parseAddr(r.RemoteAddr)
	for _, p := range g.cfg.TrustedProxies {
		if p.Contains(addr) {
			list := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
			if a, err := netip.ParseAddr(strings.TrimSpace(list[len(list)-1])); err == nil {
				addr = a.Unmap().WithZone("")
			}
			break
		}
	}
	if addr.Is6() {
		addr = netip.PrefixFrom(addr, 64).Masked().Addr()
	}
	return addr
}

func parseAddr(hostPort string) netip.Addr {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		host = hostPort
	}
	a, _ := netip.ParseAddr(host)
	return a.Unmap().WithZone("")
}

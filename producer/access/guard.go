package access

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"framemill/pipeline"
)

// Config is what an operator may choose of logins.
type Config struct {
	// SessionTTL is how long a login lasts without being used.
	SessionTTL time.Duration
	// TrustedProxies are the peers whose X-Forwarded-For names the client.
	TrustedProxies []netip.Prefix
	// Now is the clock of throttling and caches, time.Now if nil.
	Now func() time.Time
}

// DefaultSessionTTL is how long a login lasts unless configured.
const DefaultSessionTTL = 14 * 24 * time.Hour

// checksAtOnce bounds the password checks that run at the same time.
const checksAtOnce = 2

// userStore is what a Guard needs of the store.
type userStore interface {
	User(ctx context.Context, id int64) (pipeline.User, error)
	UserByName(ctx context.Context, name string) (pipeline.User, error)
	UserByEmail(ctx context.Context, email string) (pipeline.User, error)
	TokenUser(ctx context.Context, hash string, ttl time.Duration) (pipeline.User, error)
	UseAccessToken(ctx context.Context, hash string) (pipeline.AccessToken, pipeline.User, error)
	Login(ctx context.Context, t pipeline.Token, ttl time.Duration) error
	Logout(ctx context.Context, hash string) error
	SetPassword(ctx context.Context, id int64, password, kept string) error
}

// Guard tells who sent a request.
type Guard struct {
	cfg      Config
	db       userStore
	hasher   *hasher
	throttle *throttle
	verified *verified
	shown    *verified // tokens, without a login
}

// New returns a Guard over the users of db.
func New(cfg Config, db userStore) (*Guard, error) {
	if db == nil {
		return nil, errors.New("access needs a database")
	}
	if cfg.SessionTTL == 0 {
		cfg.SessionTTL = DefaultSessionTTL
	}
	if cfg.SessionTTL < time.Minute {
		return nil, errors.New("logins must last a minute at least")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Guard{
		cfg: cfg, db: db, hasher: newHasher(checksAtOnce),
		throttle: newThrottle(cfg.Now), verified: newVerified(cfg.Now), shown: newVerified(cfg.Now),
	}, nil
}

// Authenticate returns who sent r: by its Authorization header, else by its
// session cookie. Nobody is nil without an error. Wrong credentials in the
// header are an error; a stale cookie is nobody.
func (g *Guard) Authenticate(r *http.Request) (*Principal, error) {
	switch headers := r.Header.Values("Authorization"); len(headers) {
	case 0:
		return g.byCookie(r)
	case 1:
		return g.byHeader(r, headers[0])
	}
	return nil, errBadHeader()
}

func (g *Guard) byHeader(r *http.Request, header string) (*Principal, error) {
	scheme, rest, _ := strings.Cut(header, " ")
	switch strings.ToLower(scheme) {
	case "basic":
		login, password, ok := r.BasicAuth()
		if !ok {
			return nil, errBadHeader()
		}
		u, err := g.check(r, login, password)
		return principal(u, ViaBasic, err)
	case "token", "bearer":
		return g.byToken(r, strings.TrimSpace(rest))
	}
	return nil, errBadHeader()
}

func (g *Guard) byCookie(r *http.Request) (*Principal, error) {
	key := sessionKey(r)
	if key == "" {
		return nil, nil
	}
	u, err := g.byKey(r.Context(), key)
	if pipeline.KindOf(err) == pipeline.NotFound {
		return nil, nil
	}
	if err == nil {
		err = checkCSRF(r, key)
	}
	return principal(u, ViaCookie, err)
}

func sessionKey(r *http.Request) string {
	c, err := r.Cookie(SessionCookie)
	if err != nil {
		return ""
	}
	return c.Value
}

// byKey returns the active user who holds the key of a login.
func (g *Guard) byKey(ctx context.Context, key string) (pipeline.User, error) {
	if !plausibleKey(key) {
		return pipeline.User{}, pipeline.Errorf(pipeline.NotFound, "no such token")
	}
	u, err := g.db.TokenUser(ctx, hashOf(key), g.cfg.SessionTTL)
	if err == nil && !u.Active {
		err = errInactive()
	}
	return u, err
}

func principal(u pipeline.User, via Method, err error) (*Principal, error) {
	if err != nil {
		return nil, err
	}
	u.Password = ""
	return &Principal{User: u, Via: via}, nil
}

func errBadHeader() error {
	return pipeline.Errorf(pipeline.Unauthenticated, "Invalid authorization header.")
}

func errBadLogin() error {
	return pipeline.Errorf(pipeline.Unauthenticated, "Invalid username/password.")
}

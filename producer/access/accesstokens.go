package access

import (
	"fmt"
	"hash/crc32"
	"net/http"
	"strings"

	"framemill/pipeline"
)

// accessKeyMark begins the key of every personal access token, so that people
// and scanners of leaked secrets know one when they see it.
const accessKeyMark = "fmpat_"

// NewAccessKey returns the key of a new personal access token, which its user
// sees once, and the hash that is kept.
func NewAccessKey() (key, hash string) {
	key = accessKeyMark + newKey()
	key += checkSum(key)
	return key, hashOf(key)
}

// checkSum makes most mistakes in a key known without asking the database.
func checkSum(key string) string {
	return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(key)))
}

// plausibleAccessKey reports whether a key could be that of an access token.
func plausibleAccessKey(key string) bool {
	const bare = len(accessKeyMark) + 2*keyBytes
	return len(key) == bare+8 && strings.HasPrefix(key, accessKeyMark) && checkSum(key[:bare]) == key[bare:]
}

// byToken returns who sent r with a login's key or a personal access token in
// its header. An address that shows many unknown ones is made to wait, but for
// those that were good a moment ago.
func (g *Guard) byToken(r *http.Request, key string) (*Principal, error) {
	login, personal := plausibleKey(key), plausibleAccessKey(key)
	if !login && !personal {
		return nil, errBadToken()
	}
	from := g.source(r)
	if _, known := g.shown.find("", key); !known {
		if err := g.throttle.checkToken(from); err != nil {
			return nil, err
		}
	}
	find := g.byLogin
	if personal {
		find = g.byAccessToken
	}
	p, err := find(r, key)
	switch {
	case err == nil:
		g.shown.add("", key, p.User.ID, "")
	case pipeline.KindOf(err) == pipeline.NotFound:
		g.throttle.failedToken(from)
		err = errBadToken()
	}
	return p, err
}

func (g *Guard) byLogin(r *http.Request, key string) (*Principal, error) {
	u, err := g.byKey(r.Context(), key)
	return principal(u, ViaToken, err)
}

func (g *Guard) byAccessToken(r *http.Request, key string) (*Principal, error) {
	t, u, err := g.db.UseAccessToken(r.Context(), hashOf(key))
	if err == nil && !u.Active {
		err = errInactive()
	}
	p, err := principal(u, ViaAccessToken, err)
	if err != nil {
		return nil, err
	}
	p.Token = &t
	return p, nil
}

func errInactive() error { return pipeline.Errorf(pipeline.NotFound, "the user is not active") }

func errBadToken() error { return pipeline.Errorf(pipeline.Unauthenticated, "Invalid token.") }

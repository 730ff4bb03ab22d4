package access

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"

	"framemill/pipeline"
)

// Cookies and the header of a session, as every stock client spells them.
const (
	SessionCookie = "sessionid"
	CSRFCookie    = "csrftoken"
	CSRFHeader    = "X-CSRFToken"
)

// keyBytes is how many random bytes a key has. In hex they are as long as
// clients accept.
const keyBytes = 20

func newKey() string {
	var b [keyBytes]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// plausibleKey reports whether a key could be that of a login. What could not is
// not even hashed.
func plausibleKey(key string) bool {
	if len(key) != 2*keyBytes {
		return false
	}
	_, err := hex.DecodeString(key)
	return err == nil
}

// hashOf is what the database keeps of a key. Keys are random, so a plain hash
// is enough.
func hashOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// csrfOf returns the token that goes with a session. It follows from the
// session's key, which it does not reveal, so nothing needs to be kept.
func csrfOf(key string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte("csrf"))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// checkCSRF proves that a request which came with a cookie was made by a page
// of this server: only such a page can read the token.
func checkCSRF(r *http.Request, key string) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	if err := CheckOrigin(r); err != nil {
		return err
	}
	if !hmac.Equal([]byte(r.Header.Get(CSRFHeader)), []byte(csrfOf(key))) {
		return csrfError("CSRF Failed: CSRF token missing or incorrect.")
	}
	return nil
}

// CheckOrigin refuses a request that a browser sent for another site's page.
func CheckOrigin(r *http.Request) error {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || !strings.EqualFold(bareHost(u.Host), bareHost(r.Host)) {
		return csrfError("CSRF Failed: the request comes from another site.")
	}
	return nil
}

// bareHost leaves out the ports that need not be written.
func bareHost(host string) string {
	return strings.TrimSuffix(strings.TrimSuffix(host, ":443"), ":80")
}

func csrfError(text string) error {
	return &pipeline.Error{Kind: pipeline.Forbidden, Code: pipeline.CodeForbidden, Field: CSRFHeader, Text: text}
}

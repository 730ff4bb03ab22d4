package api_test

import (
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// session logs in and returns the headers that a client sends from then on.
func (b *bundle) session(user string) (key string, headers []string) {
	b.t.Helper()
	r := b.want(200, "POST", "/api/auth/login", "", map[string]string{"username": user, "password": password})
	cookies := map[string]string{}
	for _, c := range r.Cookies() {
		cookies[c.Name] = c.Value
	}
	key, _ = r.json(b.t)["key"].(string)
	return key, []string{
		"Cookie", "csrftoken=" + cookies["csrftoken"] + "; sessionid=" + cookies["sessionid"],
		"X-CSRFToken", cookies["csrftoken"], "Origin", b.url,
	}
}

func TestLoginAnswersEveryClient(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.want(200, "POST", "/api/auth/login/", "", map[string]string{"email": "User@example.org", "password": password})
	key, _ := r.json(t)["key"].(string)
	if !regexp.MustCompile(`^[0-9a-f]{40}$`).MatchString(key) {
		t.Errorf("the key is %q, want 40 characters of hex", key)
	}
	set := r.Header.Values("Set-Cookie")
	if len(set) != 2 || !strings.HasPrefix(set[0], "csrftoken=") || !strings.HasPrefix(set[1], "sessionid=") {
		t.Fatalf("cookies are %q, want csrftoken and then sessionid", set)
	}
	for _, c := range set {
		if !strings.HasSuffix(c, "; SameSite=Lax") {
			t.Errorf("cookie %q does not end in SameSite: stock clients parse none that ends in a bare word", c)
		}
	}
	if !strings.Contains(set[1], "HttpOnly") || strings.Contains(set[0], "HttpOnly") {
		t.Errorf("cookies are %q: pages read csrftoken and must not read sessionid", set)
	}
	b.want(200, "GET", "/api/users/self", "", nil, "Authorization", "Token "+key)
	b.want(200, "GET", "/api/users/self", "", nil, "Authorization", "Bearer "+key)
}

// TestStockClientParsesTheCookies does what the stock Python client does: it
// joins the Set-Cookie headers and gives them to SimpleCookie.
func TestStockClientParsesTheCookies(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	b := setup(t)
	for _, proto := range []string{"http", "https"} {
		r := b.want(200, "POST", "/api/auth/login", "", map[string]string{"username": "user", "password": password}, "X-Forwarded-Proto", proto)
		const script = `
import sys
from http.cookies import SimpleCookie
print(",".join(sorted(SimpleCookie(sys.argv[1]))))`
		out, err := exec.CommandContext(t.Context(), python, "-c", script, strings.Join(r.Header.Values("Set-Cookie"), ", ")).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if got := strings.TrimSpace(string(out)); got != "csrftoken,sessionid" {
			t.Errorf("over %s the client finds the cookies %q, want both", proto, got)
		}
	}
}

func TestCookieNeedsProof(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, ok := b.session("user")
	cookie, token := ok[:2], ok[2:4]
	change := map[string]string{"first_name": "Ada"}
	tests := []struct {
		name    string
		headers []string
		status  int
	}{
		{"as a stock client", ok, 200},
		{"without an origin", ok[:4], 200},
		{"as a browser page", append(ok[:4:4], "Origin", strings.Replace(b.url, "http:", "https:", 1)), 200},
		{"without the token", append(cookie[:2:2], "Origin", b.url), 403},
		{"with a wrong token", append(cookie[:2:2], "X-CSRFToken", "0123"), 403},
		{"from another site", append(ok[:4:4], "Origin", "http://evil.example"), 403},
		{"from nowhere", append(ok[:4:4], "Origin", "null"), 403},
		{"from another port", append(ok[:4:4], "Origin", "http://127.0.0.1:1"), 403},
		{"without the cookie", token, 401},
	}
	path := "/api/users/" + itoa(b.users["user"].ID)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b.want(tt.status, "PATCH", path, "", change, tt.headers...)
		})
	}
	b.want(200, "GET", path, "", nil, cookie...) // reading needs no proof
}

func TestLogout(t *testing.T) {
	t.Parallel()
	b := setup(t)
	key, headers := b.session("user")
	_, other := b.session("user")
	b.want(403, "POST", "/api/auth/logout", "", nil, headers[:2]...)
	r := b.want(200, "POST", "/api/auth/logout", "", nil, headers...)
	for _, c := range r.Cookies() {
		if c.MaxAge >= 0 {
			t.Errorf("cookie %s stays after a logout", c.Name)
		}
	}
	b.want(401, "GET", "/api/users/self", "", nil, headers...)
	b.want(401, "GET", "/api/users/self", "", nil, "Authorization", "Token "+key)
	b.want(200, "GET", "/api/users/self", "", nil, other...)
	b.want(200, "POST", "/api/auth/logout", "", nil)
}

// TestGuessing sends 1,000 wrong passwords: ten are looked at.
func TestGuessing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.want(200, "GET", "/api/users/self", "user", nil) // believed from now on
	count := map[int]int{}
	for range 1000 {
		r := b.send("POST", "/api/auth/login", "", map[string]string{"username": "user", "password": "wrong"})
		count[r.StatusCode]++
		if r.StatusCode == http.StatusTooManyRequests && r.Header.Get("Retry-After") == "" {
			t.Fatal("a throttled login does not say when to come back")
		}
	}
	if count[400] != 10 || count[429] != 990 {
		t.Errorf("answers by status: %v, want 10 of 400 and 990 of 429", count)
	}
	b.want(200, "GET", "/api/users/self", "user", nil)
	b.want(429, "POST", "/api/auth/login", "", map[string]string{"username": "user", "password": "wrong again"})
	b.want(200, "POST", "/api/auth/login", "", map[string]string{"username": "admin", "password": password})
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, headers := b.session("user")
	_, other := b.session("user")
	body := func(old, new1, new2 string) map[string]string {
		return map[string]string{"old_password": old, "new_password1": new1, "new_password2": new2}
	}
	const path, next = "/api/auth/password/change", "battery staple"
	for field, in := range map[string]map[string]string{
		"old_password":  body("wrong", next, next),
		"new_password2": body(password, next, "other"),
		"new_password1": body(password, "", next),
	} {
		if r := b.want(400, "POST", path, "", in, headers...); r.json(t)[field] == nil {
			t.Errorf("answer %s, want an error of %s", r.body, field)
		}
	}
	b.want(400, "POST", path, "", body(password, "short", "short"), headers...)
	b.want(400, "POST", path, "", body(password, "1234567890", "1234567890"), headers...)
	b.want(200, "POST", path, "", body(password, next, next), headers...)
	b.want(200, "GET", "/api/users/self", "", nil, headers...)
	b.want(401, "GET", "/api/users/self", "", nil, other...)
	b.want(401, "GET", "/api/users/self", "user", nil)
	b.want(200, "POST", "/api/auth/login", "", map[string]string{"username": "user", "password": next})
}

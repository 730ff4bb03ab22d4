package api_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// accessToken makes a personal access token and returns it, and the headers
// that show it.
func (b *bundle) accessToken(user string, fields object) (made object, headers []string) {
	b.t.Helper()
	body := object{"name": "token"}
	for k, v := range fields {
		body[k] = v
	}
	made = b.want(201, "POST", "/api/auth/access_tokens", user, body).json(b.t)
	return made, []string{"Authorization", "Bearer " + made["value"].(string)}
}

func TestAccessToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	expires := "2999-01-02T03:04:05.678900Z"
	made, headers := b.accessToken("worker", object{"name": "ci", "expiry_date": "2999-01-02T04:04:05.6789+01:00", "read_only": false})
	if made["expiry_date"] != expires || made["read_only"] != false || made["last_used_date"] != nil ||
		made["owner"].(object)["username"] != "worker" {
		t.Errorf("the new token is %v", made)
	}
	if got := b.want(200, "GET", "/api/users/self", "", nil, headers...).json(t)["username"]; got != "worker" {
		t.Errorf("the token is %v's", got)
	}
	self := b.want(200, "GET", "/api/auth/access_tokens/self", "", nil, headers...).json(t)
	path := at("/api/auth/access_tokens", made)
	read := b.want(200, "GET", path, "worker", nil).json(t)
	if diff := cmp.Diff(self, read); diff != "" {
		t.Errorf("the token seen by itself and by its user differ:\n%s", diff)
	}
	if _, ok := read["value"]; ok || read["last_used_date"] == nil {
		t.Errorf("after a use the token is %v, want a time and no value", read)
	}
	b.want(401, "GET", "/api/auth/access_tokens/self", "worker", nil)
	changed := b.want(200, "PATCH", path, "worker", object{"name": "cd", "read_only": true, "expiry_date": nil}).json(t)
	if changed["name"] != "cd" || changed["read_only"] != true || changed["expiry_date"] != nil || changed["value"] != nil {
		t.Errorf("the changed token is %v", changed)
	}
	if made, _ := b.accessToken("worker", nil); made["read_only"] != true || made["expiry_date"] != nil {
		t.Errorf("a token of which only the name was said is %v, want one for reading that stays", made)
	}
	b.want(204, "DELETE", path, "worker", nil)
	b.want(401, "GET", "/api/users/self", "", nil, headers...)
	b.want(404, "GET", path, "worker", nil)
	b.want(404, "DELETE", path, "worker", nil)
}

func TestAccessTokenRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made, _ := b.accessToken("user", nil)
	over, headers := b.accessToken("user", object{"expiry_date": time.Now().Add(-time.Second).Format(time.RFC3339)})
	path := at("/api/auth/access_tokens", made)
	b.want(401, "GET", "/api/users/self", "", nil, headers...)
	tests := []struct {
		method, path, user string
		body               any
		status             int
		text               string
	}{
		{"POST", "/api/auth/access_tokens", "user", object{}, 400, "name"},
		{"POST", "/api/auth/access_tokens", "user", object{"name": " "}, 400, "blank"},
		{"POST", "/api/auth/access_tokens", "user", object{"name": strings.Repeat("é", 51)}, 400, "50 characters"},
		{"POST", "/api/auth/access_tokens", "user", object{"name": "x", "expiry_date": "tomorrow"}, 400, "expiry_date"},
		{"POST", "/api/auth/access_tokens", "user", object{"name": "x", "expiry_date": 5}, 400, "expiry_date"},
		{"POST", "/api/auth/access_tokens", "user", object{"name": "x", "read_only": nil}, 400, "read_only"},
		{"POST", "/api/auth/access_tokens", "user", object{"name": "x", "read_only": "yes"}, 400, "read_only"},
		{"POST", "/api/auth/access_tokens", "", object{"name": "x"}, 401, "credentials"},
		{"PATCH", path, "user", object{"owner": 1}, 403, "unknown field"},
		{"PATCH", path, "user", object{"value": "x"}, 403, "unknown field"},
		{"PATCH", path, "user", object{"name": nil}, 400, "name"},
		{"GET", path, "worker", nil, 403, "permission"},
		{"PATCH", path, "worker", object{"name": "x"}, 403, "permission"},
		{"DELETE", path, "worker", nil, 403, "permission"},
		{"GET", path, "admin", nil, 200, `"username":"user"`},
		{"GET", at("/api/auth/access_tokens", over), "user", nil, 404, "Not found."},
		{"PATCH", at("/api/auth/access_tokens", over), "user", object{"expiry_date": nil}, 404, "Not found."},
		{"GET", "/api/auth/access_tokens/x", "user", nil, 404, "Not found."},
		{"PUT", path, "user", object{"name": "x"}, 405, "not allowed"},
		{"GET", "/api/auth/access_tokens?sort=hash", "user", nil, 400, "hash"},
	}
	for _, tt := range tests {
		if r := b.want(tt.status, tt.method, tt.path, tt.user, tt.body); !strings.Contains(r.body, tt.text) {
			t.Errorf("%s %s %v: answer %s, want %q in it", tt.method, tt.path, tt.body, r.body, tt.text)
		}
	}
}

func TestListAccessTokens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, name := range []string{"one", "two", "three"} {
		b.accessToken("user", object{"name": name, "read_only": name != "two"})
	}
	b.accessToken("worker", nil)
	for query, want := range map[string][]any{
		"":                     {"three", "two", "one"},
		"sort=name":            {"one", "three", "two"},
		"name=two":             {"two"},
		"search=T":             {"three", "two"},
		"page_size=1&page=2":   {"two"},
		"sort=read_only,-name": {"two", "three", "one"},
		"filter=" + url.QueryEscape(`{"==":[{"var":"read_only"},false]}`):                    {"two"},
		"filter=" + url.QueryEscape(`{">":[{"var":"created_date"},"2999-01-01T00:00:00Z"]}`): {},
	} {
		got := results(t, b.want(200, "GET", "/api/auth/access_tokens?"+query, "user", nil).json(t))
		if diff := cmp.Diff(want, field(got, "name")); diff != "" {
			t.Errorf("%q differs (-want +got):\n%s", query, diff)
		}
	}
	if got := results(t, b.want(200, "GET", "/api/auth/access_tokens", "admin", nil).json(t)); len(got) != 0 {
		t.Errorf("an admin's list has the tokens of others: %v", got)
	}
}

// TestWhatAccessTokensPermit sends writes with a token for reading and with one
// for everything.
func TestWhatAccessTokensPermit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task := b.create("admin", nil)
	_, reads := b.accessToken("admin", nil)
	kept, writes := b.accessToken("admin", object{"read_only": false})
	const tokens = "/api/auth/access_tokens"
	tests := []struct {
		name, method, path string
		body               object
		reads, writes      int
	}{
		{"read", "GET", at("/api/tasks", task), nil, 200, 200},
		{"head", "HEAD", "/api/tasks", nil, 200, 200},
		{"change", "PATCH", at("/api/tasks", task), object{"name": "x"}, 403, 200},
		{"create", "POST", "/api/projects", object{"name": "x"}, 403, 201},
		{"what is not offered", "POST", "/api/issues", object{}, 403, 501},
		{"a method that is not there", "PUT", at("/api/tasks", task), object{}, 405, 405},
		{"list tokens", "GET", tokens, nil, 200, 200},
		{"make a token", "POST", tokens, object{"name": "x"}, 403, 403},
		{"change a token", "PATCH", at(tokens, kept), object{"name": "x"}, 403, 403},
		{"revoke a token", "DELETE", at(tokens, kept), nil, 403, 403},
		{"change a user", "PATCH", "/api/users/" + itoa(b.users["worker"].ID), object{"first_name": "x"}, 403, 403},
		{"delete a user", "DELETE", "/api/users/" + itoa(b.users["worker"].ID), nil, 403, 403},
		{"change the password", "POST", "/api/auth/password/change", object{"old_password": password, "new_password1": "new horse", "new_password2": "new horse"}, 403, 401},
		{"delete", "DELETE", at("/api/tasks", task), nil, 403, 204},
	}
	for _, tt := range tests {
		b.want(tt.reads, tt.method, tt.path, "", tt.body, reads...)
		b.want(tt.writes, tt.method, tt.path, "", tt.body, writes...)
	}
	b.want(200, "POST", "/api/auth/logout", "", nil, writes...)
	b.want(200, "GET", "/api/users/self", "", nil, writes...)
}

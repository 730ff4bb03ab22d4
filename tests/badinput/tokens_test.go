package badinput_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// tryTokens shows credentials that are none.
func tryTokens(t *testing.T, b *bench) {
	for _, header := range []string{
		"Token x", "Token ", "Token", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "Basic", "Basic !!!", "Basic YWRtaW4=", "Digest x",
		"Token " + strings.Repeat("x", 64<<10), "Bearer " + strings.Repeat("x", 64<<10), "Basic " + strings.Repeat("YWFh", 16<<10), "Token \x01",
	} {
		t.Run("Authorization "+header[:min(len(header), 16)], func(t *testing.T) {
			if strings.Contains(header, "\x01") {
				header = "Token \u00ff"
			}
			a := b.send(t, call{method: http.MethodGet, path: "/api/tasks", as: nobody, header: map[string]string{"Authorization": header}})
			b.judge(t, refusal{status: 401, code: "unauthenticated"}, a)
		})
	}
	a := b.send(t, call{method: http.MethodGet, path: "/api/tasks?token=x&access_token=x", as: nobody})
	b.judge(t, refusal{status: 401, code: "unauthenticated"}, a)
	tryDeadTokens(t, b)
	tryReadingTokens(t, b)
}

// tryDeadTokens shows access tokens that were good once.
func tryDeadTokens(t *testing.T, b *bench) {
	const tokens = "/api/auth/access_tokens"
	for _, dead := range []struct {
		name string
		end  func(id int64)
	}{
		{"expired", func(id int64) {
			b.JSON(t, http.MethodPatch, fmt.Sprint(tokens, "/", id), map[string]any{"expiry_date": "2020-01-01T00:00:00Z"}, nil)
		}},
		{"revoked", func(id int64) { b.JSON(t, http.MethodDelete, fmt.Sprint(tokens, "/", id), nil, nil) }},
	} {
		t.Run("access token, "+dead.name, func(t *testing.T) {
			id, value := b.token(t, map[string]any{"name": dead.name})
			use := call{method: http.MethodGet, path: tokens + "/self", as: nobody, header: map[string]string{"Authorization": "Bearer " + value}}
			if a := b.send(t, use); a.status != http.StatusOK {
				t.Fatalf("the token does not work while it lives: %d %s", a.status, shorten(a.body))
			}
			dead.end(id)
			b.judge(t, refusal{status: 401, code: "unauthenticated"}, b.send(t, use))
			use.header["Authorization"] = "Token " + value
			b.judge(t, refusal{status: 401, code: "unauthenticated"}, b.send(t, use))
		})
	}
	token := func(name, fields, says string) refusal {
		return refusal{name: "token with " + name, status: 400, code: "invalid", says: says,
			call: call{method: http.MethodPost, path: tokens, kind: asJSON, body: []byte(`{"name":"x",` + fields + `}`)}}
	}
	b.refuse(t, []refusal{
		token("a name of null", `"name":null`, "name"),
		token("a long name", `"name":"`+strings.Repeat("x", 51)+`"`, "name"),
		token("a null character in its name", `"name":"a\u0000"`, "Null characters"),
		token("an expiry that is a word", `"expiry_date":"soon"`, "expiry_date"),
		token("an expiry that is a number", `"expiry_date":1`, "expiry_date"),
		token("read_only of null", `"read_only":null`, "read_only"),
		token("read_only of text", `"read_only":"perhaps"`, "read_only"),
	})
}

// tryReadingTokens writes with an access token that is for reading, and takes
// over the account with one that is for writing.
func tryReadingTokens(t *testing.T, b *bench) {
	_, reads := b.token(t, map[string]any{"name": "reads"})
	_, writes := b.token(t, map[string]any{"name": "writes", "read_only": false})
	for _, w := range []struct {
		token, method, path, body string
		status                    int
		code                      string
	}{
		{reads, "POST", "/api/tasks", `{"name":"x","labels":[]}`, 403, "forbidden"},
		{reads, "PATCH", fmt.Sprintf("/api/tasks/%d", b.task), `{"name":"x"}`, 403, "forbidden"},
		{reads, "DELETE", fmt.Sprintf("/api/tasks/%d", b.task), "", 403, "forbidden"},
		{writes, "POST", "/api/auth/access_tokens", `{"name":"another"}`, 403, "forbidden"},
		{writes, "POST", "/api/auth/password/change", `{"old_password":"a","new_password1":"b","new_password2":"b"}`, 401, "unauthenticated"},
	} {
		t.Run("access token, "+w.method+" "+w.path, func(t *testing.T) {
			c := call{method: w.method, path: w.path, as: nobody, body: []byte(w.body), header: map[string]string{"Authorization": "Bearer " + w.token}}
			if w.body != "" {
				c.kind = asJSON
			}
			b.judge(t, refusal{status: w.status, code: w.code, says: "access token"}, b.send(t, c))
		})
	}
}

// token makes an access token of the administrator, and revokes it with the
// test.
func (b *bench) token(t *testing.T, fields map[string]any) (id int64, value string) {
	t.Helper()
	var made struct {
		ID    int64
		Value string
	}
	b.JSON(t, http.MethodPost, "/api/auth/access_tokens", fields, &made)
	t.Cleanup(func() { _, _, _ = b.Do(http.MethodDelete, fmt.Sprint("/api/auth/access_tokens/", made.ID), nil) })
	return made.ID, made.Value
}

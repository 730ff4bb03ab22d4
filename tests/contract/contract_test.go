package contract_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"framemill/tests/contract"
)

// witness is a test that hears of failures instead of failing.
type witness struct {
	testing.TB
	heard []string
}

func (w *witness) Errorf(format string, args ...any) {
	w.heard = append(w.heard, fmt.Sprintf(format, args...))
}

func TestCheck(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		method string
		path   string
		status int
		code   string
		body   string
		want   string // in what the test hears, "" if nothing
	}{
		{name: "as documented", path: "/api/server/about", status: 200,
			body: `{"name":"x","description":"","version":"2.54.1","logo_url":"","subtitle":""}`},
		{name: "other spelling", path: "/api/server/about/", status: 200,
			body: `{"name":"x","description":"","version":"2.54.1","logo_url":"","subtitle":""}`},
		{name: "a field is missing", path: "/api/server/about", status: 200, body: `{"name":"x"}`, want: "description"},
		{name: "a status is not documented", path: "/api/server/about", status: 201, body: `{}`, want: "status"},
		{name: "null where none may be", path: "/api/users/1", status: 200,
			body: `{"id":1,"username":"a","first_name":null}`, want: "first_name"},
		{name: "unknown operation", path: "/api/nothing", status: 200, body: `{}`, want: "lacks"},
		{name: "known deviation", method: "POST", path: "/api/tasks/1/data", status: 200, body: `{}`},
		{name: "resumable upload", method: "PATCH", path: "/api/tasks/1/data/abc", status: 204},
		{name: "not of the API", path: "/index.html", status: 200, body: `{}`},
		{name: "refusal", path: "/api/users/1", status: 404, code: "not_found", body: `{"detail":"Not found."}`},
		{name: "refusal of a field", path: "/api/users/1", status: 400, code: "invalid", body: `{"a":["b"]}`},
		{name: "refusal without a code", path: "/api/users/1", status: 404, body: `{"detail":"Not found."}`, want: "code"},
		{name: "refusal in a strange shape", path: "/api/users/1", status: 404, code: "not_found", body: `{"error":"x"}`, want: "shape"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := &witness{TB: t}
			h := contract.Check(w, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/vnd.cvat+json")
				if tt.code != "" {
					w.Header().Set("X-Error-Code", tt.code)
				}
				w.WriteHeader(tt.status)
				fmt.Fprint(w, tt.body)
			}))
			method := tt.method
			if method == "" {
				method = "GET"
			}
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, tt.path, nil))
			heard := strings.Join(w.heard, "\n")
			if (tt.want == "") != (heard == "") || !strings.Contains(heard, tt.want) {
				t.Errorf("the test heard %q, want something about %q", heard, tt.want)
			}
		})
	}
}

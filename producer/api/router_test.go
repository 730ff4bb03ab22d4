package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/producer/api"
	"framemill/tests/contract"
)

// TestEveryOperationHasARoute walks the document: nothing of it is unknown
// here, whether it is offered or not, in either spelling.
func TestEveryOperationHasARoute(t *testing.T) {
	t.Parallel()
	b := setup(t)
	n := 0
	for path, item := range contract.Document(t).Paths.Map() {
		for method := range item.Operations() {
			n++
			address := strings.NewReplacer("{id}", "1", "{uuid}", "1", "{key}", "1", "{func_id}", "1", "{delivery_id}", "1").Replace(path)
			for _, spelling := range []string{strings.TrimSuffix(address, "/"), strings.TrimSuffix(address, "/") + "/"} {
				if r := b.send(method, spelling, "", nil); r.StatusCode == 404 || r.StatusCode == 405 {
					t.Errorf("%s %s: answer %d, want a route", method, spelling, r.StatusCode)
				}
			}
		}
	}
	if n < 154 {
		t.Errorf("the document has %d operations, want 154 and ours", n)
	}
}

// TestEveryOperationHasAClass counts the document's operations by class, and
// what has a route here but no line in the document.
func TestEveryOperationHasAClass(t *testing.T) {
	t.Parallel()
	classes := api.Classes(setup(t).server)
	got := map[string]int{}
	for path, item := range contract.Document(t).Paths.Map() {
		for method := range item.Operations() {
			key := method + " " + strings.TrimSuffix(path, "/")
			got[classes[key]]++
			if want := contract.Class(key); classes[key] != want && classes[key] != "ours" {
				t.Errorf("%s is routed as %q, want %q", key, classes[key], want)
			}
			delete(classes, key)
		}
	}
	delete(got, "ours")
	if diff := cmp.Diff(map[string]int{"core": 65, "people": 28, "notes": 27, "answered": 34}, got); diff != "" {
		t.Errorf("operations by class (-want +got):\n%s", diff)
	}
	for key := range classes {
		if !strings.Contains(key, "/data") { // resumable uploads, which no document describes
			t.Errorf("%s has a route and no line in the document", key)
		}
	}
}

func TestOutsideTheScope(t *testing.T) {
	t.Parallel()
	b := setup(t)
	none := `"results":[]`
	tests := []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/api/issues?job_id=1&org=", 200, none},
		{"GET", "/api/comments?job_id=1", 200, none},
		{"GET", "/api/cloudstorages?page=1&page_size=12", 200, none},
		{"GET", "/api/quality/reports?job_id=1&target=job", 200, none},
		{"GET", "/api/quality/settings?task_id=1", 200, none},
		{"GET", "/api/consensus/settings", 200, none},
		{"GET", "/api/lambda/requests", 200, `[]`},
		{"GET", "/api/lambda/functions", 200, `[]`},
		{"GET", "/api/user-agreements", 200, `[]`},
		{"GET", "/api/webhooks/events?type=project", 200, `"webhook_type":"project"`},
		{"GET", "/api/cloudstorages/7", 404, "Not found."},
		{"POST", "/api/events", 201, `"timestamp"`},
		{"POST", "/api/issues", 501, "does not offer"},
		{"POST", "/api/guides", 501, "does not offer"},
		{"POST", "/api/assets", 501, "does not offer"},
		{"POST", "/api/tasks/1/dataset/export", 501, "does not offer"},
		{"POST", "/api/projects/backup/", 501, "does not offer"},
		{"PUT", "/api/jobs/1/annotations", 501, "does not offer"},
		{"PATCH", "/api/jobs/1/annotations/?action=create", 501, "does not offer"},
		{"POST", "/api/cloudstorages", 400, "required"},
		{"POST", "/api/lambda/functions/x", 501, "does not offer"},
		{"POST", "/api/auth/register", 501, "does not offer"},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			t.Parallel()
			r := b.want(tt.status, tt.method, tt.path, "user", nil)
			if !strings.Contains(r.body, tt.body) {
				t.Errorf("answer %q, want %q in it", r.body, tt.body)
			}
			if code := r.Header.Get("X-Error-Code"); tt.status == 501 && code != "not_offered" {
				t.Errorf("code %q, want not_offered", code)
			}
		})
	}
}

// TestNothingDrawnYet opens what a client reads beside a task: empty, but only
// for those who may see the task.
func TestNothingDrawnYet(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.want(201, "POST", "/api/tasks", "user", map[string]any{"name": "t", "labels": []any{}}).json(t)
	task := fmt.Sprintf("/api/tasks/%v", made["id"])
	for path, want := range map[string]string{
		task + "/annotations/":      `{"version":0,"tags":[],"shapes":[],"tracks":[],"intervals":[]}`,
		task + "/validation_layout": `{"mode":null,"frames_per_job_count":null}`,
	} {
		if r := b.want(200, "GET", path, "user", nil); r.body != want {
			t.Errorf("GET %s: %s, want %s", path, r.body, want)
		}
		b.want(403, "GET", path, "worker", nil)
		b.want(404, "GET", strings.Replace(path, task, "/api/tasks/99", 1), "user", nil)
		b.want(404, "GET", strings.Replace(path, task, "/api/jobs/99", 1), "user", nil)
	}
	b.want(400, "PATCH", task+"/validation_layout", "user", map[string]any{})
	foreign := b.want(403, "GET", task, "worker", nil).body
	if other := b.want(403, "GET", "/api/server/share", "worker", nil).body; other != foreign {
		t.Errorf("two refusals differ: %s and %s", foreign, other)
	}
}

func TestUnknownPathAndMethod(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.want(404, "GET", "/api/nothing/here", "", nil)
	if r.json(t)["detail"] == nil || r.Header.Get("X-Error-Code") != "not_found" {
		t.Errorf("an unknown path answers %q with code %q", r.body, r.Header.Get("X-Error-Code"))
	}
	r = b.want(405, "PUT", "/api/users/1", "user", map[string]any{})
	if got, want := r.Header.Get("Allow"), "GET, PATCH, DELETE"; got != want {
		t.Errorf("Allow is %q, want %q", got, want)
	}
	b.want(405, "PUT", "/api/users/1", "", nil)
	b.want(200, "HEAD", "/api/server/about", "", nil)
}

func TestEveryAnswerIsHardened(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, path := range []string{"/api/server/about", "/api/users/self", "/api/nothing"} {
		r := b.send("GET", path, "", nil, "Accept", "text/html; q=0.1")
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Content-Type": "application/vnd.cvat+json", "X-Frame-Options": "DENY",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if len(r.Header.Get("X-Request-Id")) != 36 {
			t.Errorf("%s: X-Request-Id is %q, want a UUID", path, r.Header.Get("X-Request-Id"))
		}
		if r.ContentLength != int64(len(r.body)) {
			t.Errorf("%s: Content-Length %d for %d bytes", path, r.ContentLength, len(r.body))
		}
	}
}

func TestWorkspace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tests := []struct {
		name, query, header string
		status              int
	}{
		{"not named", "", "-", 200},
		{"personal by query", "?org=", "-", 200},
		{"personal by header", "", "", 200},
		{"personal twice", "?org=", "", 200},
		{"unknown", "?org=acme", "-", 404},
		{"unknown by header", "", "acme", 404},
		{"unknown id", "?org_id=7", "-", 404},
		{"conflict", "?org=", "acme", 400},
		{"conflict with the id", "?org_id=7", "", 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var headers []string
			if tt.header != "-" {
				headers = []string{"X-Organization", tt.header}
			}
			b.want(tt.status, "GET", "/api/users/self"+tt.query, "user", nil, headers...)
		})
	}
}

func TestSchema(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.want(200, "GET", "/api/schema/?scheme=json&org=", "", nil)
	var doc struct {
		Paths map[string]any `json:"paths"`
	}
	if err := json.Unmarshal([]byte(r.body), &doc); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/api/tasks", "/api/errors"} {
		if doc.Paths[path] == nil {
			t.Errorf("the schema lacks %s", path)
		}
	}
	if yml := b.want(http.StatusOK, "GET", "/api/schema/", "", nil); !strings.HasPrefix(yml.body, "openapi:") {
		t.Errorf("the schema begins %.40q, want YAML", yml.body)
	}
}

// TestRefusals throws what nobody may send, and wants a clear refusal each time.
func TestRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tests := []struct {
		name    string
		as      string
		method  string
		path    string
		body    any
		headers []string
		status  int
		want    string
	}{
		{name: "no body", method: "POST", path: "/api/auth/login", status: 400, want: `{"password":["This field is required."]}`},
		{name: "not JSON", method: "POST", path: "/api/auth/login", body: `{"password`, status: 400, want: "not valid JSON"},
		{name: "two documents", method: "POST", path: "/api/auth/login", body: `{} {}`, status: 400, want: "JSON"},
		{name: "a list", method: "POST", path: "/api/auth/login", body: `[]`, status: 400, want: "object"},
		{name: "null", method: "POST", path: "/api/auth/login", body: `null`, status: 400, want: "object"},
		{name: "a number for a text", method: "POST", path: "/api/auth/login", body: `{"password":5}`, status: 400, want: `{"password":["Not a valid value`},
		{name: "null for a text", method: "POST", path: "/api/auth/login", body: `{"username":null,"password":"x"}`, status: 400, want: "may not be null"},
		{name: "null character", method: "POST", path: "/api/auth/login", body: `{"username":"a\u0000","password":"x"}`, status: 400, want: "Null characters"},
		{name: "null character in a key", method: "POST", path: "/api/auth/login", body: `{"a\u0000":1}`, status: 400, want: "Null characters"},
		{name: "17 KiB of login", method: "POST", path: "/api/auth/login", body: `{"password":"` + strings.Repeat("a", 17<<10) + `"}`, status: 413, want: "larger"},
		{name: "deep", as: "user", method: "POST", path: "/api/auth/password/change", body: strings.Repeat("[", 1<<20), status: 400, want: "deeper"},
		{name: "deep in a field", as: "user", method: "POST", path: "/api/auth/password/change", body: `{"a":` + strings.Repeat(`{"a":`, 5000), status: 400, want: "deeper"},
		{name: "many objects", as: "user", method: "POST", path: "/api/auth/password/change", body: `{"a":[` + strings.Repeat("{},", 200_000) + `{}]}`, status: 400, want: "more than 100000 objects"},
		{name: "many fields", as: "user", method: "POST", path: "/api/auth/password/change", body: `{` + strings.Repeat(`"a":1,`, 1000) + `"b":1}`, status: 400, want: "more than 1000 fields"},
		{name: "11 MiB", as: "user", method: "POST", path: "/api/auth/password/change", body: `{"a":"` + strings.Repeat("a", 11<<20) + `"}`, status: 413, want: "larger"},
		{name: "a form", method: "POST", path: "/api/auth/login", body: "username=a&password=b", headers: []string{"Content-Type", "application/x-www-form-urlencoded"}, status: 415, want: "application/json"},
		{name: "plain text", method: "POST", path: "/api/auth/login", body: `{"username":"a"}`, headers: []string{"Content-Type", "text/plain"}, status: 415, want: "application/json"},
		{name: "login from another site", method: "POST", path: "/api/auth/login", body: `{"username":"user","password":"correct horse"}`, headers: []string{"Origin", "https://evil.example"}, status: 403, want: "another site"},
		{name: "unknown user", method: "POST", path: "/api/auth/login", body: `{"username":"nobody","password":"x"}`, status: 400, want: "Unable to log in"},
		{name: "no user", method: "POST", path: "/api/auth/login", body: `{"password":"x"}`, status: 400, want: "Unable to log in"},
		{name: "anonymous", method: "GET", path: "/api/users/self", status: 401, want: "not provided"},
		{name: "unknown scheme", method: "GET", path: "/api/users/self", headers: []string{"Authorization", "Digest x"}, status: 401, want: "header"},
		{name: "empty header", method: "GET", path: "/api/users/self", headers: []string{"Authorization", ""}, status: 401, want: "header"},
		{name: "Basic without a colon", method: "GET", path: "/api/users/self", headers: []string{"Authorization", "Basic YQ=="}, status: 401, want: "header"},
		{name: "Basic that is not base64", method: "GET", path: "/api/users/self", headers: []string{"Authorization", "Basic !!!"}, status: 401, want: "header"},
		{name: "Basic that is not UTF-8", method: "GET", path: "/api/users/self", headers: []string{"Authorization", "Basic //86eA=="}, status: 401, want: "Invalid username"},
		{name: "Basic with a null character", method: "GET", path: "/api/users/self", headers: []string{"Authorization", "Basic AGE6eA=="}, status: 401, want: "Invalid username"},
		{name: "unknown token", method: "GET", path: "/api/users/self", headers: []string{"Authorization", "Token 0123"}, status: 401, want: "Invalid token"},
		{name: "no token", method: "GET", path: "/api/users/self", headers: []string{"Authorization", "Bearer"}, status: 401, want: "Invalid token"},
		{name: "64 KiB of token", method: "GET", path: "/api/users/self", headers: []string{"Authorization", "Bearer " + strings.Repeat("a", 64<<10)}, status: 401, want: "Invalid token"},
		{name: "stale cookie", method: "GET", path: "/api/users/self", headers: []string{"Cookie", "sessionid=0123"}, status: 401, want: "not provided"},
		{name: "null character in the query", method: "GET", path: "/api/users?search=%00", status: 400, want: "null character"},
		{name: "query that is not UTF-8", method: "GET", path: "/api/users?search=%ff", status: 400, want: "UTF-8"},
		{name: "query that is not escaped", method: "GET", path: "/api/users?search=%zz", status: 400, want: "UTF-8"},
		{name: "null character in the path", method: "GET", path: "/api/users/%00", status: 400, want: "null character"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := b.want(tt.status, tt.method, tt.path, tt.as, tt.body, tt.headers...)
			if !strings.Contains(r.body, tt.want) {
				t.Errorf("answer %q, want %q in it", r.body, tt.want)
			}
		})
	}
}

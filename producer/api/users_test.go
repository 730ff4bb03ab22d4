package api_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/producer/api"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func TestListUsers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 12 {
		b.addUser(fmt.Sprintf("extra_%02d", i), "user")
	}
	tests := []struct {
		name, query, as string
		count           float64
		first           string
		results         int
	}{
		{"all", "", "user", 15, "admin", 10},
		{"page 2", "?page=2", "user", 15, "extra_07", 5},
		{"page size", "?page_size=3", "user", 15, "admin", 3},
		{"everybody", "?page_size=all", "user", 15, "admin", 15},
		{"search", "?search=EXTRA_0&limit=10&is_active=true", "user", 10, "extra_00", 10},
		{"an underscore is itself", "?search=a_0", "user", 10, "extra_00", 10},
		{"percent is itself", "?search=%25", "user", 0, "", 0},
		{"by name", "?username=worker", "user", 1, "worker", 1},
		{"descending", "?sort=-username", "user", 15, "worker", 10},
		{"inactive", "?is_active=false", "user", 0, "", 0},
		{"filter", "?filter=" + url.QueryEscape(`{"and":[{"var":"is_active"},{"in":["_03",{"var":"username"}]}]}`), "user", 1, "extra_03", 1},
		{"filter by what is not so", "?filter=" + url.QueryEscape(`{"!":[{"var":"is_active"}]}`), "user", 0, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := b.want(200, "GET", "/api/users"+tt.query, tt.as, nil).json(t)
			results := got["results"].([]any)
			if got["count"] != tt.count || len(results) != tt.results {
				t.Fatalf("count %v and %d results, want %v and %d", got["count"], len(results), tt.count, tt.results)
			}
			if len(results) > 0 && results[0].(map[string]any)["username"] != tt.first {
				t.Errorf("first is %v, want %s", results[0], tt.first)
			}
		})
	}
	next := b.want(200, "GET", "/api/users?page_size=4&page=2", "user", nil).json(t)
	if got, want := next["next"], b.url+"/api/users?page=3&page_size=4"; got != want {
		t.Errorf("next is %v, want %s", got, want)
	}
	if got, want := next["previous"], b.url+"/api/users?page_size=4"; got != want {
		t.Errorf("previous is %v, want %s", got, want)
	}
	for _, q := range []string{"page=3", "page=0", "page=-1", "page=x", "page=99999999999999999999"} {
		b.want(404, "GET", "/api/users?"+q, "user", nil)
	}
	b.want(400, "GET", "/api/users?is_active=perhaps", "user", nil)
	b.want(400, "GET", "/api/users?sort=password", "user", nil)
}

func TestWhoSeesWhat(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := "/api/users/" + itoa(b.users["user"].ID)
	for as, email := range map[string]bool{"admin": true, "user": true, "worker": false} {
		got := b.want(200, "GET", user, as, nil).json(t)
		if _, ok := got["email"]; ok != email {
			t.Errorf("%s sees %v of user; the email in it should be %v", as, got, email)
		}
		if _, ok := got["password"]; ok {
			t.Errorf("%s sees a password", as)
		}
	}
	b.want(404, "GET", "/api/users/999", "user", nil)
	b.want(404, "GET", "/api/users/99999999999999999999", "user", nil)
	b.want(404, "GET", "/api/users/abc", "user", nil)
}

func TestUpdateUser(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, of, as string
		body         map[string]any
		status       int
		field        string
	}{
		{"oneself", "user", "user", map[string]any{"first_name": "Ada", "email": "ada@example.org"}, 200, ""},
		{"nothing", "user", "user", map[string]any{}, 200, ""},
		{"somebody else", "worker", "user", map[string]any{"first_name": "Ada"}, 403, ""},
		{"somebody else as admin", "worker", "admin", map[string]any{"groups": []string{"user"}}, 200, ""},
		{"more rights", "user", "user", map[string]any{"is_superuser": true}, 403, ""},
		{"an unknown field", "user", "admin", map[string]any{"password": "x"}, 403, ""},
		{"a name that is taken", "user", "user", map[string]any{"username": "admin"}, 400, "username"},
		{"a bad name", "user", "user", map[string]any{"username": "a b"}, 400, "username"},
		{"a bad email", "user", "user", map[string]any{"email": "a"}, 400, "email"},
		{"an email that is taken", "user", "user", map[string]any{"email": "ADMIN@example.org"}, 400, "email"},
		{"a long name", "user", "user", map[string]any{"first_name": strings.Repeat("é", 151)}, 400, "first_name"},
		{"an unknown group", "user", "admin", map[string]any{"groups": []string{"root"}}, 400, "groups"},
		{"the admin themselves", "admin", "admin", map[string]any{"is_active": false}, 409, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			r := b.want(tt.status, "PATCH", "/api/users/"+itoa(b.users[tt.of].ID), tt.as, tt.body)
			if tt.field != "" && r.json(t)[tt.field] == nil {
				t.Errorf("answer %s, want an error of %s", r.body, tt.field)
			}
		})
	}
}

// TestUserRights changes what a worker may do, step by step.
func TestUserRights(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := "/api/users/" + itoa(b.users["worker"].ID)
	steps := []struct {
		body   object
		status int
		group  string
	}{
		{object{"is_staff": false, "is_superuser": false}, 200, "worker"},
		{object{"groups": []string{"worker", "user"}}, 200, "user"},
		{object{"groups": []string{"user", "root"}}, 400, "user"},
		{object{"groups": []string{}}, 400, "user"},
		{object{"groups": nil}, 200, "user"},
		{object{"groups": []string{"worker"}, "is_staff": false}, 200, "worker"},
		{object{"is_staff": true}, 200, "admin"},
		{object{"is_staff": false}, 409, "admin"},
		{object{"is_superuser": false}, 409, "admin"},
		{object{"groups": []string{"user"}}, 409, "admin"},
	}
	for i, step := range steps {
		b.want(step.status, "PATCH", path, "admin", step.body)
		got := b.want(200, "GET", path, "admin", nil).json(t)
		if diff := cmp.Diff([]any{step.group}, got["groups"]); diff != "" {
			t.Errorf("step %d, %v: groups differ (-want +got):\n%s", i+1, step.body, diff)
		}
		if admin := step.group == "admin"; got["is_staff"] != admin || got["is_superuser"] != admin {
			t.Errorf("step %d, %v: the user is %v", i+1, step.body, got)
		}
	}
}

// TestUsersChangeThemselves renames a user, who then logs in by the new name.
func TestUsersChangeThemselves(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := "/api/users/" + itoa(b.users["worker"].ID)
	got := b.want(200, "PATCH", path, "worker", object{
		"username": "new.name", "first_name": " Ada ", "last_name": "", "email": "new@example.org",
	}).json(t)
	for name, want := range map[string]any{
		"username": "new.name", "first_name": "Ada", "last_name": "", "email": "new@example.org", "is_active": true,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	b.want(401, "GET", "/api/users/self", "worker", nil)
	self := b.want(200, "GET", "/api/users/self", "new.name", nil).json(t)
	if diff := cmp.Diff(got, self); diff != "" {
		t.Errorf("the user as changed and as seen by themselves differ:\n%s", diff)
	}
	seen := b.want(200, "GET", path, "user", nil).json(t)
	delete(seen, "url")
	want := object{"id": got["id"], "username": "new.name", "first_name": "Ada", "last_name": ""}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("what others see of a user differs (-want +got):\n%s", diff)
	}
}

func TestDeactivatedAndDeletedUsers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	key, _ := b.session("worker")
	worker := "/api/users/" + itoa(b.users["worker"].ID)
	b.want(200, "GET", "/api/users/self", "worker", nil)
	b.want(200, "PATCH", worker, "admin", map[string]any{"is_active": false})
	b.want(401, "GET", "/api/users/self", "worker", nil)
	b.want(401, "GET", "/api/users/self", "", nil, "Authorization", "Token "+key)
	b.want(403, "DELETE", worker, "user", nil)
	b.want(204, "DELETE", worker, "admin", nil)
	b.want(404, "GET", worker, "admin", nil)
	b.want(409, "DELETE", "/api/users/"+itoa(b.users["admin"].ID), "admin", nil)
}

func TestVersion(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, agent string
		byClient    bool
		want        string
	}{
		{"configured", "cvat_sdk/2.80.0", false, "2.54.1"},
		{"newest client", "cvat_cli/2.80.0 cvat_sdk/2.80.0", true, "2.80.0"},
		{"pinned client", "cvat_sdk/2.54.0", true, "2.54.1"},
		{"later than spoken", "cvat_sdk/2.99.0", true, "2.54.1"},
		{"no client", "curl/8", true, "2.54.1"},
		{"nonsense", "cvat_sdk/2.99999999999.0", true, "2.54.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setupWith(t, api.Config{Version: "2.54.1", VersionByClient: tt.byClient}, t.TempDir())
			r := b.want(200, "GET", "/api/server/about", "", nil, "User-Agent", tt.agent)
			if got := r.json(t)["version"]; got != tt.want {
				t.Errorf("version %v, want %s", got, tt.want)
			}
		})
	}
	if _, err := api.New(api.Config{Version: "2.54.1-go"}, api.Deps{}); err == nil {
		t.Error("a version that kills clients was accepted")
	}
}

func TestServerAnswers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if r := b.want(200, "GET", "/api/server/health/?format=json", "", nil); r.body != "{}" {
		t.Errorf("health answers %s", r.body)
	}
	b.want(200, "GET", "/api/server/plugins", "user", nil)
	b.want(200, "GET", "/api/server/annotation/formats", "user", nil)
	if r := b.want(200, "GET", "/api/errors", "", nil); !strings.Contains(r.body, `"code":"not_offered","status":501`) {
		t.Errorf("the table of errors lacks not_offered: %s", r.body)
	}
}

func TestShare(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"b/deep/x.png", "a.jpg", "movie.mp4", "set.zip", "paper.pdf", "notes.txt"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b := setupWith(t, api.Config{Version: "2.54.1", SharePrefix: "/mnt/share"}, dir)
	const all = `[{"name":"b","type":"DIR","mime_type":"DIR"},{"name":"a.jpg","type":"REG","mime_type":"image"},` +
		`{"name":"movie.mp4","type":"REG","mime_type":"video"},{"name":"notes.txt","type":"REG","mime_type":"unknown"},` +
		`{"name":"paper.pdf","type":"REG","mime_type":"pdf"},{"name":"set.zip","type":"REG","mime_type":"archive"}]`
	tests := []struct {
		name, query, as string
		status          int
		want            string
	}{
		{"root", "", "user", 200, all},
		{"root by name", "?directory=/", "user", 200, all},
		{"as mounted", "?directory=/mnt/share/b", "user", 200, `[{"name":"deep","type":"DIR","mime_type":"DIR"}]`},
		{"below", "?directory=/b/deep/", "user", 200, `[{"name":"x.png","type":"REG","mime_type":"image"}]`},
		{"search", "?directory=/&search=m", "user", 200, `[{"name":"movie.mp4","type":"REG","mime_type":"video"}]`},
		{"missing", "?directory=/c", "user", 400, `["/c is an invalid directory"]`},
		{"a file", "?directory=/a.jpg", "user", 400, `["/a.jpg is an invalid directory"]`},
		{"climbing", "?directory=/../", "user", 400, `["/../ is an invalid directory"]`},
		{"a worker", "", "worker", 403, "permission"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if r := b.want(tt.status, "GET", "/api/server/share"+tt.query, tt.as, nil); !strings.Contains(r.body, tt.want) {
				t.Errorf("answer %s, want %s", r.body, tt.want)
			}
		})
	}
}

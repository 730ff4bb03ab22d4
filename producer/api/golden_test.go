package api_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// anyTime is a time as clients compare it: six digits of a second, or none.
var anyTime = regexp.MustCompile(`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z"`)

// TestGolden holds one object of each kind, bare and full, against a file, so
// that what is null, what is absent and how times are spelled stays.
func TestGolden(t *testing.T) {
	t.Parallel()
	b := filterWorld(t)
	random := b.goldenWorld()
	for name, path := range map[string]string{
		"task": "/api/tasks/1", "task-without-data": "/api/tasks/3", "job": "/api/jobs/1", "job-of-nobody": "/api/jobs/3",
		"project": "/api/projects/1", "project-empty": "/api/projects/2", "label": "/api/labels/1",
		"user-self": "/api/users/self", "user-other": "/api/users/1", "meta": "/api/tasks/1/data/meta",
		"job-meta": "/api/jobs/2/data/meta", "request": "/api/requests/action=create&target=task&target_id=1",
		"page-empty": "/api/projects?name=none", "organization": "/api/organizations/1", "organization-full": "/api/organizations/2",
		"membership": "/api/memberships/1", "memberships-open": "/api/memberships?org=acme&role=worker",
		"invitations": "/api/invitations?org=acme", "webhook": "/api/webhooks/1", "webhook-of-organization": "/api/webhooks/3",
		"webhook-told": "/api/webhooks/4", "webhook-delivery": "/api/webhooks/4/deliveries/1",
		"webhook-delivery-done": "/api/webhooks/4/deliveries/2", "access-token": "/api/auth/access_tokens/1",
		"cloud-storage": "/api/cloudstorages/1", "access-token-full": "/api/auth/access_tokens/2", "access-tokens": "/api/auth/access_tokens",
	} {
		answer := random.Replace(b.want(200, "GET", path, "user", nil).body)
		answer = anyTime.ReplaceAllString(answer, `"time"`)
		var got bytes.Buffer
		if err := json.Indent(&got, []byte(answer), "", "  "); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		file := filepath.Join("testdata", "golden", name+".json")
		if *update {
			if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("GET %s differs from %s; if that is right, run: go test ./producer/api -run Golden -update (-want +got):\n%s", path, file, diff)
		}
	}
}

// goldenWorld adds to filterWorld what else is held against a file, and returns
// what replaces the texts that differ from run to run.
func (b *bundle) goldenWorld() *strings.Replacer {
	b.t.Helper()
	b.create("user", object{"name": "bare"})
	b.want(201, "POST", "/api/organizations", "user", object{
		"slug": "bare", "name": "Bare", "description": "a few words", "contact": object{"email": "x@example.org"},
	})
	invited := results(b.t, b.want(200, "GET", "/api/invitations?org=acme", "user", nil).json(b.t))[0]["key"].(string)
	made, _ := b.accessToken("user", object{"name": "full", "expiry_date": "2999-01-02T03:04:05Z", "read_only": false})
	hears := receiver(b.t, func(http.ResponseWriter, *http.Request, string) {})
	b.want(201, "POST", "/api/webhooks?org=acme", "user", object{
		"type": "organization", "target_url": "https://hook.example/in", "events": []string{"create:task"}, "secret": "s3cret",
	})
	b.project("user", object{"name": "told"})
	b.webhook("user", 3, object{"target_url": hears, "events": []string{"update:project"}})
	b.tick()
	b.want(200, "PATCH", "/api/projects/3", "user", object{"name": "retold"})
	b.want(200, "POST", "/api/webhooks/4/ping", "user", nil)
	return strings.NewReplacer(b.url, "http://server", hears, "http://receiver", invited, "key", made["value"].(string), "value")
}

// tick waits until the clock of the database moves, so that what changes next
// has another time than what did before.
func (b *bundle) tick() {
	b.t.Helper()
	first, err := b.db.Now(b.t.Context())
	for now := first; err == nil && now == first; {
		now, err = b.db.Now(b.t.Context())
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

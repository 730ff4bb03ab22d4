package api_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/hook"
)

// webhook creates a webhook of a project that hears of tasks.
func (b *bundle) webhook(user string, projectID int64, fields object) object {
	b.t.Helper()
	body := object{
		"type": "project", "project_id": projectID, "target_url": "https://hook.example/in",
		"events": []string{"create:task", "update:task", "delete:task"},
	}
	for name, value := range fields {
		body[name] = value
	}
	return b.want(201, "POST", "/api/webhooks", user, body).json(b.t)
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	b := setup(t)
	project := b.project("user", object{"name": "roads", "assignee_id": b.users["worker"].ID})
	got := b.webhook("user", idOf(project), object{"secret": "s3cret", "description": "tells us", "events": []string{
		"update:job", "create:task", "completed:request[create:task]", "create:task",
	}})
	want := object{
		"type": "project", "target_url": "https://hook.example/in", "description": "tells us", "is_active": true,
		"enable_ssl": true, "content_type": "application/json", "project_id": project["id"], "organization": nil,
		"events": []any{"completed:request[create:task]", "create:task", "update:job"},
		"url":    fmt.Sprintf("%s/api/webhooks/%d", b.url, idOf(got)),
	}
	for name, value := range want {
		if diff := cmp.Diff(value, got[name]); diff != "" {
			t.Errorf("%s differs (-want +got):\n%s", name, diff)
		}
	}
	for _, absent := range []string{"secret", "last_status", "last_delivery_date"} {
		if v, there := got[absent]; there {
			t.Errorf("%s is shown: %v", absent, v)
		}
	}
	path := at("/api/webhooks", got)
	sdk := b.want(200, "GET", path, "worker", nil, "User-Agent", "cvat_sdk/2.54.0").json(t)
	if diff := cmp.Diff([]any{"create:task", "update:job"}, sdk["events"]); diff != "" {
		t.Errorf("a client of the contract sees events that it does not know (-want +got):\n%s", diff)
	}
	changed := b.want(200, "PATCH", path, "worker", object{"is_active": false, "events": []string{"delete:task"}}).json(t)
	if changed["is_active"] != false || !cmp.Equal(changed["events"], []any{"delete:task"}) || changed["description"] != "tells us" {
		t.Errorf("after a change: %v", changed)
	}
	replaced := b.want(200, "PUT", path, "user", object{
		"type": "project", "target_url": "https://other.example/", "events": []string{"create:job"}, "enable_ssl": false,
	}).json(t)
	if replaced["target_url"] != "https://other.example/" || replaced["enable_ssl"] != false {
		t.Errorf("after its replacement: %v", replaced)
	}
	b.want(204, "DELETE", path, "worker", nil)
	b.want(404, "GET", path, "user", nil)
	if n := b.want(200, "GET", "/api/webhooks", "admin", nil).json(t)["count"]; n != 0.0 {
		t.Errorf("%v webhooks are listed after the deletion", n)
	}
}

func TestWebhookEvents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for query, want := range map[string]int{"": 23, "?type=organization": 23, "?type=project": 15} {
		got := b.want(200, "GET", "/api/webhooks/events"+query, "user", nil).json(t)
		if len(got["events"].([]any)) != want {
			t.Errorf("%q: %d events, want %d: %v", query, len(got["events"].([]any)), want, got)
		}
	}
	old := b.want(200, "GET", "/api/webhooks/events", "user", nil, "User-Agent", "cvat_sdk/2.80.0")
	if strings.Contains(old.body, string(pipeline.EventIngested)) {
		t.Errorf("a client of the contract is told of an event that it refuses: %s", old.body)
	}
	b.want(400, "GET", "/api/webhooks/events?type=x", "user", nil)
}

func TestWebhookRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addUser("other", "user")
	project := b.project("user", object{"name": "p", "assignee_id": b.users["worker"].ID})
	id := idOf(project)
	path := at("/api/webhooks", b.webhook("user", id, nil))
	with := func(changes object) object {
		body := object{"type": "project", "project_id": id, "target_url": "https://x.example", "events": []string{"create:task"}}
		for name, value := range changes {
			if body[name] = value; value == "absent" {
				delete(body, name)
			}
		}
		return body
	}
	tests := []struct {
		method, path, user string
		body               any
		status             int
		text               string
	}{
		{"POST", "/api/webhooks", "other", with(nil), 403, "permission"},
		{"POST", "/api/webhooks", "worker", with(nil), 403, "permission"},
		{"POST", "/api/webhooks", "user", with(object{"project_id": 999}), 400, "project_id"},
		{"POST", "/api/webhooks", "user", with(object{"project_id": nil}), 400, "project_id"},
		{"POST", "/api/webhooks", "user", with(object{"type": "absent"}), 400, "type"},
		{"POST", "/api/webhooks", "user", with(object{"type": "user"}), 400, "type"},
		{"POST", "/api/webhooks", "user", with(object{"type": "organization"}), 400, "organization"},
		{"POST", "/api/webhooks", "user", with(object{"events": "absent"}), 400, "events"},
		{"POST", "/api/webhooks", "user", with(object{"events": []string{}}), 400, "empty"},
		{"POST", "/api/webhooks", "user", with(object{"events": []string{"create:moon"}}), 400, "create:moon"},
		{"POST", "/api/webhooks", "user", with(object{"events": []string{"create:membership"}}), 400, "create:membership"},
		{"POST", "/api/webhooks", "user", with(object{"events": "create:task"}), 400, "events"},
		{"POST", "/api/webhooks", "user", with(object{"content_type": "text/xml"}), 400, "content_type"},
		{"POST", "/api/webhooks", "user", with(object{"secret": strings.Repeat("x", 65)}), 400, "64"},
		{"POST", "/api/webhooks", "user", with(object{"is_active": nil}), 400, "is_active"},
		{"POST", "/api/webhooks", "user", with(object{"target_url": "absent"}), 400, "target_url"},
		{"POST", "/api/webhooks", "user", with(object{"target_url": "http://169.254.169.254/latest"}), 400, "not a public one"},
		{"POST", "/api/webhooks", "user", with(object{"target_url": "http://[::1]:8080/"}), 400, "not a public one"},
		{"POST", "/api/webhooks", "user", with(object{"target_url": "ftp://x.example/"}), 400, "scheme"},
		{"POST", "/api/webhooks", "user", with(object{"target_url": "https://a:b@x.example/"}), 400, "password"},
		{"PATCH", path, "other", object{"is_active": false}, 403, "permission"},
		{"PATCH", path, "user", object{"type": "organization"}, 403, "type"},
		{"PATCH", path, "user", object{"target_url": "http://10.0.0.1/"}, 400, "target_url"},
		{"PUT", path, "user", with(object{"type": "organization"}), 400, "stays where it was made"},
		{"PUT", path, "user", object{"target_url": "https://x.example"}, 400, "required"},
		{"GET", path, "other", nil, 403, "permission"},
		{"DELETE", path, "other", nil, 403, "permission"},
		{"GET", path + "/deliveries", "other", nil, 403, "permission"},
		{"POST", path + "/ping", "other", nil, 403, "permission"},
		{"GET", path + "/deliveries/1", "user", nil, 404, "Not found."},
		{"GET", path + "/deliveries/x", "user", nil, 404, "Not found."},
		{"POST", path + "/deliveries/1/redelivery", "user", nil, 404, "Not found."},
		{"GET", "/api/webhooks/999", "user", nil, 404, "Not found."},
	}
	for _, tt := range tests {
		if r := b.want(tt.status, tt.method, tt.path, tt.user, tt.body); !strings.Contains(r.body, tt.text) {
			t.Errorf("%s %s %v: answer %s, want %q in it", tt.method, tt.path, tt.body, r.body, tt.text)
		}
	}
}

func TestPing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var header http.Header
	var body string
	address := receiver(t, func(w http.ResponseWriter, r *http.Request, text string) {
		header, body = r.Header, text
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write([]byte("thanks"))
	})
	project := b.project("user", object{"name": "p"})
	made := b.webhook("user", idOf(project), object{"target_url": address, "secret": "s3cret", "is_active": false})
	path := at("/api/webhooks", made)
	got := b.want(200, "POST", path+"/ping", "user", nil).json(t)
	if got["event"] != "ping" || got["status_code"] != 202.0 || got["response"].(object)["body"] != "thanks" || got["redelivery"] != false {
		t.Errorf("the ping is shown as %v", got)
	}
	if want := hook.Sign("s3cret", []byte(body)); header.Get(hook.SignatureHeader) != want {
		t.Errorf("signature %q, want %q", header.Get(hook.SignatureHeader), want)
	}
	if id := header.Get(hook.DeliveryHeader); id != fmt.Sprint(got["id"]) {
		t.Errorf("delivery number %q, want %v", id, got["id"])
	}
	if strings.Contains(body, "s3cret") || !strings.Contains(body, `"event":"ping"`) || !strings.Contains(body, `"username":"user"`) {
		t.Errorf("the body is %s", body)
	}
	after := b.want(200, "GET", path, "user", nil).json(t)
	if after["last_status"] != 202.0 || after["last_delivery_date"] == nil {
		t.Errorf("the webhook is shown as %v after the ping", after)
	}
	b.want(200, "PATCH", path, "user", object{"target_url": "http://127.0.0.1:1/"})
	if lost := b.want(200, "POST", path+"/ping", "user", nil).json(t); lost["status_code"] != 502.0 {
		t.Errorf("a ping to nobody has status %v, want 502", lost["status_code"])
	}
}

func TestRedelivery(t *testing.T) {
	t.Parallel()
	b := setup(t)
	project := b.project("user", object{"name": "p"})
	path := at("/api/webhooks", b.webhook("user", idOf(project), nil))
	task := b.create("user", object{"name": "first", "project_id": idOf(project)})
	b.want(200, "PATCH", at("/api/tasks", task), "user", object{"name": "second"})
	list := results(t, b.want(200, "GET", path+"/deliveries?page_size=1", "user", nil).json(t))
	if len(list) != 1 || list[0]["event"] != "update:task" || list[0]["status_code"] != nil || list[0]["state"] != "pending" {
		t.Fatalf("the newest delivery is %v", list)
	}
	if list[0]["changed_fields"] != "name,updated_date" && list[0]["changed_fields"] != "name" { // within a tick of the clock
		t.Errorf("changed fields: %v", list[0]["changed_fields"])
	}
	sent := list[0]["request"].(object)
	if sent["before_update"].(object)["name"] != "first" || sent["task"].(object)["name"] != "second" {
		t.Errorf("the update is told as %v", sent)
	}
	shown := b.want(200, "GET", at("/api/tasks", task), "user", nil).json(t)
	if diff := cmp.Diff(shown, sent["task"]); diff != "" {
		t.Errorf("the task is told otherwise than shown (-shown +told):\n%s", diff)
	}
	older := fmt.Sprintf("%s/deliveries/%d", path, idOf(list[0])-1)
	b.want(200, "POST", older+"/redelivery", "user", nil)
	all := results(t, b.want(200, "GET", path+"/deliveries", "user", nil).json(t))
	if len(all) != 3 || all[0]["redelivery"] != true || all[0]["event"] != "create:task" {
		t.Fatalf("deliveries after the redelivery: %v", all)
	}
	if diff := cmp.Diff(all[2]["request"], all[0]["request"]); diff != "" {
		t.Errorf("the redelivery tells something else (-first +again):\n%s", diff)
	}
	other := at("/api/webhooks", b.webhook("user", idOf(project), nil))
	b.want(404, "GET", strings.Replace(older, path, other, 1), "user", nil)
}

// receiver runs a receiver and returns its address.
func receiver(t *testing.T, handle func(w http.ResponseWriter, r *http.Request, body string)) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("receive: %v", err)
		}
		handle(w, r, string(body))
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

package api_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// requestPath returns where the request of a task is polled.
func requestPath(task object) string {
	return "/api/requests/" + url.QueryEscape(pipeline.CreateRQID(idOf(task)))
}

// fenced writes to the database as the attempt that holds the claim.
func (b *bundle) fenced(claim *pipeline.Claim, fn func(tx *store.Tx) error) {
	b.t.Helper()
	if err := b.db.Fenced(b.t.Context(), claim, fn); err != nil {
		b.t.Fatal(err)
	}
}

func TestRequestOfATask(t *testing.T) {
	t.Parallel()
	b := setup(t)
	project := b.project("user", nil)
	task := b.create("user", object{"project_id": idOf(project)})
	path := requestPath(task)
	b.want(404, "GET", path, "user", nil)

	claim := b.publish(task)
	got := b.want(200, "GET", path, "user", nil).json(t)
	want := object{
		"id": pipeline.CreateRQID(idOf(task)), "status": "started", "finished_date": nil, "expiry_date": nil,
		"result_url": nil, "result_id": nil, "owner": object{"id": float64(b.users["user"].ID), "username": "user"},
		"operation": object{
			"type": "create:task", "target": "task", "project_id": project["id"], "task_id": task["id"], "job_id": nil,
			"format": nil, "function_id": nil, "lightweight": nil, "org_id": nil,
		},
		"counts": object{"files": 0.0, "bad": 0.0, "frames": 20.0, "jobs": 2.0}, "phase": "all", "queue_position": nil,
	}
	for name, value := range want {
		if diff := cmp.Diff(value, got[name]); diff != "" {
			t.Errorf("%s differs (-want +got):\n%s", name, diff)
		}
	}
	if got["message"] == "" || got["jobs_open_date"] == nil || got["started_date"] == nil {
		t.Errorf("a started request says nothing: %v", got)
	}
	if st := b.want(200, "GET", at("/api/tasks", task)+"/status", "user", nil); st.json(t)["state"] != "Started" || st.Header.Get("Deprecation") != "true" {
		t.Errorf("status %s", st.body)
	}

	b.fenced(claim, func(tx *store.Tx) error { return tx.EndRequest(t.Context(), claim, "2 files were skipped") })
	got = b.want(200, "GET", path, "user", nil).json(t)
	if got["status"] != "finished" || got["progress"] != 1.0 || got["message"] != "2 files were skipped" || got["finished_date"] == nil {
		t.Errorf("finished request: %v", got)
	}
	b.want(400, "POST", path+"/cancel", "user", nil)
}

func TestFailedRequestSaysWhy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task := b.create("user", nil)
	claim := b.start(task)
	b.fenced(claim, func(tx *store.Tx) error {
		return tx.FailUnit(t.Context(), claim, pipeline.Failf(pipeline.CodeNoMedia, "", "No media data found"))
	})
	got := b.want(200, "GET", requestPath(task), "user", nil).json(t)
	if want := "No media data found: attach pictures, an archive or a video"; got["message"] != want {
		t.Errorf("message %q, want %q", got["message"], want)
	}
	if got["status"] != "failed" || got["code"] != "no_media" {
		t.Errorf("failed request: %v", got)
	}
}

func TestSpellingsOfARequest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task := b.create("user", nil)
	b.accept(task)
	for _, spelling := range []string{
		"action=create&target=task&target_id=1", "action%3Dcreate%26target%3Dtask%26target_id%3D1",
		"target_id=1&action=create&target=task", "create:task-1", "create%3Atask-1",
	} {
		for _, slash := range []string{"", "/"} {
			got := b.want(200, "GET", "/api/requests/"+spelling+slash, "user", nil).json(t)
			if want := "action=create&target=task&target_id=1"; got["id"] != want {
				t.Errorf("%s: id %v, want %s", spelling, got["id"], want)
			}
		}
	}
	for _, spelling := range []string{
		"x", "create:task-", "create:task-0", "create:task-2", "action=create&target=task", "action=create&target=job&target_id=1",
		"action=create&target=task&target_id=1&target_id=1", "action=create&target=task&target_id=1&x=1",
		"action=export&target=task&target_id=1", "action=create&target=task&target_id=-1",
	} {
		if r := b.want(404, "GET", "/api/requests/"+spelling, "user", nil); !strings.Contains(r.body, "There is no request with specified id") {
			t.Errorf("%s: answer %s", spelling, r.body)
		}
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addUser("other", "user")

	queued := b.create("user", object{"assignee_id": b.users["worker"].ID})
	b.accept(queued)
	path := requestPath(queued)
	got := b.want(200, "GET", path, "worker", nil).json(t)
	if got["status"] != "queued" || got["queue_position"] != 0.0 || got["progress"] != 0.0 {
		t.Errorf("queued request: %v", got)
	}
	b.want(403, "GET", path, "other", nil)
	b.want(403, "POST", path+"/cancel", "other", nil)
	b.want(403, "POST", path+"/cancel", "worker", nil) // may see it, and did not ask for it
	if r := b.want(200, "POST", path+"/cancel", "user", nil); r.body != "" {
		t.Errorf("cancel answered %q", r.body)
	}
	b.want(404, "GET", path, "user", nil)
	b.want(404, "POST", path+"/cancel", "user", nil)
	if n := b.want(200, "GET", "/api/requests", "user", nil).json(t)["count"]; n != 0.0 {
		t.Errorf("%v requests listed after the cancel", n)
	}

	running := b.create("user", nil)
	claim := b.start(running)
	b.want(200, "POST", requestPath(running)+"/cancel", "admin", nil)
	got = b.want(200, "GET", requestPath(running), "user", nil).json(t)
	if got["status"] != "failed" || got["code"] != "cancelled" || !strings.Contains(got["message"].(string), "cancelled") {
		t.Errorf("cancelled while running: %v", got)
	}
	if err := b.db.Fenced(t.Context(), claim, func(*store.Tx) error { return nil }); err == nil {
		t.Error("the cancelled attempt can still write")
	}
	b.accept(queued) // starting over is possible
	b.want(200, "GET", path, "user", nil)
}

func TestListsOfRequests(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second := b.create("user", nil), b.create("user", nil)
	b.start(first)
	b.accept(second)
	b.accept(b.create("admin", nil))
	id := func(task object) any { return pipeline.CreateRQID(idOf(task)) }
	tests := []struct {
		query string
		want  []any
	}{
		{"page_size=500&page=1&org=", []any{id(second), id(first)}},
		{"sort=created_date", []any{id(first), id(second)}},
		{"sort=status,action", []any{id(second), id(first)}},
		{"status=queued", []any{id(second)}},
		{"status=started", []any{id(first)}},
		{"status=finished", []any{}},
		{"action=create&target=task", []any{id(second), id(first)}},
		{"action=export", []any{}},
		{"target=job", []any{}},
		{fmt.Sprintf("task_id=%d", idOf(first)), []any{id(first)}},
		{"job_id=1", []any{}},
		{"filter=" + url.QueryEscape(`{"and":[{"==":[{"var":"status"},"queued"]},{"==":[{"var":"action"},"create"]}]}`), []any{id(second)}},
	}
	for _, tt := range tests {
		page := b.want(200, "GET", "/api/requests?"+tt.query, "user", nil).json(t)
		if diff := cmp.Diff(tt.want, field(results(t, page), "id")); diff != "" {
			t.Errorf("%s: ids differ (-want +got):\n%s", tt.query, diff)
		}
	}
}

func TestReportOfFiles(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task := b.create("user", nil)
	claim := b.start(task)
	var files []pipeline.File
	for i := range 1203 {
		f := pipeline.File{RequestID: *claim.RequestID, Ord: int64(i), Name: fmt.Sprintf("%d.jpg", i), Outcome: pipeline.OutcomeOK}
		if i%400 == 1 {
			f.Outcome, f.Code, f.Text = pipeline.OutcomeFailed, pipeline.CodeDecodeFailed, "<not> a picture"
		}
		files = append(files, f)
	}
	b.fenced(claim, func(tx *store.Tx) error { return tx.AddFiles(t.Context(), files) })
	path := requestPath(task) + "/files"

	bad := b.want(200, "GET", path+"?outcome=bad&page_size=3", "user", nil).json(t)
	if diff := cmp.Diff([]any{"1.jpg", "401.jpg", "801.jpg"}, field(results(t, bad), "name")); diff != "" {
		t.Errorf("bad files differ (-want +got):\n%s", diff)
	}
	next, err := url.Parse(bad["next"].(string))
	if err != nil || bad["count"] != 4.0 {
		t.Fatalf("count %v, next %v", bad["count"], bad["next"])
	}
	last := b.want(200, "GET", next.RequestURI(), "user", nil).json(t)
	if diff := cmp.Diff([]any{"1201.jpg"}, field(results(t, last), "name")); diff != "" || last["next"] != nil {
		t.Errorf("last page differs (-want +got):\n%s, next %v", diff, last["next"])
	}

	all := b.want(200, "GET", path, "user", nil, "Accept", "application/x-ndjson")
	lines := strings.Split(strings.TrimSpace(all.body), "\n")
	if len(lines) != 1203 || all.Header.Get("Content-Type") != "application/x-ndjson" {
		t.Fatalf("%d lines of %s, want 1203", len(lines), all.Header.Get("Content-Type"))
	}
	var line object
	if err := json.Unmarshal([]byte(lines[1]), &line); err != nil || line["text"] != "<not> a picture" || line["code"] != "decode_failed" {
		t.Errorf("line %s, error %v", lines[1], err)
	}
	b.want(400, "GET", path+"?outcome=odd", "user", nil)
	b.want(400, "GET", path+"?after=x", "user", nil)
	b.want(403, "GET", path, "worker", nil)
	b.want(404, "GET", "/api/requests/x/files", "user", nil)
}

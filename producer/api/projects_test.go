package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestProject(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addUser("other", "user")
	project := b.project("user", object{
		"name": "streets", "labels": []object{{"name": "car"}}, "assignee_id": b.users["other"].ID,
		"source_storage": object{"location": "local"},
	})
	path := at("/api/projects", project)
	want := object{
		"name": "streets", "task_subsets": []any{}, "dimension": nil, "status": "annotation", "organization": nil,
		"organization_id": nil, "guide_id": nil, "bug_tracker": "", "target_storage": nil,
		"tasks":  object{"count": 0.0, "url": fmt.Sprintf("%s/api/tasks?project_id=%d", b.url, idOf(project))},
		"labels": object{"url": fmt.Sprintf("%s/api/labels?project_id=%d", b.url, idOf(project))},
	}
	for name, value := range want {
		if diff := cmp.Diff(value, project[name]); diff != "" {
			t.Errorf("%s differs (-want +got):\n%s", name, diff)
		}
	}
	task := b.create("other", object{"project_id": idOf(project), "subset": "train"})
	got := b.want(200, "GET", path, "user", nil).json(t)
	if got["tasks"].(object)["count"] != 1.0 || got["dimension"] != "2d" || !cmp.Equal(got["task_subsets"], []any{"train"}) {
		t.Errorf("with a task: %v", got)
	}
	labels := results(t, b.want(200, "GET", fmt.Sprintf("/api/labels?task_id=%d", idOf(task)), "other", nil).json(t))
	if len(labels) != 1 || labels[0]["project_id"] != project["id"] {
		t.Errorf("labels of the task: %v, want those of the project", labels)
	}
	for user, count := range map[string]float64{"user": 1, "other": 1, "worker": 0, "admin": 1} {
		if got := b.want(200, "GET", "/api/projects?owner=user", user, nil).json(t)["count"]; got != count {
			t.Errorf("%s sees %v projects, want %v", user, got, count)
		}
	}
	b.want(200, "GET", at("/api/tasks", task), "user", nil) // staff of the project
	b.want(403, "DELETE", path, "other", nil)
	b.want(204, "DELETE", path, "user", nil)
	b.want(404, "GET", path, "user", nil)
	b.want(404, "GET", at("/api/tasks", task), "other", nil)
}

func TestProjectRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addUser("other", "user")
	project := b.project("user", object{"assignee_id": b.users["worker"].ID, "labels": []object{{"name": "car"}}})
	path := at("/api/projects", project)
	tests := []struct {
		method, path, user string
		body               any
		status             int
		text               string
	}{
		{"POST", "/api/projects", "worker", object{"name": "p"}, 403, "permission"},
		{"POST", "/api/projects", "user", object{}, 400, "required"},
		{"POST", "/api/projects", "user", object{"name": "p", "labels": []object{{"name": "a"}, {"name": "a"}}}, 400, "unique"},
		{"POST", "/api/projects", "user", object{"name": "p", "owner_id": 999}, 400, "owner_id"},
		{"POST", "/api/projects", "user", `{"name":`, 400, "JSON"},
		{"GET", path, "other", nil, 403, "permission"},
		{"GET", "/api/projects/999", "other", nil, 404, "Not found."},
		{"PATCH", path, "other", object{"name": "x"}, 403, "permission"},
		{"PATCH", path, "worker", object{"owner_id": 1}, 403, "permission"},
		{"PATCH", path, "worker", object{"name": "x", "labels": []object{{"name": "bus"}}}, 200, `"name":"x"`},
		{"PATCH", path, "user", object{"status": "completed"}, 403, "status"},
		{"PATCH", path, "user", object{"organization_id": 5}, 400, "organization_id"},
		{"PATCH", path, "user", object{"bug_tracker": strings.Repeat("b", 2001)}, 400, "2000"},
		{"PATCH", path, "user", object{"target_storage": object{"location": "local"}, "assignee_id": nil}, 200, `"assignee":null`},
		{"PUT", path, "user", object{"name": "x"}, 405, "not allowed"},
		{"GET", "/api/projects?sort=labels", "user", nil, 400, "sort"},
	}
	for _, tt := range tests {
		if r := b.want(tt.status, tt.method, tt.path, tt.user, tt.body); !strings.Contains(r.body, tt.text) {
			t.Errorf("%s %s %v: answer %s, want %q in it", tt.method, tt.path, tt.body, r.body, tt.text)
		}
	}
}

package api_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// number is an attribute of a label.
func number(name string, values ...string) object {
	return object{"name": name, "mutable": true, "input_type": "number", "values": append([]string{}, values...)}
}

func TestMoveTask(t *testing.T) {
	t.Parallel()
	b := setup(t)
	labels := []object{{"name": "car", "attributes": []object{number("age", "0", "9", "1")}}, person()}
	first := b.project("user", object{"labels": append(labels, object{"name": "extra"})})
	renamed := person()
	renamed["name"], renamed["sublabels"].([]object)[0]["name"] = "human", "top"
	second := b.project("user", object{"labels": []object{labels[0], renamed, {"name": "extra"}}})
	task := b.create("user", object{"labels": labels, "subset": "train"})
	b.publish(task)
	own := b.labelsOf("user", "task", task)
	path := at("/api/tasks", task)

	got := b.want(200, "PATCH", path, "user", object{"project_id": idOf(first), "name": "moved"}).json(t)
	if got["project_id"] != first["id"] || got["name"] != "moved" || got["subset"] != "train" {
		t.Errorf("the moved task is %v", got)
	}
	b.want(404, "GET", at("/api/labels", own[0]), "user", nil) // the task has none to itself
	if now := b.labelsOf("user", "task", task); !cmp.Equal(field(now, "project_id"), []any{first["id"], first["id"], first["id"]}) {
		t.Errorf("the labels of the moved task are %v", now)
	}
	if job := b.jobs("user", task)[0]; job["project_id"] != first["id"] {
		t.Errorf("the job of the moved task is %v", job)
	}

	now := b.labelsOf("user", "task", task)
	head := now[1]["sublabels"].([]any)[0].(object)["id"]
	names := []object{{"id": now[1]["id"], "name": "human", "type": "skeleton", "sublabels": []object{{"id": head, "name": "top"}}}}
	b.want(200, "PATCH", path, "user", object{"project_id": idOf(second), "labels": names})
	b.want(200, "PATCH", path, "user", object{"project_id": idOf(second)}) // where it is
	for project, count := range map[string]float64{at("/api/projects", first): 0, at("/api/projects", second): 1} {
		p := b.want(200, "GET", project, "user", nil).json(t)
		if p["tasks"].(object)["count"] != count {
			t.Errorf("%s has %v, want %v tasks", project, p["tasks"], count)
		}
	}
	subsets := b.want(200, "GET", at("/api/projects", second), "user", nil).json(t)["task_subsets"]
	if !cmp.Equal(subsets, []any{"train"}) {
		t.Errorf("the subsets of the project are %v", subsets)
	}
	b.want(204, "DELETE", at("/api/projects", second), "user", nil)
	b.want(404, "GET", path, "user", nil)
}

func TestMoveTaskRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addUser("other", "user")
	labels := []object{{"name": "car", "attributes": []object{number("age", "0", "9", "1")}}, person()}
	task := b.create("user", object{"labels": labels, "assignee_id": b.users["other"].ID})
	project := func(user string, labels ...object) int64 { return idOf(b.project(user, object{"labels": labels})) }
	fit := project("user", labels...)
	foreign := b.project("other", object{"labels": labels, "assignee_id": b.users["worker"].ID})
	own := b.labelsOf("user", "task", task)
	solid := b.project("user", object{"labels": labels})
	inSolid := idOf(solid)
	if _, err := b.db.CreateTask(t.Context(), &store.NewTask{Task: pipeline.Task{Name: "cloud", Dimension: "3d", ProjectID: &inSolid}}); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, user string
		body       object
		status     int
		text       string
	}{
		{"nowhere", "user", object{"project_id": 999}, 400, "project_id"},
		{"into another's project", "user", object{"project_id": idOf(foreign)}, 403, "permission"},
		{"another's task", "worker", object{"project_id": idOf(foreign)}, 403, "permission"},
		{"as an assignee", "other", object{"project_id": idOf(foreign)}, 403, "permission"},
		{"a label is missing", "user", object{"project_id": project("user", labels[0])}, 400, `must be mapped to the target project, and \"person\"`},
		{"a sublabel is missing", "user", object{"project_id": project("user", labels[0], object{"name": "person", "type": "skeleton"})}, 400, `\"head\"`},
		{"a skeleton is none there", "user", object{"project_id": project("user", labels[0], object{"name": "person"})}, 400, "skeleton"},
		{"an attribute is missing", "user", object{"project_id": project("user", object{"name": "car"}, person())}, 400, "attributes must be mapped"},
		{"an attribute has other values", "user", object{"project_id": project("user", object{"name": "car", "attributes": []object{number("age", "0", "8", "1")}}, person())}, 400, "attributes must be mapped"},
		{"named as nothing there", "user", object{"project_id": fit, "labels": []object{{"id": own[0]["id"], "name": "bus"}}}, 400, `\"bus\"`},
		{"a name for no label of it", "user", object{"project_id": fit, "labels": []object{{"id": 999, "name": "car"}}}, 400, "999"},
		{"a new label on the way", "user", object{"project_id": fit, "labels": []object{{"name": "bus"}}}, 400, "by id"},
		{"a label less on the way", "user", object{"project_id": fit, "labels": []object{{"id": own[0]["id"], "deleted": true}}}, 400, "by id"},
		{"pictures into 3D", "user", object{"project_id": idOf(solid)}, 400, "3d"},
		{"not an id", "user", object{"project_id": "one"}, 400, "project_id"},
		{"where it is", "user", object{"project_id": nil}, 200, `"project_id":null`},
	}
	for _, tt := range tests {
		tt.body["name"] = "changed by " + tt.name
		r := b.want(tt.status, "PATCH", at("/api/tasks", task), tt.user, tt.body)
		if !strings.Contains(r.body, tt.text) {
			t.Errorf("%s: answer %s, want %q in it", tt.name, r.body, tt.text)
		}
		name := b.want(200, "GET", at("/api/tasks", task), "user", nil).json(t)["name"]
		if changed := name == tt.body["name"]; changed != (tt.status == 200) {
			t.Errorf("%s: the task is called %v now", tt.name, name)
		}
	}
	if diff := cmp.Diff(field(own, "id"), field(b.labelsOf("user", "task", task), "id")); diff != "" {
		t.Errorf("refused moves changed the labels (-want +got):\n%s", diff)
	}
	b.want(200, "PATCH", at("/api/tasks", task), "user", object{"project_id": fit})
	b.want(400, "PATCH", at("/api/tasks", task), "user", object{"project_id": nil})
}

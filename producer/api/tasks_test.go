package api_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNewTask(t *testing.T) {
	t.Parallel()
	b := setup(t)
	project := b.project("user", object{"labels": []object{{"name": "car"}}})
	resp := b.want(201, "POST", "/api/tasks", "user", object{
		"name": "Traffic Scene Batch 1", "project_id": idOf(project), "overlap": 5, "segment_size": 100, "subset": "train",
		"labels": []object{}, "unknown": 1, "size": 7, "source_storage": object{"location": "local"}, "target_storage": object{},
	})
	got := resp.json(t)
	if resp.Header.Get("Location") != got["url"] {
		t.Errorf("Location %q, want the url %v", resp.Header.Get("Location"), got["url"])
	}
	want := object{
		"name": "Traffic Scene Batch 1", "project_id": float64(idOf(project)), "project_name": "project",
		"assignee": nil, "status": "annotation", "overlap": 5.0, "segment_size": 100.0, "subset": "train",
		"mode": "annotation", "dimension": "2d", "size": 0.0, "organization": nil, "organization_id": nil,
		"jobs":            object{"count": 0.0, "completed": 0.0, "validation": 0.0, "url": fmt.Sprintf("%s/api/jobs?task_id=%d", b.url, idOf(got))},
		"labels":          object{"url": fmt.Sprintf("%s/api/labels?task_id=%d", b.url, idOf(got))},
		"validation_mode": nil, "consensus_enabled": false, "guide_id": nil, "assignee_updated_date": nil,
	}
	for name, value := range want {
		if diff := cmp.Diff(value, got[name]); diff != "" {
			t.Errorf("%s differs (-want +got):\n%s", name, diff)
		}
	}
	if owner := got["owner"].(object); owner["username"] != "user" {
		t.Errorf("owner is %v, want the caller", owner)
	}
	for _, name := range []string{"data", "image_quality", "data_chunk_size", "data_compressed_chunk_type", "data_original_chunk_type"} {
		if v, ok := got[name]; ok {
			t.Errorf("%s is %v before there are data; clients want it absent", name, v)
		}
	}
	if diff := cmp.Diff(got, b.want(200, "GET", at("/api/tasks", got), "user", nil).json(t)); diff != "" {
		t.Errorf("the task reads otherwise than it was answered (-answered +read):\n%s", diff)
	}
}

func TestTaskWithData(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task := b.create("user", object{"consensus_replicas": 2})
	b.publish(task)
	got := b.want(200, "GET", at("/api/tasks", task), "user", nil).json(t)
	want := object{
		"size": 20.0, "image_quality": 70.0, "data_chunk_size": 36.0, "data_compressed_chunk_type": "imageset",
		"data_original_chunk_type": "imageset", "data_cloud_storage_id": nil, "segment_size": 10.0,
		"consensus_enabled": true, "initial_replicas": 2.0,
	}
	for name, value := range want {
		if diff := cmp.Diff(value, got[name]); diff != "" {
			t.Errorf("%s differs (-want +got):\n%s", name, diff)
		}
	}
	if n := got["jobs"].(object)["count"]; n != 6.0 {
		t.Errorf("%v jobs counted, want 2 and 4 replicas", n)
	}
	if _, ok := got["data"].(float64); !ok {
		t.Errorf("data is %v, want an id", got["data"])
	}
}

func TestRefusedTasks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	foreign := b.project("user", nil)
	b.addUser("other", "user")
	for _, tt := range refusedTasks(idOf(foreign)) {
		t.Run(tt.name, func(t *testing.T) {
			body := object{"name": "task"}
			for k, v := range tt.body {
				body[k] = v
			}
			r := b.want(tt.status, "POST", "/api/tasks", "other", body)
			if !strings.Contains(r.body, tt.text) {
				t.Errorf("answer %s, want %q in it", r.body, tt.text)
			}
		})
	}
	if got := b.want(400, "POST", "/api/tasks", "user", object{}); !strings.Contains(got.body, "required") {
		t.Errorf("without a name: %s", got.body)
	}
	both := object{"name": "t", "project_id": idOf(foreign), "labels": []object{{"name": "l"}}}
	if got := b.want(400, "POST", "/api/tasks", "user", both); !strings.Contains(got.body, "only one of Label set or project_id") {
		t.Errorf("labels beside a project: %s", got.body)
	}
	b.want(403, "POST", "/api/tasks", "worker", object{"name": "t"})
	b.want(405, "PUT", "/api/tasks/1", "user", object{"name": "t"})
	if n := b.want(200, "GET", "/api/tasks", "admin", nil).json(t)["count"]; n != 0.0 {
		t.Errorf("the refused requests left %v tasks", n)
	}
}

// refusedTask is a wrong request to create a task, and the answer to it.
type refusedTask struct {
	name   string
	body   object
	status int
	text   string
}

func refusedTasks(foreign int64) []refusedTask {
	label := func(fields object) object { return object{"labels": []object{fields}} }
	values := make([]string, 40)
	for i := range values {
		values[i] = strings.Repeat("x", 150)
	}
	attribute := func(fields object) object {
		a := object{"name": "a", "mutable": true, "input_type": "select", "values": []string{"1"}}
		for k, v := range fields {
			a[k] = v
		}
		return label(object{"name": "l", "attributes": []object{a}})
	}
	return []refusedTask{
		{"blank name", object{"name": "  "}, 400, `{"name":["This field may not be blank."]}`},
		{"null name", object{"name": nil}, 400, "may not be null"},
		{"name of 257 characters", object{"name": strings.Repeat("ü", 257)}, 400, "no more than 256"},
		{"number for a name", object{"name": 5}, 400, `"name"`},
		{"NUL", object{"name": "a\x00b"}, 400, "Null characters"},
		{"subset of 65 characters", object{"subset": strings.Repeat("s", 65)}, 400, "no more than 64"},
		{"negative segment size", object{"segment_size": -1}, 400, "greater than or equal to 0"},
		{"segment size of 2^31", object{"segment_size": 1 << 31}, 400, "segment_size"},
		{"half a segment", object{"segment_size": 1.5}, 400, "valid integer"},
		{"negative overlap", object{"overlap": -1}, 400, "overlap"},
		{"one replica", object{"consensus_replicas": 1}, 400, "got 1"},
		{"one replica, in newer words", object{"initial_replicas": 1.0}, 400, "got 1"},
		{"twelve replicas", object{"consensus_replicas": 12}, 400, "got 12"},
		{"no such project", object{"project_id": 999}, 400, `Invalid pk \"999\"`},
		{"somebody's project", object{"project_id": foreign}, 403, "permission"},
		{"no such owner", object{"owner_id": 999}, 400, "owner_id"},
		{"no such assignee", object{"assignee_id": 999}, 400, "assignee_id"},
		{"duplicate labels", object{"labels": []object{{"name": "a"}, {"name": "a"}}}, 400, "All label names must be unique"},
		{"duplicate sublabels", label(object{"name": "s", "type": "skeleton", "sublabels": []object{{"name": "a"}, {"name": "a"}}}), 400, "must be unique"},
		{"duplicate attributes", label(object{"name": "l", "attributes": []object{
			{"name": "a", "mutable": true, "input_type": "text", "values": []string{}},
			{"name": "a", "mutable": true, "input_type": "text", "values": []string{}},
		}}), 400, `Duplicate attribute with name`},
		{"label without a name", label(object{}), 400, "needs a name"},
		{"long name of a label", label(object{"name": strings.Repeat("l", 65)}), 400, "no more than 64"},
		{"odd color", label(object{"name": "l", "color": "red"}), 400, "color"},
		{"long color", label(object{"name": "l", "color": "#1234567"}), 400, "color"},
		{"odd type", label(object{"name": "l", "type": "sphere"}), 400, "sphere"},
		{"sublabels of no skeleton", label(object{"name": "l", "sublabels": []object{{"name": "p"}}}), 400, "no skeleton"},
		{"attribute without values", label(object{"name": "l", "attributes": []object{{"name": "a", "mutable": true, "input_type": "text"}}}), 400, "needs mutable and values"},
		{"odd input type", attribute(object{"input_type": "slider"}), 400, "slider"},
		{"values of more than 4096 characters", attribute(object{"values": values}), 400, "4096"},
		{"value of 201 characters", attribute(object{"values": []string{strings.Repeat("v", 201)}}), 400, "200"},
		{"long default", attribute(object{"default_value": strings.Repeat("v", 129)}), 400, "128"},
		{"labels are no list", object{"labels": "car"}, 400, `"labels"`},
		{"cloud storage without an id", object{"target_storage": object{"location": "cloud_storage"}}, 400, "target_storage"},
		{"no such cloud storage", object{"source_storage": object{"location": "cloud_storage", "cloud_storage_id": 1}}, 400, "source_storage"},
		{"cloud storage that is local", object{"source_storage": object{"cloud_storage_id": 1}}, 400, "source_storage"},
		{"odd location", object{"source_storage": object{"location": "moon"}}, 400, "moon"},
	}
}

func TestListsOfTasks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addUser("other", "user")
	b.create("user", object{"name": "Crossing", "subset": "train"})
	b.create("user", object{"name": "harbour", "assignee_id": b.users["other"].ID})
	b.create("other", object{"name": "station"})
	tests := []struct {
		name, user, query string
		want              []any
	}{
		{"own, newest first", "user", "", []any{"harbour", "Crossing"}},
		{"own and assigned", "other", "", []any{"station", "harbour"}},
		{"admins see all", "admin", "", []any{"station", "harbour", "Crossing"}},
		{"strangers see nothing", "worker", "", []any{}},
		{"personal workspace", "user", "org=", []any{"harbour", "Crossing"}},
		{"sorted", "admin", "sort=-owner,name", []any{"Crossing", "harbour", "station"}},
		{"by subset", "admin", "subset=train", []any{"Crossing"}},
		{"by owner", "admin", "owner=other", []any{"station"}},
		{"by mode", "admin", "mode=interpolation", []any{}},
		{"search", "admin", "search=CROSS", []any{"Crossing"}},
		{"unknown parameters are ignored", "admin", "media_type=image&x=1", []any{"station", "harbour", "Crossing"}},
		{"filter", "admin", "filter=" + url.QueryEscape(`{"and":[{"==":[{"var":"owner"},"user"]},{"in":["HARB",{"var":"name"}]}]}`), []any{"harbour"}},
		{"page", "admin", "page_size=2&page=2", []any{"Crossing"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			page := b.want(200, "GET", "/api/tasks?"+tt.query, tt.user, nil).json(t)
			if diff := cmp.Diff(tt.want, field(results(t, page), "name")); diff != "" {
				t.Errorf("names differ (-want +got):\n%s", diff)
			}
		})
	}
	for _, query := range []string{"sort=password", "project_id=x", "filter=%7B", "filter=" + url.QueryEscape(`{"==":[{"var":"secret"},1]}`)} {
		b.want(400, "GET", "/api/tasks?"+query, "user", nil)
	}
}

func TestTaskPatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addUser("other", "user")
	task := b.create("user", object{"assignee_id": b.users["worker"].ID, "labels": []object{{"name": "a"}, {"name": "b"}}})
	path := at("/api/tasks", task)
	labels := results(t, b.want(200, "GET", fmt.Sprintf("/api/labels?task_id=%d", idOf(task)), "user", nil).json(t))

	got := b.want(200, "PATCH", path, "worker", object{
		"name": "new", "subset": "val", "project_id": nil, "organization_id": nil,
		"target_storage": object{"location": "local"},
		"labels":         []object{{"id": labels[0]["id"], "name": "renamed"}, {"id": labels[1]["id"], "deleted": true}, {"name": "c"}},
	}, "X-Organization", "")
	if v := got.json(t); v["name"] != "new" || v["subset"] != "val" || v["target_storage"] == nil {
		t.Errorf("answer %s", got.body)
	}
	labels = results(t, b.want(200, "GET", fmt.Sprintf("/api/labels?task_id=%d", idOf(task)), "user", nil).json(t))
	if diff := cmp.Diff([]any{"renamed", "c"}, field(labels, "name")); diff != "" {
		t.Errorf("labels differ (-want +got):\n%s", diff)
	}

	tests := []struct {
		name, user string
		body       object
		status     int
		text       string
	}{
		{"unknown field", "user", object{"segment_size": 5}, 403, "segment_size"},
		{"what is only read", "user", object{"size": 5}, 403, "size"},
		{"stranger", "other", object{"name": "x"}, 403, "permission"},
		{"assignee gives it away", "worker", object{"owner_id": b.users["other"].ID}, 403, "permission"},
		{"assignee reassigns it", "worker", object{"assignee_id": nil}, 403, "permission"},
		{"no such user", "user", object{"assignee_id": 999}, 400, "assignee_id"},
		{"blank name", "user", object{"name": ""}, 400, "blank"},
		{"no such project", "user", object{"project_id": 3}, 400, "project_id"},
		{"an organization", "user", object{"organization_id": 3}, 400, "organization_id"},
		{"duplicate labels", "user", object{"labels": []object{{"name": "c"}}}, 400, "unique"},
		{"label of nobody", "user", object{"labels": []object{{"id": 999, "name": "x"}}}, 400, "999"},
		{"deleted label without an id", "user", object{"labels": []object{{"name": "c", "deleted": true}}}, 400, "must have an ID"},
		{"owner", "user", object{"owner_id": b.users["other"].ID}, 200, `"username":"other"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if r := b.want(tt.status, "PATCH", path, tt.user, tt.body); !strings.Contains(r.body, tt.text) {
				t.Errorf("answer %s, want %q in it", r.body, tt.text)
			}
		})
	}
}

func TestTaskDelete(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addUser("other", "user")
	task := b.create("user", object{"assignee_id": b.users["worker"].ID})
	b.publish(task)
	job := b.jobs("user", task)[0]
	path := at("/api/tasks", task)
	b.want(403, "DELETE", path, "other", nil)
	b.want(403, "DELETE", path, "worker", nil)
	if r := b.want(204, "DELETE", path, "user", nil); r.body != "" {
		t.Errorf("204 with the body %q", r.body)
	}
	b.want(404, "GET", path, "user", nil)
	b.want(404, "PATCH", path, "user", object{"name": "x"})
	b.want(404, "DELETE", path, "user", nil)
	b.want(404, "GET", at("/api/jobs", job), "user", nil)
	b.want(404, "GET", fmt.Sprintf("/api/requests/action=create&target=task&target_id=%d", idOf(task)), "user", nil)
	b.want(404, "GET", fmt.Sprintf("/api/labels?task_id=%d", idOf(task)), "user", nil)
	for _, list := range []string{"tasks", "jobs", "requests", "labels"} {
		if n := b.want(200, "GET", "/api/"+list, "admin", nil).json(t)["count"]; n != 0.0 {
			t.Errorf("%v %s are still listed", n, list)
		}
	}
}

func TestTaskIsNotForStrangers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addUser("other", "user")
	task := b.create("user", nil)
	for _, path := range []string{at("/api/tasks", task), at("/api/tasks", task) + "/status", fmt.Sprintf("/api/labels?task_id=%d", idOf(task))} {
		r := b.want(403, "GET", path, "other", nil)
		if want := `{"detail":"you do not have permission to perform this action"}`; r.body != want {
			t.Errorf("%s: body %s, want %s", path, r.body, want)
		}
		b.want(401, "GET", path, "", nil)
	}
	for _, id := range []string{"999", "0", "-1", "x", "99999999999999999999"} {
		b.want(404, "GET", "/api/tasks/"+id, "other", nil)
	}
}

package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// person is a skeleton in a request.
func person() object {
	return object{
		"name": "person", "type": "skeleton", "svg": `<circle data-label-name="head"/>`,
		"sublabels": []object{{"name": "head", "type": "points", "attributes": []object{
			{"name": "hidden", "mutable": true, "input_type": "checkbox", "values": []string{"false", "true"}, "default_value": "false"},
		}}},
	}
}

func TestLabels(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task := b.create("user", object{"labels": []object{
		{"name": "car", "color": "#A0B0C0", "id": -1, "attributes": []object{
			{"name": "kind", "mutable": false, "input_type": "text", "values": []string{}},
		}},
		person(),
	}})
	b.publish(task)
	byTask := fmt.Sprintf("/api/labels?org=&page=1&task_id=%d", idOf(task))
	labels := results(t, b.want(200, "GET", byTask, "user", nil).json(t))
	if diff := cmp.Diff([]any{"car", "person"}, field(labels, "name")); diff != "" {
		t.Fatalf("labels differ (-want +got):\n%s", diff)
	}
	car, skeleton := labels[0], labels[1]
	if car["color"] != "#a0b0c0" || car["has_parent"] != false || car["task_id"] != task["id"] {
		t.Errorf("label %v", car)
	}
	if _, ok := car["project_id"]; ok {
		t.Errorf("the label of a task names a project: %v", car)
	}
	if got := car["attributes"].([]any)[0].(object)["values"]; len(got.([]any)) != 0 {
		t.Errorf("an attribute without values has %v", got)
	}
	head := skeleton["sublabels"].([]any)[0].(object)
	if want := fmt.Sprintf(`<circle data-label-id="%d"/>`, idOf(head)); skeleton["svg"] != want || head["has_parent"] != true {
		t.Errorf("svg %v, want %s; sublabel %v", skeleton["svg"], want, head)
	}
	if got := head["attributes"].([]any)[0].(object)["values"]; !cmp.Equal(got, []any{"false", "true"}) {
		t.Errorf("attribute of the sublabel has values %v", got)
	}
	for _, path := range []string{
		"/api/labels", fmt.Sprintf("/api/labels?job_id=%d", idOf(b.jobs("user", task)[0])), byTask + "&sort=name&search=R",
	} {
		if got := results(t, b.want(200, "GET", path, "user", nil).json(t)); len(got) != 2 {
			t.Errorf("%s has %d labels, want 2", path, len(got))
		}
	}
	b.want(400, "GET", byTask+"&job_id=1", "user", nil)
	b.want(400, "GET", "/api/labels?task_id=x", "user", nil)
	b.want(404, "GET", "/api/labels?task_id=999", "user", nil)
	b.want(403, "GET", byTask, "worker", nil)
	b.want(200, "GET", at("/api/labels", head), "user", nil)
	b.want(403, "GET", at("/api/labels", car), "worker", nil)
	b.want(404, "GET", "/api/labels/999", "user", nil)
}

func TestLabelChanges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task := b.create("user", object{"labels": []object{{"name": "car"}, person()}})
	labels := results(t, b.want(200, "GET", fmt.Sprintf("/api/labels?task_id=%d", idOf(task)), "user", nil).json(t))
	car, skeleton := labels[0], labels[1]
	head := skeleton["sublabels"].([]any)[0].(object)
	tests := []struct {
		name, user string
		label      object
		body       object
		status     int
		text       string
	}{
		{"name and color", "user", car, object{"name": "bus", "color": "#010203"}, 200, `"color":"#010203"`},
		{"attribute", "user", car, object{"attributes": []object{{"name": "k", "mutable": true, "input_type": "number", "values": []string{"1", "9", "1"}}}}, 200, `"values":["1","9","1"]`},
		{"never a skeleton", "user", car, object{"type": "skeleton"}, 200, `"type":"any"`},
		{"what a client read", "user", car, car, 200, `"name":"car"`},
		{"the name of another", "user", car, object{"name": "person"}, 400, "must be unique"},
		{"odd color", "user", car, object{"color": "blue"}, 400, "color"},
		{"sublabels", "user", car, object{"sublabels": []object{{"name": "x"}}}, 400, "no skeleton"},
		{"sublabel", "user", head, object{"name": "x"}, 400, "Sublabels cannot be modified this way"},
		{"a point more", "user", skeleton, object{"sublabels": []object{{"name": "hand"}}, "svg": `<circle data-label-name="hand"/>`}, 200, `data-label-id=`},
		{"stranger", "worker", car, object{"name": "x"}, 403, "permission"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if r := b.want(tt.status, "PATCH", at("/api/labels", tt.label), tt.user, tt.body); !strings.Contains(r.body, tt.text) {
				t.Errorf("answer %s, want %q in it", r.body, tt.text)
			}
		})
	}
	b.want(400, "DELETE", at("/api/labels", head), "user", nil)
	b.want(403, "DELETE", at("/api/labels", car), "worker", nil)
	b.want(204, "DELETE", at("/api/labels", car), "user", nil)
	b.want(404, "GET", at("/api/labels", car), "user", nil)
}

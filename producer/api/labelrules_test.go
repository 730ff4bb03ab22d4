package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// labelsOf returns the labels of a task or project.
func (b *bundle) labelsOf(user, owner string, of object) []object {
	b.t.Helper()
	path := fmt.Sprintf("/api/labels?page_size=all&%s_id=%d", owner, idOf(of))
	return results(b.t, b.want(200, "GET", path, user, nil).json(b.t))
}

// withAttribute is a label with one attribute, of which some fields are others.
func withAttribute(fields object) object {
	a := object{"name": "k", "mutable": true, "input_type": "select", "values": []string{"1", "2"}}
	for k, v := range fields {
		a[k] = v
	}
	return object{"name": "car", "attributes": []object{a}}
}

// drawing is a skeleton that is drawn so.
func drawing(svg string) object {
	l := person()
	l["svg"] = svg
	return l
}

// manyLabels are labels, or attributes, called a and a number.
func manyLabels(n int, name string) (list []object) {
	for i := range n {
		list = append(list, object{"name": fmt.Sprint(name, i), "mutable": true, "input_type": "text", "values": []string{}})
	}
	return list
}

// labelCase is a list of labels, and what the answer to it holds.
type labelCase struct {
	name   string
	labels []object
	status int
	text   string
}

func labelCases() []labelCase {
	return []labelCase{
		{"two of one name", []object{{"name": "car"}, {"name": "bus"}, {"name": " car "}}, 400, `All label names must be unique, and \"car\"`},
		{"names in other letters", []object{{"name": "car"}, {"name": "Car"}}, 201, "labels"},
		{"two sublabels of one name", []object{{"name": "p", "type": "skeleton", "sublabels": []object{{"name": "x"}, {"name": "x"}}}}, 400, "unique"},
		{"one name on two levels", []object{{"name": "x", "type": "skeleton", "sublabels": []object{{"name": "x"}}}}, 201, "labels"},
		{"no name", []object{{"color": "#000000"}}, 400, "needs a name"},
		{"a long name", []object{{"name": strings.Repeat("é", 65)}}, 400, "64"},
		{"an unknown type", []object{{"name": "x", "type": "blob"}}, 400, "blob"},
		{"a color by name", []object{{"name": "x", "color": "red"}}, 400, "red"},
		{"an empty color", []object{{"name": "x", "color": ""}}, 201, "labels"},
		{"deleted before it was there", []object{{"name": "x", "deleted": true}}, 400, "must have an ID"},
		{"too many", manyLabels(5001, "label"), 400, "5000"},
		{"sublabels of a sublabel", []object{{"name": "a", "type": "skeleton", "sublabels": []object{{"name": "b", "sublabels": []object{{"name": "c"}}}}}}, 400, `\"b\" has sublabels`},
		{"a skeleton in a skeleton", []object{{"name": "a", "type": "skeleton", "sublabels": []object{{"name": "b", "type": "skeleton"}}}}, 400, `\"b\" is a skeleton`},
		{"not a list", nil, 400, "labels"},

		{"an attribute", []object{withAttribute(object{"default_value": "1"})}, 201, "labels"},
		{"an unknown input", []object{withAttribute(object{"input_type": "slider"})}, 400, "slider"},
		{"no values", []object{withAttribute(object{"values": nil})}, 400, "values"},
		{"a long value", []object{withAttribute(object{"values": []string{strings.Repeat("x", 201)}})}, 400, "200"},
		{"long values", []object{withAttribute(object{"values": strings.Split(strings.Repeat(strings.Repeat("x", 199)+" ", 21), " ")})}, 400, "4096"},
		{"a line break", []object{withAttribute(object{"values": []string{"a\nb"}})}, 400, "line break"},
		{"a long default", []object{withAttribute(object{"default_value": strings.Repeat("x", 129)})}, 400, "128"},
		{"two attributes of one name", []object{{"name": "x", "attributes": append(manyLabels(1, "k"), manyLabels(1, "k")...)}}, 400, "Duplicate attribute"},
		{"too many attributes", []object{{"name": "x", "attributes": manyLabels(501, "k")}}, 400, "500"},

		{"a script", []object{drawing(`<script>alert(1)</script>`)}, 400, "script"},
		{"a handler", []object{drawing(`<circle OnLoad="alert(1)"/>`)}, 400, "OnLoad"},
		{"a link", []object{drawing(`<g xlink:href="javascript:alert(1)"/>`)}, 400, "href"},
		{"a foreign object", []object{drawing(`<svg><foreignObject/></svg>`)}, 400, "foreignObject"},
		{"a comment", []object{drawing(`<!--><script>alert(1)</script>-->`)}, 400, "elements only"},
		{"no end", []object{drawing(`<circle>`)}, 400, "well-formed"},
		{"a long drawing", []object{drawing(strings.Repeat("<g/>", 1<<18) + "<g/>")}, 400, "1048576"},
		{"a drawing", []object{drawing(`<svg xmlns="http://www.w3.org/2000/svg"><line x1="1" data-type="edge" stroke="black"></line><circle r="0.75" data-label-name="head"/></svg>`)}, 201, "labels"},
	}
}

func TestLabelInput(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, tt := range labelCases() {
		body := object{"name": "t", "labels": any(tt.labels)}
		if tt.labels == nil {
			body["labels"] = "car"
		}
		for _, path := range []string{"/api/tasks", "/api/projects"} {
			if r := b.want(tt.status, "POST", path, "user", body); !strings.Contains(r.body, tt.text) {
				t.Errorf("%s for %s: answer %.300s, want %q in it", tt.name, path, r.body, tt.text)
			}
		}
	}
}

func TestLabelColors(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task := b.create("user", object{"labels": []object{
		{"name": "person"}, {"name": "Person"}, {"name": "aeroplane", "color": "#123456"}, {"name": "bird", "color": "#C08080"}, {"name": "seam"},
	}})
	labels := b.labelsOf("user", "task", task)
	colors := map[any]bool{}
	for _, l := range labels {
		colors[l["color"]] = true
	}
	if len(colors) != 5 {
		t.Errorf("five labels have the colors %v", field(labels, "color"))
	}
	if labels[2]["color"] != "#123456" || labels[3]["color"] != "#c08080" {
		t.Errorf("colors that were chosen became %v", field(labels, "color"))
	}
	got := b.want(200, "PATCH", at("/api/labels", labels[2]), "user", object{"name": "cat", "color": ""}).json(t)
	fresh := b.labelsOf("user", "task", b.create("user", object{"labels": []object{{"name": "cat"}}}))
	if got["color"] != fresh[0]["color"] {
		t.Errorf("the color given back is %v, want that of the new name, %v", got["color"], fresh[0]["color"])
	}
}

func TestLabelsOfAnOwnerChange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for owner, task := range map[string]object{
		"task":    b.create("user", object{"labels": []object{{"name": "car"}, {"name": "bus"}, person()}}),
		"project": b.project("user", object{"labels": []object{{"name": "car"}, {"name": "bus"}, person()}}),
	} {
		path := at("/api/"+owner+"s", task)
		old := b.labelsOf("user", owner, task)
		car, bus, skeleton := old[0]["id"], old[1]["id"], old[2]["id"]
		head := old[2]["sublabels"].([]any)[0].(object)["id"]
		patch := func(status int, labels ...object) string {
			t.Helper()
			return b.want(status, "PATCH", path, "user", object{"labels": labels}).body
		}
		patch(200,
			object{"id": car, "name": "bus"}, object{"id": bus, "name": "car", "type": "rectangle"}, object{"name": "tram"},
			object{"id": skeleton, "svg": `<g><circle data-label-name="hand"/></g>`, "sublabels": []object{{"id": head, "name": "foot"}, {"name": "hand"}}})
		now := b.labelsOf("user", owner, task)
		if diff := cmp.Diff([]any{"bus", "car", "person", "tram"}, field(now, "name")); diff != "" {
			t.Fatalf("labels of a %s differ (-want +got):\n%s", owner, diff)
		}
		hand := now[2]["sublabels"].([]any)[1].(object)
		if want := fmt.Sprintf(`<g><circle data-label-id="%d"/></g>`, idOf(hand)); now[2]["svg"] != want || now[1]["type"] != "rectangle" {
			t.Errorf("labels of a %s are %v, want the svg %s", owner, now, want)
		}
		for text, label := range map[string]object{
			"unique":                               {"name": "tram"},
			"no label with id 999":                 {"id": 999, "name": "x"},
			"must have an ID":                      {"name": "tram", "deleted": true},
			"Duplicate attribute":                  {"id": car, "attributes": []object{{"name": "k", "mutable": true, "input_type": "text", "values": []string{}}, {"name": "k", "mutable": true, "input_type": "text", "values": []string{}}}},
			"no label with id " + fmt.Sprint(head): {"id": head, "deleted": true},
		} {
			if got := patch(400, object{"name": "new"}, label); !strings.Contains(got, text) {
				t.Errorf("labels %v of a %s: answer %s, want %q in it", label, owner, got, text)
			}
		}
		patch(200, object{"id": skeleton, "deleted": true}, object{"id": car, "deleted": true}, object{"name": "bus"})
		if diff := cmp.Diff([]any{"car", "tram", "bus"}, field(b.labelsOf("user", owner, task), "name")); diff != "" {
			t.Errorf("labels of a %s differ (-want +got):\n%s", owner, diff)
		}
		b.want(404, "GET", fmt.Sprintf("/api/labels/%v", head), "user", nil)
	}
}

// TestAttributeNames changes attributes one by one, so that only the database
// knows that two end with one name.
func TestAttributeNames(t *testing.T) {
	t.Parallel()
	b := setup(t)
	attribute := func(id any, name string) object {
		a := object{"name": name, "mutable": false, "input_type": "number", "values": []string{"0", "9", "1"}}
		if id != nil {
			a["id"] = id
		}
		return a
	}
	task := b.create("user", object{"labels": []object{{"name": "car", "attributes": []object{attribute(nil, "a"), attribute(nil, "b")}}}})
	car := b.labelsOf("user", "task", task)[0]
	first := car["attributes"].([]any)[0].(object)["id"]
	path := at("/api/labels", car)
	r := b.want(400, "PATCH", path, "user", object{"attributes": []object{attribute(first, "b")}})
	if !strings.Contains(r.body, `Duplicate attribute with name \"b\"`) {
		t.Errorf("answer %s", r.body)
	}
	b.want(400, "PATCH", path, "user", object{"attributes": []object{attribute(999, "c")}})
	got := b.want(200, "PATCH", path, "user", object{"attributes": []object{attribute(first, "c"), attribute(nil, "a")}}).json(t)
	var names []any
	for _, a := range got["attributes"].([]any) {
		names = append(names, a.(object)["name"])
	}
	if diff := cmp.Diff([]any{"c", "b", "a"}, names); diff != "" {
		t.Errorf("attributes differ (-want +got):\n%s", diff)
	}
}

// TestLabelsAreBounded adds labels in several requests.
func TestLabelsAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var labels []object
	for i := range 3000 {
		labels = append(labels, object{"name": fmt.Sprint("first ", i)})
	}
	path := at("/api/projects", b.project("user", object{"labels": labels}))
	for i := range labels {
		labels[i] = object{"name": fmt.Sprint("second ", i)}
	}
	b.want(400, "PATCH", path, "user", object{"labels": labels})
	b.want(200, "PATCH", path, "user", object{"labels": labels[:2000]})
}

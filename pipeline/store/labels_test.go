package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// skeleton is a label with two points and a drawing that names them.
func skeleton() pipeline.Label {
	return pipeline.Label{
		Name: "person", Type: pipeline.LabelSkeleton,
		SVG: `<circle data-label-name="head"/><circle data-label-name="hand"/>`,
		Sublabels: []pipeline.Label{
			{Name: "head", Type: "points", Attributes: []pipeline.Attribute{{Name: "hidden", InputType: "checkbox"}}},
			{Name: "hand", Type: "points"},
		},
	}
}

// labelsOf returns the labels of a task.
func labelsOf(t *testing.T, db *store.DB, taskID int64) []pipeline.Label {
	t.Helper()
	labels, total, err := db.LabelsOf(t.Context(), store.LabelOwner{TaskID: &taskID}, store.Query{})
	if err != nil || total != int64(len(labels)) {
		t.Fatalf("labels of task %d: %d of %d, error %v", taskID, len(labels), total, err)
	}
	return labels
}

func names(labels []pipeline.Label) []string {
	var out []string
	for _, l := range labels {
		out = append(out, l.Name)
	}
	return out
}

func TestSkeletonIsLinked(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		id := newTask(t, db, store.NewTask{Labels: []pipeline.Label{{Name: "car", Color: "#102030", Type: "any"}, skeleton()}})
		labels := labelsOf(t, db, id)
		if diff := cmp.Diff([]string{"car", "person"}, names(labels)); diff != "" {
			t.Fatalf("labels differ (-want +got):\n%s", diff)
		}
		person := labels[1]
		if diff := cmp.Diff([]string{"head", "hand"}, names(person.Sublabels)); diff != "" {
			t.Fatalf("sublabels differ (-want +got):\n%s", diff)
		}
		head := person.Sublabels[0]
		if len(head.Attributes) != 1 || head.Attributes[0].Name != "hidden" || *head.ParentID != person.ID {
			t.Errorf("sublabel head is %+v", head)
		}
		for _, sub := range person.Sublabels {
			if want := fmt.Sprintf(`data-label-id="%d"`, sub.ID); !strings.Contains(person.SVG, want) {
				t.Errorf("svg %q does not hold %s", person.SVG, want)
			}
		}
		if labels[0].Color != "#102030" || len(person.Color) != 7 || person.Color[0] != '#' {
			t.Errorf("colors %q and %q, want the given one and a derived one", labels[0].Color, person.Color)
		}
	})
}

func TestLabelsAreChanged(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		id := newTask(t, db, store.NewTask{Labels: []pipeline.Label{
			{Name: "a", Type: "any", Attributes: []pipeline.Attribute{{Name: "old", InputType: "text"}, {Name: "gone", InputType: "text"}}},
			{Name: "b", Type: "any"}, {Name: "c", Type: "any"},
		}})
		old := labelsOf(t, db, id)
		err := db.UpdateTask(t.Context(), id, &store.TaskChange{Labels: []store.LabelChange{
			{ID: old[0].ID, Name: store.To("b"), Type: store.To(pipeline.LabelSkeleton), Attributes: []store.AttributeChange{
				{Attribute: pipeline.Attribute{ID: old[0].Attributes[0].ID, Name: "renamed", InputType: "text"}},
				{Attribute: pipeline.Attribute{Name: "gone"}, Delete: true},
				{Attribute: pipeline.Attribute{Name: "added", InputType: "number", Mutable: true, Values: "1\n2"}},
			}},
			{ID: old[1].ID, Name: store.To("a")}, // the two swap their names
			{ID: old[2].ID, Delete: true},
			{Name: store.To("d")},
		}})
		if err != nil {
			t.Fatal(err)
		}
		got := labelsOf(t, db, id)
		if diff := cmp.Diff([]string{"b", "a", "d"}, names(got)); diff != "" {
			t.Errorf("labels differ (-want +got):\n%s", diff)
		}
		if got[0].Type != "any" {
			t.Errorf("a label became a %s", got[0].Type)
		}
		var attributes []string
		for _, a := range got[0].Attributes {
			attributes = append(attributes, a.Name)
		}
		if diff := cmp.Diff([]string{"renamed", "added"}, attributes); diff != "" {
			t.Errorf("attributes differ (-want +got):\n%s", diff)
		}
	})
}

func TestLabelChangesAreAllOrNone(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		id := newTask(t, db, store.NewTask{Labels: []pipeline.Label{{Name: "a", Type: "any"}, skeleton()}})
		other := newTask(t, db, store.NewTask{Labels: []pipeline.Label{{Name: "x", Type: "any"}}})
		a, person, foreign := labelsOf(t, db, id)[0], labelsOf(t, db, id)[1], labelsOf(t, db, other)[0]
		tests := []struct {
			name   string
			change store.LabelChange
		}{
			{"second of a name", store.LabelChange{Name: store.To("person")}},
			{"renamed to another's name", store.LabelChange{ID: a.ID, Name: store.To("person")}},
			{"of another task", store.LabelChange{ID: foreign.ID, Name: store.To("y")}},
			{"sublabels of no skeleton", store.LabelChange{ID: a.ID, Sublabels: []store.LabelChange{{Name: store.To("p")}}}},
			{"second sublabel of a name", store.LabelChange{ID: person.ID, Sublabels: []store.LabelChange{{Name: store.To("head")}}}},
			{"attribute that is not there", store.LabelChange{ID: a.ID, Attributes: []store.AttributeChange{{Attribute: pipeline.Attribute{ID: 999}}}}},
		}
		for _, test := range tests {
			err := db.UpdateTask(t.Context(), id, &store.TaskChange{
				Name: store.To("changed"), Labels: []store.LabelChange{{Name: store.To("new")}, test.change},
			})
			wantKind(t, err, pipeline.Invalid, test.name)
		}
		if diff := cmp.Diff([]string{"a", "person"}, names(labelsOf(t, db, id))); diff != "" {
			t.Errorf("a refused change left labels (-want +got):\n%s", diff)
		}
	})
}

func TestLabelsOfAProjectAreItsTasks(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		project, err := db.CreateProject(t.Context(), &store.NewProject{
			Project: pipeline.Project{Name: "p", OwnerID: ptr[int64](1)}, Labels: []pipeline.Label{{Name: "car", Type: "any"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		id := newTask(t, db, store.NewTask{Task: pipeline.Task{ProjectID: &project}})
		task, err := db.Task(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		labels, _, err := db.LabelsOf(t.Context(), store.LabelOwnerOf(task), store.Query{})
		if err != nil || len(labels) != 1 || labels[0].Name != "car" {
			t.Fatalf("labels %v, error %v; want those of the project", names(labels), err)
		}
		if err := db.UpdateTask(t.Context(), id, &store.TaskChange{Labels: []store.LabelChange{{Name: store.To("own")}}}); err != nil {
			t.Fatal(err)
		}
		if own := labelsOf(t, db, id); len(own) != 0 {
			t.Errorf("a task of a project got labels %v of its own", names(own))
		}
	})
}

func TestLabelsAreSeenWithTheirOwner(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		newTask(t, db, store.NewTask{Labels: []pipeline.Label{{Name: "of one", Type: "any"}}})
		gone := newTask(t, db, store.NewTask{
			Task: pipeline.Task{OwnerID: ptr[int64](2)}, Labels: []pipeline.Label{{Name: "of two", Type: "any"}},
		})
		got, _, err := db.Labels(t.Context(), store.Viewer{UserID: 1}, store.Query{})
		if err != nil || len(got) != 1 || got[0].Name != "of one" {
			t.Errorf("user 1 sees %v, error %v", names(got), err)
		}
		if err := db.DeleteTask(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
		got, _, err = db.Labels(t.Context(), everyone, store.Query{})
		if err != nil || len(got) != 1 {
			t.Errorf("after the deletion all see %v, error %v", names(got), err)
		}
	})
}

func TestOneLabel(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		id := newTask(t, db, store.NewTask{Labels: []pipeline.Label{skeleton()}})
		person := labelsOf(t, db, id)[0]
		if err := db.UpdateLabel(t.Context(), store.LabelChange{
			ID: person.ID, SVG: store.To(`<circle data-label-name="toe"/>`),
			Sublabels: []store.LabelChange{
				{ID: person.Sublabels[0].ID, Delete: true},
				{ID: person.Sublabels[1].ID, Name: store.To("finger")},
				{Name: store.To("toe")},
			},
		}); err != nil {
			t.Fatal(err)
		}
		got, err := db.Label(t.Context(), person.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"finger", "toe"}, names(got.Sublabels)); diff != "" {
			t.Fatalf("sublabels differ (-want +got):\n%s", diff)
		}
		if want := fmt.Sprintf(`<circle data-label-id="%d"/>`, got.Sublabels[1].ID); got.SVG != want {
			t.Errorf("svg %s, want %s", got.SVG, want)
		}
		if err := db.DeleteLabel(t.Context(), person.ID); err != nil {
			t.Fatal(err)
		}
		_, err = db.Label(t.Context(), got.Sublabels[0].ID)
		wantKind(t, err, pipeline.NotFound, "read a sublabel of the deleted label")
	})
}

package api

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// maxAttributeText bounds the values of an attribute: characters of all of them
// together.
const maxAttributeText = 4096

var (
	labelTypes = []string{
		"any", "cuboid", "ellipse", "mask", "points", "polygon", "polyline", "rectangle", "skeleton", "tag",
	}
	attributeTypes = []string{"checkbox", "radio", "number", "text", "select"}
	colorShape     = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
)

// labelInput is a label in a request: a new one, or a change of the one that id
// names.
type labelInput struct {
	ID         *integer         `json:"id"`
	Name       optional[string] `json:"name"`
	Color      optional[string] `json:"color"`
	Type       optional[string] `json:"type"`
	SVG        optional[string] `json:"svg"`
	Deleted    bool             `json:"deleted"`
	Attributes []attributeInput `json:"attributes"`
	Sublabels  []labelInput     `json:"sublabels"`
}

type attributeInput struct {
	ID        *integer         `json:"id"`
	Name      optional[string] `json:"name"`
	Mutable   *bool            `json:"mutable"`
	InputType string           `json:"input_type"`
	Default   *string          `json:"default_value"`
	Values    *[]string        `json:"values"`
	Deleted   bool             `json:"deleted"`
}

// newLabels returns the labels of a new task or project. Their ids are those
// that a client made up, and mean nothing.
func newLabels(inputs []labelInput) ([]pipeline.Label, error) {
	var dropIDs func([]labelInput)
	dropIDs = func(list []labelInput) {
		for i := range list {
			list[i].ID = nil
			for k := range list[i].Attributes {
				list[i].Attributes[k].ID = nil
			}
			dropIDs(list[i].Sublabels)
		}
	}
	dropIDs(inputs)
	changes, err := labelChanges(inputs)
	if err != nil {
		return nil, err
	}
	return mapEach(changes, (*store.LabelChange).Label), nil
}

// labelChanges checks a list of labels in a request.
func labelChanges(inputs []labelInput) ([]store.LabelChange, error) {
	total := len(inputs)
	for i := range inputs {
		total += len(inputs[i].Sublabels)
	}
	if total > store.MaxLabels {
		return nil, pipeline.FieldErrorf("labels", "more than %d labels", store.MaxLabels)
	}
	return siblings(inputs, false)
}

// siblings checks labels that must not share a name.
func siblings(inputs []labelInput, sub bool) ([]store.LabelChange, error) {
	names := map[string]bool{}
	out := make([]store.LabelChange, 0, len(inputs))
	for i := range inputs {
		ch, err := inputs[i].change(sub)
		if err != nil {
			return nil, err
		}
		if ch.Name.Set && !ch.Delete {
			if names[ch.Name.To] {
				return nil, pipeline.FieldErrorf("labels", "All label names must be unique, and %q is there twice", ch.Name.To)
			}
			names[ch.Name.To] = true
		}
		out = append(out, ch)
	}
	return out, nil
}

// change checks one label.
func (in *labelInput) change(sub bool) (ch store.LabelChange, err error) {
	if in.ID != nil && *in.ID > 0 {
		ch.ID = int64(*in.ID)
	}
	if ch.Delete = in.Deleted; ch.Delete {
		if ch.ID == 0 {
			err = pipeline.FieldErrorf("labels", "Deleted label must have an ID")
		}
		return ch, err
	}
	rule := textRule{field: "labels", max: 64}
	if ch.Name, err = rule.change(in.Name); err != nil {
		return ch, err
	}
	if ch.ID == 0 && !ch.Name.Set {
		return ch, pipeline.FieldErrorf("labels", "a new label needs a name")
	}
	if ch.Color, err = in.color(); err != nil {
		return ch, err
	}
	if ch.Type, err = in.labelType(); err != nil {
		return ch, err
	}
	if sub && ch.Type.To == pipeline.LabelSkeleton {
		return ch, pipeline.FieldErrorf("labels", "sublabel %q is a skeleton", ch.Name.To)
	}
	if ch.SVG, err = (textRule{field: "labels", max: 1 << 20, blank: true}).change(in.SVG); err != nil {
		return ch, err
	}
	if err = checkDrawing(ch.SVG.To); err != nil {
		return ch, err
	}
	if ch.Attributes, err = attributeChanges(in.Attributes); err != nil {
		return ch, err
	}
	return ch, in.addSublabels(&ch, sub)
}

func (in *labelInput) addSublabels(ch *store.LabelChange, sub bool) (err error) {
	if len(in.Sublabels) == 0 {
		return nil
	}
	if sub {
		return pipeline.FieldErrorf("labels", "sublabel %q has sublabels", ch.Name.To)
	}
	if ch.ID == 0 && ch.Type.To != pipeline.LabelSkeleton {
		return pipeline.FieldErrorf("labels", "label %q has sublabels and is no skeleton", ch.Name.To)
	}
	ch.Sublabels, err = siblings(in.Sublabels, true)
	return err
}

// color returns the color; an empty one is derived from the name.
func (in *labelInput) color() (store.Change[string], error) {
	switch {
	case !in.Color.Set:
		return store.Change[string]{}, nil
	case in.Color.Value == nil || *in.Color.Value == "":
		return store.To(""), nil
	case !colorShape.MatchString(*in.Color.Value):
		return store.Change[string]{}, pipeline.FieldErrorf("labels", "color %q is not like #1f2e3d", clip(*in.Color.Value))
	}
	return store.To(strings.ToLower(*in.Color.Value)), nil
}

func (in *labelInput) labelType() (store.Change[string], error) {
	if !in.Type.Set || in.Type.Value == nil {
		return store.Change[string]{}, nil
	}
	if !slices.Contains(labelTypes, *in.Type.Value) {
		return store.Change[string]{}, pipeline.FieldErrorf("labels", "%q is not a valid choice of a label's type", clip(*in.Type.Value))
	}
	return store.To(*in.Type.Value), nil
}

// attributeChanges checks the attributes of one label.
func attributeChanges(inputs []attributeInput) ([]store.AttributeChange, error) {
	if len(inputs) > store.MaxAttributes {
		return nil, pipeline.FieldErrorf("attributes", "a label has more than %d attributes", store.MaxAttributes)
	}
	names := map[string]bool{}
	var out []store.AttributeChange
	for i := range inputs {
		ch, err := inputs[i].change()
		if err != nil {
			return nil, err
		}
		if names[ch.Name] && !ch.Delete {
			return nil, pipeline.FieldErrorf("attributes", "Duplicate attribute with name %q exists", ch.Name)
		}
		names[ch.Name] = !ch.Delete
		out = append(out, ch)
	}
	return out, nil
}

func (in *attributeInput) change() (ch store.AttributeChange, err error) {
	if in.ID != nil && *in.ID > 0 {
		ch.ID = int64(*in.ID)
	}
	ch.Delete = in.Deleted
	if ch.Delete && ch.ID != 0 {
		return ch, nil
	}
	if ch.Name, err = (textRule{field: "attributes", max: 64}).required(in.Name); err != nil || ch.Delete {
		return ch, err
	}
	switch {
	case in.Mutable == nil || in.Values == nil:
		return ch, pipeline.FieldErrorf("attributes", "attribute %q needs mutable and values", ch.Name)
	case !slices.Contains(attributeTypes, in.InputType):
		return ch, pipeline.FieldErrorf("attributes", "%q is not a valid choice of an input type", clip(in.InputType))
	}
	ch.Mutable, ch.InputType = *in.Mutable, in.InputType
	if in.Default != nil {
		ch.Default = *in.Default
	}
	if utf8.RuneCountInString(ch.Default) > 128 {
		return ch, pipeline.FieldErrorf("attributes", "the default value of %q has more than 128 characters", ch.Name)
	}
	ch.Values, err = joinValues(ch.Name, *in.Values)
	return ch, err
}

// joinValues returns the values as one text, as they are kept.
func joinValues(name string, values []string) (string, error) {
	for _, v := range values {
		if utf8.RuneCountInString(v) > 200 {
			return "", pipeline.FieldErrorf("attributes", "a value of %q has more than 200 characters", name)
		}
		if strings.Contains(v, "\n") {
			return "", pipeline.FieldErrorf("attributes", "a value of %q has a line break", name)
		}
	}
	joined := strings.Join(values, "\n")
	if utf8.RuneCountInString(joined) > maxAttributeText {
		return "", pipeline.FieldErrorf("attributes", "the values of %q have more than %d characters together", name, maxAttributeText)
	}
	return joined, nil
}

package store

import (
	"context"
	"slices"

	"framemill/pipeline"
)

// MaxAttributes bounds the attributes of one label.
const MaxAttributes = 500

// AttributeChange is an attribute to add, change or remove. One without an id
// is found by its name.
type AttributeChange struct {
	pipeline.Attribute
	Delete bool
}

func (t *Tx) addAttribute(ctx context.Context, labelID int64, a *pipeline.Attribute) error {
	_, err := t.exec(ctx, `
		INSERT INTO attributes (label_id, name, mutable, input_type, default_value, vals)
		VALUES (?, ?, ?, ?, ?, ?)`,
		labelID, a.Name, a.Mutable, a.InputType, a.Default, a.Values)
	return err
}

// changeAttributes applies changes to the attributes of a label.
func (t *Tx) changeAttributes(ctx context.Context, l *pipeline.Label, changes []AttributeChange) error {
	if len(changes) == 0 {
		return nil
	}
	for _, ch := range changes {
		if err := t.changeAttribute(ctx, l, ch, attributeOf(l, ch, changes)); err != nil {
			return err
		}
	}
	var names []string
	if err := t.all(ctx, &names, `SELECT name FROM attributes WHERE label_id = ?`, l.ID); err != nil {
		return err
	}
	if len(names) > MaxAttributes {
		return pipeline.FieldErrorf("attributes", "label %q has more than %d attributes", l.Name, MaxAttributes)
	}
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		if seen[name] {
			return pipeline.FieldErrorf("attributes", "Duplicate attribute with name %q exists", name)
		}
		seen[name] = true
	}
	return nil
}

// attributeOf returns the attribute of a label that a change means: the one with
// its id or, of those that no change has the id of, with its name.
func attributeOf(l *pipeline.Label, ch AttributeChange, changes []AttributeChange) *pipeline.Attribute {
	for i := range l.Attributes {
		a := &l.Attributes[i]
		switch {
		case ch.ID != 0 && ch.ID == a.ID:
			return a
		case ch.ID == 0 && ch.Name == a.Name:
			if !slices.ContainsFunc(changes, func(c AttributeChange) bool { return c.ID == a.ID }) {
				return a
			}
		}
	}
	return nil
}

func (t *Tx) changeAttribute(ctx context.Context, l *pipeline.Label, ch AttributeChange, old *pipeline.Attribute) error {
	switch {
	case old == nil && ch.ID != 0:
		return pipeline.FieldErrorf("attributes", "label %q has no attribute with id %d", l.Name, ch.ID)
	case old == nil && ch.Delete:
		return pipeline.FieldErrorf("attributes", "label %q has no attribute %q to delete", l.Name, ch.Name)
	case old == nil:
		return t.addAttribute(ctx, l.ID, &ch.Attribute)
	case ch.Delete:
		_, err := t.exec(ctx, `DELETE FROM attributes WHERE id = ?`, old.ID)
		return err
	}
	_, err := t.exec(ctx, `
		UPDATE attributes SET name = ?, mutable = ?, input_type = ?, default_value = ?, vals = ? WHERE id = ?`,
		ch.Name, ch.Mutable, ch.InputType, ch.Default, ch.Values, old.ID)
	return err
}

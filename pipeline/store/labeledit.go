package store

import (
	"context"
	"fmt"
	"html"
	"strings"

	"framemill/pipeline"
	"framemill/pipeline/plan"
)

// MaxLabels bounds the labels of one task or project, sublabels included.
const MaxLabels = 5000

// LabelChange is one entry of a list of changes to labels: without an id a new
// label, with one a change or a removal.
type LabelChange struct {
	ID         int64 // 0 = new
	Delete     bool
	Name       Change[string]
	Color      Change[string] // "" = derived from the name
	Type       Change[string]
	SVG        Change[string]
	Attributes []AttributeChange
	Sublabels  []LabelChange
}

// UpdateLabel changes one label of a task or project.
func (db *DB) UpdateLabel(ctx context.Context, ch LabelChange) error {
	err := db.tx(ctx, func(t *Tx) error {
		l, err := t.label(ctx, ch.ID)
		if err != nil {
			return err
		}
		owner := LabelOwner{TaskID: l.TaskID, ProjectID: l.ProjectID}
		if err := t.lockLabels(ctx, owner); err != nil {
			return err
		}
		return t.changeLabels(ctx, owner, []LabelChange{ch})
	})
	if err != nil {
		return fmt.Errorf("change label %d: %w", ch.ID, err)
	}
	return nil
}

// lockLabels keeps others from changing the owner's labels, and marks the owner
// changed.
func (t *Tx) lockLabels(ctx context.Context, o LabelOwner) error {
	query := `UPDATE tasks SET updated = {now} WHERE id = ? AND deleted IS NULL`
	if o.ProjectID != nil {
		query = `UPDATE projects SET updated = {now} WHERE id = ?`
	}
	_, id := o.column()
	n, err := t.exec(ctx, query, id)
	if err == nil && n == 0 {
		return pipeline.Errorf(pipeline.NotFound, "no such object")
	}
	return err
}

// addLabels inserts the labels of a new owner.
func (t *Tx) addLabels(ctx context.Context, o LabelOwner, labels []pipeline.Label) error {
	colors := paletteOf(labels)
	for i := range labels {
		if _, err := t.addLabel(ctx, o, nil, &labels[i], colors); err != nil {
			return fmt.Errorf("add label %q: %w", labels[i].Name, err)
		}
	}
	return nil
}

// paletteOf returns the colors that are left beside those of labels.
func paletteOf(labels []pipeline.Label) *plan.Palette {
	colors := new(plan.Palette)
	for i := range labels {
		colors.Take(labels[i].Color)
	}
	return colors
}

// addLabel inserts a label with its attributes and sublabels.
func (t *Tx) addLabel(
	ctx context.Context, o LabelOwner, parent *int64, l *pipeline.Label, colors *plan.Palette,
) (int64, error) {
	color := l.Color
	if color == "" {
		color = colors.Choose(l.Name)
	}
	var id int64
	if err := t.get(ctx, &id, `
		INSERT INTO labels (task_id, project_id, parent_id, name, color, type, svg)
		VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		o.TaskID, o.ProjectID, parent, l.Name, color, l.Type, l.SVG); err != nil {
		return 0, err
	}
	for i := range l.Attributes {
		if err := t.addAttribute(ctx, id, &l.Attributes[i]); err != nil {
			return 0, fmt.Errorf("add attribute %q: %w", l.Attributes[i].Name, err)
		}
	}
	ids := map[string]int64{}
	colors = paletteOf(l.Sublabels)
	for i := range l.Sublabels {
		sub, err := t.addLabel(ctx, o, &id, &l.Sublabels[i], colors)
		if err != nil {
			return 0, fmt.Errorf("add sublabel %q: %w", l.Sublabels[i].Name, err)
		}
		ids[l.Sublabels[i].Name] = sub
	}
	return id, t.linkSVG(ctx, id, l.SVG, ids)
}

// linkSVG stores the drawing of a skeleton, whose points name the sublabels,
// with the ids that these have got.
func (t *Tx) linkSVG(ctx context.Context, labelID int64, svg string, sublabels map[string]int64) error {
	if svg == "" || len(sublabels) == 0 {
		return nil
	}
	var pairs []string
	for name, id := range sublabels {
		to := fmt.Sprintf(`data-label-id="%d"`, id)
		// A name may stand there as it is, or as XML has it.
		pairs = append(pairs, `data-label-name="`+name+`"`, to, `data-label-name="`+html.EscapeString(name)+`"`, to)
	}
	_, err := t.exec(ctx, `UPDATE labels SET svg = ? WHERE id = ?`, strings.NewReplacer(pairs...).Replace(svg), labelID)
	return err
}

// changeLabels applies changes to the labels of an owner whose row is locked,
// and marks what uses them changed.
func (t *Tx) changeLabels(ctx context.Context, o LabelOwner, changes []LabelChange) error {
	rows, err := t.allLabels(ctx, o)
	if err != nil {
		return err
	}
	e := labelEdit{t: t, owner: o, old: rows}
	if err := e.apply(ctx, changes); err != nil {
		return err
	}
	column, id := o.column()
	var total int64
	if err := t.get(ctx, &total, `SELECT COUNT(*) FROM labels WHERE `+column+` = ?`, id); err != nil {
		return err
	}
	if total > MaxLabels {
		return pipeline.FieldErrorf("labels", "more than %d labels", MaxLabels)
	}
	return t.touchUsers(ctx, o)
}

// touchUsers marks the tasks and jobs changed that use the labels of an owner.
func (t *Tx) touchUsers(ctx context.Context, o LabelOwner) error {
	_, id := o.column()
	tasks := `id = ?`
	if o.ProjectID != nil {
		tasks = `project_id = ?`
	}
	if _, err := t.exec(ctx, `UPDATE tasks SET updated = {now} WHERE deleted IS NULL AND `+tasks, id); err != nil {
		return err
	}
	_, err := t.exec(ctx, `
		UPDATE jobs SET updated = {now} WHERE task_id IN (SELECT id FROM tasks WHERE deleted IS NULL AND `+tasks+`)`, id)
	return err
}

// labelEdit changes labels that are siblings of each other.
type labelEdit struct {
	t      *Tx
	owner  LabelOwner
	parent *int64
	old    []pipeline.Label
}

func (e *labelEdit) apply(ctx context.Context, changes []LabelChange) error {
	names, colors := map[int64]string{}, paletteOf(e.old)
	byID := map[int64]*pipeline.Label{}
	for i := range e.old {
		l := &e.old[i]
		names[l.ID], byID[l.ID] = l.Name, l
	}
	for _, ch := range changes {
		colors.Take(ch.Color.To)
	}
	for _, ch := range changes {
		old := byID[ch.ID]
		switch {
		case ch.ID != 0 && old == nil:
			return pipeline.FieldErrorf("labels", "there is no label with id %d here", ch.ID)
		case ch.Delete:
			if err := e.t.removeLabel(ctx, ch.ID); err != nil {
				return err
			}
			delete(names, ch.ID)
		case ch.ID != 0:
			if err := e.change(ctx, old, ch, colors); err != nil {
				return err
			}
			if ch.Name.Set {
				names[ch.ID] = ch.Name.To
			}
		default:
			l := ch.Label()
			id, err := e.t.addLabel(ctx, e.owner, e.parent, &l, colors)
			if err != nil {
				return err
			}
			names[id] = l.Name
		}
	}
	return unique(names)
}

// unique refuses labels of the same name.
func unique(names map[int64]string) error {
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		if seen[name] {
			return pipeline.FieldErrorf("labels", "All label names must be unique, and %q is there twice", name)
		}
		seen[name] = true
	}
	return nil
}

// Label returns the new label that the change describes.
func (ch *LabelChange) Label() pipeline.Label {
	l := pipeline.Label{Name: ch.Name.To, Color: ch.Color.To, Type: ch.Type.To, SVG: ch.SVG.To}
	if l.Type == "" {
		l.Type = pipeline.LabelAny
	}
	for _, a := range ch.Attributes {
		l.Attributes = append(l.Attributes, a.Attribute)
	}
	for i := range ch.Sublabels {
		l.Sublabels = append(l.Sublabels, ch.Sublabels[i].Label())
	}
	return l
}

// change applies a change to one label.
func (e *labelEdit) change(ctx context.Context, old *pipeline.Label, ch LabelChange, colors *plan.Palette) error {
	var set assignments
	assign(&set, "name", ch.Name)
	if ch.Color.Set && ch.Color.To == "" {
		name := old.Name
		if ch.Name.Set {
			name = ch.Name.To
		}
		ch.Color.To = colors.Choose(name)
	}
	assign(&set, "color", ch.Color)
	skeleton := old.Type == pipeline.LabelSkeleton
	// A label never becomes a skeleton, nor stops being one.
	if ch.Type.Set && !skeleton && ch.Type.To != pipeline.LabelSkeleton {
		set.set("type", ch.Type.To)
	}
	assign(&set, "svg", ch.SVG)
	if !set.empty() {
		if _, err := e.t.exec(ctx, `UPDATE labels SET `+set.columns+` WHERE id = ?`, append(set.args, old.ID)...); err != nil {
			return err
		}
	}
	if err := e.t.changeAttributes(ctx, old, ch.Attributes); err != nil {
		return err
	}
	switch {
	case len(ch.Sublabels) == 0 && !(skeleton && ch.SVG.Set):
		return nil
	case !skeleton:
		return pipeline.FieldErrorf("sublabels", "label %q is no skeleton and has no sublabels", old.Name)
	}
	return e.changeSublabels(ctx, old, ch)
}

func (e *labelEdit) changeSublabels(ctx context.Context, parent *pipeline.Label, ch LabelChange) error {
	sub := labelEdit{t: e.t, owner: e.owner, parent: &parent.ID, old: parent.Sublabels}
	if err := sub.apply(ctx, ch.Sublabels); err != nil {
		return err
	}
	now, err := e.t.label(ctx, parent.ID)
	if err != nil {
		return err
	}
	ids := map[string]int64{}
	for i := range now.Sublabels {
		ids[now.Sublabels[i].Name] = now.Sublabels[i].ID
	}
	return e.t.linkSVG(ctx, parent.ID, now.SVG, ids)
}

// DeleteLabel removes a label of a task or project.
func (db *DB) DeleteLabel(ctx context.Context, id int64) error {
	return db.UpdateLabel(ctx, LabelChange{ID: id, Delete: true})
}

// removeLabel deletes a label, its sublabels and their attributes.
func (t *Tx) removeLabel(ctx context.Context, id int64) error {
	for _, query := range []string{
		`DELETE FROM attributes WHERE label_id = ?`,
		`DELETE FROM attributes WHERE label_id IN (SELECT id FROM labels WHERE parent_id = ?)`,
		`DELETE FROM labels WHERE parent_id = ?`,
		`DELETE FROM labels WHERE id = ?`,
	} {
		if _, err := t.exec(ctx, query, id); err != nil {
			return err
		}
	}
	return nil
}

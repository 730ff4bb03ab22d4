package store

import (
	"context"
	"fmt"

	"framemill/pipeline"
)

const labelColumns = `l.id, l.task_id, l.project_id, l.parent_id, l.name, l.color, l.type, l.svg`

func labels() *listing {
	return &listing{
		columns: labelColumns,
		from:    `labels l`,
		joins:   []join{{"up", `LEFT JOIN labels up ON up.id = l.parent_id`}},
		where:   `l.parent_id IS NULL`,
		task:    `l.task_id`,
		id:      "l.id",
		fields: map[string]field{
			"id":        {expr: "l.id", typ: number},
			"name":      {expr: "l.name"},
			"type":      {expr: "l.type"},
			"color":     {expr: "l.color"},
			"parent":    {expr: "up.name", joins: "up"},
			"parent_id": {expr: "l.parent_id", typ: number},
		},
		search: []string{"name", "parent"},
		oldest: true,
	}
}

// LabelOwner is what a label belongs to: a task or a project.
type LabelOwner struct {
	TaskID    *int64
	ProjectID *int64
}

// LabelOwnerOf returns whose the labels of a task are: the project's, if it has
// one.
func LabelOwnerOf(t *pipeline.Task) LabelOwner {
	if t.ProjectID != nil {
		return LabelOwner{ProjectID: t.ProjectID}
	}
	return LabelOwner{TaskID: &t.ID}
}

// column returns the column that names the owner of a label, and its id.
func (o LabelOwner) column() (string, int64) {
	if o.TaskID != nil {
		return "task_id", *o.TaskID
	}
	return "project_id", *o.ProjectID
}

// Label returns a label with its attributes and sublabels.
func (db *DB) Label(ctx context.Context, id int64) (*pipeline.Label, error) {
	return db.label(ctx, id)
}

func (c conn) label(ctx context.Context, id int64) (*pipeline.Label, error) {
	rows := make([]pipeline.Label, 1)
	if err := c.get(ctx, &rows[0], `SELECT `+labelColumns+` FROM labels l WHERE l.id = ?`, id); err != nil {
		return nil, err
	}
	return &rows[0], c.completeLabels(ctx, rows)
}

// LabelsOf lists the labels of a task or project, without sublabels of their
// own right, and counts all that match.
func (db *DB) LabelsOf(ctx context.Context, o LabelOwner, q Query) ([]pipeline.Label, int64, error) {
	column, id := o.column()
	return db.labelList(ctx, q, only("l."+column+" = ?", id))
}

// Labels lists the labels of every task and project that v has a part in.
func (db *DB) Labels(ctx context.Context, v Viewer, q Query) ([]pipeline.Label, int64, error) {
	seen, err := db.labelsOf(ctx, v)
	if err != nil {
		return nil, 0, err
	}
	return db.labelList(ctx, q, seen)
}

func (db *DB) labelList(ctx context.Context, q Query, seen scope) ([]pipeline.Label, int64, error) {
	rows, total, err := list(ctx, db, labels(), q, func(l *pipeline.Label) int64 { return l.ID }, seen)
	if err != nil {
		return nil, 0, err
	}
	return rows, total, db.completeLabels(ctx, rows)
}

// allLabels returns the labels of an owner, with sublabels and attributes.
func (c conn) allLabels(ctx context.Context, o LabelOwner) ([]pipeline.Label, error) {
	column, id := o.column()
	var rows []pipeline.Label
	if err := c.all(ctx, &rows, `
		SELECT `+labelColumns+` FROM labels l WHERE l.`+column+` = ? AND l.parent_id IS NULL ORDER BY l.id`, id); err != nil {
		return nil, err
	}
	return rows, c.completeLabels(ctx, rows)
}

// completeLabels loads the sublabels of labels, and the attributes of both.
func (c conn) completeLabels(ctx context.Context, rows []pipeline.Label) error {
	ids := idSet{}
	for i := range rows {
		ids.add(&rows[i].ID)
	}
	subs, err := childrenOf(ctx, c, ids, `
		SELECT `+labelColumns+` FROM labels l WHERE l.parent_id IN (?) ORDER BY l.id`,
		func(l *pipeline.Label) int64 { return *l.ParentID })
	if err != nil {
		return fmt.Errorf("load sublabels: %w", err)
	}
	for _, list := range subs {
		for i := range list {
			ids.add(&list[i].ID)
		}
	}
	attributes, err := childrenOf(ctx, c, ids, `
		SELECT id, label_id, name, mutable, input_type, default_value, vals
		FROM attributes WHERE label_id IN (?) ORDER BY id`,
		func(a *pipeline.Attribute) int64 { return a.LabelID })
	if err != nil {
		return fmt.Errorf("load attributes: %w", err)
	}
	for i := range rows {
		l := &rows[i]
		l.Attributes, l.Sublabels = attributes[l.ID], subs[l.ID]
		for k := range l.Sublabels {
			l.Sublabels[k].Attributes = attributes[l.Sublabels[k].ID]
		}
	}
	return nil
}

// childrenOf loads rows that belong to others, in the order of the query, which
// has one IN (?) for the ids of their owners.
func childrenOf[T any](
	ctx context.Context, c conn, owners idSet, query string, owner func(*T) int64,
) (map[int64][]T, error) {
	out := map[int64][]T{}
	err := owners.inPages(func(page []int64) error {
		var rows []T
		if err := c.allIn(ctx, &rows, query, page); err != nil {
			return err
		}
		for i := range rows {
			id := owner(&rows[i])
			out[id] = append(out[id], rows[i])
		}
		return nil
	})
	return out, err
}

package store

import (
	"context"
	"fmt"

	"framemill/pipeline"
)

// TaskMove takes a task into another project, whose labels it has from then on.
type TaskMove struct {
	ProjectID int64
	// Names are the new names of labels and sublabels that the project calls
	// differently, by id.
	Names map[int64]string
}

// errUnmapped is what a move lacks.
const errUnmapped = "All task or project label names must be mapped to the target project"

// moveTask moves a task and removes the labels that it had to itself. Rows are
// locked in the order project, task, as everywhere.
func (t *Tx) moveTask(ctx context.Context, id int64, m TaskMove) error {
	task, err := t.leaveAndEnter(ctx, id, m.ProjectID)
	if err != nil {
		return err
	}
	if err := t.fitsProject(ctx, task, m.ProjectID); err != nil {
		return err
	}
	old, err := t.allLabels(ctx, LabelOwnerOf(task))
	if err != nil {
		return err
	}
	target, err := t.allLabels(ctx, LabelOwner{ProjectID: &m.ProjectID})
	if err != nil {
		return err
	}
	if err := m.known(old); err != nil {
		return err
	}
	if err := m.mapLabels(old, target); err != nil {
		return err
	}
	for _, query := range []string{
		`DELETE FROM attributes WHERE label_id IN (SELECT id FROM labels WHERE task_id = ?)`,
		`DELETE FROM labels WHERE task_id = ?`,
		`UPDATE jobs SET updated = {now} WHERE task_id = ?`,
	} {
		if _, err := t.exec(ctx, query, id); err != nil {
			return err
		}
	}
	_, err = t.exec(ctx, `UPDATE tasks SET project_id = ?, updated = {now} WHERE id = ?`, m.ProjectID, id)
	return err
}

// leaveAndEnter locks the two projects, marks them changed, and returns the
// locked task.
func (t *Tx) leaveAndEnter(ctx context.Context, id, projectID int64) (*pipeline.Task, error) {
	const byID = `SELECT ` + taskColumns + ` FROM tasks t WHERE t.id = ? AND t.deleted IS NULL`
	var before, task pipeline.Task
	if err := t.get(ctx, &before, byID, id); err != nil {
		return nil, err
	}
	projects := idSet{}
	projects.add(&projectID, before.ProjectID)
	err := projects.inPages(func(ids []int64) error {
		for _, p := range ids { // one by one, because their order counts
			n, err := t.exec(ctx, `UPDATE projects SET updated = {now} WHERE id = ?`, p)
			if err != nil {
				return err
			}
			if n == 0 && p == projectID {
				return pipeline.FieldErrorf("project_id", "there is no project %d", p)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := t.get(ctx, &task, byID+t.d.forUpdate(), id); err != nil {
		return nil, err
	}
	if !equalID(task.ProjectID, before.ProjectID) {
		return nil, pipeline.Errorf(pipeline.Conflict, "task %d was moved at the same time; try again", id)
	}
	return &task, nil
}

// fitsProject refuses a task that the project could not have.
func (t *Tx) fitsProject(ctx context.Context, task *pipeline.Task, projectID int64) error {
	var p pipeline.Project
	if err := t.get(ctx, &p, `SELECT `+projectColumns+` FROM projects p WHERE p.id = ?`, projectID); err != nil {
		return err
	}
	if !equalID(p.OrgID, task.OrgID) {
		return pipeline.Errorf(pipeline.Invalid, "The task and its project should be in the same organization.")
	}
	ids := idSet{}
	ids.add(&projectID)
	sums, err := t.taskSums(ctx, ids)
	if err != nil {
		return err
	}
	if s := sums[projectID]; s != nil && s.dimension != task.Dimension {
		return pipeline.FieldErrorf("project_id", "the tasks of the project are %s, and this one is %s", s.dimension, task.Dimension)
	}
	return nil
}

// known refuses names for labels that the task does not have.
func (m TaskMove) known(labels []pipeline.Label) error {
	ids := map[int64]bool{}
	for i := range labels {
		ids[labels[i].ID] = true
		for k := range labels[i].Sublabels {
			ids[labels[i].Sublabels[k].ID] = true
		}
	}
	for id := range m.Names {
		if !ids[id] {
			return pipeline.FieldErrorf("labels", "the task has no label with id %d", id)
		}
	}
	return nil
}

// mapLabels finds each label among those of the project.
func (m TaskMove) mapLabels(labels, target []pipeline.Label) error {
	byName := make(map[string]*pipeline.Label, len(target))
	for i := range target {
		byName[target[i].Name] = &target[i]
	}
	for i := range labels {
		l := &labels[i]
		name := l.Name
		if to, ok := m.Names[l.ID]; ok {
			name = to
		}
		to := byName[name]
		if to == nil {
			return pipeline.Errorf(pipeline.Invalid, "%s, and %q is not there", errUnmapped, name)
		}
		if (l.Type == pipeline.LabelSkeleton) != (to.Type == pipeline.LabelSkeleton) {
			return pipeline.Errorf(pipeline.Invalid, "label %q is a skeleton in one of the two only", name)
		}
		if err := sameAttributes(l, to); err != nil {
			return err
		}
		if err := m.mapLabels(l.Sublabels, to.Sublabels); err != nil {
			return fmt.Errorf("sublabels of %q: %w", name, err)
		}
	}
	return nil
}

// sameAttributes refuses a label to which one of another label's attributes is
// unknown.
func sameAttributes(from, to *pipeline.Label) error {
	type likeness struct{ name, values, inputType string }
	has := make(map[likeness]bool, len(to.Attributes))
	for _, a := range to.Attributes {
		has[likeness{a.Name, a.Values, a.InputType}] = true
	}
	for _, a := range from.Attributes {
		if !has[likeness{a.Name, a.Values, a.InputType}] {
			return pipeline.Errorf(pipeline.Invalid,
				"All task or project label attributes must be mapped to the target project, and %q of label %q has none like it",
				a.Name, to.Name)
		}
	}
	return nil
}

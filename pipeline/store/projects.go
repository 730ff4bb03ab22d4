package store

import (
	"context"
	"fmt"

	"framemill/pipeline"
)

const projectColumns = `p.id, p.tenant, p.org_id, p.owner_id, p.assignee_id, p.name, p.bug_tracker, p.status,
	p.source_storage_id, p.target_storage_id, p.created, p.updated, p.assignee_updated`

func projects() *listing {
	return &listing{
		columns: projectColumns,
		from:    `projects p`,
		joins: []join{
			{"o", `LEFT JOIN users o ON o.id = p.owner_id`},
			{"a", `LEFT JOIN users a ON a.id = p.assignee_id`},
		},
		where: everything,
		id:    "p.id",
		fields: map[string]field{
			"id":           {expr: "p.id", typ: number},
			"name":         {expr: "p.name"},
			"owner":        {expr: "o.username", joins: "o"},
			"assignee":     {expr: "a.username", joins: "a"},
			"status":       {expr: "p.status", of: statuses},
			"created_date": {expr: "p.created", typ: date},
			"updated_date": {expr: "p.updated", typ: date},
		},
		search: []string{"name", "owner", "assignee", "status"},
	}
}

// ProjectView is a project with the rows that are shown beside it.
type ProjectView struct {
	pipeline.Project
	Owner     *pipeline.User
	Assignee  *pipeline.User
	Source    *pipeline.Storage
	Target    *pipeline.Storage
	Tasks     int64
	Subsets   []string // of its tasks, in order, without the empty one
	Dimension *string  // of its first task
}

// Project returns a project.
func (db *DB) Project(ctx context.Context, id int64) (*pipeline.Project, error) {
	var p pipeline.Project
	err := db.get(ctx, &p, `SELECT `+projectColumns+` FROM projects p WHERE p.id = ?`, id)
	return &p, err
}

// lockProject returns a project, and keeps it as it is until the transaction
// ends.
func (t *Tx) lockProject(ctx context.Context, id int64) (p pipeline.Project, err error) {
	err = t.get(ctx, &p, `SELECT `+projectColumns+` FROM projects p WHERE p.id = ?`+t.d.forUpdate(), id)
	return p, err
}

// ProjectView returns a project as clients see it.
func (db *DB) ProjectView(ctx context.Context, id int64) (*ProjectView, error) {
	p, err := db.Project(ctx, id)
	if err != nil {
		return nil, err
	}
	views, err := db.projectViews(ctx, []pipeline.Project{*p})
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

// Projects lists the projects that v owns or is assigned to, and counts all that
// match.
func (db *DB) Projects(ctx context.Context, v Viewer, q Query) ([]ProjectView, int64, error) {
	scope, args := v.projects()
	rows, total, err := list(ctx, db, projects(), q, func(p *pipeline.Project) int64 { return p.ID }, only(scope, args...))
	if err != nil {
		return nil, 0, err
	}
	views, err := db.projectViews(ctx, rows)
	return views, total, err
}

// projectViews loads what is shown beside projects.
func (c conn) projectViews(ctx context.Context, rows []pipeline.Project) ([]ProjectView, error) {
	projectIDs, userIDs, storageIDs := idSet{}, idSet{}, idSet{}
	for i := range rows {
		p := &rows[i]
		projectIDs.add(&p.ID)
		userIDs.add(p.OwnerID, p.AssigneeID)
		storageIDs.add(p.SourceStorageID, p.TargetStorageID)
	}
	users, err := c.people(ctx, userIDs)
	if err != nil {
		return nil, fmt.Errorf("load people of projects: %w", err)
	}
	storages, err := c.storageRows(ctx, storageIDs)
	if err != nil {
		return nil, fmt.Errorf("load storages of projects: %w", err)
	}
	sums, err := c.taskSums(ctx, projectIDs)
	if err != nil {
		return nil, fmt.Errorf("sum up tasks of projects: %w", err)
	}
	out := make([]ProjectView, len(rows))
	for i, p := range rows {
		out[i] = ProjectView{
			Project: p, Owner: find(users, p.OwnerID), Assignee: find(users, p.AssigneeID),
			Source: find(storages, p.SourceStorageID), Target: find(storages, p.TargetStorageID),
		}
		if s := sums[p.ID]; s != nil {
			out[i].Tasks, out[i].Subsets, out[i].Dimension = s.tasks, s.subsets, &s.dimension
		}
	}
	return out, nil
}

// taskSum sums up the tasks of a project.
type taskSum struct {
	tasks     int64
	subsets   []string
	dimension string
	first     int64 // the task whose dimension it is
}

// taskSums counts the tasks of projects by subset; a project without tasks has
// no sum.
func (c conn) taskSums(ctx context.Context, ids idSet) (map[int64]*taskSum, error) {
	out := map[int64]*taskSum{}
	err := ids.inPages(func(page []int64) error {
		var rows []struct {
			ProjectID int64  `db:"project_id"`
			Subset    string `db:"subset"`
			Dimension string `db:"dimension"`
			Tasks     int64  `db:"tasks"`
			First     int64  `db:"first"`
		}
		if err := c.allIn(ctx, &rows, `
			SELECT project_id, subset, dimension, COUNT(*) AS tasks, MIN(id) AS first
			FROM tasks WHERE project_id IN (?) AND deleted IS NULL
			GROUP BY project_id, subset, dimension ORDER BY project_id, subset`, page); err != nil {
			return err
		}
		for _, r := range rows {
			s := out[r.ProjectID]
			if s == nil {
				s = &taskSum{first: r.First, dimension: r.Dimension}
				out[r.ProjectID] = s
			}
			s.add(r.Subset, r.Dimension, r.Tasks, r.First)
		}
		return nil
	})
	return out, err
}

func (s *taskSum) add(subset, dimension string, tasks, first int64) {
	s.tasks += tasks
	if first < s.first {
		s.first, s.dimension = first, dimension
	}
	if n := len(s.subsets); subset != "" && (n == 0 || s.subsets[n-1] != subset) {
		s.subsets = append(s.subsets, subset)
	}
}

// NewProject is a project to create.
type NewProject struct {
	pipeline.Project
	Labels []pipeline.Label
	Source *pipeline.Storage
	Target *pipeline.Storage
}

// CreateProject inserts a project with its labels and returns its id.
func (db *DB) CreateProject(ctx context.Context, n *NewProject) (int64, error) {
	var id int64
	err := db.tx(ctx, func(t *Tx) error {
		if err := t.hasOrganization(ctx, n.OrgID); err != nil {
			return err
		}
		source, target, err := t.addStorages(ctx, n.Source, n.Target)
		if err != nil {
			return err
		}
		if err := t.get(ctx, &id, `
			INSERT INTO projects (tenant, org_id, owner_id, assignee_id, name, bug_tracker, status,
				source_storage_id, target_storage_id, created, updated, assignee_updated)
			SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, n.at, n.at, CASE WHEN ? THEN n.at END
			FROM (SELECT {now} AS at) n
			RETURNING id`,
			string(n.Tenant), n.OrgID, n.OwnerID, n.AssigneeID, n.Name, n.BugTracker, pipeline.StatusAnnotation,
			source, target, n.AssigneeID != nil); err != nil {
			return err
		}
		if err := t.addLabels(ctx, LabelOwner{ProjectID: &id}, n.Labels); err != nil {
			return err
		}
		return t.tell(ctx, pipeline.EventCreateProject, place{Org: n.OrgID}, t.projectSubject(id))
	})
	if err != nil {
		return 0, fmt.Errorf("create project: %w", err)
	}
	return id, nil
}

// ProjectChange is what to change of a project.
type ProjectChange struct {
	Name       Change[string]
	BugTracker Change[string]
	OwnerID    Change[*int64]
	AssigneeID Change[*int64]
	Source     Change[*pipeline.Storage]
	Target     Change[*pipeline.Storage]
	Labels     []LabelChange
}

// UpdateProject changes a project.
func (db *DB) UpdateProject(ctx context.Context, id int64, ch *ProjectChange) error {
	err := db.tx(ctx, func(t *Tx) error { return t.updateProject(ctx, id, ch) })
	if err != nil {
		return fmt.Errorf("update project %d: %w", id, err)
	}
	return nil
}

func (t *Tx) updateProject(ctx context.Context, id int64, ch *ProjectChange) error {
	old, err := t.lockProject(ctx, id)
	if err != nil {
		return err
	}
	changed, err := t.watch(ctx, pipeline.EventUpdateProject, place{Project: &id, Org: old.OrgID}, t.projectSubject(id))
	if err != nil {
		return err
	}
	var set assignments
	assign(&set, "name", ch.Name)
	assign(&set, "bug_tracker", ch.BugTracker)
	assign(&set, "owner_id", ch.OwnerID)
	assignAssignee(&set, old.AssigneeID, ch.AssigneeID)
	if err := t.assignStorages(ctx, &set, storageChange{old.SourceStorageID, old.TargetStorageID, ch.Source, ch.Target}); err != nil {
		return err
	}
	if len(ch.Labels) > 0 {
		if err := t.changeLabels(ctx, LabelOwner{ProjectID: &id}, ch.Labels); err != nil {
			return err
		}
	} else if set.empty() {
		return nil
	}
	set.now("updated")
	if _, err = t.exec(ctx, `UPDATE projects SET `+set.columns+` WHERE id = ?`, append(set.args, id)...); err != nil {
		return err
	}
	return changed()
}

// DeleteProject deletes a project with its labels and its tasks.
func (db *DB) DeleteProject(ctx context.Context, id int64) error {
	err := db.tx(ctx, func(t *Tx) error {
		at := place{Project: &id}
		err := t.get(ctx, &at.Org, `SELECT org_id FROM projects WHERE id = ?`+t.d.forUpdate(), id)
		if err != nil {
			return err
		}
		if err := t.dropTasksOf(ctx, id); err != nil {
			return err
		}
		if err := t.tell(ctx, pipeline.EventDeleteProject, at, t.projectSubject(id)); err != nil {
			return err
		}
		return t.removeProject(ctx, id)
	})
	if err != nil {
		return fmt.Errorf("delete project %d: %w", id, err)
	}
	return nil
}

func (t *Tx) dropTasksOf(ctx context.Context, projectID int64) error {
	for {
		var ids []int64
		if err := t.all(ctx, &ids, `
			SELECT id FROM tasks WHERE project_id = ? AND deleted IS NULL ORDER BY id LIMIT ?`,
			projectID, maxIDs); err != nil {
			return err
		}
		if len(ids) == 0 {
			return nil
		}
		if err := t.dropTasks(ctx, ids); err != nil {
			return err
		}
	}
}

func (t *Tx) removeProject(ctx context.Context, id int64) error {
	for _, query := range []string{
		`DELETE FROM attributes WHERE label_id IN (SELECT id FROM labels WHERE project_id = ?)`,
		`DELETE FROM labels WHERE project_id = ?`,
		`DELETE FROM storages WHERE id IN (SELECT source_storage_id FROM projects WHERE id = ?)`,
		`DELETE FROM storages WHERE id IN (SELECT target_storage_id FROM projects WHERE id = ?)`,
		// What they have still to say is sent first.
		`UPDATE webhooks SET deleted = {now} WHERE type = 'project' AND deleted IS NULL AND project_id = ?`,
		`DELETE FROM projects WHERE id = ?`,
	} {
		if _, err := t.exec(ctx, query, id); err != nil {
			return err
		}
	}
	return nil
}

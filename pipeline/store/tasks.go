package store

import (
	"context"
	"fmt"

	"framemill/pipeline"
)

const taskColumns = `t.id, t.tenant, t.org_id, t.owner_id, t.assignee_id, t.project_id, t.name, t.subset,
	t.bug_tracker, t.mode, t.dimension, t.overlap, t.segment_size, t.replicas, t.status, t.data_id,
	t.source_storage_id, t.target_storage_id, t.created, t.updated, t.assignee_updated, t.deleted`

// modeSQL is the mode as clients see it: pictures until a video proves to be one.
const modeSQL = `COALESCE(NULLIF(t.mode, ''), 'annotation')`

// mediaSQL is the kind of media as newer clients see it: a video is pictures.
const mediaSQL = `CASE t.dimension WHEN '3d' THEN 'point_cloud' ELSE 'image' END`

// The values of fields that have few.
var (
	modes      = []string{pipeline.ModeAnnotation, pipeline.ModeInterpolation}
	dimensions = []string{"1d", "2d", "3d"}
	statuses   = []string{pipeline.StatusAnnotation, pipeline.StatusValidation, pipeline.StatusCompleted}
	validation = []string{pipeline.ValidationTruth, pipeline.ValidationPool}
)

// tasks lists tasks that were not deleted.
func tasks() *listing {
	return &listing{
		columns: taskColumns,
		from:    `tasks t`,
		joins: []join{
			{"p", `LEFT JOIN projects p ON p.id = t.project_id`},
			{"o", `LEFT JOIN users o ON o.id = t.owner_id`},
			{"a", `LEFT JOIN users a ON a.id = t.assignee_id`},
		},
		where:   `t.deleted IS NULL`,
		id:      "t.id",
		revised: true,
		fields: map[string]field{
			"id":              {expr: "t.id", typ: number, walks: true},
			"project_id":      {expr: "t.project_id", typ: number},
			"project_name":    {expr: "p.name", joins: "p", lookup: `t.project_id IN SELECT id FROM projects WHERE %s`, column: "name"},
			"name":            {expr: "t.name", walks: true, words: words{"t.id", "name"}},
			"owner":           {expr: "o.username", joins: "o", lookup: `t.owner_id IN SELECT id FROM users WHERE %s`, column: "username"},
			"assignee":        {expr: "a.username", joins: "a", lookup: `t.assignee_id IN SELECT id FROM users WHERE %s`, column: "username"},
			"status":          {expr: "t.status", of: statuses},
			"subset":          {expr: "t.subset", words: words{"t.id", "subset"}},
			"mode":            {expr: modeSQL, of: modes},
			"media_type":      {expr: mediaSQL},
			"dimension":       {expr: "t.dimension", of: dimensions},
			"tracker_link":    {expr: "t.bug_tracker", words: words{"t.id", "bug_tracker"}},
			"validation_mode": {expr: "(SELECT l.mode FROM layouts l WHERE l.data_id = t.data_id)", of: validation},
			"created_date":    {expr: "t.created", typ: date, walks: true},
			"updated_date":    {expr: "t.updated", typ: date, walks: true},
		},
		search: []string{
			"project_name", "name", "owner", "status", "assignee", "subset", "mode", "dimension", "tracker_link", "validation_mode",
		},
	}
}

// JobCounts sums up the jobs of a task.
type JobCounts struct {
	TaskID     int64 `db:"task_id"`
	Count      int64 `db:"count"`
	Completed  int64 `db:"completed"`  // accepted
	Validation int64 `db:"validation"` // being validated
}

// TaskView is a task with the rows that are shown beside it; nil where there
// is none.
type TaskView struct {
	pipeline.Task
	Owner    *pipeline.User
	Assignee *pipeline.User
	Project  *pipeline.Project
	Data     *pipeline.Data
	Source   *pipeline.Storage
	Target   *pipeline.Storage
	// Validation is the mode of the validation set, "" without one.
	Validation string
	Jobs       JobCounts // not counted where the view is part of a job's
}

// Task returns a task that was not deleted.
func (db *DB) Task(ctx context.Context, id int64) (*pipeline.Task, error) {
	var t pipeline.Task
	err := db.get(ctx, &t, `SELECT `+taskColumns+` FROM tasks t WHERE t.id = ? AND t.deleted IS NULL`, id)
	return &t, err
}

// lockTask returns a task that was not deleted, and keeps it as it is until the
// transaction ends.
func (t *Tx) lockTask(ctx context.Context, id int64) (task pipeline.Task, err error) {
	err = t.get(ctx, &task, `SELECT `+taskColumns+` FROM tasks t WHERE t.id = ? AND t.deleted IS NULL`+t.d.forUpdate(), id)
	return task, err
}

// TaskView returns a task, that was not deleted, as clients see it.
func (db *DB) TaskView(ctx context.Context, id int64) (*TaskView, error) {
	t, err := db.Task(ctx, id)
	if err != nil {
		return nil, err
	}
	views, err := db.taskViews(ctx, []pipeline.Task{*t})
	if err != nil {
		return nil, err
	}
	return &views[0], db.countJobs(ctx, views)
}

// Tasks lists the tasks of which v, or whose project he, owns or is assigned
// to, and counts all that match.
func (db *DB) Tasks(ctx context.Context, v Viewer, q Query) ([]TaskView, int64, error) {
	seen, err := db.tasksOf(ctx, v)
	if err != nil {
		return nil, 0, err
	}
	rows, total, err := list(ctx, db, tasks(), q, func(t *pipeline.Task) int64 { return t.ID }, seen)
	if err != nil {
		return nil, 0, err
	}
	views, err := db.taskViews(ctx, rows)
	if err != nil {
		return nil, 0, err
	}
	return views, total, db.countJobs(ctx, views)
}

// taskViews loads what is shown beside tasks, but for the counts of jobs, in a
// few statements for all.
func (c conn) taskViews(ctx context.Context, rows []pipeline.Task) ([]TaskView, error) {
	taskIDs, userIDs, projectIDs, storageIDs := idSet{}, idSet{}, idSet{}, idSet{}
	for i := range rows {
		t := &rows[i]
		taskIDs.add(&t.ID)
		userIDs.add(t.OwnerID, t.AssigneeID)
		projectIDs.add(t.ProjectID)
		storageIDs.add(t.SourceStorageID, t.TargetStorageID)
	}
	users, err := c.people(ctx, userIDs)
	if err != nil {
		return nil, fmt.Errorf("load people of tasks: %w", err)
	}
	projects, err := c.projectRows(ctx, projectIDs)
	if err != nil {
		return nil, fmt.Errorf("load projects of tasks: %w", err)
	}
	storages, err := c.storageRows(ctx, storageIDs)
	if err != nil {
		return nil, fmt.Errorf("load storages of tasks: %w", err)
	}
	data, err := c.dataOfTasks(ctx, taskIDs)
	if err != nil {
		return nil, fmt.Errorf("load data of tasks: %w", err)
	}
	modes, err := c.validationModes(ctx, taskIDs)
	if err != nil {
		return nil, fmt.Errorf("load validation modes of tasks: %w", err)
	}
	out := make([]TaskView, len(rows))
	for i, t := range rows {
		out[i] = TaskView{
			Task: t, Owner: find(users, t.OwnerID), Assignee: find(users, t.AssigneeID),
			Project: find(projects, t.ProjectID), Data: data[t.ID],
			Source: find(storages, t.SourceStorageID), Target: find(storages, t.TargetStorageID),
		}
		if m := modes[t.ID]; m != nil {
			out[i].Validation = m.Mode
		}
	}
	return out, nil
}

func (c conn) dataOfTasks(ctx context.Context, ids idSet) (map[int64]*pipeline.Data, error) {
	return rowsBy(ctx, c, ids, `SELECT `+dataColumns+` FROM data WHERE task_id IN (?)`,
		func(d *pipeline.Data) int64 { return d.TaskID })
}

// countJobs fills in how many jobs the tasks have.
func (c conn) countJobs(ctx context.Context, views []TaskView) error {
	ids := idSet{}
	for i := range views {
		ids.add(&views[i].ID)
	}
	counts, err := rowsBy(ctx, c, ids, `
		SELECT task_id, COUNT(*) AS count,
			COUNT(CASE WHEN stage = 'acceptance' AND state = 'completed' THEN 1 END) AS completed,
			COUNT(CASE WHEN stage = 'validation' THEN 1 END) AS validation
		FROM jobs WHERE task_id IN (?) GROUP BY task_id`,
		func(n *JobCounts) int64 { return n.TaskID })
	if err != nil {
		return fmt.Errorf("count jobs of tasks: %w", err)
	}
	for i := range views {
		if n := counts[views[i].ID]; n != nil {
			views[i].Jobs = *n
		}
	}
	return nil
}

// NewTask is a task to create. The database gives ids and times.
type NewTask struct {
	pipeline.Task
	Labels []pipeline.Label // with attributes and sublabels
	Source *pipeline.Storage
	Target *pipeline.Storage
}

// CreateTask inserts a task with its labels and returns its id.
func (db *DB) CreateTask(ctx context.Context, n *NewTask) (int64, error) {
	var id int64
	err := db.tx(ctx, func(t *Tx) error {
		var err error
		id, err = t.createTask(ctx, n)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("create task: %w", err)
	}
	return id, nil
}

func (t *Tx) createTask(ctx context.Context, n *NewTask) (int64, error) {
	if err := t.hasOrganization(ctx, n.OrgID); err != nil {
		return 0, err
	}
	if n.ProjectID != nil {
		touched, err := t.exec(ctx, `
			UPDATE projects SET updated = {now} WHERE id = ? AND org_id IS NOT DISTINCT FROM ?`, *n.ProjectID, n.OrgID)
		if err != nil {
			return 0, err
		}
		if touched == 0 {
			return 0, pipeline.FieldErrorf("project_id", "there is no project %d", *n.ProjectID)
		}
	}
	source, target, err := t.addStorages(ctx, n.Source, n.Target)
	if err != nil {
		return 0, err
	}
	var id int64
	if err := t.get(ctx, &id, `
		INSERT INTO tasks (tenant, org_id, owner_id, assignee_id, project_id, name, subset, bug_tracker, mode,
			dimension, overlap, segment_size, replicas, status, source_storage_id, target_storage_id,
			created, updated, assignee_updated)
		SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, n.at, n.at, CASE WHEN ? THEN n.at END
		FROM (SELECT {now} AS at) n
		RETURNING id`,
		string(n.Tenant), n.OrgID, n.OwnerID, n.AssigneeID, n.ProjectID, n.Name, n.Subset, n.BugTracker, n.Mode,
		n.Dimension, n.Overlap, n.SegmentSize, n.Replicas, pipeline.StatusAnnotation, source, target,
		n.AssigneeID != nil); err != nil {
		return 0, err
	}
	if err := t.addLabels(ctx, LabelOwner{TaskID: &id}, n.Labels); err != nil {
		return 0, err
	}
	return id, t.tellTask(ctx, pipeline.EventCreateTask, id)
}

// TaskChange is what to change of a task.
type TaskChange struct {
	Name       Change[string]
	Subset     Change[string]
	BugTracker Change[string]
	OwnerID    Change[*int64]
	AssigneeID Change[*int64]
	Source     Change[*pipeline.Storage]
	Target     Change[*pipeline.Storage]
	Labels     []LabelChange // not with a move
	Move       *TaskMove
}

// UpdateTask changes a task that was not deleted.
func (db *DB) UpdateTask(ctx context.Context, id int64, ch *TaskChange) error {
	err := db.tx(ctx, func(t *Tx) error { return t.updateTask(ctx, id, ch) })
	if err != nil {
		return fmt.Errorf("update task %d: %w", id, err)
	}
	return nil
}

func (t *Tx) updateTask(ctx context.Context, id int64, ch *TaskChange) error {
	if ch.Move != nil {
		if err := t.moveTask(ctx, id, *ch.Move); err != nil {
			return err
		}
	}
	old, err := t.lockTask(ctx, id)
	if err != nil {
		return err
	}
	changed, err := t.watchTask(ctx, id)
	if err != nil {
		return err
	}
	var set assignments
	assign(&set, "name", ch.Name)
	assign(&set, "subset", ch.Subset)
	assign(&set, "bug_tracker", ch.BugTracker)
	assign(&set, "owner_id", ch.OwnerID)
	assignAssignee(&set, old.AssigneeID, ch.AssigneeID)
	if err := t.assignStorages(ctx, &set, storageChange{old.SourceStorageID, old.TargetStorageID, ch.Source, ch.Target}); err != nil {
		return err
	}
	// Labels of a project are changed through the project.
	if len(ch.Labels) > 0 && old.ProjectID == nil {
		if err := t.changeLabels(ctx, LabelOwner{TaskID: &id}, ch.Labels); err != nil {
			return err
		}
	} else if set.empty() {
		return nil
	}
	set.now("updated")
	if _, err = t.exec(ctx, `UPDATE tasks SET `+set.columns+` WHERE id = ?`, append(set.args, id)...); err != nil {
		return err
	}
	return changed()
}

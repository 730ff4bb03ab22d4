package store

import (
	"context"
	"fmt"

	"framemill/pipeline"
)

const jobColumns = `j.id, j.task_id, j.segment_id, j.parent_id, j.type, j.stage, j.state, j.assignee_id,
	j.created, j.updated, j.assignee_updated`

// jobs lists the jobs of tasks that were not deleted. Few tasks are deleted and
// still there, and a list of them spares a look at the task of each job.
func jobs() *listing {
	return &listing{
		columns: jobColumns,
		from:    `jobs j`,
		joins: []join{
			{"t", `JOIN tasks t ON t.id = j.task_id`},
			{"p", `LEFT JOIN projects p ON p.id = t.project_id`},
			{"a", `LEFT JOIN users a ON a.id = j.assignee_id`},
		},
		where:   everything,
		task:    `j.task_id`,
		id:      "j.id",
		revised: true,
		fields: map[string]field{
			"id":            {expr: "j.id", typ: number, walks: true},
			"task_id":       {expr: "j.task_id", typ: number},
			"project_id":    {expr: "t.project_id", typ: number, joins: "t"},
			"parent_job_id": {expr: "j.parent_id", typ: number},
			"task_name": {expr: "t.name", joins: "t", lookup: `j.task_id IN SELECT id FROM tasks WHERE %s`, column: "name",
				words: words{"id", "name"}},
			"project_name": {expr: "p.name", joins: "t p", column: "name",
				lookup: `j.task_id IN SELECT id FROM tasks WHERE project_id IN (SELECT id FROM projects WHERE %s)`},
			"assignee":     {expr: "a.username", joins: "a", lookup: `j.assignee_id IN SELECT id FROM users WHERE %s`, column: "username"},
			"stage":        {expr: "j.stage", of: stages},
			"state":        {expr: "j.state", of: states},
			"mode":         {expr: modeSQL, joins: "t", of: modes},
			"media_type":   {expr: mediaSQL, joins: "t"},
			"dimension":    {expr: "t.dimension", joins: "t", of: dimensions},
			"type":         {expr: "j.type", alias: map[string]string{"replica": pipeline.JobReplica}},
			"created_date": {expr: "j.created", typ: date, walks: true},
			"updated_date": {expr: "j.updated", typ: date, walks: true},
		},
		search: []string{"task_name", "project_name", "assignee", "state", "stage"},
	}
}

// The values of fields that have few.
var (
	stages = []string{pipeline.StageAnnotation, pipeline.StageValidation, pipeline.StageAcceptance}
	states = []string{pipeline.StateNew, pipeline.StateInProgress, pipeline.StateCompleted, pipeline.StateRejected}
)

// JobView is a job with the rows that are shown beside it. The task has data,
// and its jobs are not counted.
type JobView struct {
	pipeline.Job
	Assignee *pipeline.User
	Task     *TaskView
	Segment  *pipeline.Segment
	Replicas int64 // that the job has
}

// Job returns a job of a task that was not deleted.
func (db *DB) Job(ctx context.Context, id int64) (*pipeline.Job, error) {
	var j pipeline.Job
	err := db.get(ctx, &j, `
		SELECT `+jobColumns+` FROM jobs j JOIN tasks t ON t.id = j.task_id
		WHERE j.id = ? AND t.deleted IS NULL`, id)
	return &j, err
}

// JobView returns a job as clients see it.
func (db *DB) JobView(ctx context.Context, id int64) (*JobView, error) {
	j, err := db.Job(ctx, id)
	if err != nil {
		return nil, err
	}
	views, err := db.jobViews(ctx, []pipeline.Job{*j})
	if err != nil {
		return nil, err
	}
	if len(views) == 0 {
		return nil, pipeline.Errorf(pipeline.NotFound, "there is no job %d", id)
	}
	return &views[0], nil
}

// Jobs lists the jobs that are assigned to v or belong to a task whose staff he
// belongs to, and counts all that match.
func (db *DB) Jobs(ctx context.Context, v Viewer, q Query) ([]JobView, int64, error) {
	seen, err := db.jobsOf(ctx, v)
	if err != nil {
		return nil, 0, err
	}
	rows, total, err := list(ctx, db, jobs(), q, func(j *pipeline.Job) int64 { return j.ID }, seen)
	if err != nil {
		return nil, 0, err
	}
	views, err := db.jobViews(ctx, rows)
	return views, total, err
}

// jobViews loads what is shown beside jobs. A job whose task went away in the
// meantime is left out.
func (c conn) jobViews(ctx context.Context, rows []pipeline.Job) ([]JobView, error) {
	taskIDs, userIDs, segmentIDs, jobIDs := idSet{}, idSet{}, idSet{}, idSet{}
	for i := range rows {
		j := &rows[i]
		jobIDs.add(&j.ID)
		taskIDs.add(&j.TaskID)
		segmentIDs.add(&j.SegmentID)
		userIDs.add(j.AssigneeID)
	}
	tasks, err := c.tasksOfJobs(ctx, taskIDs)
	if err != nil {
		return nil, fmt.Errorf("load tasks of jobs: %w", err)
	}
	users, err := c.people(ctx, userIDs)
	if err != nil {
		return nil, fmt.Errorf("load people of jobs: %w", err)
	}
	segments, err := rowsBy(ctx, c, segmentIDs, `SELECT `+segmentColumns+` FROM segments WHERE id IN (?)`,
		func(s *pipeline.Segment) int64 { return s.ID })
	if err != nil {
		return nil, fmt.Errorf("load segments of jobs: %w", err)
	}
	out := make([]JobView, 0, len(rows))
	for _, j := range rows {
		v := JobView{Job: j, Assignee: find(users, j.AssigneeID), Task: tasks[j.TaskID], Segment: segments[j.SegmentID]}
		if v.Task == nil || v.Segment == nil || v.Task.Data == nil {
			continue
		}
		if j.Type == pipeline.JobAnnotation {
			v.Replicas = v.Task.Replicas
		}
		out = append(out, v)
	}
	return out, nil
}

// tasksOfJobs loads the views of tasks, without those that were deleted.
func (c conn) tasksOfJobs(ctx context.Context, ids idSet) (map[int64]*TaskView, error) {
	rows, err := rowsBy(ctx, c, ids, `SELECT `+taskColumns+` FROM tasks t WHERE t.id IN (?) AND t.deleted IS NULL`,
		func(t *pipeline.Task) int64 { return t.ID })
	if err != nil {
		return nil, err
	}
	list := make([]pipeline.Task, 0, len(rows))
	for _, t := range rows {
		list = append(list, *t)
	}
	views, err := c.taskViews(ctx, list)
	if err != nil {
		return nil, err
	}
	out := make(map[int64]*TaskView, len(views))
	for i := range views {
		out[views[i].ID] = &views[i]
	}
	return out, nil
}

// JobChange is what to change of a job.
type JobChange struct {
	AssigneeID Change[*int64]
	Stage      Change[string]
	State      Change[string]
}

// UpdateJob changes a job and, in the same transaction, the status of its task,
// which follows from those of all its jobs.
func (db *DB) UpdateJob(ctx context.Context, id int64, ch JobChange) error {
	err := db.tx(ctx, func(t *Tx) error { return t.updateJob(ctx, id, ch) })
	if err != nil {
		return fmt.Errorf("update job %d: %w", id, err)
	}
	return nil
}

func (t *Tx) updateJob(ctx context.Context, id int64, ch JobChange) error {
	// The lock on the task keeps two changes from computing its status, each
	// without the other's job.
	var taskID int64
	err := t.get(ctx, &taskID, `
		SELECT id FROM tasks WHERE id = (SELECT task_id FROM jobs WHERE id = ?) AND deleted IS NULL`+t.d.forUpdate(), id)
	if err != nil {
		return err
	}
	var old pipeline.Job
	if err := t.get(ctx, &old, `SELECT `+jobColumns+` FROM jobs j WHERE j.id = ?`, id); err != nil {
		return err
	}
	at, err := t.placeOfTask(ctx, taskID)
	if err != nil {
		return err
	}
	changed, err := t.watch(ctx, pipeline.EventUpdateJob, at, t.jobSubject(id))
	if err != nil {
		return err
	}
	if ch.Stage.Set && ch.Stage.To != old.Stage && !ch.State.Set {
		ch.State = To(pipeline.StateNew)
	}
	var set assignments
	assign(&set, "stage", ch.Stage)
	assign(&set, "state", ch.State)
	assignAssignee(&set, old.AssigneeID, ch.AssigneeID)
	set.now("updated")
	if _, err := t.exec(ctx, `UPDATE jobs SET `+set.columns+` WHERE id = ?`, append(set.args, id)...); err != nil {
		return err
	}
	if err := changed(); err != nil {
		return err
	}
	return t.deriveStatus(ctx, taskID)
}

// deriveStatus computes the status of a task anew: it is as far as the job
// that is least far.
func (t *Tx) deriveStatus(ctx context.Context, taskID int64) error {
	var status string
	err := t.get(ctx, &status, `
		SELECT CASE
			WHEN EXISTS (SELECT 1 FROM jobs WHERE task_id = ? AND stage = 'annotation') THEN 'annotation'
			WHEN EXISTS (SELECT 1 FROM jobs WHERE task_id = ? AND (stage <> 'acceptance' OR state <> 'completed'))
				THEN 'validation'
			ELSE 'completed' END`, taskID, taskID)
	if err != nil {
		return err
	}
	changed, err := t.watchTask(ctx, taskID)
	if err != nil {
		return err
	}
	n, err := t.exec(ctx, `UPDATE tasks SET status = ?, updated = {now} WHERE id = ? AND status <> ?`,
		status, taskID, status)
	if err != nil || n == 0 {
		return err
	}
	return changed()
}

package store

import "framemill/pipeline"

// Viewer is on whose behalf a list is made: of what is in the workspace, it
// holds what he has a part in.
type Viewer struct {
	UserID int64
	All    bool // sees everything in the workspace
	In     pipeline.Workspace
}

// everything is the scope of a list that is not narrowed.
const everything = "1 = 1"

// within returns the SQL that is true of rows of the viewer's workspace, by the
// column that names their organization. Everywhere is the personal workspace
// and the organizations that he is a member of.
func (v Viewer) within(column string) (string, []any) {
	switch {
	case v.In.OrgID != nil:
		return column + " = ?", []any{*v.In.OrgID}
	case v.In.Named:
		return column + " IS NULL", nil
	case v.All:
		return everything, nil
	}
	return "(" + column + " IS NULL OR " + column + " IN (" + orgsOfUser + "))", []any{v.UserID}
}

// orgsOfUser is the query of the organizations that a user is a member of.
const orgsOfUser = `SELECT org_id FROM memberships WHERE user_id = ? AND active`

// tasks returns the SQL that is true of the tasks t that v may see.
func (v Viewer) tasks(d dialect) (string, []any) {
	within, args := v.within("t.org_id")
	if v.All {
		return within, args
	}
	ids, more := v.taskIDs()
	return within + " AND t.id " + d.among(ids), append(args, more...)
}

// taskIDs returns the query of the tasks whose staff v belongs to. It is a union
// because each part has an index, and an OR over them has none on Postgres.
func (v Viewer) taskIDs() (string, []any) {
	return `SELECT id FROM tasks WHERE owner_id = ?
		UNION SELECT id FROM tasks WHERE assignee_id = ?
		UNION SELECT s.id FROM tasks s JOIN projects r ON r.id = s.project_id WHERE r.owner_id = ?
		UNION SELECT s.id FROM tasks s JOIN projects r ON r.id = s.project_id WHERE r.assignee_id = ?`,
		[]any{v.UserID, v.UserID, v.UserID, v.UserID}
}

// jobs returns the SQL that is true of the jobs j that v may see: those of the
// tasks whose staff he belongs to, and those that he is assigned to.
func (v Viewer) jobs(d dialect) (string, []any) {
	within, args := v.within("t.org_id")
	there := everything
	if within != everything {
		there = `EXISTS (SELECT 1 FROM tasks t WHERE t.id = j.task_id AND ` + within + `)`
	}
	if v.All {
		return there, args
	}
	tasks, more := v.tasks(d)
	seen := `(j.task_id ` + d.among(`SELECT t.id FROM tasks t WHERE `+tasks) + ` OR j.assignee_id = ? AND ` + there + `)`
	return seen, append(append(more, v.UserID), args...)
}

// projects returns the SQL that is true of the projects p that v may see.
func (v Viewer) projects() (string, []any) {
	within, args := v.within("p.org_id")
	if v.All {
		return within, args
	}
	return within + ` AND (p.owner_id = ? OR p.assignee_id = ?)`, append(args, v.UserID, v.UserID)
}

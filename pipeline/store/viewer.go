package store

import (
	"context"
	"strings"

	"framemill/pipeline"
)

// Viewer is on whose behalf a list is made: of what is in the workspace, it
// holds what he has a part in.
type Viewer struct {
	UserID int64
	All    bool // sees everything in the workspace
	In     pipeline.Workspace
}

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

// tasksOf returns the scope of the tasks t that v may see.
func (db *DB) tasksOf(ctx context.Context, v Viewer) (scope, error) {
	if v.All {
		within, args := v.within("t.org_id")
		return only(within, args...), nil
	}
	known, _, err := db.known(ctx, v.taskIDs())
	seen := only("t.id "+known.sql, known.args...)
	seen.walk = "+" + seen.sql
	return seen, err
}

// taskIDs returns the query of the tasks in the workspace whose staff v belongs
// to; for someone who sees everything, of all tasks there. It is a union because
// each part has an index, and an OR over them has none on Postgres.
func (v Viewer) taskIDs() clause {
	within, args := v.within("s.org_id")
	live := clause{"s.deleted IS NULL AND " + within, args}
	if v.All {
		return clause{"SELECT s.id FROM tasks s WHERE " + live.sql, live.args}
	}
	var parts []string
	var all []any
	for _, part := range []string{
		`tasks s WHERE s.owner_id = ?`,
		`tasks s WHERE s.assignee_id = ?`,
		`tasks s JOIN projects r ON r.id = s.project_id WHERE r.owner_id = ?`,
		`tasks s JOIN projects r ON r.id = s.project_id WHERE r.assignee_id = ?`,
	} {
		parts = append(parts, "SELECT s.id FROM "+part+" AND "+live.sql)
		all = append(append(all, v.UserID), live.args...)
	}
	return clause{strings.Join(parts, " UNION "), all}
}

// jobsOf returns the scope of the jobs j that v may see: those of the tasks whose
// staff he belongs to, and those that he is assigned to.
func (db *DB) jobsOf(ctx context.Context, v Viewer) (scope, error) {
	if v.All && v.In.OrgID == nil {
		return v.allJobs(), nil
	}
	known, _, err := db.known(ctx, v.taskIDs())
	if err != nil {
		return scope{}, err
	}
	staff := clause{"j.task_id " + known.sql, known.args}
	if v.All {
		return scope{clause: staff, walk: "+" + staff.sql}, nil
	}
	within, args := v.within("s.org_id")
	// A subquery for one value is not made a join with all tasks.
	own := clause{"j.assignee_id = ?", []any{v.UserID}}.and(
		"(SELECT s.deleted IS NULL AND "+within+" FROM tasks s WHERE s.id = j.task_id)", args...)
	return scope{
		clause: clause{"(" + staff.sql + " OR " + own.sql + ")", append(staff.args[:len(staff.args):len(staff.args)], own.args...)},
		walk:   "(+" + staff.sql + " OR +" + own.sql + ")",
		plus:   []clause{staff, own.and("NOT j.task_id "+known.sql, known.args...)},
	}, nil
}

// allJobs is the scope of somebody who sees all jobs everywhere, or all in the
// personal workspaces. Those are counted as all but the jobs of organizations.
func (v Viewer) allJobs() scope {
	if !v.In.Named {
		return only(everything)
	}
	out := only("EXISTS (SELECT 1 FROM tasks s WHERE s.id = j.task_id AND s.org_id IS NULL)")
	out.plus = []clause{{sql: everything}}
	out.minus = []clause{{sql: "j.task_id IN (SELECT id FROM tasks WHERE org_id IS NOT NULL AND deleted IS NULL)"}}
	return out
}

// labelsOf returns the scope of the labels l of the tasks and projects that v may
// see.
func (db *DB) labelsOf(ctx context.Context, v Viewer) (scope, error) {
	if v.All && !v.In.Named {
		return only(everything), nil
	}
	known, _, err := db.known(ctx, v.taskIDs())
	if err != nil {
		return scope{}, err
	}
	projects, args := v.projects()
	ofTasks := clause{"l.task_id " + known.sql, known.args}
	ofProjects := clause{"l.project_id IN (SELECT p.id FROM projects p WHERE " + projects + ")", args}
	return scope{
		clause: clause{"(" + ofTasks.sql + " OR " + ofProjects.sql + ")", append(known.args[:len(known.args):len(known.args)], args...)},
		plus:   []clause{ofTasks, ofProjects}, // no label is of both
	}, nil
}

// requests returns the scope of the requests r that v made in the workspace.
func (v Viewer) requests() scope {
	out := only("r.owner_id = ?", v.UserID)
	if within, args := v.within("s.org_id"); within != everything {
		// A subquery for one value is not made a join with all tasks.
		out.clause = out.and("(SELECT "+within+" FROM tasks s WHERE s.id = r.task_id)", args...)
	}
	return out
}

// projects returns the SQL that is true of the projects p that v may see.
func (v Viewer) projects() (string, []any) {
	within, args := v.within("p.org_id")
	if v.All {
		return within, args
	}
	return within + ` AND (p.owner_id = ? OR p.assignee_id = ?)`, append(args, v.UserID, v.UserID)
}

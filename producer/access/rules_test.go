package access_test

import (
	"testing"

	"framemill/pipeline"
	"framemill/producer/access"
)

// TestRules reads the table of rules aloud: who may do what, by what they are
// to the object.
func TestRules(t *testing.T) {
	t.Parallel()
	const me, other = int64(7), int64(8)
	mine, theirs := ptr(me), ptr(other)
	roles := []struct {
		name  string
		facts access.Facts
	}{
		{"nobody", access.Facts{User: theirs, ProjectOwner: theirs, ProjectAssignee: theirs, TaskOwner: theirs, TaskAssignee: theirs, JobAssignee: theirs}},
		{"themselves", access.Facts{User: mine}},
		{"project owner", access.Facts{ProjectOwner: mine}},
		{"project assignee", access.Facts{ProjectAssignee: mine}},
		{"task owner", access.Facts{TaskOwner: mine}},
		{"task assignee", access.Facts{TaskAssignee: mine}},
		{"job assignee", access.Facts{JobAssignee: mine}},
	}
	// Columns as roles: y for worker and user, u for user only, - for neither.
	table := map[access.Action]string{
		access.ListUsers:          "yyyyyyy",
		access.ViewUser:           "yyyyyyy",
		access.EditUser:           "-y-----",
		access.ManageAccessTokens: "-y-----",
		access.ListShare:          "uuuuuuu",
		access.CreateProject:      "uuuuuuu",
		access.ViewProject:        "--yy---",
		access.EditProject:        "--yy---",
		access.AssignProject:      "--y----",
		access.DeleteProject:      "--y----",
		access.CreateTask:         "uuuuuuu",
		access.CreateTaskIn:       "--uu---",
		access.ViewTask:           "--yyyy-",
		access.EditTask:           "--yyyy-",
		access.UploadData:         "--yyyy-",
		access.AssignTask:         "--yyy--",
		access.DeleteTask:         "--yyy--",
		access.CancelRequest:      "-y-----",
		access.ViewJob:            "--yyyyy",
		access.EditJobState:       "--yyyyy",
		access.EditJobStage:       "--yyyy-",
		access.CreateTruthJob:     "--uuuu-",
		access.DeleteTruthJob:     "--uuuu-",
		"unknown:action":          "-------",
	}
	for action, row := range table {
		for i, role := range roles {
			for _, group := range []string{pipeline.GroupWorker, pipeline.GroupUser, pipeline.GroupAdmin, "", "root"} {
				p := &access.Principal{User: pipeline.User{ID: me, Group: group, Active: true}}
				want := group == pipeline.GroupAdmin ||
					group == pipeline.GroupUser && row[i] != '-' ||
					group == pipeline.GroupWorker && row[i] == 'y'
				if got := access.Can(p, action, role.facts); got != want {
					t.Errorf("%s as %s of group %q: %v, want %v", action, role.name, group, got, want)
				}
				p.User.Active = false
				if access.Can(p, action, role.facts) {
					t.Errorf("%s is allowed to an inactive %s", action, group)
				}
			}
			if access.Can(nil, action, role.facts) {
				t.Errorf("%s is allowed to the anonymous", action)
			}
		}
	}
}

func TestFacts(t *testing.T) {
	t.Parallel()
	task := &pipeline.Task{OwnerID: ptr[int64](1), AssigneeID: ptr[int64](2)}
	project := &pipeline.Project{OwnerID: ptr[int64](3), AssigneeID: ptr[int64](4)}
	f := access.Job(&pipeline.Job{AssigneeID: ptr[int64](5)}, task, project)
	for want, got := range map[int64]*int64{1: f.TaskOwner, 2: f.TaskAssignee, 3: f.ProjectOwner, 4: f.ProjectAssignee, 5: f.JobAssignee} {
		if got == nil || *got != want {
			t.Errorf("facts %+v: want person %d in its place", f, want)
		}
	}
	if f := access.Task(task, nil); f.ProjectOwner != nil {
		t.Errorf("a task without a project has the project owner %d", *f.ProjectOwner)
	}
}

func ptr[T any](v T) *T { return &v }

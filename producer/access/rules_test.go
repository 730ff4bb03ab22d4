package access_test

import (
	"strings"
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
		access.CreateWebhook:      "--uu---",
		access.ManageWebhook:      "--yy---",
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

		access.CreateOrganization: "uuuuuuu",
		access.AnswerInvitation:   "-y-----",
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

// TestRulesOfOrganizations reads the table of rules aloud for an organization:
// the least role that is needed, by what a member is to the object.
func TestRulesOfOrganizations(t *testing.T) {
	t.Parallel()
	const me, other, org = int64(7), int64(8), int64(3)
	mine, theirs, here := ptr(me), ptr(other), ptr(org)
	relations := []access.Facts{
		{User: theirs, ProjectOwner: theirs, ProjectAssignee: theirs, TaskOwner: theirs, TaskAssignee: theirs, JobAssignee: theirs},
		{User: mine, Inviter: mine}, {ProjectOwner: mine}, {ProjectAssignee: mine}, {TaskOwner: mine}, {TaskAssignee: mine}, {JobAssignee: mine},
	}
	// Columns: nobody, themselves or inviter, project owner, project assignee,
	// task owner, task assignee, job assignee. Roles: w, s, m, o; - for none. The
	// first row is of the group user, the second of the group worker.
	table := map[access.Action][2]string{
		access.ListUsers:          {"wwwwwww", "wwwwwww"},
		access.ViewUser:           {"wwwwwww", "wwwwwww"},
		access.ListShare:          {"wwwwwww", "-------"},
		access.CreateProject:      {"sssssss", "-------"},
		access.ViewProject:        {"mmwwmmm", "--ww---"},
		access.EditProject:        {"mmwwmmm", "--ww---"},
		access.AssignProject:      {"mmwmmmm", "--w----"},
		access.DeleteProject:      {"mmwmmmm", "--w----"},
		access.CreateTask:         {"sssssss", "-------"},
		access.CreateTaskIn:       {"mmwwmmm", "-------"},
		access.ViewTask:           {"mmwwwwm", "--wwww-"},
		access.EditTask:           {"mmwwwwm", "--wwww-"},
		access.UploadData:         {"mmwwwwm", "--wwww-"},
		access.AssignTask:         {"mmwwwmm", "--www--"},
		access.DeleteTask:         {"mmwwwmm", "--www--"},
		access.CancelRequest:      {"-w-----", "-w-----"},
		access.ViewJob:            {"mmwwwww", "--wwwww"},
		access.EditJobState:       {"mmwwwww", "--wwwww"},
		access.EditJobStage:       {"mmwwwwm", "--wwww-"},
		access.CreateTruthJob:     {"mmssssm", "-------"},
		access.DeleteTruthJob:     {"mmssssm", "-------"},
		access.ViewOrganization:   {"wwwwwww", "wwwwwww"},
		access.EditOrganization:   {"mmmmmmm", "ooooooo"},
		access.DeleteOrganization: {"ooooooo", "ooooooo"},
		access.Oversee:            {"mmmmmmm", "-------"},
		access.ViewMember:         {"wwwwwww", "wwwwwww"},
		access.Leave:              {"-w-----", "-w-----"},
		access.EditInvitation:     {"mwmmmmm", "-w-----"},
		access.EditUser:           {"-------", "-------"},
		access.AnswerInvitation:   {"-------", "-------"},
		access.ManageAccessTokens: {"-------", "-------"},
		"unknown:action":          {"-------", "-------"},
	}
	roles := []pipeline.Role{"", pipeline.RoleWorker, pipeline.RoleSupervisor, pipeline.RoleMaintainer, pipeline.RoleOwner}
	for action, rows := range table {
		for i, f := range relations {
			f.Org = here
			for has, role := range roles {
				for k, group := range []string{pipeline.GroupUser, pipeline.GroupWorker} {
					p := &access.Principal{User: pipeline.User{ID: me, Group: group, Active: true}, Roles: map[int64]pipeline.Role{org: role, org + 1: pipeline.RoleOwner}}
					needs := strings.IndexByte(" wsmo", rows[k][i])
					want := needs > 0 && has >= needs
					if got := access.Can(p, action, f); got != want {
						t.Errorf("%s of %+v as %q with the role %q: %v, want %v", action, f, group, role, got, want)
					}
				}
			}
		}
	}
}

// TestSeniority changes members, and invites people, above and below oneself.
func TestSeniority(t *testing.T) {
	t.Parallel()
	const org = int64(3)
	roles := []pipeline.Role{pipeline.RoleWorker, pipeline.RoleSupervisor, pipeline.RoleMaintainer, pipeline.RoleOwner}
	// By the caller's role: those of the members whom they may change.
	table := map[pipeline.Role]string{
		pipeline.RoleWorker: "----", pipeline.RoleSupervisor: "----", pipeline.RoleMaintainer: "yy--", pipeline.RoleOwner: "yyy-",
	}
	for mine, row := range table {
		for i, theirs := range roles {
			for _, action := range []access.Action{access.EditMember, access.Invite} {
				p := &access.Principal{User: pipeline.User{Group: pipeline.GroupUser, Active: true}, Roles: map[int64]pipeline.Role{org: mine}}
				f := access.Facts{Org: ptr(org), Role: theirs}
				if got, want := access.Can(p, action, f), row[i] == 'y'; got != want {
					t.Errorf("%s of a %s by a %s: %v, want %v", action, theirs, mine, got, want)
				}
				if p.User.Group = pipeline.GroupWorker; access.Can(p, action, f) {
					t.Errorf("%s of a %s is allowed to the group worker", action, theirs)
				}
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

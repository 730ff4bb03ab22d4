package access

import "framemill/pipeline"

// ErrDenied is what a caller hears who may not do something.
var ErrDenied = pipeline.Errorf(pipeline.Forbidden, "you do not have permission to perform this action")

// Check returns ErrDenied unless p may do a.
func Check(p *Principal, a Action, f Facts) error {
	if Can(p, a, f) {
		return nil
	}
	return ErrDenied
}

// Can reports whether p may do a to the object that f describes. An admin may
// do everything, an anonymous or unknown caller nothing, and in an organization
// only its members may do something.
func Can(p *Principal, a Action, f Facts) bool {
	if p == nil || !p.User.Active {
		return false
	}
	if p.Admin() {
		return true
	}
	r, known := rules[a]
	group := privilege[p.User.Group]
	if !known {
		return false
	}
	if f.Org == nil {
		return group >= privilege[r.group] && r.is(f, caller{id: p.User.ID})
	}
	me := caller{p.User.ID, rank[p.Roles[*f.Org]]}
	if me.rank == 0 {
		return false
	}
	return group >= privilege[r.group] && r.is(f, me) && me.rank >= rank[r.role] ||
		group >= privilege[user] && me.rank >= rank[r.anyhow]
}

// privilege orders the groups; an unknown group has none.
var privilege = map[string]int{
	pipeline.GroupWorker: 1,
	pipeline.GroupUser:   2,
	pipeline.GroupAdmin:  3,
}

// rank orders the roles; who is not a member has none.
var rank = map[pipeline.Role]int{
	pipeline.RoleWorker:     1,
	pipeline.RoleSupervisor: 2,
	pipeline.RoleMaintainer: 3,
	pipeline.RoleOwner:      4,
	nobody:                  5,
}

// The roles in the table of rules.
const (
	member     = pipeline.RoleWorker // at least
	supervisor = pipeline.RoleSupervisor
	maintainer = pipeline.RoleMaintainer
	owner      = pipeline.RoleOwner
	nobody     = pipeline.Role("nobody") // whatever their role
)

// The groups in the table of rules.
const (
	worker = pipeline.GroupWorker
	user   = pipeline.GroupUser
)

// rule says who may do something. In a personal workspace that is who belongs
// to the group at least and is to the object what is asked for. In an
// organization they need the role, too; or else any role from another on is
// enough, whatever they are to the object, for those of the group user at least.
type rule struct {
	group  string
	is     func(f Facts, me caller) bool
	role   pipeline.Role
	anyhow pipeline.Role
}

// rules is the whole of who may do what.
var rules = map[Action]rule{
	//                  at least   who is            in an organization
	//                  of group   to the object     with role   or anyhow from
	ListUsers: {worker, anyone, member, member},
	ViewUser:  {worker, anyone, member, member},
	EditUser:  {worker, themselves, nobody, nobody},

	ManageAccessTokens: {worker, themselves, nobody, nobody},

	ListShare: {user, anyone, member, member},

	CreateProject: {user, anyone, supervisor, supervisor},
	ViewProject:   {worker, projectStaff, member, maintainer},
	EditProject:   {worker, projectStaff, member, maintainer},
	AssignProject: {worker, projectOwner, member, maintainer},
	DeleteProject: {worker, projectOwner, member, maintainer},

	CreateWebhook: {user, projectStaff, member, maintainer},
	ManageWebhook: {worker, projectStaff, member, maintainer},

	CreateCloudStorage: {user, anyone, maintainer, maintainer},
	ViewCloudStorage:   {worker, cloudOwner, member, supervisor},
	EditCloudStorage:   {worker, cloudOwner, member, maintainer},

	CreateTask: {user, anyone, supervisor, supervisor},
	// A supervisor too must be able to see the project.
	CreateTaskIn:  {user, projectStaff, member, maintainer},
	ViewTask:      {worker, taskStaff, member, maintainer},
	EditTask:      {worker, taskStaff, member, maintainer},
	UploadData:    {worker, taskStaff, member, maintainer},
	AssignTask:    {worker, taskOwner, member, maintainer},
	DeleteTask:    {worker, taskOwner, member, maintainer},
	CancelRequest: {worker, themselves, member, nobody},

	ViewJob:        {worker, jobStaff, member, maintainer},
	EditJobState:   {worker, jobStaff, member, maintainer},
	EditJobStage:   {worker, taskStaff, member, maintainer},
	CreateTruthJob: {user, taskStaff, supervisor, maintainer},
	DeleteTruthJob: {user, taskStaff, supervisor, maintainer},

	CreateOrganization: {user, anyone, nobody, nobody},
	ViewOrganization:   {worker, anyone, member, member},
	EditOrganization:   {worker, anyone, owner, maintainer},
	DeleteOrganization: {worker, anyone, owner, owner},
	Oversee:            {user, anyone, maintainer, maintainer},

	ViewMember:       {worker, anyone, member, member},
	EditMember:       {user, senior, maintainer, nobody},
	Leave:            {worker, themselves, member, nobody},
	Invite:           {user, senior, maintainer, nobody},
	EditInvitation:   {worker, inviter, member, maintainer},
	AnswerInvitation: {worker, themselves, nobody, nobody},
}

// caller is who asks, with their rank in the organization of the object.
type caller struct {
	id   int64
	rank int
}

func anyone(Facts, caller) bool { return true }

func themselves(f Facts, me caller) bool { return me.named(f.User) }

func inviter(f Facts, me caller) bool { return me.named(f.Inviter) }

// senior is who stands above the member, or above who is invited.
func senior(f Facts, me caller) bool { return me.rank > rank[f.Role] }

func projectOwner(f Facts, me caller) bool { return me.named(f.ProjectOwner) }

func projectStaff(f Facts, me caller) bool {
	return me.named(f.ProjectOwner) || me.named(f.ProjectAssignee)
}

// taskOwner is who may give a task away or end it: its owner, or the staff of
// its project.
func taskOwner(f Facts, me caller) bool {
	return me.named(f.TaskOwner) || projectStaff(f, me)
}

func taskStaff(f Facts, me caller) bool {
	return taskOwner(f, me) || me.named(f.TaskAssignee)
}

func cloudOwner(f Facts, me caller) bool { return me.named(f.CloudOwner) }

func jobStaff(f Facts, me caller) bool {
	return taskStaff(f, me) || me.named(f.JobAssignee)
}

func (me caller) named(id *int64) bool { return id != nil && *id == me.id }

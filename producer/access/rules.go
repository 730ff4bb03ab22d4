package access

import "framemill/pipeline"

// Action is something that a rule permits or refuses.
type Action string

// The actions.
const (
	ListUsers Action = "user:list"
	ViewUser  Action = "user:view"
	EditUser  Action = "user:edit"

	ManageAccessTokens Action = "access_token:manage" // facts of their user

	ListShare Action = "share:list"

	CreateProject Action = "project:create"
	ViewProject   Action = "project:view"
	EditProject   Action = "project:edit"   // name, labels, bug tracker
	AssignProject Action = "project:assign" // owner and assignee
	DeleteProject Action = "project:delete"

	CreateTask    Action = "task:create"
	CreateTaskIn  Action = "task:create@project" // facts of the project
	ViewTask      Action = "task:view"
	EditTask      Action = "task:edit" // description, labels, data, meta, validation
	UploadData    Action = "task:upload"
	AssignTask    Action = "task:assign" // owner, assignee, project
	DeleteTask    Action = "task:delete"
	CancelRequest Action = "request:cancel"

	ViewJob        Action = "job:view"
	EditJobState   Action = "job:state" // state, meta
	EditJobStage   Action = "job:stage" // stage, assignee
	CreateTruthJob Action = "job:create"
	DeleteTruthJob Action = "job:delete"
)

// Facts are the people that an object names. Those that do not apply are nil.
type Facts struct {
	User            *int64 // the user looked at
	ProjectOwner    *int64
	ProjectAssignee *int64
	TaskOwner       *int64
	TaskAssignee    *int64
	JobAssignee     *int64
}

// Task returns the facts of a task and of its project, which may be nil.
func Task(t *pipeline.Task, in *pipeline.Project) Facts {
	f := Project(in)
	f.TaskOwner, f.TaskAssignee = t.OwnerID, t.AssigneeID
	return f
}

// Job returns the facts of a job, of its task and of the task's project.
func Job(j *pipeline.Job, t *pipeline.Task, in *pipeline.Project) Facts {
	f := Task(t, in)
	f.JobAssignee = j.AssigneeID
	return f
}

// Project returns the facts of a project; nil has none.
func Project(p *pipeline.Project) Facts {
	if p == nil {
		return Facts{}
	}
	return Facts{ProjectOwner: p.OwnerID, ProjectAssignee: p.AssigneeID}
}

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
// do everything, an anonymous or unknown caller nothing.
func Can(p *Principal, a Action, f Facts) bool {
	if p == nil || !p.User.Active {
		return false
	}
	if p.Admin() {
		return true
	}
	r, ok := rules[a]
	return ok && privilege[p.User.Group] >= privilege[r.least] && r.who(f, p.User.ID)
}

// rule says which group a caller needs at least, and what they must be to the
// object.
type rule struct {
	least string
	who   func(f Facts, user int64) bool
}

// privilege orders the groups; an unknown group has none.
var privilege = map[string]int{
	pipeline.GroupWorker: 1,
	pipeline.GroupUser:   2,
	pipeline.GroupAdmin:  3,
}

// rules is the whole of who may do what in a personal workspace.
var rules = map[Action]rule{
	ListUsers: {pipeline.GroupWorker, anyone},
	ViewUser:  {pipeline.GroupWorker, anyone},
	EditUser:  {pipeline.GroupWorker, self},

	ManageAccessTokens: {pipeline.GroupWorker, self},

	ListShare: {pipeline.GroupUser, anyone},

	CreateProject: {pipeline.GroupUser, anyone},
	ViewProject:   {pipeline.GroupWorker, projectStaff},
	EditProject:   {pipeline.GroupWorker, projectStaff},
	AssignProject: {pipeline.GroupWorker, projectOwner},
	DeleteProject: {pipeline.GroupWorker, projectOwner},

	CreateTask:    {pipeline.GroupUser, anyone},
	CreateTaskIn:  {pipeline.GroupUser, projectStaff},
	ViewTask:      {pipeline.GroupWorker, taskStaff},
	EditTask:      {pipeline.GroupWorker, taskStaff},
	UploadData:    {pipeline.GroupWorker, taskStaff},
	AssignTask:    {pipeline.GroupWorker, taskOwner},
	DeleteTask:    {pipeline.GroupWorker, taskOwner},
	CancelRequest: {pipeline.GroupWorker, self},

	ViewJob:        {pipeline.GroupWorker, jobStaff},
	EditJobState:   {pipeline.GroupWorker, jobStaff},
	EditJobStage:   {pipeline.GroupWorker, taskStaff},
	CreateTruthJob: {pipeline.GroupUser, taskStaff},
	DeleteTruthJob: {pipeline.GroupUser, taskStaff},
}

func anyone(Facts, int64) bool { return true }

func self(f Facts, user int64) bool { return is(f.User, user) }

func projectOwner(f Facts, user int64) bool { return is(f.ProjectOwner, user) }

func projectStaff(f Facts, user int64) bool {
	return is(f.ProjectOwner, user) || is(f.ProjectAssignee, user)
}

// taskOwner is who may give a task away or end it: its owner, or the staff of
// its project.
func taskOwner(f Facts, user int64) bool {
	return is(f.TaskOwner, user) || projectStaff(f, user)
}

func taskStaff(f Facts, user int64) bool {
	return taskOwner(f, user) || is(f.TaskAssignee, user)
}

func jobStaff(f Facts, user int64) bool {
	return taskStaff(f, user) || is(f.JobAssignee, user)
}

func is(id *int64, user int64) bool { return id != nil && *id == user }

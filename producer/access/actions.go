package access

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

	CreateWebhook Action = "webhook:create"
	ManageWebhook Action = "webhook:manage" // look at it, change it, delete it

	CreateCloudStorage Action = "cloud_storage:create"
	ViewCloudStorage   Action = "cloud_storage:view" // and its content
	EditCloudStorage   Action = "cloud_storage:edit" // change it, delete it

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

	CreateOrganization Action = "organization:create"
	ViewOrganization   Action = "organization:view"
	EditOrganization   Action = "organization:edit"
	DeleteOrganization Action = "organization:delete"
	Oversee            Action = "organization:oversee" // see everything in it

	ViewMember       Action = "member:view"
	EditMember       Action = "member:edit"       // role, removal; facts of the higher role
	Leave            Action = "member:leave"      // for oneself
	Invite           Action = "invitation:create" // facts of the role
	EditInvitation   Action = "invitation:edit"   // look at, renew, withdraw
	AnswerInvitation Action = "invitation:answer" // look at, accept, decline
)

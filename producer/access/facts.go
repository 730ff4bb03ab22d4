package access

import "framemill/pipeline"

// Facts are the place of an object, and the people whom it names. Those that do
// not apply are nil.
type Facts struct {
	Org             *int64 // the organization that it belongs to
	User            *int64 // the user looked at, a member, or who is invited
	Inviter         *int64
	ProjectOwner    *int64
	ProjectAssignee *int64
	TaskOwner       *int64
	TaskAssignee    *int64
	JobAssignee     *int64
	CloudOwner      *int64
	Role            pipeline.Role // of the member or the invitation
}

// Task returns the facts of a task and of its project, which may be nil.
func Task(t *pipeline.Task, in *pipeline.Project) Facts {
	f := Project(in)
	f.Org, f.TaskOwner, f.TaskAssignee = t.OrgID, t.OwnerID, t.AssigneeID
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
	return Facts{Org: p.OrgID, ProjectOwner: p.OwnerID, ProjectAssignee: p.AssigneeID}
}

// Webhook returns the facts of a webhook: those of its project, or of its
// organization if it has no project.
func Webhook(w *pipeline.Webhook, in *pipeline.Project) Facts {
	if in != nil {
		return Project(in)
	}
	return Facts{Org: w.OrgID}
}

// CloudStorage returns the facts of a cloud storage.
func CloudStorage(c *pipeline.CloudStorage) Facts { return Facts{Org: c.OrgID, CloudOwner: c.OwnerID} }

// Member returns the facts of a membership.
func Member(m *pipeline.Membership) Facts {
	return Facts{Org: &m.OrgID, User: &m.UserID, Role: m.Role}
}

// Invitation returns the facts of an invitation to those who are in the
// organization.
func Invitation(i *pipeline.Invitation, m *pipeline.Membership) Facts {
	return Facts{Org: &m.OrgID, Inviter: i.OwnerID, Role: m.Role}
}

// Invited returns the facts of an invitation to those who are not members yet.
func Invited(m *pipeline.Membership) Facts { return Facts{User: &m.UserID} }

package api

import (
	"net/http"

	"framemill/pipeline"
	"framemill/pipeline/store"
	"framemill/producer/access"
)

// transfers reports whether an organization that was sent is another one than
// now. A client may repeat where an object is.
func transfers(to optional[integer], now *int64) bool {
	return to.Set && !sameID(to.Value.id(), now)
}

// transferInput is a change of the workspace, and what may come with it.
type transferInput struct {
	to             *int64
	source, target optional[storageInput]
	others         map[string]bool // the other fields, and whether they were sent
}

// transfer checks the input and returns what the caller asks for: to own the
// object in its new place.
func (in *transferInput) transfer(p *access.Principal) (*store.Transfer, error) {
	for field, sent := range in.others {
		if sent {
			return nil, pipeline.FieldErrorf(field, "Only the storages can be changed together with the organization.")
		}
	}
	tr := &store.Transfer{OrgID: in.to, OwnerID: p.User.ID}
	var err error
	tr.Source, tr.Target, err = storageChanges(in.source, in.target)
	return tr, err
}

// mayTransfer checks that the caller may take an object away from where it is,
// and create one where it shall be.
func (s *Server) mayTransfer(r *http.Request, remove, create access.Action, from access.Facts, to *int64) error {
	if err := check(r, remove, from); err != nil {
		return err
	}
	if to != nil {
		if _, err := s.DB.Organization(r.Context(), *to); pipeline.KindOf(err) == pipeline.NotFound {
			return errNoSuchKey("organization_id", *to)
		} else if err != nil {
			return err
		}
	}
	return check(r, create, access.Facts{Org: to})
}

func (s *Server) transferTask(r *http.Request, v *store.TaskView, in *taskPatch) error {
	to := in.OrganizationID.Value.id()
	if err := s.mayTransfer(r, access.DeleteTask, access.CreateTask, access.Task(&v.Task, v.Project), to); err != nil {
		return err
	}
	tr, err := (&transferInput{to: to, source: in.Source, target: in.Target, others: map[string]bool{
		"name": in.Name.Set, "bug_tracker": in.BugTracker.Set, "subset": in.Subset.Set, "labels": len(in.Labels) > 0,
		"owner_id": in.OwnerID.Set, "assignee_id": in.AssigneeID.Set, "project_id": in.moves(&v.Task),
	}}).transfer(access.From(r.Context()))
	if err != nil {
		return err
	}
	return s.DB.TransferTask(r.Context(), v.ID, tr)
}

func (s *Server) transferProject(r *http.Request, p *pipeline.Project, in *projectPatch) error {
	to := in.OrganizationID.Value.id()
	if err := s.mayTransfer(r, access.DeleteProject, access.CreateProject, access.Project(p), to); err != nil {
		return err
	}
	tr, err := (&transferInput{to: to, source: in.Source, target: in.Target, others: map[string]bool{
		"name": in.Name.Set, "bug_tracker": in.BugTracker.Set, "labels": len(in.Labels) > 0,
		"owner_id": in.OwnerID.Set, "assignee_id": in.AssigneeID.Set,
	}}).transfer(access.From(r.Context()))
	if err != nil {
		return err
	}
	return s.DB.TransferProject(r.Context(), p.ID, tr)
}

package api

import (
	"net/http"

	"framemill/pipeline"
	"framemill/pipeline/store"
	"framemill/producer/access"
)

// project is a project as clients read it.
type project struct {
	URL             string       `json:"url"`
	ID              int64        `json:"id"`
	Name            string       `json:"name"`
	Owner           *basicUser   `json:"owner"`
	Assignee        *basicUser   `json:"assignee"`
	GuideID         *int64       `json:"guide_id"`
	BugTracker      string       `json:"bug_tracker"`
	Subsets         []string     `json:"task_subsets"`
	Created         string       `json:"created_date"`
	Updated         string       `json:"updated_date"`
	AssigneeUpdated *string      `json:"assignee_updated_date"`
	Status          string       `json:"status"`
	Dimension       *string      `json:"dimension"`
	Organization    *int64       `json:"organization"`
	OrganizationID  *int64       `json:"organization_id"`
	Source          *storage     `json:"source_storage"`
	Target          *storage     `json:"target_storage"`
	Tasks           tasksSummary `json:"tasks"`
	Labels          summary      `json:"labels"`
}

type tasksSummary struct {
	Count int64  `json:"count"`
	URL   string `json:"url"`
}

func projectOf(r *http.Request, v *store.ProjectView) project {
	p := project{
		URL: address(r, "/api/projects/%d", v.ID), ID: v.ID, Name: v.Name, Owner: userOrNull(r, v.Owner),
		Assignee: userOrNull(r, v.Assignee), BugTracker: v.BugTracker, Subsets: v.Subsets, Created: iso(v.Created),
		Updated: iso(v.Updated), AssigneeUpdated: isoOrNull(v.AssigneeUpdated), Status: v.Status,
		Dimension: v.Dimension, Organization: v.OrgID, OrganizationID: v.OrgID,
		Source: storageOf(v.Source), Target: storageOf(v.Target),
		Tasks:  tasksSummary{v.Tasks, address(r, "/api/tasks?project_id=%d", v.ID)},
		Labels: summary{address(r, "/api/labels?project_id=%d", v.ID)},
	}
	if p.Subsets == nil {
		p.Subsets = []string{}
	}
	return p
}

func (s *Server) listProjects(w http.ResponseWriter, r *http.Request) error {
	q, p, err := readQuery(r, "name", "owner", "assignee", "status")
	if err != nil {
		return err
	}
	views, count, err := s.DB.Projects(r.Context(), viewer(r), q)
	if err != nil {
		return err
	}
	return writePage(w, r, p, count, mapEach(views, func(v *store.ProjectView) project { return projectOf(r, v) }))
}

func (s *Server) readProject(w http.ResponseWriter, r *http.Request) error {
	id, err := idParam(r)
	if err != nil {
		return err
	}
	if _, err := s.projectFor(r, id, access.ViewProject); err != nil {
		return err
	}
	return s.writeProject(w, r, http.StatusOK, id)
}

// projectFor returns a project, if the caller may do a.
func (s *Server) projectFor(r *http.Request, id int64, a access.Action) (*pipeline.Project, error) {
	p, err := s.DB.Project(r.Context(), id)
	if err != nil {
		return nil, orNotFound(err)
	}
	return p, check(r, a, access.Project(p))
}

func (s *Server) writeProject(w http.ResponseWriter, r *http.Request, status int, id int64) error {
	v, err := s.DB.ProjectView(r.Context(), id)
	if err != nil {
		return orNotFound(err)
	}
	out := projectOf(r, v)
	if status == http.StatusCreated {
		w.Header().Set("Location", out.URL)
	}
	return writeJSON(w, status, out)
}

// projectInput is the body of a new project.
type projectInput struct {
	Name       optional[string] `json:"name"`
	Labels     []labelInput     `json:"labels"`
	OwnerID    *integer         `json:"owner_id"`
	AssigneeID *integer         `json:"assignee_id"`
	BugTracker optional[string] `json:"bug_tracker"`
	Source     *storageInput    `json:"source_storage"`
	Target     *storageInput    `json:"target_storage"`
}

func (s *Server) createProject(w http.ResponseWriter, r *http.Request) error {
	if err := check(r, access.CreateProject, here(r)); err != nil {
		return err
	}
	var in projectInput
	if err := decode(r, &in); err != nil {
		return err
	}
	n, err := in.project(access.From(r.Context()))
	if err != nil {
		return err
	}
	if err := s.people(r.Context(), n.OrgID, map[string]*int64{"owner_id": in.OwnerID.id(), "assignee_id": n.AssigneeID}); err != nil {
		return err
	}
	id, err := s.DB.CreateProject(r.Context(), n)
	if err != nil {
		return err
	}
	return s.writeProject(w, r, http.StatusCreated, id)
}

func (in *projectInput) project(p *access.Principal) (*store.NewProject, error) {
	n := &store.NewProject{Project: pipeline.Project{
		Tenant: p.Tenant(), OrgID: p.In.OrgID, OwnerID: in.OwnerID.id(), AssigneeID: in.AssigneeID.id(),
	}}
	if n.OwnerID == nil {
		n.OwnerID = &p.User.ID
	}
	var err error
	if n.Name, err = nameRule.required(in.Name); err != nil {
		return nil, err
	}
	tracker, err := trackerRule.change(in.BugTracker)
	if err != nil {
		return nil, err
	}
	n.BugTracker = tracker.To
	if n.Labels, err = newLabels(in.Labels); err != nil {
		return nil, err
	}
	n.Source, n.Target, err = twoStorages(in.Source, in.Target)
	return n, err
}

// projectPatch is the body of a change of a project.
type projectPatch struct {
	Name           optional[string]       `json:"name"`
	BugTracker     optional[string]       `json:"bug_tracker"`
	Labels         []labelInput           `json:"labels"`
	OwnerID        optional[integer]      `json:"owner_id"`
	AssigneeID     optional[integer]      `json:"assignee_id"`
	OrganizationID optional[integer]      `json:"organization_id"`
	Source         optional[storageInput] `json:"source_storage"`
	Target         optional[storageInput] `json:"target_storage"`
}

func (s *Server) updateProject(w http.ResponseWriter, r *http.Request) error {
	id, err := idParam(r)
	if err != nil {
		return err
	}
	p, err := s.projectFor(r, id, access.EditProject)
	if err != nil {
		return err
	}
	var in projectPatch
	if err := decodePatch(r, &in); err != nil {
		return err
	}
	if transfers(in.OrganizationID, p.OrgID) {
		err = s.transferProject(r, p, &in)
	} else {
		err = s.changeProject(r, p, &in)
	}
	if err != nil {
		return orNotFound(err)
	}
	return s.writeProject(w, r, http.StatusOK, id)
}

// changeProject changes a project that stays in its workspace.
func (s *Server) changeProject(r *http.Request, p *pipeline.Project, in *projectPatch) error {
	if in.OwnerID.Set || in.AssigneeID.Set {
		if err := check(r, access.AssignProject, access.Project(p)); err != nil {
			return err
		}
	}
	ch, err := in.change()
	if err != nil {
		return err
	}
	if err := s.people(r.Context(), p.OrgID, map[string]*int64{"owner_id": ch.OwnerID.To, "assignee_id": ch.AssigneeID.To}); err != nil {
		return err
	}
	return s.DB.UpdateProject(r.Context(), p.ID, ch)
}

func (in *projectPatch) change() (*store.ProjectChange, error) {
	ch := &store.ProjectChange{OwnerID: idChange(in.OwnerID), AssigneeID: idChange(in.AssigneeID)}
	var err error
	if ch.Name, err = nameRule.change(in.Name); err != nil {
		return nil, err
	}
	if ch.BugTracker, err = trackerRule.change(in.BugTracker); err != nil {
		return nil, err
	}
	if ch.Labels, err = labelChanges(in.Labels); err != nil {
		return nil, err
	}
	ch.Source, ch.Target, err = storageChanges(in.Source, in.Target)
	return ch, err
}

func (s *Server) deleteProject(w http.ResponseWriter, r *http.Request) error {
	id, err := idParam(r)
	if err != nil {
		return err
	}
	if _, err := s.projectFor(r, id, access.DeleteProject); err != nil {
		return err
	}
	if err := s.DB.DeleteProject(r.Context(), id); err != nil {
		return orNotFound(err)
	}
	return noContent(w)
}

package api

import (
	"net/http"
	"strings"

	"framemill/pipeline"
	"framemill/pipeline/store"
	"framemill/producer/access"
)

// label is a label as clients read it. It names the task or the project that
// it belongs to, and not the other.
type label struct {
	ID         int64       `json:"id"`
	Name       string      `json:"name"`
	Color      string      `json:"color"`
	Attributes []attribute `json:"attributes"`
	Type       string      `json:"type"`
	SVG        string      `json:"svg,omitempty"`
	Sublabels  []label     `json:"sublabels"`
	ProjectID  *int64      `json:"project_id,omitempty"`
	TaskID     *int64      `json:"task_id,omitempty"`
	ParentID   *int64      `json:"parent_id"`
	HasParent  bool        `json:"has_parent"`
}

type attribute struct {
	ID        int64    `json:"id"`
	Name      string   `json:"name"`
	Mutable   bool     `json:"mutable"`
	InputType string   `json:"input_type"`
	Default   string   `json:"default_value"`
	Values    []string `json:"values"`
}

func labelOf(l *pipeline.Label) label {
	return label{
		ID: l.ID, Name: l.Name, Color: l.Color, Type: l.Type, SVG: l.SVG, ProjectID: l.ProjectID, TaskID: l.TaskID,
		ParentID: l.ParentID, HasParent: l.ParentID != nil,
		Attributes: mapEach(l.Attributes, attributeOf), Sublabels: mapEach(l.Sublabels, labelOf),
	}
}

func attributeOf(a *pipeline.Attribute) attribute {
	values := []string{}
	if a.Values != "" {
		values = strings.Split(a.Values, "\n")
	}
	return attribute{a.ID, a.Name, a.Mutable, a.InputType, a.Default, values}
}

func (s *Server) listLabels(w http.ResponseWriter, r *http.Request) error {
	q, p, err := readQuery(r, "name", "type", "color", "parent", "parent_id")
	if err != nil {
		return err
	}
	owner, err := s.labelOwner(r)
	if err != nil {
		return err
	}
	var labels []pipeline.Label
	var count int64
	if owner != nil {
		labels, count, err = s.DB.LabelsOf(r.Context(), *owner, q)
	} else {
		labels, count, err = s.DB.Labels(r.Context(), viewer(r), q)
	}
	if err != nil {
		return err
	}
	return writePage(w, r, p, count, mapEach(labels, labelOf))
}

// labelOwner returns whose labels the query asks for, if the caller may see
// them; nil is everybody's.
func (s *Server) labelOwner(r *http.Request) (*store.LabelOwner, error) {
	var name string
	var id int64
	for _, n := range []string{"task_id", "job_id", "project_id"} {
		v, err := intQuery(r, n)
		if err != nil {
			return nil, err
		}
		if v == nil {
			continue
		}
		if name != "" {
			return nil, pipeline.FieldErrorf(n, "job_id, task_id and project_id parameters cannot be used together")
		}
		name, id = n, *v
	}
	switch name {
	case "task_id":
		v, err := s.taskFor(r, id, access.ViewTask)
		if err != nil {
			return nil, err
		}
		owner := store.LabelOwnerOf(&v.Task)
		return &owner, nil
	case "job_id":
		v, err := s.jobFor(r, id, access.ViewJob)
		if err != nil {
			return nil, err
		}
		owner := store.LabelOwnerOf(&v.Task.Task)
		return &owner, nil
	case "project_id":
		_, err := s.projectFor(r, id, access.ViewProject)
		return &store.LabelOwner{ProjectID: &id}, err
	}
	return nil, nil
}

func (s *Server) readLabel(w http.ResponseWriter, r *http.Request) error {
	l, err := s.labelInPath(r, access.ViewTask, access.ViewProject)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, labelOf(l))
}

// labelInPath returns the label that the path names, if the caller may do what
// is asked to the task or project that it belongs to.
func (s *Server) labelInPath(r *http.Request, ofTask, ofProject access.Action) (*pipeline.Label, error) {
	id, err := idParam(r)
	if err != nil {
		return nil, err
	}
	l, err := s.DB.Label(r.Context(), id)
	if err != nil {
		return nil, orNotFound(err)
	}
	if l.TaskID != nil {
		_, err = s.taskFor(r, *l.TaskID, ofTask)
	} else {
		_, err = s.projectFor(r, *l.ProjectID, ofProject)
	}
	return l, err
}

func (s *Server) updateLabel(w http.ResponseWriter, r *http.Request) error {
	l, err := s.rootLabel(r, "modified")
	if err != nil {
		return err
	}
	var in labelInput
	if err := decode(r, &in); err != nil {
		return err
	}
	id := integer(l.ID)
	in.ID, in.Deleted = &id, false
	changes, err := labelChanges([]labelInput{in})
	if err != nil {
		return err
	}
	if err := s.DB.UpdateLabel(r.Context(), changes[0]); err != nil {
		return orNotFound(err)
	}
	if l, err = s.DB.Label(r.Context(), l.ID); err != nil {
		return orNotFound(err)
	}
	return writeJSON(w, http.StatusOK, labelOf(l))
}

func (s *Server) deleteLabel(w http.ResponseWriter, r *http.Request) error {
	l, err := s.rootLabel(r, "deleted")
	if err != nil {
		return err
	}
	if err := s.DB.DeleteLabel(r.Context(), l.ID); err != nil {
		return orNotFound(err)
	}
	return noContent(w)
}

// rootLabel returns the label that the path names, if the caller may change it.
// A sublabel is changed through its parent, which has the drawing.
func (s *Server) rootLabel(r *http.Request, what string) (*pipeline.Label, error) {
	l, err := s.labelInPath(r, access.EditTask, access.EditProject)
	if err == nil && l.ParentID != nil {
		err = pipeline.Errorf(pipeline.Invalid, "Sublabels cannot be %s this way. "+
			"Please send a PATCH request with updated parent label data instead.", what)
	}
	return l, err
}

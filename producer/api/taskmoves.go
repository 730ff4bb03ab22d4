package api

import (
	"net/http"

	"framemill/pipeline"
	"framemill/pipeline/store"
	"framemill/producer/access"
)

// moves reports whether the change takes the task to another project. A client
// may repeat where the task is.
func (in *taskPatch) moves(t *pipeline.Task) bool {
	return in.ProjectID.Set && !sameID(in.ProjectID.Value.id(), t.ProjectID)
}

// move checks where the task shall go, and what its labels are called there.
func (in *taskPatch) move(t *pipeline.Task) (*store.TaskMove, error) {
	if in.ProjectID.Value == nil {
		return nil, pipeline.FieldErrorf("project_id",
			"task %d can be moved to another project, but not out of all: the labels are the project's", t.ID)
	}
	m := &store.TaskMove{ProjectID: int64(*in.ProjectID.Value), Names: map[int64]string{}}
	return m, addNames(m.Names, in.Labels)
}

// addNames notes what labels and sublabels are called in the target project. A
// client may send all else that it knows of a label.
func addNames(names map[int64]string, inputs []labelInput) error {
	for i := range inputs {
		in := &inputs[i]
		if in.ID == nil || in.Deleted {
			return pipeline.FieldErrorf("labels", "of a task that is moved, labels are only given their names in the project, by id")
		}
		name, err := (textRule{field: "labels", max: 64}).required(in.Name)
		if err != nil {
			return err
		}
		names[int64(*in.ID)] = name
		if err := addNames(names, in.Sublabels); err != nil {
			return err
		}
	}
	return nil
}

// mayEnter checks that the caller may bring a task of an organization, or of
// none, to a project.
func (s *Server) mayEnter(r *http.Request, org *int64, projectID int64) error {
	p, err := s.DB.Project(r.Context(), projectID)
	if pipeline.KindOf(err) == pipeline.NotFound {
		return errNoSuchKey("project_id", projectID)
	}
	if err != nil {
		return err
	}
	if err := check(r, access.CreateTaskIn, access.Project(p)); err != nil {
		return err
	}
	if !sameID(p.OrgID, org) {
		return pipeline.Errorf(pipeline.Invalid, "The task and its project should be in the same organization.")
	}
	return nil
}

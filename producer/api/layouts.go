package api

import (
	"net/http"

	"framemill/pipeline"
	"framemill/producer/access"
)

// taskLayout is how the frames of a task are validated. Without a validation
// set both fields are null.
type taskLayout struct {
	Mode         *string `json:"mode"`
	FramesPerJob *int64  `json:"frames_per_job_count"`
}

func (s *Server) readTaskLayout(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.taskInPath(r, access.ViewTask); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, taskLayout{})
}

func (s *Server) updateTaskLayout(_ http.ResponseWriter, r *http.Request) error {
	if _, err := s.taskInPath(r, access.EditTask); err != nil {
		return err
	}
	return errNoLayout()
}

func (s *Server) readJobLayout(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.jobInPath(r, access.ViewJob); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, struct{}{})
}

func (s *Server) updateJobLayout(_ http.ResponseWriter, r *http.Request) error {
	if _, err := s.jobInPath(r, access.EditJobStage); err != nil {
		return err
	}
	return errNoLayout()
}

func errNoLayout() error {
	return pipeline.Errorf(pipeline.Invalid, "the task has no validation set")
}

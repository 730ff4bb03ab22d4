package api

import (
	"errors"
	"fmt"
	"net/http"

	"framemill/pipeline"
	"framemill/producer/access"
)

func (s *Server) readTaskPreview(w http.ResponseWriter, r *http.Request) error {
	l, err := s.taskLooked(r, access.ViewTask)
	if err != nil {
		return noPreview(err)
	}
	return s.preview(w, r, l)
}

func (s *Server) readJobPreview(w http.ResponseWriter, r *http.Request) error {
	l, err := s.jobLooked(r, access.ViewJob)
	if err != nil {
		return err
	}
	return s.preview(w, r, l)
}

// readProjectPreview answers with the preview of the project's newest task that
// has frames.
func (s *Server) readProjectPreview(w http.ResponseWriter, r *http.Request) error {
	id, err := idParam(r)
	if err != nil {
		return err
	}
	if _, err := s.projectFor(r, id, access.ViewProject); err != nil {
		return err
	}
	taskID, err := s.DB.NewestTask(r.Context(), id)
	if pipeline.KindOf(err) == pipeline.NotFound {
		return pipeline.Errorf(pipeline.NotFound, "Project image preview not found")
	}
	if err != nil {
		return err
	}
	l := new(looked)
	if l.Task, err = s.DB.Task(r.Context(), taskID); err != nil {
		return orNotFound(err)
	}
	if err := s.withData(r, l); err != nil {
		return noPreview(err)
	}
	return s.preview(w, r, l)
}

// noPreview says of a task without data that it has no preview.
func noPreview(err error) error {
	if errors.Is(err, errNoData) {
		return pipeline.Errorf(pipeline.NotFound, "Task image preview not found")
	}
	return err
}

// preview answers with a small picture of the first frame.
func (s *Server) preview(w http.ResponseWriter, r *http.Request, l *looked) error {
	seg := l.seg
	if seg == nil {
		segs, err := s.DB.SegmentsOver(r.Context(), l.Task.ID, 0, 1)
		if err != nil {
			return err
		}
		if len(segs) == 0 {
			return fmt.Errorf("task %d has data and no segment", l.Task.ID)
		}
		seg = &segs[0]
	}
	return s.Serve.Preview(w, r, l.View, seg)
}

package api

import (
	"net/http"

	"framemill/pipeline"
	"framemill/producer/access"
)

// What is outside the scope, or holds nothing yet, is answered here: reads
// find nothing, and no write ever seems to have worked.

// notOffered refuses an operation.
func notOffered(_ http.ResponseWriter, r *http.Request) error {
	return pipeline.Errorf(pipeline.NotOffered, "this server does not offer %s %s", r.Method, r.URL.Path)
}

// missing is the answer for one object of a collection that is always empty.
func missing(http.ResponseWriter, *http.Request) error { return errNotFound() }

// emptyPage is a list that has nothing in it.
func emptyPage(w http.ResponseWriter, r *http.Request) error {
	p, err := readPage(r)
	if err != nil {
		return err
	}
	return writePage(w, r, p, 0, []struct{}{})
}

// emptyList is emptyPage for the lists that have no pages.
func emptyList(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, []struct{}{})
}

// annotations is the document of a job or task in which nothing is drawn.
type annotations struct {
	Version   int        `json:"version"`
	Tags      []struct{} `json:"tags"`
	Shapes    []struct{} `json:"shapes"`
	Tracks    []struct{} `json:"tracks"`
	Intervals []struct{} `json:"intervals"`
}

func noneDrawn() annotations {
	none := []struct{}{}
	return annotations{Tags: none, Shapes: none, Tracks: none, Intervals: none}
}

func (s *Server) readTaskAnnotations(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.taskInPath(r, access.ViewTask); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, noneDrawn())
}

func (s *Server) readJobAnnotations(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.jobInPath(r, access.ViewJob); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, noneDrawn())
}

// noEvents is a log of telemetry in which nothing was kept.
func noEvents(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, map[string]any{"events": []struct{}{}})
}

package api

import (
	"net/http"
	"strconv"
	"strings"

	"framemill/pipeline"
	"framemill/pipeline/store"
	"framemill/producer/access"
)

// request is the request of an ingest as clients poll it. The lower half is
// ours.
type request struct {
	ID        string    `json:"id"`
	Status    string    `json:"status"`
	Message   string    `json:"message"` // never null
	Progress  float64   `json:"progress"`
	Operation operation `json:"operation"`
	Created   string    `json:"created_date"`
	Started   *string   `json:"started_date"`
	Finished  *string   `json:"finished_date"`
	Expires   *string   `json:"expiry_date"`
	Owner     *owner    `json:"owner,omitempty"` // not null
	ResultURL *string   `json:"result_url"`
	ResultID  *int64    `json:"result_id"`

	Code     string  `json:"code,omitempty"` // why it failed
	Phase    string  `json:"phase,omitempty"`
	JobsOpen *string `json:"jobs_open_date"`
	Ahead    *int64  `json:"queue_position"` // units that wait before it, while it is queued
	Counts   counts  `json:"counts"`
	Files    string  `json:"files_url"`
}

// operation is what a request does.
type operation struct {
	Type        string  `json:"type"`
	Target      string  `json:"target"`
	ProjectID   *int64  `json:"project_id"`
	TaskID      *int64  `json:"task_id"`
	JobID       *int64  `json:"job_id"`
	Format      *string `json:"format"`
	FunctionID  *string `json:"function_id"`
	Lightweight *bool   `json:"lightweight"`
	OrgID       *int64  `json:"org_id"`
}

type owner struct {
	ID   int64  `json:"id"`
	Name string `json:"username"`
}

// counts is what a request has come to so far.
type counts struct {
	Files  int64 `json:"files"`
	Bad    int64 `json:"bad"`
	Frames int64 `json:"frames"`
	Jobs   int64 `json:"jobs"`
}

// statuses are the states of a request in the four words that clients know.
var statuses = map[string]string{
	pipeline.RequestAccepted:  "queued",
	pipeline.RequestRunning:   "started",
	pipeline.RequestDone:      "finished",
	pipeline.RequestFailed:    "failed",
	pipeline.RequestCancelled: "failed",
}

// requestOf returns a request as clients read it.
func (s *Server) requestOf(r *http.Request, v *store.RequestView) (*request, error) {
	progress, err := s.DB.Progress(r.Context(), &v.Request)
	if err != nil {
		return nil, err
	}
	return requestWith(r, v, progress), nil
}

func requestWith(r *http.Request, v *store.RequestView, progress store.Progress) *request {
	out := &request{
		ID: v.RQID, Status: statuses[v.State], Message: progress.Text, Progress: min(1, max(0, progress.Fraction)),
		Operation: operation{
			Type: v.Op + ":task", Target: "task", ProjectID: v.ProjectID, TaskID: &v.TaskID, OrgID: v.OrgID,
		},
		Created: iso(v.Created), Started: isoOrNull(v.Started), Finished: isoOrNull(v.Finished),
		Phase: string(v.Phase), JobsOpen: isoOrNull(v.JobsOpen),
		Counts: counts{Files: v.Total, Bad: v.Bad, Frames: v.Frames, Jobs: v.Jobs},
		Files:  address(r, "/api/requests/%s/files", strings.ReplaceAll(v.RQID, "&", "%26")),
	}
	if v.Owner != nil {
		out.Owner = &owner{v.Owner.ID, v.Owner.Name}
	}
	switch out.Status {
	case "queued":
		out.Ahead = &progress.Ahead
	case "failed":
		out.Code, out.Message = string(v.Code), failureText(v.Code, v.Text)
	}
	return out
}

// failureText is why a request failed and what can be done.
func failureText(code pipeline.Code, text string) string {
	remedy := pipeline.Codes()[code].Remedy
	if remedy == "" || strings.Contains(text, remedy) {
		return text
	}
	return strings.TrimSuffix(text, ".") + ": " + remedy
}

func (s *Server) listRequests(w http.ResponseWriter, r *http.Request) error {
	q, p, err := readQuery(r, "status", "project_id", "task_id", "job_id", "action", "target", "subresource", "format")
	if err != nil {
		return err
	}
	views, count, err := s.DB.Requests(r.Context(), viewer(r), q)
	if err != nil {
		return err
	}
	out := make([]*request, len(views))
	for i := range views {
		if out[i], err = s.requestOf(r, &views[i]); err != nil {
			return err
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	return writePage(w, r, p, count, out)
}

func (s *Server) readRequest(w http.ResponseWriter, r *http.Request) error {
	v, err := s.requestInPath(r)
	if err != nil {
		return err
	}
	out, err := s.requestOf(r, v)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return writeJSON(w, http.StatusOK, out)
}

// requestInPath returns the request that the path names, if the caller may see
// the task that it is about, or asked for it himself.
func (s *Server) requestInPath(r *http.Request) (*store.RequestView, error) {
	taskID, ok := parseRequestID(param(r, "id"))
	if !ok {
		return nil, errNoRequest()
	}
	t, err := s.DB.TaskView(r.Context(), taskID)
	if pipeline.KindOf(err) == pipeline.NotFound {
		return nil, errNoRequest()
	}
	if err != nil {
		return nil, err
	}
	v, err := s.DB.RequestView(r.Context(), pipeline.CreateRQID(taskID))
	if pipeline.KindOf(err) == pipeline.NotFound {
		return nil, errNoRequest()
	}
	if err != nil {
		return nil, err
	}
	own := access.Facts{Org: t.OrgID, User: &v.OwnerID}
	if access.Can(access.From(r.Context()), access.CancelRequest, own) {
		return v, nil
	}
	return v, check(r, access.ViewTask, access.Task(&t.Task, t.Project))
}

func errNoRequest() error {
	return pipeline.Errorf(pipeline.NotFound, "There is no request with specified id")
}

// parseRequestID returns the task whose creation a public id names. Its keys
// may come in any order; create:task-7 is how old clients spell it.
func parseRequestID(id string) (taskID int64, ok bool) {
	if rest, old := strings.CutPrefix(id, "create:task-"); old {
		return positive(rest)
	}
	pairs := map[string]string{}
	for pair := range strings.SplitSeq(id, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if _, twice := pairs[key]; twice {
			return 0, false
		}
		pairs[key] = value
	}
	if len(pairs) != 3 || pairs["action"] != "create" || pairs["target"] != "task" {
		return 0, false
	}
	return positive(pairs["target_id"])
}

func positive(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n > 0
}

// cancelRequest ends an open request. One that had not begun is gone then; one
// that had is failed.
func (s *Server) cancelRequest(w http.ResponseWriter, r *http.Request) error {
	v, err := s.requestInPath(r)
	if err != nil {
		return err
	}
	if err := check(r, access.CancelRequest, access.Facts{Org: v.OrgID, User: &v.OwnerID}); err != nil {
		return err
	}
	if _, err := s.DB.CancelRequest(r.Context(), v.Request.ID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

package api

import (
	"net/http"
	"net/url"
	"strconv"

	"framemill/pipeline"
	"framemill/producer/access"
	"framemill/producer/serve"
)

// looked is what a reader looks at: a task, or a job and its segment.
type looked struct {
	serve.View
	seg    *pipeline.Segment // nil for a task
	truth  bool              // the job is one of ground truth
	layout *pipeline.Layout  // the validation set of such a job, where it is described
}

// taskLooked returns the task in the path with its data, if the caller may do a.
// Only what serving needs is read: this is the way of every chunk.
func (s *Server) taskLooked(r *http.Request, a access.Action) (*looked, error) {
	id, err := idParam(r)
	if err != nil {
		return nil, err
	}
	l := new(looked)
	if l.Task, err = s.DB.Task(r.Context(), id); err != nil {
		return nil, orNotFound(err)
	}
	project, err := s.taskProject(r, l.Task)
	if err != nil {
		return nil, err
	}
	if err := check(r, a, access.Task(l.Task, project)); err != nil {
		return nil, err
	}
	return l, s.withData(r, l)
}

// jobLooked returns the job in the path with its segment and data, if the
// caller may do a.
func (s *Server) jobLooked(r *http.Request, a access.Action) (*looked, error) {
	id, err := idParam(r)
	if err != nil {
		return nil, err
	}
	job, err := s.DB.Job(r.Context(), id)
	if err != nil {
		return nil, orNotFound(err)
	}
	l := new(looked)
	if l.Task, err = s.DB.Task(r.Context(), job.TaskID); err != nil {
		return nil, orNotFound(err)
	}
	project, err := s.taskProject(r, l.Task)
	if err != nil {
		return nil, err
	}
	if err := check(r, a, access.Job(job, l.Task, project)); err != nil {
		return nil, err
	}
	if l.seg, err = s.DB.Segment(r.Context(), job.SegmentID); err != nil {
		return nil, err
	}
	l.truth = job.Type == pipeline.JobGroundTruth
	return l, s.withData(r, l)
}

// taskProject returns the project of a task, nil if it has none.
func (s *Server) taskProject(r *http.Request, t *pipeline.Task) (*pipeline.Project, error) {
	if t.ProjectID == nil {
		return nil, nil
	}
	return s.DB.Project(r.Context(), *t.ProjectID)
}

// withData reads the data of the task, which must have been published.
func (s *Server) withData(r *http.Request, l *looked) (err error) {
	l.Data, err = s.DB.DataOf(r.Context(), l.Task.ID)
	switch {
	case pipeline.KindOf(err) == pipeline.NotFound:
		return errNoData
	case err != nil:
		return err
	case l.Data.Size == 0:
		return pipeline.Errorf(pipeline.Invalid, "The data of the task are not ready yet")
	}
	if l.seg != nil {
		l.Updated = l.seg.ChunksUpdated
		return nil
	}
	l.Updated, err = s.DB.ChunksUpdated(r.Context(), l.Task.ID)
	return err
}

// readTaskData answers with a chunk, a frame or the preview of a task.
func (s *Server) readTaskData(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	ask, err := readAsk(q)
	if err != nil {
		return err
	}
	l, err := s.taskLooked(r, access.ViewTask)
	if err != nil {
		return err
	}
	l.Quality = ask.quality
	if ask.kind == "preview" {
		return s.preview(w, r, l)
	}
	n, err := needNumber(q, "number", "Number is not specified")
	if err != nil {
		return err
	}
	if ask.kind == "chunk" {
		return bare(s.Serve.TaskChunk(w, r, l.View, n))
	}
	if n < 0 || n >= l.Data.Size {
		return bare(pipeline.Errorf(pipeline.Invalid,
			"Invalid frame '%d'. The frame number should be in the [0, %d] range", n, l.Data.Size))
	}
	if ask.kind == "context_image" {
		return s.Serve.Context(w, r, l.View, n, nil)
	}
	return s.Serve.Frame(w, r, l.View, n, nil)
}

// readJobData answers with a chunk, a frame or the preview of a job.
func (s *Server) readJobData(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	ask, err := readAsk(q)
	if err != nil {
		return err
	}
	l, err := s.jobLooked(r, access.ViewJob)
	if err != nil {
		return err
	}
	l.Quality = ask.quality
	switch ask.kind {
	case "preview":
		return s.preview(w, r, l)
	case "chunk":
		return s.jobChunk(w, r, l, q)
	}
	n, err := needNumber(q, "number", "Number is not specified")
	if err != nil {
		return err
	}
	included, err := l.included()
	if err != nil {
		return err
	}
	if !l.holds(included, n) {
		return pipeline.Errorf(pipeline.Invalid, "Incorrect requested frame number: %d", n)
	}
	if ask.kind == "context_image" {
		return s.Serve.Context(w, r, l.View, n, l.seg)
	}
	return s.Serve.Frame(w, r, l.View, n, l.seg)
}

// jobChunk answers with a chunk as the job counts it, or as the task does.
func (s *Server) jobChunk(w http.ResponseWriter, r *http.Request, l *looked, q url.Values) error {
	switch {
	case q.Has("index") && q.Has("number"):
		return pipeline.Errorf(pipeline.Invalid, "Number and Index cannot be used together")
	case q.Has("index"):
		n, err := needNumber(q, "index", "Number or Index is not specified")
		if err != nil {
			return err
		}
		return s.Serve.JobChunk(w, r, l.View, l.seg, n)
	}
	n, err := needNumber(q, "number", "Number or Index is not specified")
	if err != nil {
		return err
	}
	return s.Serve.JobWindow(w, r, l.View, l.seg, n)
}

// ask is which bytes a reader wants.
type ask struct {
	kind    string
	quality pipeline.Quality
}

func readAsk(q url.Values) (ask, error) {
	a := ask{kind: q.Get("type"), quality: pipeline.Quality(q.Get("quality"))}
	switch a.kind {
	case "chunk", "frame", "preview", "context_image":
	default:
		return a, pipeline.Errorf(pipeline.Invalid, "Data type not specified or has wrong value")
	}
	switch a.quality {
	case "":
		a.quality = pipeline.Compressed
	case pipeline.Compressed, pipeline.Original:
	default:
		return a, pipeline.Errorf(pipeline.Invalid, "Wrong quality value")
	}
	return a, nil
}

// needNumber returns a whole number that the query must have.
func needNumber(q url.Values, name, missing string) (int64, error) {
	text := q.Get(name)
	if text == "" {
		return 0, pipeline.Errorf(pipeline.Invalid, "%s", missing)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, pipeline.Errorf(pipeline.Invalid, "The %s must be a whole number", name)
	}
	return n, nil
}

// errNoData is the error of a task that nobody has given data to.
var errNoData = pipeline.Errorf(pipeline.NotFound, "The task has no data yet")

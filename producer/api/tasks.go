package api

import (
	"net/http"

	"framemill/pipeline"
	"framemill/pipeline/store"
	"framemill/producer/access"
)

// task is a task as clients read it.
type task struct {
	URL             string     `json:"url"`
	ID              int64      `json:"id"`
	Name            string     `json:"name"`
	ProjectID       *int64     `json:"project_id"`
	ProjectName     *string    `json:"project_name"`
	Mode            string     `json:"mode"`
	MediaType       string     `json:"media_type"`
	Owner           *basicUser `json:"owner"`
	Assignee        *basicUser `json:"assignee"`
	BugTracker      string     `json:"bug_tracker"`
	Created         string     `json:"created_date"`
	Updated         string     `json:"updated_date"`
	AssigneeUpdated *string    `json:"assignee_updated_date"`
	Overlap         *int64     `json:"overlap"`
	SegmentSize     int64      `json:"segment_size"`
	Status          string     `json:"status"`
	Size            int64      `json:"size"`
	*taskData
	*footage
	GuideID           *int64      `json:"guide_id"`
	Dimension         string      `json:"dimension"`
	Subset            string      `json:"subset"`
	OrganizationID    *int64      `json:"organization_id"`
	Organization      *int64      `json:"organization"`
	Source            *storage    `json:"source_storage"`
	Target            *storage    `json:"target_storage"`
	Jobs              jobsSummary `json:"jobs"`
	Labels            summary     `json:"labels"`
	ValidationMode    *string     `json:"validation_mode"`
	ConsensusEnabled  bool        `json:"consensus_enabled"`
	ConsensusReplicas int64       `json:"consensus_replicas"`
	InitialReplicas   int64       `json:"initial_replicas"`
}

// taskData is what a task has once it has data. Before, the fields are absent:
// clients refuse nulls here.
type taskData struct {
	ID             int64  `json:"data"`
	ChunkSize      *int64 `json:"data_chunk_size"`
	CompressedType string `json:"data_compressed_chunk_type"`
	OriginalType   string `json:"data_original_chunk_type"`
	CloudStorageID *int64 `json:"data_cloud_storage_id"`
	Quality        int64  `json:"image_quality"`
}

// summary is where a client finds what belongs to an object.
type summary struct {
	URL string `json:"url"`
}

type jobsSummary struct {
	Count      int64  `json:"count"`
	Completed  int64  `json:"completed"`
	Validation int64  `json:"validation"`
	URL        string `json:"url"`
}

func taskOf(r *http.Request, v *store.TaskView) task {
	t := task{
		URL: address(r, "/api/tasks/%d", v.ID), ID: v.ID, Name: v.Name, ProjectID: v.ProjectID,
		Mode: modeOf(&v.Task), MediaType: mediaType(&v.Task), Owner: userOrNull(r, v.Owner), Assignee: userOrNull(r, v.Assignee),
		BugTracker: v.BugTracker, Created: iso(v.Created), Updated: iso(v.Updated),
		AssigneeUpdated: isoOrNull(v.AssigneeUpdated), Overlap: v.Overlap, SegmentSize: v.SegmentSize,
		Status: v.Status, Dimension: v.Dimension, Subset: v.Subset, OrganizationID: v.OrgID, Organization: v.OrgID,
		Source: storageOf(v.Source), Target: storageOf(v.Target),
		Jobs: jobsSummary{
			Count: v.Jobs.Count, Completed: v.Jobs.Completed, Validation: v.Jobs.Validation,
			URL: address(r, "/api/jobs?task_id=%d", v.ID),
		},
		Labels:           summary{address(r, "/api/labels?task_id=%d", v.ID)},
		ConsensusEnabled: v.Replicas > 0, ConsensusReplicas: v.Replicas, InitialReplicas: v.Replicas,
	}
	if v.Validation != "" {
		t.ValidationMode = &v.Validation
	}
	if v.Project != nil {
		t.ProjectName = &v.Project.Name
	}
	if d := v.Data; d != nil {
		t.Size = d.Size
		t.taskData = &taskData{
			ID: d.ID, ChunkSize: d.ChunkSize, CompressedType: d.CompressedType, OriginalType: d.OriginalType,
			CloudStorageID: d.CloudStorageID, Quality: d.Quality,
		}
	}
	return t
}

// modeOf returns the mode that clients read: pictures, until the data prove to
// be a video.
func modeOf(t *pipeline.Task) string {
	if t.Mode == "" {
		return pipeline.ModeAnnotation
	}
	return t.Mode
}

// userOrNull returns the public face of a user, nil for nobody.
func userOrNull(r *http.Request, u *pipeline.User) *basicUser {
	if u == nil {
		return nil
	}
	b := basicUserOf(r, *u)
	return &b
}

func (s *Server) listTasks(w http.ResponseWriter, r *http.Request) error {
	q, p, err := readQuery(r, "project_id", "project_name", "name", "owner", "assignee", "status", "subset",
		"mode", "media_type", "dimension", "tracker_link", "validation_mode")
	if err != nil {
		return err
	}
	views, count, err := s.DB.Tasks(r.Context(), viewer(r), q)
	if err != nil {
		return err
	}
	return writePage(w, r, p, count, mapEach(views, func(v *store.TaskView) task { return taskOf(r, v) }))
}

func (s *Server) readTask(w http.ResponseWriter, r *http.Request) error {
	v, err := s.taskInPath(r, access.ViewTask)
	if err != nil {
		return err
	}
	return s.writeTask(w, r, v)
}

// writeTask answers with one task. Of a video it says more than a list does.
func (s *Server) writeTask(w http.ResponseWriter, r *http.Request, v *store.TaskView) error {
	t := taskOf(r, v)
	t.footage = s.footage(r.Context(), v.Data)
	return writeJSON(w, http.StatusOK, t)
}

// taskInPath returns the task that the path names, if the caller may do a.
func (s *Server) taskInPath(r *http.Request, a access.Action) (*store.TaskView, error) {
	id, err := idParam(r)
	if err != nil {
		return nil, err
	}
	return s.taskFor(r, id, a)
}

// taskFor returns a task, if the caller may do a.
func (s *Server) taskFor(r *http.Request, id int64, a access.Action) (*store.TaskView, error) {
	v, err := s.DB.TaskView(r.Context(), id)
	if err != nil {
		return nil, orNotFound(err)
	}
	return v, check(r, a, access.Task(&v.Task, v.Project))
}

func (s *Server) deleteTask(w http.ResponseWriter, r *http.Request) error {
	v, err := s.taskInPath(r, access.DeleteTask)
	if err != nil {
		return err
	}
	if err := s.DB.DeleteTask(r.Context(), v.ID); err != nil {
		return orNotFound(err)
	}
	return noContent(w)
}

// taskStatus is the deprecated way to ask about the request of a task.
type taskStatus struct {
	State    string  `json:"state"`
	Message  string  `json:"message"`
	Progress float64 `json:"progress"`
}

// readTaskStatus answers the deprecated status of a task's request. A task that
// has none is finished, as it always was.
func (s *Server) readTaskStatus(w http.ResponseWriter, r *http.Request) error {
	v, err := s.taskInPath(r, access.ViewTask)
	if err != nil {
		return err
	}
	w.Header().Set("Deprecation", "true")
	out := taskStatus{State: "Finished"}
	rq, err := s.DB.RequestView(r.Context(), pipeline.CreateRQID(v.ID))
	if pipeline.KindOf(err) == pipeline.NotFound {
		return writeJSON(w, http.StatusOK, out)
	}
	if err != nil {
		return err
	}
	now, err := s.requestOf(r, rq)
	if err != nil {
		return err
	}
	out.State = map[string]string{"queued": "Queued", "started": "Started", "finished": "Finished", "failed": "Failed"}[now.Status]
	out.Message, out.Progress = now.Message, now.Progress
	return writeJSON(w, http.StatusOK, out)
}

// mediaType is what the frames of a task are, as newer clients ask for it.
func mediaType(t *pipeline.Task) string {
	if t.Dimension == pipeline.Dimension3D {
		return "point_cloud"
	}
	return "image"
}

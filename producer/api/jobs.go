package api

import (
	"net/http"
	"slices"

	"framemill/pipeline"
	"framemill/pipeline/plan"
	"framemill/pipeline/store"
	"framemill/producer/access"
)

// job is a job as clients read it.
type job struct {
	URL               string     `json:"url"`
	ID                int64      `json:"id"`
	TaskID            int64      `json:"task_id"`
	TaskName          string     `json:"task_name"`
	ProjectID         *int64     `json:"project_id"`
	ProjectName       *string    `json:"project_name"`
	Assignee          *basicUser `json:"assignee"`
	GuideID           *int64     `json:"guide_id"`
	Dimension         string     `json:"dimension"`
	MediaType         string     `json:"media_type"`
	BugTracker        string     `json:"bug_tracker"`
	Status            string     `json:"status"`
	Stage             string     `json:"stage"`
	State             string     `json:"state"`
	Mode              string     `json:"mode"`
	FrameCount        int64      `json:"frame_count"`
	StartFrame        int64      `json:"start_frame"`
	StopFrame         int64      `json:"stop_frame"`
	ChunkSize         *int64     `json:"data_chunk_size"`
	CompressedType    string     `json:"data_compressed_chunk_type"`
	OriginalType      string     `json:"data_original_chunk_type"`
	Created           string     `json:"created_date"`
	Updated           string     `json:"updated_date"`
	AssigneeUpdated   *string    `json:"assignee_updated_date"`
	Issues            counted    `json:"issues"`
	Labels            summary    `json:"labels"`
	Type              string     `json:"type"`
	Organization      *int64     `json:"organization"`
	OrganizationID    *int64     `json:"organization_id"`
	Source            *storage   `json:"source_storage"`
	Target            *storage   `json:"target_storage"`
	ParentJobID       *int64     `json:"parent_job_id"`
	ConsensusReplicas int64      `json:"consensus_replicas"`
	ReplicasCount     int64      `json:"replicas_count"`
}

// counted is a summary with a count.
type counted struct {
	URL   string `json:"url"`
	Count int64  `json:"count"`
}

func jobOf(r *http.Request, v *store.JobView) job {
	t, d := v.Task, v.Task.Data
	j := job{
		URL: address(r, "/api/jobs/%d", v.ID), ID: v.ID, TaskID: v.TaskID, TaskName: t.Name, ProjectID: t.ProjectID,
		Assignee: userOrNull(r, v.Assignee), Dimension: t.Dimension, MediaType: mediaType(&t.Task), BugTracker: t.BugTracker,
		Status: plan.JobStatus(v.Stage, v.State), Stage: v.Stage, State: v.State, Mode: modeOf(&t.Task),
		FrameCount: v.Segment.Size(), StartFrame: v.Segment.Start, StopFrame: v.Segment.Stop, ChunkSize: d.ChunkSize,
		CompressedType: d.CompressedType, OriginalType: d.OriginalType, Created: iso(v.Created), Updated: iso(v.Updated),
		AssigneeUpdated: isoOrNull(v.AssigneeUpdated), Issues: counted{URL: address(r, "/api/issues?job_id=%d", v.ID)},
		Labels: summary{address(r, "/api/labels?job_id=%d", v.ID)}, Type: v.Type,
		Organization: t.OrgID, OrganizationID: t.OrgID, ParentJobID: v.ParentID,
		ConsensusReplicas: v.Replicas, ReplicasCount: v.Replicas,
	}
	if v.Segment.Type == pipeline.SegmentSpecific {
		j.CompressedType = pipeline.ChunkImageset
	}
	if p := t.Project; p != nil {
		j.ProjectName = &p.Name
		if j.BugTracker == "" {
			j.BugTracker = p.BugTracker
		}
	}
	// Where the task's files go is for those who may see the task.
	if access.Can(access.From(r.Context()), access.ViewTask, access.Task(&t.Task, t.Project)) {
		j.Source, j.Target = storageOf(t.Source), storageOf(t.Target)
	}
	return j
}

func (s *Server) listJobs(w http.ResponseWriter, r *http.Request) error {
	q, p, err := readQuery(r, "task_id", "task_name", "project_id", "project_name", "assignee", "stage", "state",
		"dimension", "type", "parent_job_id", "mode", "media_type")
	if err != nil {
		return err
	}
	who, err := s.jobViewer(r)
	if err != nil {
		return err
	}
	views, count, err := s.DB.Jobs(r.Context(), who, q)
	if err != nil {
		return err
	}
	return writePage(w, r, p, count, mapEach(views, func(v *store.JobView) job { return jobOf(r, v) }))
}

// jobViewer is viewer for a list of jobs. Of one task its staff sees every job,
// which is asked once here instead of for each job there.
func (s *Server) jobViewer(r *http.Request) (store.Viewer, error) {
	who := viewer(r)
	id, err := intQuery(r, "task_id")
	if err != nil || id == nil || who.All {
		return who, err
	}
	t, err := s.DB.Task(r.Context(), *id)
	if pipeline.KindOf(err) == pipeline.NotFound {
		return who, nil // it has no jobs to list
	}
	if err != nil {
		return who, err
	}
	var in *pipeline.Project
	if t.ProjectID != nil {
		if in, err = s.DB.Project(r.Context(), *t.ProjectID); err != nil && pipeline.KindOf(err) != pipeline.NotFound {
			return who, err
		}
	}
	who.All = access.Can(access.From(r.Context()), access.ViewTask, access.Task(t, in))
	return who, nil
}

func (s *Server) readJob(w http.ResponseWriter, r *http.Request) error {
	v, err := s.jobInPath(r, access.ViewJob)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, jobOf(r, v))
}

// jobInPath returns the job that the path names, if the caller may do a.
func (s *Server) jobInPath(r *http.Request, a access.Action) (*store.JobView, error) {
	id, err := idParam(r)
	if err != nil {
		return nil, err
	}
	return s.jobFor(r, id, a)
}

// jobFor returns a job, if the caller may do a.
func (s *Server) jobFor(r *http.Request, id int64, a access.Action) (*store.JobView, error) {
	v, err := s.DB.JobView(r.Context(), id)
	if err != nil {
		return nil, orNotFound(err)
	}
	return v, check(r, a, jobFacts(v))
}

func jobFacts(v *store.JobView) access.Facts {
	return access.Job(&v.Job, &v.Task.Task, v.Task.Project)
}

// jobPatch is the body of a change of a job.
type jobPatch struct {
	Assignee   optional[integer] `json:"assignee"`
	AssigneeID optional[integer] `json:"assignee_id"` // the same, as the documentation calls it
	Stage      optional[string]  `json:"stage"`
	State      optional[string]  `json:"state"`
}

func (s *Server) updateJob(w http.ResponseWriter, r *http.Request) error {
	v, err := s.jobInPath(r, access.ViewJob)
	if err != nil {
		return err
	}
	var in jobPatch
	if err := decodePatch(r, &in); err != nil {
		return err
	}
	for _, a := range in.actions() {
		if err := check(r, a, jobFacts(v)); err != nil {
			return err
		}
	}
	ch, err := in.change()
	if err != nil {
		return err
	}
	if err := s.people(r.Context(), v.Task.OrgID, map[string]*int64{"assignee": ch.AssigneeID.To}); err != nil {
		return err
	}
	if err := s.DB.UpdateJob(r.Context(), v.ID, ch); err != nil {
		return orNotFound(err)
	}
	if v, err = s.DB.JobView(r.Context(), v.ID); err != nil {
		return orNotFound(err)
	}
	return writeJSON(w, http.StatusOK, jobOf(r, v))
}

// actions are what the caller must be allowed to do for the change.
func (in *jobPatch) actions() []access.Action {
	actions := []access.Action{access.EditJobState}
	if in.Stage.Set || in.Assignee.Set || in.AssigneeID.Set {
		actions = append(actions, access.EditJobStage)
	}
	return actions
}

func (in *jobPatch) change() (ch store.JobChange, err error) {
	ch.AssigneeID = idChange(in.AssigneeID)
	if in.Assignee.Set {
		ch.AssigneeID = idChange(in.Assignee)
	}
	if ch.Stage, err = choice("stage", in.Stage,
		pipeline.StageAnnotation, pipeline.StageValidation, pipeline.StageAcceptance); err != nil {
		return ch, err
	}
	ch.State, err = choice("state", in.State,
		pipeline.StateNew, pipeline.StateInProgress, pipeline.StateCompleted, pipeline.StateRejected)
	return ch, err
}

// choice returns a text that must be one of a few.
func choice(field string, o optional[string], of ...string) (store.Change[string], error) {
	switch {
	case !o.Set:
		return store.Change[string]{}, nil
	case o.Value == nil:
		return store.Change[string]{}, pipeline.FieldErrorf(field, "This field may not be null.")
	case !slices.Contains(of, *o.Value):
		return store.Change[string]{}, pipeline.FieldErrorf(field, "%q is not a valid choice.", clip(*o.Value))
	}
	return store.To(*o.Value), nil
}

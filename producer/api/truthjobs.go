package api

import (
	"net/http"
	"strconv"
	"strings"

	"framemill/pipeline"
	"framemill/pipeline/plan"
	"framemill/pipeline/store"
	"framemill/producer/access"
)

// newJob is the body of a request for a job. Only jobs of ground truth can be
// made by hand.
type newJob struct {
	TaskID      *integer          `json:"task_id"`
	Type        *string           `json:"type"`
	Method      *string           `json:"frame_selection_method"`
	Count       *integer          `json:"frame_count"`
	Share       *float64          `json:"frame_share"`
	PerJobCount *integer          `json:"frames_per_job_count"`
	PerJobShare *float64          `json:"frames_per_job_share"`
	Seed        *number           `json:"random_seed"`
	Frames      *[]integer        `json:"frames"`
	Assignee    optional[integer] `json:"assignee"`
	AssigneeID  optional[integer] `json:"assignee_id"` // the same, as the documentation calls jobs' assignees
}

func (s *Server) createJob(w http.ResponseWriter, r *http.Request) error {
	var in newJob
	if err := decode(r, &in); err != nil {
		return err
	}
	v, err := in.validation()
	if err != nil {
		return err
	}
	t, err := s.taskFor(r, int64(*in.TaskID), access.CreateTruthJob)
	if err != nil {
		return err
	}
	assignee := in.Assignee.Value.id()
	if !in.Assignee.Set {
		assignee = in.AssigneeID.Value.id()
	}
	if err := s.people(r.Context(), t.OrgID, map[string]*int64{"assignee": assignee}); err != nil {
		return err
	}
	id, err := s.DB.AddTruthJob(r.Context(), t.ID, assignee, func(state *store.FrameState) ([]int64, error) {
		return chooseTruth(v, state)
	})
	if pipeline.KindOf(err) == pipeline.NotFound && t.Data == nil {
		return pipeline.Errorf(pipeline.Invalid, "This task doesn't have media data")
	}
	if err != nil {
		return orNotFound(err)
	}
	made, err := s.DB.JobView(r.Context(), id)
	if err != nil {
		return orNotFound(err)
	}
	return writeJSON(w, http.StatusCreated, jobOf(r, made))
}

// validation is what the body asks for, checked as far as that goes without the
// task.
func (in *newJob) validation() (*pipeline.Validation, error) {
	switch {
	case in.Type == nil:
		return nil, pipeline.FieldErrorf("type", "This field is required.")
	case *in.Type != pipeline.JobGroundTruth:
		return nil, pipeline.FieldErrorf("type", "Unexpected job type '%s'", clip(*in.Type))
	case in.TaskID == nil:
		return nil, pipeline.FieldErrorf("task_id", "This field is required.")
	}
	v := &pipeline.Validation{
		Mode: pipeline.ValidationTruth, Method: pipeline.SelectUniform, Count: in.Count.id(), Share: in.Share,
		PerJobCount: in.PerJobCount.id(), PerJobShare: in.PerJobShare, Seed: seed(),
	}
	if in.Seed != nil {
		v.Seed = uint64(*in.Seed)
	}
	if in.Frames != nil {
		v.Frames = numbers(*in.Frames)
	}
	if in.Method != nil {
		m, err := choice("frame_selection_method", optional[string]{Set: true, Value: in.Method},
			pipeline.SelectUniform, pipeline.SelectPerJob, pipeline.SelectManual)
		if err != nil {
			return nil, err
		}
		v.Method = m.To
	}
	for field, n := range map[string]*int64{"frame_count": v.Count, "frames_per_job_count": v.PerJobCount} {
		if n != nil && *n < 1 {
			return nil, pipeline.FieldErrorf(field, "Ensure this value is greater than or equal to 1.")
		}
	}
	return v, plan.CheckValidation(v)
}

// chooseTruth chooses the frames of a new job of ground truth.
func chooseTruth(v *pipeline.Validation, s *store.FrameState) ([]int64, error) {
	switch {
	case s.Task.Dimension != pipeline.Dimension2D:
		return nil, pipeline.Errorf(pipeline.Invalid, "Ground Truth jobs can only be added in 2d tasks")
	case s.Layout != nil:
		return nil, pipeline.Errorf(pipeline.Invalid,
			`Task with validation mode "%s" cannot have more than 1 GT job`, s.Layout.Mode)
	}
	in := plan.Population{Size: s.Data.Size, SegmentSize: s.Task.SegmentSize}
	if s.Task.Overlap != nil {
		in.Overlap = *s.Task.Overlap
	}
	for i := range s.Segments {
		in.Segments = append(in.Segments, plan.Places(&s.Segments[i]))
	}
	return plan.TruthFrames(v, in)
}

// deleteJob removes a job of ground truth: all others go with their task.
func (s *Server) deleteJob(w http.ResponseWriter, r *http.Request) error {
	v, err := s.jobInPath(r, access.DeleteTruthJob)
	if err != nil {
		return err
	}
	if v.Type != pipeline.JobGroundTruth {
		return pipeline.Errorf(pipeline.Invalid, "Only ground truth jobs can be removed")
	}
	if err := s.DB.DeleteTruthJob(r.Context(), &v.Job); err != nil {
		return orNotFound(err)
	}
	return noContent(w)
}

// number is a whole number of a request that may be as large as a column holds,
// such as the seed of a random generator.
type number uint64

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(text []byte) error {
	v, err := seedOf(string(text))
	*n = number(v)
	return err
}

// seedOf reads the seed of a random generator.
func seedOf(text string) (uint64, error) {
	text = strings.TrimSuffix(text, ".0") // as some clients write whole numbers
	v, err := strconv.ParseUint(text, 10, 63)
	switch {
	case err == nil:
		return v, nil
	case strings.HasPrefix(text, "-"):
		return 0, pipeline.Errorf(pipeline.Invalid, "Ensure this value is greater than or equal to 0.")
	}
	return 0, pipeline.Errorf(pipeline.Invalid, "A valid integer is required.")
}

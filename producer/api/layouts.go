package api

import (
	"context"
	"math"
	"net/http"

	"framemill/pipeline"
	"framemill/pipeline/plan"
	"framemill/pipeline/store"
	"framemill/producer/access"
)

// taskLayout is how the frames of a task are validated. Without a validation
// set it has two fields, both null; only one with a pool has honeypots.
type taskLayout struct {
	Mode         *string  `json:"mode"`
	FramesPerJob *int64   `json:"frames_per_job_count"`
	Frames       *[]int64 `json:"validation_frames,omitempty"`
	Disabled     *[]int64 `json:"disabled_frames,omitempty"`
	*honeypots
}

// honeypots is which frames show frames of the pool, and which ones.
type honeypots struct {
	Count  int64   `json:"honeypot_count"`
	Frames []int64 `json:"honeypot_frames"`
	Reals  []int64 `json:"honeypot_real_frames"`
}

func honeypotsOf(list []pipeline.Honeypot) *honeypots {
	h := honeypots{Count: int64(len(list)), Frames: make([]int64, len(list)), Reals: make([]int64, len(list))}
	for i, p := range list {
		h.Frames[i], h.Reals[i] = p.N, p.Real
	}
	return &h
}

func (s *Server) readTaskLayout(w http.ResponseWriter, r *http.Request) error {
	v, err := s.taskInPath(r, access.ViewTask)
	if err != nil {
		return err
	}
	return s.writeTaskLayout(w, r, v)
}

func (s *Server) writeTaskLayout(w http.ResponseWriter, r *http.Request, v *store.TaskView) error {
	out, err := s.taskLayout(r.Context(), v.Data)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, out)
}

func (s *Server) taskLayout(ctx context.Context, d *pipeline.Data) (out taskLayout, err error) {
	l, err := s.layoutOf(ctx, d)
	if err != nil || l == nil {
		return out, err
	}
	frames, err := l.Frames.Frames()
	if err != nil {
		return out, err
	}
	disabled, err := l.Disabled.Frames()
	if err != nil {
		return out, err
	}
	out = taskLayout{Mode: &l.Mode, FramesPerJob: l.PerJob, Frames: &frames, Disabled: &disabled}
	if l.Mode == pipeline.ValidationPool {
		list, err := s.DB.Honeypots(ctx, d.ID, 0, math.MaxInt64)
		if err != nil {
			return out, err
		}
		out.honeypots = honeypotsOf(list)
	}
	return out, nil
}

// layoutOf returns the validation set of data, nil if there is none.
func (s *Server) layoutOf(ctx context.Context, d *pipeline.Data) (*pipeline.Layout, error) {
	if d == nil {
		return nil, nil
	}
	l, err := s.DB.Layout(ctx, d.ID)
	if pipeline.KindOf(err) == pipeline.NotFound {
		return nil, nil
	}
	return l, err
}

func (s *Server) readJobLayout(w http.ResponseWriter, r *http.Request) error {
	v, err := s.jobInPath(r, access.ViewJob)
	if err != nil {
		return err
	}
	return s.writeJobLayout(w, r, v)
}

// writeJobLayout answers with the honeypots of a job: an empty object unless
// the task has a pool.
func (s *Server) writeJobLayout(w http.ResponseWriter, r *http.Request, v *store.JobView) error {
	if v.Task.Validation != pipeline.ValidationPool {
		return writeJSON(w, http.StatusOK, struct{}{})
	}
	list, err := s.DB.Honeypots(r.Context(), v.Task.Data.ID, v.Segment.Start, v.Segment.Stop+1)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, honeypotsOf(list))
}

// layoutPatch is what may be changed of a validation set. For a job there is no
// list of disabled frames.
type layoutPatch struct {
	Disabled optional[[]integer] `json:"disabled_frames"`
	Method   optional[string]    `json:"frame_selection_method"`
	Reals    optional[[]integer] `json:"honeypot_real_frames"`
}

func (s *Server) updateTaskLayout(w http.ResponseWriter, r *http.Request) error {
	v, err := s.taskInPath(r, access.EditTask)
	if err != nil {
		return err
	}
	var in layoutPatch
	if err := decodePatch(r, &in); err != nil {
		return err
	}
	if v.Validation == "" {
		return errNoLayout()
	}
	if !in.Disabled.Set && !in.Method.Set && !in.Reals.Set {
		return s.writeTaskLayout(w, r, v)
	}
	random := seed()
	if err := s.DB.ChangeFrames(r.Context(), v.ID, func(state *store.FrameState) (store.FrameChange, error) {
		return in.ofTask(state, random)
	}); err != nil {
		return orNotFound(err)
	}
	return s.writeTaskLayout(w, r, v)
}

// ofTask is the change of the whole validation set. Frames are disabled first,
// and honeypots get new frames from those that are left.
func (in *layoutPatch) ofTask(s *store.FrameState, random uint64) (ch store.FrameChange, err error) {
	if s.Layout == nil {
		return ch, errNoLayout()
	}
	if in.Disabled.Set {
		frames, err := frameList("disabled_frames", in.Disabled)
		if err != nil {
			return ch, err
		}
		pooled := func(n int64) bool { return among(s.Pool, n) }
		if err := every("disabled_frames", frames, pooled, "Frames %s are not validation frames"); err != nil {
			return ch, err
		}
		if ch, err = disable(s, frames); err != nil {
			return ch, err
		}
		s.Disabled = frames
	}
	ch.Honeypots, err = in.reals(s, s.Honeypots, func(active []int64) ([]int64, error) {
		return plan.DealHoneypots(active, honeypotCounts(s), random)
	})
	return ch, err
}

// honeypotCounts returns how many honeypots each segment has.
func honeypotCounts(s *store.FrameState) []int64 {
	counts := make([]int64, len(s.Segments))
	k := 0
	for _, h := range s.Honeypots { // both are in the order of frames
		for h.N > s.Segments[k].Stop {
			k++
		}
		counts[k]++
	}
	return counts
}

// reals returns those of some honeypots that are to show other frames than so
// far; draw chooses at random from the active frames of the pool.
func (in *layoutPatch) reals(s *store.FrameState, of []pipeline.Honeypot, draw func(active []int64) ([]int64, error)) ([]pipeline.Honeypot, error) {
	if !in.Method.Set && !in.Reals.Set {
		return nil, nil
	}
	method, err := choice("frame_selection_method", in.Method, pipeline.SelectUniform, pipeline.SelectManual)
	switch {
	case err != nil:
		return nil, err
	case s.Layout.Mode != pipeline.ValidationPool:
		return nil, pipeline.FieldErrorf("frame_selection_method",
			`Honeypots can only be changed in tasks with validation mode "%s"`, pipeline.ValidationPool)
	case !method.Set:
		return nil, pipeline.FieldErrorf("frame_selection_method", "This field is required.")
	case method.To == pipeline.SelectUniform && in.Reals.Set:
		return nil, pipeline.FieldErrorf("honeypot_real_frames",
			"'honeypot_real_frames' can only be used when 'frame_selection_method' is 'manual'")
	}
	var reals []int64
	if method.To == pipeline.SelectUniform {
		reals, err = draw(plan.Active(s.Pool, s.Disabled))
	} else {
		reals, err = in.manual(s, len(of))
	}
	if err != nil {
		return nil, err
	}
	var changed []pipeline.Honeypot
	for i, h := range of {
		if h.Real != reals[i] {
			changed = append(changed, pipeline.Honeypot{N: h.N, Real: reals[i]})
		}
	}
	return changed, nil
}

// manual returns the frames that the client chose, one for each honeypot.
func (in *layoutPatch) manual(s *store.FrameState, count int) ([]int64, error) {
	if in.Reals.Value == nil {
		return nil, pipeline.FieldErrorf("honeypot_real_frames", "The 'manual' frame selection method needs a list of frames")
	}
	reals := numbers(*in.Reals.Value)
	if len(reals) != count {
		return nil, pipeline.FieldErrorf("honeypot_real_frames",
			"%d frames are given for %d honeypots, whose number cannot change", len(reals), count)
	}
	return reals, plan.CheckReals(reals, s.Pool, s.Disabled)
}

// jobLayoutPatch is layoutPatch for a job.
type jobLayoutPatch struct {
	Method optional[string]    `json:"frame_selection_method"`
	Reals  optional[[]integer] `json:"honeypot_real_frames"`
}

func (s *Server) updateJobLayout(w http.ResponseWriter, r *http.Request) error {
	v, err := s.jobInPath(r, access.EditJobStage)
	if err != nil {
		return err
	}
	var body jobLayoutPatch
	if err := decodePatch(r, &body); err != nil {
		return err
	}
	switch {
	case v.Task.Validation != pipeline.ValidationPool:
		return pipeline.Errorf(pipeline.Invalid,
			`Honeypots can only be changed in tasks with validation mode "%s"`, pipeline.ValidationPool)
	case v.Type == pipeline.JobGroundTruth:
		return pipeline.Errorf(pipeline.Invalid, "Honeypots cannot exist in ground_truth jobs")
	case !body.Method.Set:
		return pipeline.FieldErrorf("frame_selection_method", "This field is required.")
	}
	in, random := layoutPatch{Method: body.Method, Reals: body.Reals}, seed()
	if err := s.DB.ChangeFrames(r.Context(), v.TaskID, func(state *store.FrameState) (store.FrameChange, error) {
		return in.ofJob(state, v.Segment, random)
	}); err != nil {
		return orNotFound(err)
	}
	return s.writeJobLayout(w, r, v)
}

// ofJob is the change of the honeypots of one segment.
func (in *layoutPatch) ofJob(s *store.FrameState, seg *pipeline.Segment, random uint64) (ch store.FrameChange, err error) {
	if s.Layout == nil {
		return ch, errNoLayout()
	}
	var own []pipeline.Honeypot
	for _, h := range s.Honeypots {
		if h.N >= seg.Start && h.N <= seg.Stop {
			own = append(own, h)
		}
	}
	ch.Honeypots, err = in.reals(s, own, func(active []int64) ([]int64, error) {
		return plan.LeastUsed(active, s.Honeypots, int64(len(own)), random)
	})
	return ch, err
}

func errNoLayout() error {
	return pipeline.Errorf(pipeline.Invalid, "the task has no validation set")
}

package api

import (
	"net/http"
	"slices"

	"framemill/pipeline"
	"framemill/pipeline/plan"
	"framemill/pipeline/store"
	"framemill/producer/access"
)

// taskMetaPatch is what may be changed of a task's data.
type taskMetaPatch struct {
	DeletedFrames  optional[[]integer] `json:"deleted_frames"`
	CloudStorageID *integer            `json:"cloud_storage_id"`
}

func (s *Server) updateTaskMeta(w http.ResponseWriter, r *http.Request) error {
	var in taskMetaPatch
	if err := decodePatch(r, &in); err != nil {
		return err
	}
	l, err := s.taskLooked(r, access.EditTask)
	if err != nil {
		return err
	}
	if in.CloudStorageID != nil {
		if err := s.reconnect(r, l, int64(*in.CloudStorageID)); err != nil {
			return err
		}
	}
	if !in.DeletedFrames.Set {
		if err := s.withData(r, l); err != nil {
			return err
		}
		return s.writeMeta(w, r, l)
	}
	frames, err := frameList("deleted_frames", in.DeletedFrames)
	if err != nil {
		return err
	}
	return s.changeFrames(w, r, l, func(state *store.FrameState) (store.FrameChange, error) {
		return deleteInTask(state, frames)
	})
}

// deleteInTask replaces the deleted frames of a task. Those of a validation
// pool are the business of its job; here they can only be restored, and count
// again then.
func deleteInTask(s *store.FrameState, frames []int64) (store.FrameChange, error) {
	ch := store.FrameChange{Deleted: store.To(frames)}
	inside := func(n int64) bool { return n >= 0 && n < s.Data.Size }
	if err := every("deleted_frames", frames, inside, "Unknown frames %s requested for removal"); err != nil {
		return ch, err
	}
	if s.Layout == nil || s.Layout.Mode != pipeline.ValidationPool {
		return ch, nil
	}
	allowed := func(n int64) bool { return !among(s.Pool, n) || among(s.Deleted, n) }
	if slices.ContainsFunc(frames, func(n int64) bool { return !allowed(n) }) {
		return ch, pipeline.FieldErrorf("deleted_frames",
			"When task validation mode is %s, GT frames can only be deleted and restored via the "+
				"GT job's api/jobs/{id}/data/meta endpoint", pipeline.ValidationPool)
	}
	ch.Disabled = store.To(slices.DeleteFunc(slices.Clone(s.Disabled), func(n int64) bool { return !among(frames, n) }))
	return ch, nil
}

// among reports whether an ascending list has a number.
func among(list []int64, n int64) bool {
	_, ok := slices.BinarySearch(list, n)
	return ok
}

// jobMetaPatch is what may be changed of a job's data. Clients send more, which
// does not count here.
type jobMetaPatch struct {
	DeletedFrames optional[[]integer] `json:"deleted_frames"`
}

// updateJobMeta replaces the deleted frames within the job and keeps all others.
func (s *Server) updateJobMeta(w http.ResponseWriter, r *http.Request) error {
	var in jobMetaPatch
	if err := decode(r, &in); err != nil {
		return err
	}
	l, err := s.jobLooked(r, access.EditJobState)
	if err != nil {
		return err
	}
	if !in.DeletedFrames.Set {
		return pipeline.FieldErrorf("deleted_frames", "This field is required.")
	}
	frames, err := frameList("deleted_frames", in.DeletedFrames)
	if err != nil {
		return err
	}
	included, err := l.included()
	if err != nil {
		return err
	}
	holds := func(n int64) bool { return l.holds(included, n) }
	if err := every("deleted_frames", frames, holds, "Frames %s do not belong to the job"); err != nil {
		return err
	}
	return s.changeFrames(w, r, l, func(state *store.FrameState) (store.FrameChange, error) {
		if l.truth {
			return disable(state, frames)
		}
		kept := slices.DeleteFunc(slices.Clone(state.Deleted), holds)
		return store.FrameChange{Deleted: store.To(append(kept, frames...))}, nil
	})
}

// disable says which frames of the validation set do not count from now on. In
// a pool they are deleted, and the honeypots that show them.
func disable(s *store.FrameState, frames []int64) (store.FrameChange, error) {
	ch := store.FrameChange{Disabled: store.To(frames)}
	if s.Layout == nil {
		return ch, errNoLayout() // its job went away a moment ago
	}
	if s.Layout.Mode == pipeline.ValidationPool {
		ch.Deleted = store.To(plan.DisablePool(s.Deleted, s.Honeypots, s.Pool, s.Disabled, frames))
	}
	return ch, nil
}

// changeFrames changes frames and answers with the description.
func (s *Server) changeFrames(w http.ResponseWriter, r *http.Request, l *looked,
	change func(*store.FrameState) (store.FrameChange, error)) error {
	if err := s.DB.ChangeFrames(r.Context(), l.Task.ID, change); err != nil {
		return orNotFound(err)
	}
	if err := s.withData(r, l); err != nil {
		return err
	}
	return s.writeMeta(w, r, l)
}

// frameList returns the numbers of a list in ascending order, each of which may
// be there once.
func frameList(field string, in optional[[]integer]) ([]int64, error) {
	if in.Value == nil {
		return nil, pipeline.FieldErrorf(field, "This field may not be null.")
	}
	frames := numbers(*in.Value)
	slices.Sort(frames)
	if len(slices.Compact(slices.Clone(frames))) != len(frames) {
		return nil, pipeline.FieldErrorf(field, "Deleted frames cannot repeat")
	}
	return frames, nil
}

// numbers returns whole numbers as what they are.
func numbers(list []integer) []int64 {
	out := make([]int64, len(list))
	for i, n := range list {
		out[i] = int64(n)
	}
	return out
}

// every returns an error that shows the first few frames for which a test fails.
func every(field string, frames []int64, test func(int64) bool, format string) error {
	bad := slices.DeleteFunc(slices.Clone(frames), test)
	if len(bad) == 0 {
		return nil
	}
	return pipeline.FieldErrorf(field, format, plan.Numbers(bad))
}

package pipeline

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Modes of validation.
const (
	// ValidationTruth checks annotators against one job of ground truth, whose
	// frames are shared with their jobs.
	ValidationTruth = "gt"
	// ValidationPool takes frames out of the jobs into a pool, and hides them in
	// every job as honeypots.
	ValidationPool = "gt_pool"
)

// Methods of choosing the frames of a validation set.
const (
	SelectUniform = "random_uniform" // over the whole task
	SelectPerJob  = "random_per_job" // some of each job
	SelectManual  = "manual"         // those that the client names
)

// Validation is what a client asks of a validation set. Of Count and Share, and
// of the two per job, at most one is given.
type Validation struct {
	Mode        string   `json:"mode"`
	Method      string   `json:"method"`
	Files       []string `json:"files,omitempty"`  // manual, by name, when the task is created
	Frames      []int64  `json:"frames,omitempty"` // manual, by number, later on
	Count       *int64   `json:"count,omitempty"`
	Share       *float64 `json:"share,omitempty"` // 0..1
	PerJobCount *int64   `json:"per_job_count,omitempty"`
	PerJobShare *float64 `json:"per_job_share,omitempty"`
	Seed        uint64   `json:"seed"`
}

// Layout is the validation set of a task.
type Layout struct {
	DataID   int64     `db:"data_id"`
	Mode     string    `db:"mode"`
	Frames   FrameList `db:"frames"`   // that validate
	Disabled FrameList `db:"disabled"` // those of them that do not count
	PerJob   *int64    `db:"per_job"`  // honeypots of each job, for gt_pool
}

// Honeypot is a frame of a job that shows a frame of the pool.
type Honeypot struct {
	N    int64 `db:"n"`
	Real int64 `db:"real_n"` // the frame of the pool
}

// FrameList is a list of relative frame numbers in ascending order as the
// database keeps it: a JSON list, or "" for none.
type FrameList string

// NewFrameList returns the list of the given frames in ascending order, each
// once.
func NewFrameList(frames []int64) FrameList {
	sorted := slices.Compact(slices.Sorted(slices.Values(frames)))
	text, _ := json.Marshal(append([]int64{}, sorted...)) // never null, and numbers do not fail
	return FrameList(text)
}

// Frames returns the numbers of the list.
func (l FrameList) Frames() ([]int64, error) {
	if l == "" {
		return nil, nil
	}
	var frames []int64
	if err := json.Unmarshal([]byte(l), &frames); err != nil {
		return nil, fmt.Errorf("read a list of frames: %w", err)
	}
	return frames, nil
}

// Len returns how many numbers the list has, without reading them.
func (l FrameList) Len() int64 {
	if l == "" || l == "[]" {
		return 0
	}
	return int64(strings.Count(string(l), ",")) + 1
}

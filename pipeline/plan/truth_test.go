package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/plan"
)

func TestCheckValidation(t *testing.T) {
	t.Parallel()
	one, half, files := ptr[int64](1), ptr(0.5), []string{"a", "b"}
	gt, pool := pipeline.ValidationTruth, pipeline.ValidationPool
	uniform, perJob, manual := pipeline.SelectUniform, pipeline.SelectPerJob, pipeline.SelectManual
	tests := []struct {
		name  string
		v     pipeline.Validation
		field string // at fault
	}{
		{"count", pipeline.Validation{Mode: gt, Method: uniform, Count: one}, ""},
		{"share", pipeline.Validation{Mode: gt, Method: uniform, Share: half}, ""},
		{"neither", pipeline.Validation{Mode: gt, Method: uniform}, "frame_count"},
		{"both", pipeline.Validation{Mode: gt, Method: uniform, Count: one, Share: half}, "frame_count"},
		{"share above one", pipeline.Validation{Mode: gt, Method: uniform, Share: ptr(1.1)}, "frame_share"},
		{"share below zero", pipeline.Validation{Mode: gt, Method: perJob, PerJobShare: ptr(-0.1)}, "frames_per_job_share"},
		{"per job", pipeline.Validation{Mode: gt, Method: perJob, PerJobCount: one}, ""},
		{"per job neither", pipeline.Validation{Mode: gt, Method: perJob}, "frames_per_job_count"},
		{"named", pipeline.Validation{Mode: gt, Method: manual, Files: files}, ""},
		{"named twice", pipeline.Validation{Mode: gt, Method: manual, Files: []string{"a", "a"}}, "frames"},
		{"none named", pipeline.Validation{Mode: gt, Method: manual}, "frames"},
		{"named and random", pipeline.Validation{Mode: gt, Method: uniform, Count: one, Files: files}, "frames"},
		{"pool", pipeline.Validation{Mode: pool, Method: uniform, Count: one, PerJobCount: one}, ""},
		{"pool without honeypots", pipeline.Validation{Mode: pool, Method: uniform, Count: one}, "frames_per_job_count"},
		{"pool, named", pipeline.Validation{Mode: pool, Method: manual, Files: files, PerJobShare: half}, ""},
		{"pool, named, without honeypots", pipeline.Validation{Mode: pool, Method: manual, Files: files}, "frames_per_job_count"},
		{"pool per job", pipeline.Validation{Mode: pool, Method: perJob, PerJobCount: one}, ""},
	}
	for _, tt := range tests {
		err := plan.CheckValidation(&tt.v)
		if (err == nil) != (tt.field == "") || err != nil && pipeline.Public(err).Field != tt.field {
			t.Errorf("%s: error %v, want one about field %q", tt.name, err, tt.field)
		}
	}
}

func TestTruthFrames(t *testing.T) {
	t.Parallel()
	uniform := func(seed uint64, k int64) *pipeline.Validation {
		return &pipeline.Validation{Method: pipeline.SelectUniform, Count: &k, Seed: seed}
	}
	manual := func(frames ...int64) *pipeline.Validation {
		return &pipeline.Validation{Method: pipeline.SelectManual, Frames: frames}
	}
	tests := []struct {
		name string
		v    *pipeline.Validation
		size int64
		want []int64 // nil for an error
	}{
		{"known vector of 10", uniform(42, 3), 10, []int64{4, 6, 8}},
		{"known vector of 25", uniform(42, 3), 25, []int64{12, 15, 21}},
		{"all", uniform(7, 4), 4, []int64{0, 1, 2, 3}},
		{"share", &pipeline.Validation{Method: pipeline.SelectUniform, Share: ptr(0.39), Seed: 42}, 10, []int64{4, 6, 8}},
		{"too many", uniform(1, 11), 10, nil},
		{"named", manual(7, 0, 3), 8, []int64{0, 3, 7}},
		{"named twice", manual(1, 1), 8, nil},
		{"named beyond the end", manual(8), 8, nil},
		{"named below zero", manual(-1), 8, nil},
	}
	for _, tt := range tests {
		got, err := plan.TruthFrames(tt.v, plan.Population{Size: tt.size})
		if diff := cmp.Diff(tt.want, got); diff != "" || (err != nil) != (tt.want == nil) {
			t.Errorf("%s: error %v (-want +got):\n%s", tt.name, err, diff)
		}
	}
}

func TestTruthFramesPerJob(t *testing.T) {
	t.Parallel()
	count := func(k int64) *pipeline.Validation {
		return &pipeline.Validation{Method: pipeline.SelectPerJob, PerJobCount: &k, Seed: 5}
	}
	part := func(of float64) *pipeline.Validation {
		return &pipeline.Validation{Method: pipeline.SelectPerJob, PerJobShare: &of, Seed: 5}
	}
	tests := []struct {
		name          string
		v             *pipeline.Validation
		size, segment int64
		overlap       int64
		want          []int // at least so many of each segment
	}{
		{"count", count(2), 20, 5, 0, []int{2, 2, 2, 2}},
		{"share", part(0.5), 20, 5, 0, []int{2, 2, 2, 2}},
		{"as many as a segment has", count(5), 20, 5, 0, []int{5, 5, 5, 5}},
		{"one job", count(3), 20, 0, 0, []int{3}},
		{"more than a segment has", count(9), 12, 5, 0, []int{5, 5, 2}},
		{"a last segment that is hardly more than overlap", count(4), 10, 6, 3, []int{4, 3, 1}},
	}
	for _, tt := range tests {
		cut, err := plan.Segments(tt.size, tt.segment, &tt.overlap, false, 0)
		if err != nil {
			t.Fatal(err)
		}
		in := plan.Population{Size: tt.size, SegmentSize: cut.SegmentSize, Overlap: cut.Overlap, Segments: cut.Ranges}
		frames, err := plan.TruthFrames(tt.v, in)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		for i, r := range cut.Ranges {
			n := 0
			for _, f := range frames {
				if f >= r.Start && f <= r.Stop {
					n++
				}
			}
			if n < tt.want[i] {
				t.Errorf("%s: %d of %v are in segment %d, want %d", tt.name, n, frames, i, tt.want[i])
			}
		}
		if again, _ := plan.TruthFrames(tt.v, in); !cmp.Equal(frames, again) {
			t.Errorf("%s: the same seed chose %v, then %v", tt.name, frames, again)
		}
	}
}

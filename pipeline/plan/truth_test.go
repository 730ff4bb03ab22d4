package plan_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
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

// Ground truth agrees with the published rules, followed to the letter, on
// random requests: the very frames where they are drawn from the whole task,
// and how many of each segment where they are drawn from each.
func TestTruthFramesByTheLetter(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 300 {
		size, overlap, seed := 1+r.Int64N(200), r.Int64N(12), r.Uint64()
		cut, err := plan.Segments(size, r.Int64N(60), &overlap, false, 0)
		if err != nil {
			t.Fatal(err)
		}
		in := plan.Population{Size: size, SegmentSize: cut.SegmentSize, Overlap: cut.Overlap, Segments: cut.Ranges}
		v := &pipeline.Validation{Method: pipeline.SelectUniform, Seed: seed}
		k := 1 + r.Int64N(size)
		if i%2 == 0 {
			v.Method, k = pipeline.SelectPerJob, 1+r.Int64N(cut.SegmentSize)
		}
		letterAsk(v, k, size, cut.SegmentSize, r.IntN(2) == 0)
		got, err := plan.TruthFrames(v, in)
		if err != nil {
			t.Fatalf("%+v of %+v: %v", v, in, err)
		}
		if v.Method == pipeline.SelectPerJob {
			if fault := letterPerJob(got, k, in); fault != "" {
				t.Fatalf("%+v of %+v chose %v: %s", v, in, got, fault)
			}
			continue
		}
		want := drawn(plan.NewGenerator(seed), int(size), int(k))
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("%+v of %+v chose %v, want %v", v, in, got, want)
		}
	}
}

// letterAsk asks for k frames, as a count or as a share that comes to as many.
func letterAsk(v *pipeline.Validation, k, size, segment int64, asShare bool) {
	whole, count, share := size, &v.Count, &v.Share
	if v.Method == pipeline.SelectPerJob {
		whole, count, share = segment, &v.PerJobCount, &v.PerJobShare
	}
	if asShare {
		*share = ptr(min(1, (float64(k)+0.5)/float64(whole)))
	} else {
		*count = &k
	}
}

// letterPerJob says what is wrong with the frames that were drawn from each
// segment, "" if nothing is. A segment brings its frames but for those that it
// shares with the one before it; what that one has of them counts.
func letterPerJob(frames []int64, k int64, in plan.Population) string {
	among := func(lo, hi int64) (n int64) {
		for _, f := range frames {
			if f >= lo && f <= hi {
				n++
			}
		}
		return n
	}
	total := int64(0)
	for i, s := range in.Segments {
		own := s.Start
		if i > 0 {
			own += in.Overlap
		}
		want := max(0, min(k, s.Size())-among(s.Start, own-1))
		want = min(want, s.Stop-own+1)
		if got := among(own, s.Stop); got != want {
			return fmt.Sprintf("%d new ones are in segment %d, want %d", got, i, want)
		}
		total += want
	}
	if sorted := slices.IsSorted(frames); !sorted || total != int64(len(slices.Compact(slices.Clone(frames)))) {
		return fmt.Sprintf("sorted %t, want %d different ones in order", sorted, total)
	}
	return ""
}

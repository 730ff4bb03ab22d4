package plan_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/plan"
)

func ptr[T any](v T) *T { return &v }

// pool is a request for a pool of count files with perJob honeypots a job.
func pool(seed uint64, count, perJob int64) *pipeline.Validation {
	return &pipeline.Validation{
		Mode: pipeline.ValidationPool, Method: pipeline.SelectUniform, Count: &count, PerJobCount: &perJob, Seed: seed,
	}
}

func TestPlaceHoneypots(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		v    *pipeline.Validation
		want plan.Placement
	}{
		{"seed 42", pool(42, 5, 2), plan.Placement{
			Files: []int64{2, 1, 13, 0, 7, 6, 9, 3, 11, 5, 8, 14, 4, 12, 10, 0, 0, 5, 8, 10, 13},
			Reals: []int64{-1, -1, 20, 16, -1, -1, -1, -1, -1, 17, 18, -1, -1, -1, 19, 16, -1, -1, -1, -1, -1},
		}},
		{"seed 1", pool(1, 5, 2), plan.Placement{
			Files: []int64{10, 3, 5, 12, 7, 1, 13, 0, 14, 4, 9, 2, 8, 6, 11, 10, 1, 2, 8, 9, 10},
			Reals: []int64{20, -1, -1, -1, -1, 16, -1, -1, -1, -1, 19, 17, 18, -1, -1, 20, -1, -1, -1, -1, -1},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.want.Lengths, tt.want.Pool, tt.want.PerJob = []int64{6, 6, 4}, plan.Range{Start: 16, Stop: 20}, 2
			got, err := plan.PlaceHoneypots(tt.v, 15, 4, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, *got); diff != "" {
				t.Errorf("placement of 15 files in jobs of 4 (-want +got):\n%s", diff)
			}
		})
	}
}

// selector chooses honeypots as the contract words it: the least used frames of
// the pool first, and all of a round before any of the next.
type selector struct {
	cycle []int64
	uses  map[int64]int
}

func (s *selector) take(m int) (out []int64) {
	for range m {
		best := int64(-1)
		for _, f := range s.cycle {
			if !slices.Contains(out, f) && (best < 0 || s.uses[f] < s.uses[best]) {
				best = f
			}
		}
		s.uses[best]++
		out = append(out, best)
	}
	return out
}

// reference places honeypots by the words of the contract, one step after the
// other, in quadratic time. Unless a pool is named, k files are drawn for it.
func reference(seed uint64, n, k, m, segment int, named []int64) (want plan.Placement) {
	g := plan.NewGenerator(seed)
	shuffled := func(list []int64, by *plan.Generator) []int64 {
		list = slices.Clone(list)
		for i := len(list) - 1; i > 0; i-- {
			j := by.Interval(uint32(i))
			list[i], list[j] = list[j], list[i]
		}
		return list
	}
	pool := slices.Clone(named)
	if named == nil {
		pool = drawn(g, n, k)
	}
	slices.Sort(pool)
	var rest []int64
	for i := range int64(n) {
		if !slices.Contains(pool, i) {
			rest = append(rest, i)
		}
	}
	rest = shuffled(rest, g)
	s := selector{cycle: shuffled(pool, g), uses: map[int64]int{}}
	g = plan.NewGenerator(seed)
	if segment == 0 {
		segment = len(rest)
	}
	for lo := 0; lo < len(rest); lo += segment {
		job := shuffled(append(slices.Clone(rest[lo:min(lo+segment, len(rest))]), s.take(m)...), g)
		want.Files = append(want.Files, job...)
		want.Lengths = append(want.Lengths, int64(len(job)))
	}
	first := int64(len(want.Files))
	want.Files = append(want.Files, pool...)
	for i, f := range want.Files {
		real := int64(-1)
		if j := slices.Index(pool, f); j >= 0 && int64(i) < first {
			real = first + int64(j)
		}
		want.Reals = append(want.Reals, real)
	}
	want.Pool = plan.Range{Start: first, Stop: first + int64(len(pool)) - 1}
	want.PerJob = int64(m)
	return want
}

// drawn is a choice of k numbers below n, which are few, by the words of the
// contract: none twice, and the highest of its round for one that was drawn.
func drawn(g *plan.Generator, n, k int) (list []int64) {
	for j := n - k; j < n; j++ {
		v := int64(g.Bounded(uint32(j)))
		if slices.Contains(list, v) {
			v = int64(j)
		}
		list = append(list, v)
	}
	return list
}

// TestPlaceHoneypotsAgainstReference asks for pools in every way that a client
// can: by count, by share and by name, with honeypots by count and by share.
func TestPlaceHoneypotsAgainstReference(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 300 {
		n := 2 + r.IntN(60)
		k := 1 + r.IntN(n-1)
		m := 1 + r.IntN(k)
		segment, seed := r.IntN(21), r.Uint64()
		v := pool(seed, int64(k), int64(m))
		var named []int64
		switch i % 3 {
		case 1:
			v.Count, v.Share = nil, ptr((float64(k)+0.5)/float64(n))
		case 2:
			v.Count, v.Method = nil, pipeline.SelectManual
			for _, f := range r.Perm(n)[:k] {
				named = append(named, int64(f))
			}
		}
		if m <= segment && r.IntN(2) == 0 {
			v.PerJobCount, v.PerJobShare = nil, ptr(min(1, (float64(m)+0.5)/float64(segment)))
		}
		want := reference(seed, n, k, m, segment, named)
		got, err := plan.PlaceHoneypots(v, int64(n), int64(segment), named)
		if err != nil {
			t.Fatalf("%d files in jobs of %d, %+v: %v", n, segment, v, err)
		}
		if diff := cmp.Diff(want, *got); diff != "" {
			t.Fatalf("%d files in jobs of %d, %+v (-want +got):\n%s", n, segment, v, diff)
		}
	}
}

func TestPlaceHoneypotsSizes(t *testing.T) {
	t.Parallel()
	v := func(method string, change func(*pipeline.Validation)) *pipeline.Validation {
		v := &pipeline.Validation{Mode: pipeline.ValidationPool, Method: method, PerJobCount: ptr[int64](2)}
		change(v)
		return v
	}
	uniform, manual, perJob := pipeline.SelectUniform, pipeline.SelectManual, pipeline.SelectPerJob
	tests := []struct {
		name             string
		v                *pipeline.Validation
		n, segment       int64
		chosen           []int64
		pool, job, total int64 // 0 for an error
	}{
		{"share of the files", v(uniform, func(v *pipeline.Validation) { v.Share = ptr(0.29) }), 10, 4, nil, 2, 2, 14},
		{"a tiny share is one", v(uniform, func(v *pipeline.Validation) { v.Share = ptr(0.0) }), 10, 0, nil, 1, 1, 11},
		{"share of a job", v(uniform, func(v *pipeline.Validation) {
			v.Count, v.PerJobCount, v.PerJobShare = ptr[int64](5), nil, ptr(0.5)
		}), 15, 4, nil, 5, 2, 21},
		{"one job has a share of itself", v(uniform, func(v *pipeline.Validation) {
			v.Count, v.PerJobCount, v.PerJobShare = ptr[int64](5), nil, ptr(0.5)
		}), 15, 0, nil, 5, 5, 20},
		{"named files", v(manual, func(*pipeline.Validation) {}), 5, 0, []int64{4, 0}, 2, 2, 7},
		{"a pool smaller than wanted per job", v(manual, func(*pipeline.Validation) {}), 5, 0, []int64{3}, 1, 1, 6},
		{"per job", v(perJob, func(*pipeline.Validation) {}), 20, 10, nil, 4, 2, 24},
		{"per job, never more than half", v(perJob, func(v *pipeline.Validation) { v.PerJobCount = ptr[int64](9) }), 20, 10, nil, 10, 9, 29},
		{"count too small for a job", pool(1, 1, 2), 10, 4, nil, 0, 0, 0},
		{"nothing left", pool(1, 10, 2), 10, 4, nil, 0, 0, 0},
		{"more than there is", pool(1, 11, 2), 10, 4, nil, 0, 0, 0},
		{"too many honeypots", pool(1, 900_000, 900_000), 1_000_000, 1, nil, 0, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := plan.PlaceHoneypots(tt.v, tt.n, tt.segment, tt.chosen)
			if tt.total == 0 {
				if pipeline.CodeOf(err) != pipeline.CodeBadValidation {
					t.Errorf("error %v, want one with code %s", err, pipeline.CodeBadValidation)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.Pool.Size() != tt.pool || got.PerJob != tt.job || int64(len(got.Files)) != tt.total {
				t.Errorf("pool of %d, %d a job, %d frames; want %d, %d, %d",
					got.Pool.Size(), got.PerJob, len(got.Files), tt.pool, tt.job, tt.total)
			}
		})
	}
}

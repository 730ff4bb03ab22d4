package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/plan"
)

func TestCheckReals(t *testing.T) {
	t.Parallel()
	pool, disabled := []int64{10, 11, 12, 13}, []int64{12}
	tests := []struct {
		name  string
		reals []int64
		want  string
	}{
		{"active", []int64{10, 13, 10}, ""},
		{"foreign", []int64{10, 9, 14}, "frames 9, 14 are not from the validation pool"},
		{"disabled", []int64{12, 10}, "frames 12 are disabled. Restore them in the validation pool first"},
	}
	for _, tt := range tests {
		err := plan.CheckReals(tt.reals, pool, disabled)
		if got := pipeline.Public(err).Text; (tt.want == "") != (err == nil) || err != nil && !strings.Contains(got, tt.want) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestDealHoneypots(t *testing.T) {
	t.Parallel()
	active, counts := []int64{20, 21, 22, 23, 24}, []int64{2, 2, 3, 1, 5}
	for seed := range uint64(50) {
		reals, err := plan.DealHoneypots(active, counts, seed)
		if err != nil {
			t.Fatal(err)
		}
		uses := make(map[int64]int)
		at := int64(0)
		for _, k := range counts {
			job := reals[at : at+k]
			at += k
			for i, f := range job {
				if uses[f]++; slices.Contains(job[:i], f) || !slices.Contains(active, f) {
					t.Fatalf("seed %d: a job shows %v of the pool %v", seed, job, active)
				}
			}
		}
		least, most := uses[20], uses[20]
		for _, f := range active {
			least, most = min(least, uses[f]), max(most, uses[f])
		}
		if most-least > 1 || at != int64(len(reals)) {
			t.Errorf("seed %d: uses are %v, want them equal to within one", seed, uses)
		}
	}
	if _, err := plan.DealHoneypots(active[:2], counts, 1); pipeline.CodeOf(err) != pipeline.CodeBadValidation {
		t.Errorf("deal 3 of 2: error %v, want one with code %s", err, pipeline.CodeBadValidation)
	}
}

func TestLeastUsed(t *testing.T) {
	t.Parallel()
	honeypots := []pipeline.Honeypot{{N: 0, Real: 20}, {N: 1, Real: 20}, {N: 2, Real: 21}, {N: 3, Real: 22}}
	second := make(map[int64]bool)
	for seed := range uint64(50) {
		got, err := plan.LeastUsed([]int64{20, 21, 22, 23}, honeypots, 2, seed)
		if err != nil {
			t.Fatal(err)
		}
		if got[0] != 23 || got[1] != 21 && got[1] != 22 {
			t.Fatalf("seed %d: chosen are %v, want the unused 23 and one that is used once", seed, got)
		}
		second[got[1]] = true
	}
	if len(second) != 2 {
		t.Errorf("of the equals only %v is ever chosen", second)
	}
	if _, err := plan.LeastUsed([]int64{20}, honeypots, 2, 1); pipeline.CodeOf(err) != pipeline.CodeBadValidation {
		t.Errorf("choose 2 of 1: error %v, want one with code %s", err, pipeline.CodeBadValidation)
	}
}

func TestDisablePool(t *testing.T) {
	t.Parallel()
	pool := []int64{10, 11, 12}
	honeypots := []pipeline.Honeypot{{N: 1, Real: 10}, {N: 4, Real: 11}, {N: 6, Real: 10}, {N: 8, Real: 12}}
	tests := []struct {
		name                    string
		deleted, old, now, want []int64
	}{
		{"disable", nil, nil, []int64{10}, []int64{1, 6, 10}},
		{"ordinary deletions stay", []int64{0, 8}, nil, []int64{10}, []int64{0, 1, 6, 8, 10}},
		{"restore", []int64{0, 1, 6, 8, 10}, []int64{10}, nil, []int64{0, 8}},
		{"exchange", []int64{1, 3, 6, 10}, []int64{10}, []int64{11}, []int64{3, 4, 11}},
		{"the same again", []int64{4, 11}, []int64{11}, []int64{11}, []int64{4, 11}},
	}
	for _, tt := range tests {
		got := plan.DisablePool(tt.deleted, honeypots, pool, tt.old, tt.now)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

package plan_test

import (
	"strings"
	"testing"

	"framemill/pipeline"
	"framemill/pipeline/plan"
)

func TestParseStep(t *testing.T) {
	t.Parallel()
	tests := []struct {
		filter string
		want   int64 // 0 if refused
	}{
		{"step=5", 5},
		{"step = 12", 12},
		{"step\t=\n3", 3},
		{"every step=2 please", 2},
		{"step=0 step=4", 4},
		{"step=9223372036854775807", 1<<63 - 1},
		{"step=9223372036854775808", 0},
		{"", 0},
		{"step=0", 0},
		{"step=-1", 0},
		{"step=", 0},
		{"STEP=2", 0},
		{strings.Repeat("é", 250) + "step=7", 7},
		{strings.Repeat("x", 251) + "step=7", 0},
	}
	for _, tt := range tests {
		got, err := plan.ParseStep(tt.filter)
		if got != tt.want || (err == nil) != (tt.want > 0) {
			t.Errorf("ParseStep(%q) = %d, %v, want %d", tt.filter, got, err, tt.want)
		}
		if err != nil && pipeline.KindOf(err) != pipeline.Invalid {
			t.Errorf("ParseStep(%q): kind %v, want Invalid", tt.filter, pipeline.KindOf(err))
		}
	}
}

func FuzzParseStep(f *testing.F) {
	f.Add("step=5")
	f.Add("step \v= 99999999999999999999")
	f.Fuzz(func(t *testing.T, filter string) {
		step, err := plan.ParseStep(filter)
		if (err == nil) != (step > 0) {
			t.Errorf("ParseStep(%q) = %d, %v", filter, step, err)
		}
	})
}

func TestSelect(t *testing.T) {
	t.Parallel()
	const huge = 1<<63 - 1
	tests := []struct {
		name     string
		n, start int64
		stop     *int64
		step     int64
		want     plan.Selection
		code     pipeline.Code // of the error
	}{
		{name: "all", n: 7, step: 1, want: plan.Selection{Stop: 6, Step: 1, Size: 7}},
		{name: "a window", n: 7, start: 2, stop: new(int64(5)), step: 1, want: plan.Selection{Start: 2, Stop: 5, Step: 1, Size: 4}},
		{name: "every other of a window", n: 10, start: 2, stop: new(int64(6)), step: 2, want: plan.Selection{Start: 2, Stop: 6, Step: 2, Size: 3}},
		{name: "stop is the last frame really included", n: 100, step: 25, want: plan.Selection{Stop: 75, Step: 25, Size: 4}},
		{name: "stop 0 is not set", n: 3, stop: new(int64(0)), step: 1, want: plan.Selection{Stop: 2, Step: 1, Size: 3}},
		{name: "stop past the end", n: 2, stop: new(int64(99)), step: 1, want: plan.Selection{Stop: 1, Step: 1, Size: 2}},
		{name: "a step beyond the data", n: 5, start: 4, step: huge, want: plan.Selection{Start: 4, Stop: 4, Step: huge, Size: 1}},
		{name: "a very long source", n: huge, step: 1, want: plan.Selection{Stop: huge - 1, Step: 1, Size: huge}},
		{name: "start past the end", n: 5, start: 5, step: 1, code: pipeline.CodeBadFrameRange},
		{name: "start past stop", n: 5, start: 3, stop: new(int64(2)), step: 1, code: pipeline.CodeBadFrameRange},
		{name: "no data", step: 1, code: pipeline.CodeBadFrameRange},
		{name: "negative stop", n: 5, stop: new(int64(-1)), step: 1, code: pipeline.CodeBadFrameRange},
		{name: "negative start", n: 5, start: -1, step: 1, code: pipeline.CodeInvalid},
		{name: "no step", n: 5, code: pipeline.CodeInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := plan.Select(tt.n, tt.start, tt.stop, tt.step)
			if got != tt.want || (err != nil) != (tt.code != "") || err != nil && pipeline.CodeOf(err) != tt.code {
				t.Errorf("Select = %+v, %v, want %+v, code %q", got, err, tt.want, tt.code)
			}
		})
	}
}

func TestRelative(t *testing.T) {
	t.Parallel()
	s := plan.Selection{Start: 3, Stop: 9, Step: 3, Size: 3}
	want := map[int64]int64{3: 0, 6: 1, 9: 2}
	for source := int64(-3); source < 15; source++ {
		k, ok := s.Relative(source)
		wantK, wantOK := want[source]
		if k != wantK || ok != wantOK {
			t.Errorf("Relative(%d) = %d, %t, want %d, %t", source, k, ok, wantK, wantOK)
		}
		if ok && s.Source(k) != source {
			t.Errorf("Source(%d) = %d, want %d", k, s.Source(k), source)
		}
	}
}

package plan_test

import (
	"slices"
	"strings"
	"testing"

	"framemill/pipeline"
	"framemill/pipeline/plan"
)

func TestCheckMapping(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		mapping [][]string
		text    string // of the error
	}{
		{name: "fits", mapping: [][]string{{"a", "b"}, {"c"}}},
		{name: "twice in a job", mapping: [][]string{{"a", "a"}},
			text: "The same file 'a' cannot be used multiple times in the job file mapping"},
		{name: "twice in two jobs", mapping: [][]string{{"a", "b"}, {"b"}},
			text: "The same file 'b' cannot be used multiple times in the job file mapping"},
		{name: "no jobs", text: "The job file mapping has no jobs"},
		{name: "an empty job", mapping: [][]string{{"a"}, {}}, text: "Job 1 of the job file mapping has no files"},
		{name: "an empty name", mapping: [][]string{{""}}, text: `File name "" is not allowed`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := plan.CheckMapping(tt.mapping)
			if tt.text == "" && err == nil {
				return
			}
			if e := pipeline.Public(err); e.Field != "job_file_mapping" || e.Text != tt.text {
				t.Errorf("got %v, want %q", err, tt.text)
			}
		})
	}
}

func TestCheckMappingAlone(t *testing.T) {
	t.Parallel()
	mapped := pipeline.Spec{FileMapping: [][]string{{"a"}}, Sorting: pipeline.SortLexicographical, Step: 1}
	tests := []struct {
		name   string
		change func(*pipeline.Spec)
		field  string // in the error
	}{
		{"alone", func(*pipeline.Spec) {}, ""},
		{"no mapping", func(s *pipeline.Spec) { s.FileMapping, s.SegmentSize = nil, 5 }, ""},
		{"a stop that is not set", func(s *pipeline.Spec) { s.StopFrame = new(int64(0)) }, ""},
		{"segment size", func(s *pipeline.Spec) { s.SegmentSize = 5 }, "segment_size"},
		{"sorting", func(s *pipeline.Spec) { s.Sorting = pipeline.SortNatural }, "sorting_method"},
		{"start", func(s *pipeline.Spec) { s.StartFrame = 1 }, "start_frame"},
		{"stop", func(s *pipeline.Spec) { s.StopFrame = new(int64(4)) }, "stop_frame"},
		{"filter", func(s *pipeline.Spec) { s.FrameFilter = "step=1" }, "frame_filter"},
		{"exclusion", func(s *pipeline.Spec) { s.ServerExcl = []string{"b"} }, "server_files_exclude"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			spec := mapped
			tt.change(&spec)
			err := plan.CheckMappingAlone(&spec)
			if tt.field == "" && err == nil {
				return
			}
			if pipeline.CodeOf(err) != pipeline.CodeBadMapping || !strings.HasSuffix(err.Error(), tt.field) {
				t.Errorf("got %v, want code %s naming %q", err, pipeline.CodeBadMapping, tt.field)
			}
		})
	}
}

func TestResolveMapping(t *testing.T) {
	t.Parallel()
	names := []string{"a", "b", "c", "unused"}
	order, lengths, err := plan.ResolveMapping([][]string{{"c", "a"}, {"b"}}, names)
	if err != nil || !slices.Equal(order, []int{2, 0, 1}) || !slices.Equal(lengths, []int64{2, 1}) {
		t.Errorf("got %v, %v, %v, want [2 0 1], [2 1]", order, lengths, err)
	}
	_, _, err = plan.ResolveMapping([][]string{{"1", "2", "a"}, {"3", "4", "5", "6", "7"}}, names)
	const want = "Can't find files of the job file mapping in the input files: " +
		"1 (missing), 2 (missing), 3 (missing), 4 (missing), 5 (missing) and 2 more"
	if e := pipeline.Public(err); e.Code != pipeline.CodeBadMapping || e.File != "1" || e.Text != want {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestResolveOrder(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name         string
		order, names []string
		want         []int
		text         string // in the error
	}{
		{name: "permutation", order: []string{"c", "a", "b"}, names: []string{"a", "b", "c"}, want: []int{2, 0, 1}},
		{name: "both sides", order: []string{"a", "x"}, names: []string{"a", "b"}, text: ": x (missing), b (extra)"},
		{name: "twice", order: []string{"a", "a"}, names: []string{"a"}, text: ": a (missing)"},
		{name: "many", names: []string{"1", "2", "3", "4", "5", "6"}, text: "5 (extra) and 1 more"},
		{name: "hostile names", order: []string{"a\x00\n\u202e"}, text: ": a\ufffd\ufffd\ufffd (missing)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := plan.ResolveOrder(tt.order, tt.names)
			if tt.text == "" {
				if err != nil || !slices.Equal(got, tt.want) {
					t.Errorf("got %v, %v, want %v", got, err, tt.want)
				}
				return
			}
			if e := pipeline.Public(err); e.Kind != pipeline.Invalid || e.Field != "upload_file_order" || !strings.HasSuffix(e.Text, tt.text) {
				t.Errorf("got %v, want an error that ends in %q", err, tt.text)
			}
		})
	}
}

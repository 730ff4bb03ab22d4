package plan_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"framemill/pipeline"
	"framemill/pipeline/plan"
)

func TestSegments(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name          string
		size, segment int64
		overlap       *int64
		video         bool
		want          plan.Cut
	}{
		{name: "2 of 3", size: 2, segment: 3, overlap: new(int64(1)), want: plan.Cut{SegmentSize: 2, Overlap: 1, Ranges: []plan.Range{{0, 1}}}},
		{name: "3 of 3", size: 3, segment: 3, overlap: new(int64(1)), want: plan.Cut{SegmentSize: 3, Overlap: 1, Ranges: []plan.Range{{0, 2}}}},
		{name: "4 of 3", size: 4, segment: 3, overlap: new(int64(1)), want: plan.Cut{SegmentSize: 3, Overlap: 1, Ranges: []plan.Range{{0, 2}, {2, 3}}}},
		{name: "5 of 3", size: 5, segment: 3, overlap: new(int64(1)), want: plan.Cut{SegmentSize: 3, Overlap: 1, Ranges: []plan.Range{{0, 2}, {2, 4}}}},
		{name: "6 of 3", size: 6, segment: 3, overlap: new(int64(1)), want: plan.Cut{SegmentSize: 3, Overlap: 1, Ranges: []plan.Range{{0, 2}, {2, 4}, {4, 5}}}},
		{name: "a video overlaps by itself", size: 8, segment: 5, video: true, want: plan.Cut{SegmentSize: 5, Overlap: 2, Ranges: []plan.Range{{0, 4}, {3, 7}}}},
		{name: "pictures do not", size: 5, segment: 4, want: plan.Cut{SegmentSize: 4, Ranges: []plan.Range{{0, 3}, {4, 4}}}},
		{name: "one job", size: 9, overlap: new(int64(100)), want: plan.Cut{SegmentSize: 9, Overlap: 4, Ranges: []plan.Range{{0, 8}}}},
		{name: "one frame", size: 1, segment: 1, overlap: new(int64(1)), want: plan.Cut{SegmentSize: 1, Ranges: []plan.Range{{0, 0}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := plan.Segments(tt.size, tt.segment, tt.overlap, tt.video, 0)
			if err != nil || !equalCuts(got, tt.want) {
				t.Errorf("Segments = %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

func TestTooManyJobs(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                    string
		size, segment, replicas int64
		total                   string // "" if the jobs are not too many
	}{
		{name: "just enough", size: 5000, segment: 1},
		{name: "one too many", size: 5001, segment: 1, total: "5001"},
		{name: "just enough with replicas", size: 1250, segment: 1, replicas: 3},
		{name: "replicas count", size: 1251, segment: 1, replicas: 3, total: "5004"},
		{name: "refused before it is allocated", size: 1 << 60, segment: 1, replicas: 2, total: "3458764513820540928"},
		{name: "more than can be counted", size: 1 << 62, segment: 1, replicas: 11, total: "9223372036854775807"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := plan.Segments(tt.size, tt.segment, nil, false, tt.replicas)
			if tt.total == "" {
				if err != nil {
					t.Errorf("got %v, want no error", err)
				}
				return
			}
			want := "Too many jobs would be created for the task. Current total: " + tt.total + ", maximum allowed: 5000"
			if pipeline.CodeOf(err) != pipeline.CodeTooManyJobs || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
	if _, err := plan.MappedSegments(make([]int64, 5001), 0); pipeline.CodeOf(err) != pipeline.CodeTooManyJobs {
		t.Errorf("5001 mapped jobs: got %v, want code %s", err, pipeline.CodeTooManyJobs)
	}
}

func TestSegmentsOfNothing(t *testing.T) {
	t.Parallel()
	if _, err := plan.Segments(0, 5, nil, false, 0); pipeline.CodeOf(err) != pipeline.CodeBadFrameRange {
		t.Errorf("got %v, want code %s", err, pipeline.CodeBadFrameRange)
	}
	if _, err := plan.MappedSegments([]int64{2, 0}, 0); pipeline.CodeOf(err) != pipeline.CodeBadMapping {
		t.Errorf("an empty mapped job: got %v, want code %s", err, pipeline.CodeBadMapping)
	}
}

func TestMappedSegments(t *testing.T) {
	t.Parallel()
	got, err := plan.MappedSegments([]int64{2, 1, 3}, 0)
	want := plan.Cut{Ranges: []plan.Range{{0, 1}, {2, 2}, {3, 5}}}
	if err != nil || !equalCuts(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestSegmentOf(t *testing.T) {
	t.Parallel()
	cut := plan.Cut{Ranges: []plan.Range{{0, 4}, {3, 7}, {6, 8}}}
	for frame, want := range []int{0, 0, 0, 0, 0, 1, 1, 1, 2, -1} {
		if got := cut.SegmentOf(int64(frame)); got != want {
			t.Errorf("SegmentOf(%d) = %d, want %d", frame, got, want)
		}
	}
	if got := cut.SegmentOf(-1); got != -1 {
		t.Errorf("SegmentOf(-1) = %d, want -1", got)
	}
}

// Selection and segmentation agree with the published rules, followed to the
// letter, on random requests.
func TestSelectAndSegmentByTheLetter(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		n, start, step := 1+r.Int64N(300), r.Int64N(40), 1+r.Int64N(9)
		var stop, overlap *int64
		if r.IntN(2) == 0 {
			stop = new(r.Int64N(350))
		}
		if r.IntN(2) == 0 {
			overlap = new(r.Int64N(40))
		}
		segment, video := r.Int64N(80), r.IntN(2) == 0
		frames := letterSelect(n, start, stop, step)
		sel, err := plan.Select(n, start, stop, step)
		if len(frames) == 0 {
			if pipeline.CodeOf(err) != pipeline.CodeBadFrameRange {
				t.Fatalf("n %d start %d stop %v step %d: got %v, want code %s", n, start, stop, step, err, pipeline.CodeBadFrameRange)
			}
			continue
		}
		if err != nil || sel.Size != int64(len(frames)) || sel.Stop != frames[len(frames)-1] {
			t.Fatalf("n %d start %d stop %v step %d: got %+v, %v, want frames %v", n, start, stop, step, sel, err, frames)
		}
		for k, source := range frames {
			if back, ok := sel.Relative(source); sel.Source(int64(k)) != source || !ok || back != int64(k) {
				t.Fatalf("%+v: frame %d is source %d, want %d", sel, k, sel.Source(int64(k)), source)
			}
		}
		want := letterSegments(sel.Size, segment, overlap, video)
		if got, err := plan.Segments(sel.Size, segment, overlap, video, 0); err != nil || !equalCuts(got, want) {
			t.Fatalf("size %d segment %d overlap %v video %t: got %+v, %v, want %+v", sel.Size, segment, overlap, video, got, err, want)
		}
	}
}

func letterSelect(n, start int64, stop *int64, step int64) (frames []int64) {
	last := n - 1
	if stop != nil && *stop > 0 && *stop < last {
		last = *stop
	}
	for a := start; a <= last; a += step {
		frames = append(frames, a)
	}
	return frames
}

func letterSegments(size, s int64, overlap *int64, video bool) plan.Cut {
	if s == 0 || s > size {
		s = size
	}
	o := int64(0)
	if overlap != nil {
		o = *overlap
	} else if video {
		o = 5
	}
	if o > s/2 {
		o = s / 2
	}
	cut := plan.Cut{SegmentSize: s, Overlap: o}
	for start := int64(0); start < size-o; start += s - o {
		stop := start + s - 1
		if stop > size-1 {
			stop = size - 1
		}
		cut.Ranges = append(cut.Ranges, plan.Range{Start: start, Stop: stop})
	}
	return cut
}

func equalCuts(a, b plan.Cut) bool {
	return a.SegmentSize == b.SegmentSize && a.Overlap == b.Overlap && slices.Equal(a.Ranges, b.Ranges)
}

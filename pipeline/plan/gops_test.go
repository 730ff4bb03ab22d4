package plan_test

import (
	"math"
	"testing"

	"framemill/pipeline"
	"framemill/pipeline/plan"
)

// keysEvery lists the keyframes of n frames with one every gop.
func keysEvery(n, gop int64) []int64 {
	var keys []int64
	for k := int64(0); k < n; k += gop {
		keys = append(keys, k)
	}
	return keys
}

func TestVideoUnits(t *testing.T) {
	t.Parallel()
	const hd = 1920 * 1080
	tests := []struct {
		name           string
		size, gop      int64
		step           int64
		segment        int64
		minUnits, most int // how many units are wanted
	}{
		{"usual GOPs, a unit each", 20000, 250, 1, 0, 80, 80},
		{"short GOPs", 20000, 12, 1, 0, 200, 700},
		{"one keyframe only", 20000, 20000, 1, 0, 1, 1},
		{"few keyframes", 20000, 5000, 1, 0, 3, 5},
		{"every fifth frame", 20000, 250, 5, 0, 20, 200},
		{"overlapping segments", 20000, 250, 1, 500, 50, 700},
		{"a clip", 30, 30, 1, 0, 1, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sel, err := plan.Select(tt.size, 0, nil, tt.step)
			if err != nil {
				t.Fatalf("select: %v", err)
			}
			cut, err := plan.Segments(sel.Size, tt.segment, nil, true, 0)
			if err != nil {
				t.Fatalf("segments: %v", err)
			}
			v := plan.Footage{Selection: sel, Keys: keysEvery(tt.size, tt.gop), Pixels: hd}
			units, err := plan.VideoUnits(cut, 36, v)
			if err != nil {
				t.Fatalf("units: %v", err)
			}
			if len(units) < tt.minUnits || len(units) > tt.most {
				t.Errorf("%d units, want %d to %d", len(units), tt.minUnits, tt.most)
			}
			_, total := cut.ChunkBases(36)
			checkSpans(t, units, total)
		})
	}
}

// checkSpans fails the test unless spans tile [0,total).
func checkSpans(t *testing.T, spans []plan.Span, total int64) {
	t.Helper()
	at := int64(0)
	for _, s := range spans {
		if s.Lo != at || s.Hi <= s.Lo || s.Cost <= 0 {
			t.Fatalf("span %+v does not follow %d", s, at)
		}
		at = s.Hi
	}
	if at != total {
		t.Errorf("the spans end at %d, want %d", at, total)
	}
}

func TestVideoUnitsDecodeLittleTwice(t *testing.T) {
	t.Parallel()
	const size, gop, chunk = 50000, 250, 36
	sel, err := plan.Select(size, 0, nil, 1)
	if err != nil {
		t.Fatalf("select: %v", err)
	}
	cut, err := plan.Segments(size, 0, nil, true, 0)
	if err != nil {
		t.Fatalf("segments: %v", err)
	}
	units, err := plan.VideoUnits(cut, chunk, plan.Footage{Selection: sel, Keys: keysEvery(size, gop), Pixels: 640 * 480})
	if err != nil {
		t.Fatalf("units: %v", err)
	}
	decoded := int64(0)
	for _, u := range units {
		first, last := u.Lo*chunk, min(u.Hi*chunk, size)-1
		decoded += last - first/gop*gop + 1
	}
	if limit := int64(1.13 * size); decoded > limit {
		t.Errorf("%d units decode %d frames of %d, want at most %d", len(units), decoded, size, limit)
	}
}

func TestTogether(t *testing.T) {
	t.Parallel()
	all := func(size int64) plan.Selection { return plan.Selection{Stop: size - 1, Step: 1, Size: size} }
	fifth := plan.Selection{Start: 10, Stop: 505, Step: 5, Size: 100}
	tests := []struct {
		name    string
		sel     plan.Selection
		gop     int64
		segment plan.Range
		chunk   int64
		k       int64
		want    plan.Range
	}{
		{"first GOP of 250", all(1000), 250, plan.Range{Start: 0, Stop: 999}, 36, 3, plan.Range{Start: 0, Stop: 6}},
		{"second GOP of 250", all(1000), 250, plan.Range{Start: 0, Stop: 999}, 36, 7, plan.Range{Start: 7, Stop: 13}},
		{"last GOP", all(1000), 250, plan.Range{Start: 0, Stop: 999}, 36, 27, plan.Range{Start: 21, Stop: 27}},
		{"GOPs shorter than chunks", all(1000), 12, plan.Range{Start: 0, Stop: 999}, 36, 4, plan.Range{Start: 4, Stop: 4}},
		{"a segment that begins in the GOP", all(1000), 250, plan.Range{Start: 100, Stop: 299}, 20, 2, plan.Range{Start: 0, Stop: 7}},
		{"a segment that ends in the GOP", all(1000), 250, plan.Range{Start: 0, Stop: 99}, 20, 2, plan.Range{Start: 0, Stop: 4}},
		{"every fifth frame from the tenth", fifth, 250, plan.Range{Start: 0, Stop: 99}, 10, 5, plan.Range{Start: 5, Stop: 9}},
		{"one keyframe, the first chunks", all(108_000), 108_000, plan.Range{Start: 0, Stop: 107_999}, 36, 26, plan.Range{Start: 0, Stop: 26}},
		{"one keyframe, the next ones", all(108_000), 108_000, plan.Range{Start: 0, Stop: 107_999}, 36, 27, plan.Range{Start: 27, Stop: 53}},
		{"one keyframe, the last ones", all(108_000), 108_000, plan.Range{Start: 0, Stop: 107_999}, 36, 2999, plan.Range{Start: 2997, Stop: 2999}},
		{"chunks of one frame", all(100), 20, plan.Range{Start: 0, Stop: 99}, 1, 30, plan.Range{Start: 20, Stop: 39}},
		{"chunks larger than any video", all(100), 20, plan.Range{Start: 0, Stop: 99}, math.MaxInt64, 0, plan.Range{Start: 0, Stop: 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := &pipeline.Data{StartFrame: tt.sel.Start, StopFrame: tt.sel.Stop, Step: tt.sel.Step, Size: tt.sel.Size, ChunkSize: &tt.chunk}
			s := &pipeline.Segment{Type: pipeline.SegmentRange, Start: tt.segment.Start, Stop: tt.segment.Stop}
			gop := func(frame int64) (int64, int64) { return frame / tt.gop * tt.gop, frame/tt.gop*tt.gop + tt.gop - 1 }
			if got := plan.Together(d, s, tt.k, gop); got != tt.want {
				t.Fatalf("together with chunk %d: %+v, want %+v", tt.k, got, tt.want)
			}
			for k := tt.want.Start; k <= tt.want.Stop; k++ {
				if got := plan.Together(d, s, k, gop); got != tt.want {
					t.Errorf("together with chunk %d: %+v, want %+v as with the others", k, got, tt.want)
				}
			}
		})
	}
}

// TestTogetherOfChosenFrames goes by the frames that a view of some frames
// lists, which may lie anywhere.
func TestTogetherOfChosenFrames(t *testing.T) {
	t.Parallel()
	chunk := int64(2)
	d := &pipeline.Data{StartFrame: 100, StopFrame: 1098, Step: 2, Size: 500, ChunkSize: &chunk}
	s := &pipeline.Segment{Type: pipeline.SegmentSpecific, Start: 1, Stop: 480,
		Frames: pipeline.NewFrameList([]int64{1, 3, 60, 80, 90, 199, 200, 480})} // 102, 106 | 220, 260 | 280, 498 | 500, 1060
	gop := func(frame int64) (int64, int64) { return frame / 250 * 250, frame/250*250 + 249 }
	for k, want := range []plan.Range{{Start: 0, Stop: 1}, {Start: 0, Stop: 1}, {Start: 2, Stop: 2}, {Start: 3, Stop: 3}} {
		if got := plan.Together(d, s, int64(k), gop); got != want {
			t.Errorf("together with chunk %d: %+v, want %+v", k, got, want)
		}
	}
}

package plan_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"framemill/pipeline"
	"framemill/pipeline/plan"
)

func TestDefaultChunkSize(t *testing.T) {
	t.Parallel()
	tests := []struct {
		width, height int64
		video         bool
		want          int64
	}{
		{1280, 720, false, 72},
		{1920, 1080, false, 36},
		{2560, 1440, false, 20},
		{3840, 2160, false, 9},
		{8000, 6000, false, 2},
		{8000, 6000, true, 36},
		{0, 0, false, 72},
		{math.MaxInt64, math.MaxInt64, false, 2},
	}
	for _, tt := range tests {
		if got := plan.DefaultChunkSize(tt.width, tt.height, tt.video); got != tt.want {
			t.Errorf("DefaultChunkSize(%d, %d, %t) = %d, want %d", tt.width, tt.height, tt.video, got, tt.want)
		}
	}
}

func TestChunksOfARange(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		r    plan.Range
		size int64
		want []plan.Range
	}{
		{"a short last one", plan.Range{10, 16}, 3, []plan.Range{{10, 12}, {13, 15}, {16, 16}}},
		{"exactly", plan.Range{0, 3}, 2, []plan.Range{{0, 1}, {2, 3}}},
		{"one", plan.Range{5, 9}, math.MaxInt64, []plan.Range{{5, 9}}},
		{"no size", plan.Range{5, 9}, 0, nil},
		{"no frames", plan.Range{0, -1}, 5, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []plan.Range
			for k := range tt.r.Chunks(tt.size) {
				frames, ok := tt.r.Chunk(k, tt.size)
				if !ok {
					t.Fatalf("there is no chunk %d", k)
				}
				got = append(got, frames)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("chunks are %v, want %v", got, tt.want)
			}
			for _, k := range []int64{-1, int64(len(tt.want))} {
				if frames, ok := tt.r.Chunk(k, tt.size); ok {
					t.Errorf("chunk %d is %v, want none", k, frames)
				}
			}
		})
	}
}

func TestTaskChunk(t *testing.T) {
	t.Parallel()
	if got, err := plan.TaskChunk(10, 4, 2); err != nil || got != (plan.Range{Start: 8, Stop: 9}) {
		t.Errorf("chunk 2 is %v, %v, want frames 8 to 9", got, err)
	}
	want := "Invalid chunk number '3'. The chunk number should be in the [0, 2] range"
	if _, err := plan.TaskChunk(10, 4, 3); pipeline.KindOf(err) != pipeline.Invalid || !strings.Contains(err.Error(), want) {
		t.Errorf("chunk 3: got %v, want %q", err, want)
	}
}

func TestChunkBases(t *testing.T) {
	t.Parallel()
	cut := plan.Cut{Ranges: []plan.Range{{0, 4}, {4, 8}, {8, 9}}}
	bases, total := cut.ChunkBases(2)
	if want := []int64{0, 3, 6}; !slices.Equal(bases, want) || total != 7 {
		t.Errorf("bases %v, total %d, want %v, 7", bases, total, want)
	}
}

func TestEncodeUnits(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		ranges    []plan.Range
		chunkSize int64
		seconds   float64
		want      []plan.Span
	}{
		{"together", []plan.Range{{0, 3}, {4, 7}}, 2, 0.25, []plan.Span{{0, 4, 2}}},
		{"over two seconds", []plan.Range{{0, 3}, {4, 7}}, 2, 0.5, []plan.Span{{0, 2, 2}, {2, 4, 2}}},
		{"slow chunks go alone", []plan.Range{{0, 4}}, 2, 8, []plan.Span{{0, 1, 16}, {1, 2, 16}, {2, 3, 8}}},
		{"short chunks weigh less", []plan.Range{{0, 4}, {5, 5}}, 4, 0.5, []plan.Span{{0, 1, 2}, {1, 3, 1}}},
		{"nothing", nil, 4, 1, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := plan.EncodeUnits(plan.Cut{Ranges: tt.ranges}, tt.chunkSize, tt.seconds)
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("got %v, %v, want %v", got, err, tt.want)
			}
		})
	}
}

func TestEncodeUnitsRefusesNonsense(t *testing.T) {
	t.Parallel()
	cut := plan.Cut{Ranges: []plan.Range{{0, 9}}}
	for _, seconds := range []float64{0, -1, math.NaN()} {
		if _, err := plan.EncodeUnits(cut, 2, seconds); err == nil {
			t.Errorf("%g s a frame: got no error", seconds)
		}
	}
	if _, err := plan.EncodeUnits(cut, 0, 1); err == nil {
		t.Error("chunks of 0 frames: got no error")
	}
}

// A million frames are about 28,000 chunks; every chunk is in one unit, and
// units are neither tiny nor huge.
func TestEncodeUnitsOfAMillionFrames(t *testing.T) {
	t.Parallel()
	cut, err := plan.Segments(1_000_000, 1000, nil, false, 0)
	if err != nil {
		t.Fatal(err)
	}
	spans, err := plan.EncodeUnits(cut, 36, 0.010)
	if err != nil {
		t.Fatal(err)
	}
	_, total := cut.ChunkBases(36)
	next := int64(0)
	for i, s := range spans {
		if s.Lo != next || s.Hi <= s.Lo {
			t.Fatalf("unit %d is %+v, want it to begin at %d", i, s, next)
		}
		if s.Cost > 2.001 || s.Cost < 1 && i < len(spans)-1 {
			t.Errorf("unit %d costs %g s, want 1 to 2", i, s.Cost)
		}
		next = s.Hi
	}
	if next != total {
		t.Errorf("units end at chunk %d, want %d", next, total)
	}
}

func TestShards(t *testing.T) {
	t.Parallel()
	got := plan.Shards(4001)
	if len(got) != 3 || got[0].Lo != 0 || got[0].Hi != 2000 || got[2].Lo != 4000 || got[2].Hi != 4001 {
		t.Errorf("shards of 4001 files are %v, want three that end at 2000, 4000 and 4001", got)
	}
	if got := plan.Shards(0); len(got) != 0 {
		t.Errorf("shards of no files are %v", got)
	}
}

func TestFused(t *testing.T) {
	t.Parallel()
	const mega = 1 << 20
	tests := []struct {
		files, bytes int64
		want         bool
	}{
		{1, 0, true},
		{500, 20 * mega, true},
		{501, 1 * mega, false},
		{2, 60 * mega, false},
		{1, math.MaxInt64, false},
	}
	for _, tt := range tests {
		if got := plan.Fused(tt.files, tt.bytes); got != tt.want {
			t.Errorf("Fused(%d, %d) = %t, want %t", tt.files, tt.bytes, got, tt.want)
		}
	}
}

func TestFrameSeconds(t *testing.T) {
	t.Parallel()
	if got := plan.FrameSeconds(1000, 1000); math.Abs(got-0.025) > 1e-9 {
		t.Errorf("a megapixel takes %g s, want 0.025", got)
	}
	if got := plan.FrameSeconds(0, 0); got <= 0 {
		t.Errorf("nothing takes %g s, want more than 0", got)
	}
}

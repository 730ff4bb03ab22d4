package serve_test

import (
	"bytes"
	"image/jpeg"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/plan"
	"framemill/pipeline/store"
)

// TestChosenFrames reads the chunks of a segment that has a few of eight frames
// only: as its job counts them, and spread over those of the task.
func TestChosenFrames(t *testing.T) {
	t.Parallel()
	g := newGallery(t, mixed(), 3, plan.Range{Start: 0, Stop: 7})
	job, err := g.db.AddTruthJob(t.Context(), g.view.Task.ID, nil, func(*store.FrameState) ([]int64, error) {
		return []int64{0, 1, 3, 5, 7}, nil
	})
	must(t, err)
	v, err := g.db.JobView(t.Context(), job)
	must(t, err)
	seg := v.Segment
	g.segs = append(g.segs, *seg)
	chunk := func(q pipeline.Quality, index int64) send {
		return func(w http.ResponseWriter, r *http.Request) error { return g.JobChunk(w, r, g.in(q), seg, index) }
	}
	window := func(q pipeline.Quality, number int64) send {
		return func(w http.ResponseWriter, r *http.Request) error { return g.JobWindow(w, r, g.in(q), seg, number) }
	}
	const small, large = pipeline.Compressed, pipeline.Original
	tests := []struct {
		name string
		send send
		want []string // numbers of frames, - for a placeholder
	}{
		{"chunk", chunk(small, 0), []string{"0", "1", "3"}},
		{"last chunk", chunk(small, 1), []string{"5", "7"}},
		{"window", window(small, 0), []string{"0", "1", "-"}},
		{"window over two chunks", window(small, 1), []string{"3", "-", "5"}},
		{"last window", window(small, 2), []string{"-", "7"}},
		{"original", chunk(large, 1), []string{"5", "7"}},
		{"original window", window(large, 1), []string{"3", "-", "5"}},
	}
	for _, tt := range tests {
		resp, body, err := g.ask(t, "GET", tt.send)
		must(t, err)
		var got []string
		for _, e := range unzip(t, body) {
			name, content, _ := strings.Cut(e, "=")
			if m, err := jpeg.Decode(bytes.NewReader([]byte(content))); err == nil {
				if r, gr, b, _ := m.At(0, 0).RGBA(); m.Bounds().Dx() != 1 || m.Bounds().Dy() != 1 || r+gr+b != 0 || !strings.HasSuffix(name, ".jpeg") {
					t.Errorf("%s: placeholder %s is %v of colour %d %d %d, want a black pixel", tt.name, name, m.Bounds(), r, gr, b)
				}
				content = "-"
			}
			got = append(got, content[strings.LastIndex(content, " ")+1:])
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		checkHeaders(t, resp, body)
	}
	resp, body, err := g.ask(t, "GET", func(w http.ResponseWriter, r *http.Request) error {
		return g.Frame(w, r, g.in(small), 5, seg)
	})
	must(t, err)
	if string(body) != "small 5" || resp.Header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("frame 5 is %q of %s", body, resp.Header.Get("Content-Type"))
	}
	for name, send := range map[string]send{
		"a frame that is not chosen": func(w http.ResponseWriter, r *http.Request) error { return g.Frame(w, r, g.in(small), 2, seg) },
		"a chunk too many":           chunk(small, 2),
		"a window too many":          window(small, 3),
	} {
		if _, _, err := g.ask(t, "GET", send); pipeline.KindOf(err) != pipeline.Invalid {
			t.Errorf("%s: error %v, want an invalid request", name, err)
		}
	}
}

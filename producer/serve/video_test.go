package serve_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/frameindex"
	"framemill/pipeline/plan"
	"framemill/producer/serve"
)

// send answers one request.
type send = func(w http.ResponseWriter, r *http.Request) error

// in returns the gallery's view in a quality.
func (g *gallery) in(q pipeline.Quality) (v serve.View) {
	v = g.view
	v.Quality = q
	return v
}

// TestFilmChunks asks for chunks of films: those that a segment has are sent as
// they lie, and others are built aside.
func TestFilmChunks(t *testing.T) {
	t.Parallel()
	one := []plan.Range{{Start: 0, Stop: 9}}
	apart := []plan.Range{{Start: 0, Stop: 5}, {Start: 6, Stop: 9}}   // on the borders of the task's chunks
	overlap := []plan.Range{{Start: 0, Stop: 4}, {Start: 4, Stop: 9}} // off them
	job := func(q pipeline.Quality, seg int, index int64) func(*gallery) send {
		return func(g *gallery) send {
			return func(w http.ResponseWriter, r *http.Request) error {
				return g.JobChunk(w, r, g.in(q), &g.segs[seg], index)
			}
		}
	}
	window := func(q pipeline.Quality, seg int, number int64) func(*gallery) send {
		return func(g *gallery) send {
			return func(w http.ResponseWriter, r *http.Request) error {
				return g.JobWindow(w, r, g.in(q), &g.segs[seg], number)
			}
		}
	}
	task := func(q pipeline.Quality, number int64) func(*gallery) send {
		return func(g *gallery) send {
			return func(w http.ResponseWriter, r *http.Request) error { return g.TaskChunk(w, r, g.in(q), number) }
		}
	}
	const small, large = pipeline.Compressed, pipeline.Original
	tests := []struct {
		name  string
		segs  []plan.Range
		send  func(*gallery) send
		want  string
		asked []string
	}{
		{"job", one, job(small, 0, 1), "compressed of segment 0, 1", []string{"compressed/0/1", "compressed/0/2"}},
		{"last of a job", one, job(small, 0, 3), "compressed of segment 0, 3", []string{"compressed/0/3"}},
		{"job, original", one, job(large, 0, 1), "original of segment 0, 1", []string{"original/0/1"}},
		{"task of one job", one, task(small, 1), "compressed of segment 0, 1", []string{"compressed/0/1", "compressed/0/2"}},
		{"task of one job, original", one, task(large, 3), "original of segment 0, 3", []string{"original/0/3"}},
		{"window of one job", one, window(small, 0, 3), "compressed of segment 0, 3", []string{"compressed/0/3"}},
		{"aligned task", apart, task(small, 2), "compressed of segment 1, 0", []string{"compressed/1/0", "compressed/1/1"}},
		{"aligned window", apart, window(large, 1, 2), "original of segment 1, 0", []string{"original/1/0"}},
		{"task over two jobs", overlap, task(small, 1), "task_compressed of segment 0, 1", []string{"task_compressed/0/1"}},
		{"task over two jobs, original", overlap, task(large, 1), "task_original of segment 0, 1", []string{"task_original/0/1"}},
		{"task in the middle of a job", overlap, task(small, 2), "task_compressed of segment 0, 2", []string{"task_compressed/0/2"}},
		{"window in the middle", overlap, window(small, 1, 2), "window_compressed of segment 1, 2", []string{"window_compressed/1/2"}},
		{"window, original", overlap, window(large, 1, 2), "window_original of segment 1, 2", []string{"window_original/1/2"}},
		{"window at the end", overlap, window(small, 0, 1), "compressed of segment 0, 1", []string{"compressed/0/1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newFilm(t, film{frames: 10, compressed: pipeline.ChunkVideo}, 3, tt.segs...)
			resp, body, err := g.ask(t, "GET", tt.send(g))
			must(t, err)
			if string(body) != tt.want || resp.Header.Get("Content-Type") != "video/mp4" || resp.ContentLength != int64(len(tt.want)) {
				t.Errorf("sent %q of %s, announced with %d bytes; want %q of video/mp4",
					body, resp.Header.Get("Content-Type"), resp.ContentLength, tt.want)
			}
			if diff := cmp.Diff(tt.asked, g.asked); diff != "" {
				t.Errorf("asked for (-want +got):\n%s", diff)
			}
		})
	}
}

// TestWatching reads one chunk after the other: each is asked for while the one
// before it is read.
func TestWatching(t *testing.T) {
	t.Parallel()
	g := newFilm(t, film{frames: 9, compressed: pipeline.ChunkVideo}, 3, plan.Range{Start: 0, Stop: 8})
	asked := [][]string{
		{"compressed/0/0", "compressed/0/1"},
		{"compressed/0/0", "compressed/0/1", "compressed/0/2"},
		{"compressed/0/0", "compressed/0/1", "compressed/0/2"},
	}
	for index, want := range asked {
		_, _, err := g.ask(t, "GET", func(w http.ResponseWriter, r *http.Request) error {
			return g.JobChunk(w, r, g.view, &g.segs[0], int64(index))
		})
		must(t, err)
		if diff := cmp.Diff(want, g.asked); diff != "" {
			t.Errorf("asked for by the time chunk %d is sent (-want +got):\n%s", index, diff)
		}
	}
}

// TestNeighboursWaitForOneUnit asks for several chunks of one GOP that are not
// built, and for one of the next.
func TestNeighboursWaitForOneUnit(t *testing.T) {
	t.Parallel()
	x := shortIndex(20)
	for k := range x.Frames {
		x.Frames[k].Key = k%10 == 0
	}
	for q, units := range map[pipeline.Quality]int{
		pipeline.Compressed: 2, // the next chunk is asked for with each
		pipeline.Original:   1,
	} {
		g := newFilm(t, film{frames: 20, compressed: pipeline.ChunkVideo, index: x}, 2, plan.Range{Start: 0, Stop: 19})
		g.idle = true
		for _, index := range []int64{3, 1, 4} {
			_, _, err := g.ask(t, "GET", func(w http.ResponseWriter, r *http.Request) error {
				return g.JobChunk(w, r, g.in(q), &g.segs[0], index)
			})
			if pipeline.CodeOf(err) != pipeline.CodeNotReady {
				t.Errorf("%s chunk %d: %v, want it not ready", q, index, err)
			}
		}
		if open := g.claim(t); len(open) != units || open[0].Hi != 3 {
			t.Errorf("%d units are open, the first for chunk %d of the quality %s; want %d, and chunk 3 first", len(open), open[0].Hi, q, units)
		}
	}
}

// TestPicturesOfFilm reads videos whose chunks of a quality are zips: they are
// put together as those of pictures are.
func TestPicturesOfFilm(t *testing.T) {
	t.Parallel()
	segs := []plan.Range{{Start: 0, Stop: 4}, {Start: 3, Stop: 7}}
	g := newFilm(t, film{frames: 8, compressed: pipeline.ChunkImageset}, 3, segs...)
	assertPicturesOfFilm(t, g)
	resp, body, err := g.ask(t, "GET", func(w http.ResponseWriter, r *http.Request) error {
		return g.JobChunk(w, r, g.in(pipeline.Original), &g.segs[1], 1)
	})
	must(t, err)
	if string(body) != "original of segment 1, 1" || resp.Header.Get("Content-Type") != "video/mp4" {
		t.Errorf("the original is %q of %s, want a film", body, resp.Header.Get("Content-Type"))
	}
	large := newFilm(t, film{frames: 8, compressed: pipeline.ChunkVideo, original: pipeline.ChunkImageset}, 3, segs...)
	large.view.Quality = pipeline.Original
	assertPicturesOfFilm(t, large)
}

func assertPicturesOfFilm(t *testing.T, g *gallery) {
	t.Helper()
	tests := []struct {
		name string
		send send
		want []string
	}{
		{"job", func(w http.ResponseWriter, r *http.Request) error { return g.JobChunk(w, r, g.view, &g.segs[1], 1) },
			[]string{"000000.jpeg=small 6", "000001.jpeg=small 7"}},
		{"task", func(w http.ResponseWriter, r *http.Request) error { return g.TaskChunk(w, r, g.view, 1) },
			[]string{"000000.jpeg=small 3", "000001.jpeg=small 4", "000002.jpeg=small 5"}},
		{"window", func(w http.ResponseWriter, r *http.Request) error { return g.JobWindow(w, r, g.view, &g.segs[0], 1) },
			[]string{"000000.jpeg=small 3", "000001.jpeg=small 4"}},
	}
	for _, tt := range tests {
		resp, body, err := g.ask(t, "GET", tt.send)
		must(t, err)
		if diff := cmp.Diff(tt.want, unzip(t, body)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		checkHeaders(t, resp, body)
	}
}

func TestFrameOfFilm(t *testing.T) {
	t.Parallel()
	g := newFilm(t, film{frames: 10, compressed: pipeline.ChunkVideo}, 3, plan.Range{Start: 0, Stop: 4}, plan.Range{Start: 3, Stop: 9})
	tests := []struct {
		name    string
		quality pipeline.Quality
		n       int64
		seg     *pipeline.Segment
		want    string
	}{
		{"of the task", pipeline.Compressed, 3, nil, "frame_compressed of segment 0, 3"},
		{"of the task, behind the first job", pipeline.Original, 5, nil, "frame_original of segment 1, 5"},
		{"of a job", pipeline.Original, 4, &g.segs[1], "frame_original of segment 1, 4"},
	}
	for _, tt := range tests {
		resp, body, err := g.ask(t, "GET", func(w http.ResponseWriter, r *http.Request) error {
			return g.Frame(w, r, g.in(tt.quality), tt.n, tt.seg)
		})
		must(t, err)
		if string(body) != tt.want || resp.Header.Get("Content-Type") != "image/png" {
			t.Errorf("%s: %q of %s, want %q of image/png", tt.name, body, resp.Header.Get("Content-Type"), tt.want)
		}
	}
	_, _, err := g.ask(t, "GET", func(w http.ResponseWriter, r *http.Request) error { return g.Frame(w, r, g.view, 5, &g.segs[0]) })
	if pipeline.Public(err).Text != "Incorrect requested frame number: 5" {
		t.Errorf("a frame outside the job: %v", err)
	}
	resp, body, err := g.ask(t, "GET", func(w http.ResponseWriter, r *http.Request) error { return g.Preview(w, r, g.view, &g.segs[1]) })
	must(t, err)
	if string(body) != "preview 3" || resp.Header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("preview is %q of %s, want the one of frame 3 as JPEG", body, resp.Header.Get("Content-Type"))
	}
}

// TestPartOfFilm reads a chunk in parts, as players do, and again by its tag.
func TestPartOfFilm(t *testing.T) {
	t.Parallel()
	g := newFilm(t, film{frames: 3, compressed: pipeline.ChunkVideo}, 3, plan.Range{Start: 0, Stop: 2})
	tests := []struct {
		name, method, header, value string
		status                      int
		want, part                  string
	}{
		{"a range", "GET", "Range", "bytes=0-9", http.StatusPartialContent, "compressed", "bytes 0-9/26"},
		{"the end", "GET", "Range", "bytes=-1", http.StatusPartialContent, "0", "bytes 25-25/26"},
		{"no such range", "GET", "Range", "bytes=99-", http.StatusRequestedRangeNotSatisfiable, "invalid range: failed to overlap\n", "bytes */26"},
		{"only the head", "HEAD", "Accept", "*/*", http.StatusOK, "", ""},
	}
	for _, tt := range tests {
		resp, body, err := g.ask(t, tt.method, func(w http.ResponseWriter, r *http.Request) error {
			r.Header.Set(tt.header, tt.value)
			return g.JobChunk(w, r, g.view, &g.segs[0], 0)
		})
		must(t, err)
		if resp.StatusCode != tt.status || string(body) != tt.want || resp.Header.Get("Content-Range") != tt.part {
			t.Errorf("%s: %d %q, range %q; want %d %q, range %q",
				tt.name, resp.StatusCode, body, resp.Header.Get("Content-Range"), tt.status, tt.want, tt.part)
		}
		if tt.method == "HEAD" && (resp.ContentLength != 26 || resp.Header.Get("ETag") == "") {
			t.Errorf("HEAD announces %d bytes with the tag %q, want 26 and a tag", resp.ContentLength, resp.Header.Get("ETag"))
		}
	}
}

func TestFilmThatIsNotBuilt(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		prepare func(t *testing.T, g *gallery)
		kind    pipeline.Kind
		code    pipeline.Code
		text    string
	}{
		{"no worker", func(t *testing.T, g *gallery) { must(t, g.db.Leave(t.Context(), "w")) },
			pipeline.TooMany, pipeline.CodeNoLiveWorker, "No consumer"},
		{"slow", func(_ *testing.T, g *gallery) { g.idle = true }, pipeline.TooMany, pipeline.CodeNotReady, "still being built"},
		{"damaged", func(_ *testing.T, g *gallery) { g.fail = pipeline.CodeDecodeFailed },
			pipeline.Media, pipeline.CodeDecodeFailed, "cannot be decoded"},
		{"gone", func(t *testing.T, g *gallery) {
			g.fail = pipeline.CodeSourceGone
			must(t, os.Remove(filepath.Join(g.share, "clip.mp4")))
		}, pipeline.NotFound, pipeline.CodeSourceGone, "'clip.mp4' is gone"},
		{"changed", func(t *testing.T, g *gallery) {
			g.fail = pipeline.CodeSourceChanged
			must(t, os.Chtimes(filepath.Join(g.share, "clip.mp4"), time.Now(), time.Now().Add(time.Hour)))
		}, pipeline.Conflict, pipeline.CodeSourceChanged, "'clip.mp4' has changed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newFilm(t, film{frames: 9, compressed: pipeline.ChunkVideo}, 5, plan.Range{Start: 0, Stop: 8})
			tt.prepare(t, g)
			for what, send := range map[string]send{
				"chunk": func(w http.ResponseWriter, r *http.Request) error { return g.JobChunk(w, r, g.view, &g.segs[0], 0) },
				"frame": func(w http.ResponseWriter, r *http.Request) error { return g.Frame(w, r, g.view, 7, nil) },
			} {
				_, _, err := g.ask(t, "GET", send)
				if pipeline.KindOf(err) != tt.kind || pipeline.CodeOf(err) != tt.code || !strings.Contains(pipeline.Public(err).Text, tt.text) {
					t.Errorf("%s: error %v of kind %d, want kind %d, code %s and %q", what, err, pipeline.KindOf(err), tt.kind, tt.code, tt.text)
				}
			}
		})
	}
}

// shortIndex is the index of a video of n frames.
func shortIndex(n int64) *frameindex.Index {
	x := &frameindex.Index{Width: 64, Height: 48, CodedWidth: 64, CodedHeight: 48, TimeNum: 1, TimeDen: 25}
	for k := range n {
		x.Frames = append(x.Frames, frameindex.Frame{PTS: k, Offset: 10 * k, Size: 10, Key: k%5 == 0})
	}
	return x
}

func TestIndex(t *testing.T) {
	t.Parallel()
	x := shortIndex(10)
	g := newFilm(t, film{frames: 10, compressed: pipeline.ChunkVideo, index: x}, 3, plan.Range{Start: 0, Stop: 9})
	first, err := g.Index(t.Context(), g.view.Data)
	must(t, err)
	if diff := cmp.Diff(x, first); diff != "" {
		t.Errorf("index (-want +got):\n%s", diff)
	}
	must(t, g.bucket.Delete(t.Context(), indexKey))
	second, err := g.Index(t.Context(), g.view.Data)
	if err != nil || second != first {
		t.Errorf("the index was not kept: %v", err)
	}
	other := *g.view.Data
	other.Index = "index/2"
	if _, err = g.Index(t.Context(), &other); pipeline.KindOf(err) != pipeline.Internal || !strings.Contains(err.Error(), "lost") {
		t.Errorf("an index that is lost: %v of kind %d, want an internal error", err, pipeline.KindOf(err))
	}
	g.put(t, "index/2", []byte("no index"))
	if _, err = g.Index(t.Context(), &other); !errors.Is(err, frameindex.ErrCorrupt) {
		t.Errorf("a damaged index: %v, want %v", err, frameindex.ErrCorrupt)
	}
}

// TestIndexBudget keeps what was used last, and a large index only alone.
func TestIndexBudget(t *testing.T) {
	t.Parallel()
	c := serve.NewTestIndexes(10_000)
	steps := []struct {
		key    string
		frames int64
		have   []string
	}{
		{"a", 100, []string{"a"}},
		{"b", 100, []string{"a", "b"}},
		{"c", 150, []string{"a", "c"}}, // a was used after b
		{"d", 5000, []string{"d"}},
		{"e", 100, []string{"e"}},
	}
	for _, s := range steps {
		if !c.Has("a") && s.key == "c" {
			t.Error("a is not there any more before c comes")
		}
		c.Add(s.key, shortIndex(s.frames))
		var have []string
		for _, key := range []string{"b", "a", "c", "d", "e"} {
			if c.Has(key) {
				have = append(have, key)
			}
		}
		slices.Sort(have)
		if diff := cmp.Diff(s.have, have); diff != "" {
			t.Errorf("kept after %s (-want +got):\n%s", s.key, diff)
		}
		if c.Bytes() > 10_000 && len(have) > 1 {
			t.Errorf("%v take %d bytes, more than the budget", have, c.Bytes())
		}
	}
}

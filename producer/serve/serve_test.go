package serve_test

import (
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/plan"
)

// mixed are frames from everywhere. Some are long enough to be sent by the
// kernel.
func mixed() []picture {
	long := strings.Repeat(".", 100_000)
	return []picture{
		{name: "a.JPG", content: "upload 0" + long, place: "upload"},
		{name: "b", content: "upload 1", place: "upload", format: "png"},
		{name: "dir/c.jpg", content: "share 2" + long, place: "share"},
		{name: "d.jpg", content: "stored 3", place: "stored"},
		{name: "e.webp", content: "deflated 4" + long, place: "deflated", format: "webp"},
		{name: "f.jpeg", content: "turned 5", place: "upload", orient: 6},
		{name: "g.tif", content: "tiff 6", place: "share", format: "tiff"},
		{name: "h.php", content: "upload 7", place: "upload"},
	}
}

func TestOriginalChunk(t *testing.T) {
	t.Parallel()
	g := newGallery(t, mixed(), 5, plan.Range{Start: 0, Stop: 7})
	g.view.Quality = pipeline.Original
	want := [][]string{
		{"000000.JPG=upload 0", "000001.png=upload 1", "000002.jpg=share 2", "000003.jpg=stored 3", "000004.webp=deflated 4"},
		{"000000.jpeg=upright 5", "000001.tif=upright 6", "000002.php=upload 7"},
	}
	for index, entries := range want {
		send := func(w http.ResponseWriter, r *http.Request) error {
			return g.JobChunk(w, r, g.view, &g.segs[0], int64(index))
		}
		resp, body, err := g.ask(t, "GET", send)
		must(t, err)
		if diff := cmp.Diff(entries, unzip(t, body)); diff != "" {
			t.Errorf("chunk %d (-want +got):\n%s", index, diff)
		}
		checkHeaders(t, resp, body)
		head, none, err := g.ask(t, "HEAD", send)
		must(t, err)
		if len(none) != 0 || head.ContentLength != int64(len(body)) {
			t.Errorf("HEAD sends %d bytes and announces %d, want none and %d", len(none), head.ContentLength, len(body))
		}
	}
	if diff := cmp.Diff([]string{"original/0/1"}, g.asked); diff != "" {
		t.Errorf("only derived originals are built (-want +got):\n%s", diff)
	}
}

func checkHeaders(t *testing.T, resp *http.Response, body []byte) {
	t.Helper()
	sum := crc32.ChecksumIEEE(append([]byte(strconv.Itoa(len(body))), body[:min(1000, len(body))]...))
	if got, want := resp.Header.Get("X-Checksum"), strconv.FormatUint(uint64(sum), 10); got != want {
		t.Errorf("X-Checksum is %s, want %s", got, want)
	}
	if resp.ContentLength != int64(len(body)) || resp.Header.Get("Content-Type") != "application/zip" {
		t.Errorf("%d bytes of %s are announced, want %d of application/zip",
			resp.ContentLength, resp.Header.Get("Content-Type"), len(body))
	}
	if _, err := time.Parse(time.RFC3339Nano, resp.Header.Get("X-Updated-Date")); err != nil {
		t.Errorf("X-Updated-Date: %v", err)
	}
}

func TestCompressedChunk(t *testing.T) {
	t.Parallel()
	g := newGallery(t, mixed(), 3, plan.Range{Start: 0, Stop: 7})
	send := func(w http.ResponseWriter, r *http.Request) error { return g.JobChunk(w, r, g.view, &g.segs[0], 1) }
	resp, body, err := g.ask(t, "GET", send)
	must(t, err)
	if diff := cmp.Diff([]string{"000000.jpeg=small 3", "000001.jpeg=small 4", "000002.jpeg=small 5"}, unzip(t, body)); diff != "" {
		t.Errorf("chunk (-want +got):\n%s", diff)
	}
	checkHeaders(t, resp, body)
	if diff := cmp.Diff([]string{"compressed/0/1", "compressed/0/2"}, g.asked); diff != "" {
		t.Errorf("the chunk and the next are asked for (-want +got):\n%s", diff)
	}
	tag := resp.Header.Get("ETag")
	resp, body, err = g.ask(t, "GET", func(w http.ResponseWriter, r *http.Request) error {
		r.Header.Set("If-None-Match", tag)
		return send(w, r)
	})
	must(t, err)
	if resp.StatusCode != http.StatusNotModified || len(body) != 0 {
		t.Errorf("with its ETag %q the chunk is status %d, want 304", tag, resp.StatusCode)
	}
}

// TestTaskChunk asks for chunks over the whole task of a task whose segments
// overlap: 0..4, 3..7.
func TestTaskChunk(t *testing.T) {
	t.Parallel()
	g := newGallery(t, mixed(), 3, plan.Range{Start: 0, Stop: 4}, plan.Range{Start: 3, Stop: 7})
	want := map[int64][]string{
		0: {"000000.jpeg=small 0", "000001.jpeg=small 1", "000002.jpeg=small 2"},
		1: {"000000.jpeg=small 3", "000001.jpeg=small 4", "000002.jpeg=small 5"},
		2: {"000000.jpeg=small 6", "000001.jpeg=small 7"},
	}
	for number, entries := range want {
		resp, body, err := g.ask(t, "GET", func(w http.ResponseWriter, r *http.Request) error {
			return g.TaskChunk(w, r, g.view, number)
		})
		must(t, err)
		if diff := cmp.Diff(entries, unzip(t, body)); diff != "" {
			t.Errorf("chunk %d (-want +got):\n%s", number, diff)
		}
		checkHeaders(t, resp, body)
	}
	g.view.Quality = pipeline.Original
	_, body, err := g.ask(t, "GET", func(w http.ResponseWriter, r *http.Request) error { return g.TaskChunk(w, r, g.view, 1) })
	must(t, err)
	if diff := cmp.Diff([]string{"000000.jpg=stored 3", "000001.webp=deflated 4", "000002.jpeg=upright 5"}, unzip(t, body)); diff != "" {
		t.Errorf("original chunk (-want +got):\n%s", diff)
	}
}

func TestJobWindow(t *testing.T) {
	t.Parallel()
	g := newGallery(t, mixed(), 3, plan.Range{Start: 0, Stop: 4}, plan.Range{Start: 4, Stop: 7})
	want := map[int64][]string{
		1: {"000000.jpeg=small 4", "000001.jpeg=small 5"},
		2: {"000000.jpeg=small 6", "000001.jpeg=small 7"},
	}
	for number, entries := range want {
		_, body, err := g.ask(t, "GET", func(w http.ResponseWriter, r *http.Request) error {
			return g.JobWindow(w, r, g.view, &g.segs[1], number)
		})
		must(t, err)
		if diff := cmp.Diff(entries, unzip(t, body)); diff != "" {
			t.Errorf("window %d (-want +got):\n%s", number, diff)
		}
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	g := newGallery(t, mixed(), 3, plan.Range{Start: 0, Stop: 4}, plan.Range{Start: 4, Stop: 7})
	type send = func(w http.ResponseWriter, r *http.Request) error
	job := func(n int64) send {
		return func(w http.ResponseWriter, r *http.Request) error { return g.JobChunk(w, r, g.view, &g.segs[1], n) }
	}
	window := func(n int64) send {
		return func(w http.ResponseWriter, r *http.Request) error { return g.JobWindow(w, r, g.view, &g.segs[1], n) }
	}
	task := func(n int64) send {
		return func(w http.ResponseWriter, r *http.Request) error { return g.TaskChunk(w, r, g.view, n) }
	}
	tests := []struct {
		name string
		send send
		want string
	}{
		{"job", job(2), "Invalid chunk number '2'. The chunk number should be in the [0, 1] range"},
		{"job, negative", job(-1), "Invalid chunk number '-1'. The chunk number should be in the [0, 1] range"},
		{"window", window(0), "Invalid chunk number '0'. The chunk number should be in the [1, 2] range"},
		{"window, huge", window(1 << 62), "Invalid chunk number '4611686018427387904'. The chunk number should be in the [1, 2] range"},
		{"task", task(3), "Invalid chunk number '3'. The chunk number should be in the [0, 2] range"},
		{"task, negative", task(-1), "Invalid chunk number '-1'. The chunk number should be in the [0, 2] range"},
	}
	for _, tt := range tests {
		_, _, err := g.ask(t, "GET", tt.send)
		if pipeline.KindOf(err) != pipeline.Invalid || pipeline.Public(err).Text != tt.want {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestFrame(t *testing.T) {
	t.Parallel()
	g := newGallery(t, mixed(), 5, plan.Range{Start: 0, Stop: 7})
	tests := []struct {
		quality pipeline.Quality
		n       int64
		want    string
		kind    string
	}{
		{pipeline.Compressed, 0, "small 0", "image/jpeg"},
		{pipeline.Compressed, 6, "small 6", "image/jpeg"},
		{pipeline.Original, 0, "upload 0", "image/jpeg"},
		{pipeline.Original, 1, "upload 1", "image/png"},
		{pipeline.Original, 2, "share 2", "image/jpeg"},
		{pipeline.Original, 3, "stored 3", "image/jpeg"},
		{pipeline.Original, 4, "deflated 4", "image/webp"},
		{pipeline.Original, 5, "upright 5", "image/jpeg"},
		{pipeline.Original, 6, "upright 6", "image/tiff"},
		{pipeline.Original, 7, "upload 7", "image/jpeg"},
	}
	for _, tt := range tests {
		v := g.view
		v.Quality = tt.quality
		for _, seg := range []*pipeline.Segment{nil, &g.segs[0]} {
			resp, body, err := g.ask(t, "GET", func(w http.ResponseWriter, r *http.Request) error {
				return g.Frame(w, r, v, tt.n, seg)
			})
			must(t, err)
			if shorten(string(body)) != tt.want || resp.Header.Get("Content-Type") != tt.kind || resp.ContentLength != int64(len(body)) {
				t.Errorf("%s frame %d is %q of %s, %d bytes; want %q of %s", tt.quality, tt.n,
					shorten(string(body)), resp.Header.Get("Content-Type"), resp.ContentLength, tt.want, tt.kind)
			}
		}
	}
	_, _, err := g.ask(t, "GET", func(w http.ResponseWriter, r *http.Request) error { return g.Frame(w, r, g.view, 8, &g.segs[0]) })
	if pipeline.Public(err).Text != "Incorrect requested frame number: 8" {
		t.Errorf("a frame outside the job: %v", err)
	}
}

func TestPreview(t *testing.T) {
	t.Parallel()
	g := newGallery(t, mixed(), 5, plan.Range{Start: 0, Stop: 3}, plan.Range{Start: 4, Stop: 7})
	resp, body, err := g.ask(t, "GET", func(w http.ResponseWriter, r *http.Request) error { return g.Preview(w, r, g.view, &g.segs[1]) })
	must(t, err)
	if string(body) != "preview 4" || resp.Header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("preview is %q of %s, want the one of frame 4 as JPEG", body, resp.Header.Get("Content-Type"))
	}
}

func TestSourceOnShare(t *testing.T) {
	t.Parallel()
	pictures := []picture{
		{name: "a.jpg", content: "share 0" + strings.Repeat(".", 10_000), place: "share"},
		{name: "b.jpg", content: "share 1", place: "share"},
	}
	tests := []struct {
		name   string
		change func(path string) error
		opens  int // how often sources are opened before the change; -1 before anything
		kind   pipeline.Kind
		text   string
		broken bool // in the middle of the answer
	}{
		{"gone", os.Remove, -1, pipeline.NotFound, "The file 'b.jpg' is gone", false},
		{"longer", func(p string) error { return os.WriteFile(p, []byte("share 1!"), 0o644) }, -1, pipeline.Conflict, "'b.jpg' has changed", false},
		{"touched", func(p string) error { return os.Chtimes(p, time.Now(), time.Now().Add(time.Hour)) }, -1, pipeline.Conflict, "'b.jpg' has changed", false},
		{"gone on the way", os.Remove, 4, pipeline.NotFound, "", true},
		{"cut on the way", func(p string) error { return os.Truncate(p, 3) }, 4, pipeline.Conflict, "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newGallery(t, pictures, 5, plan.Range{Start: 0, Stop: 1})
			path, opens := filepath.Join(g.share, "b.jpg"), 0
			if tt.opens < 0 {
				must(t, tt.change(path))
			}
			g.onOpen = func(pipeline.Ref) {
				if opens++; opens == tt.opens+1 {
					must(t, tt.change(path))
				}
			}
			v := g.view
			v.Quality = pipeline.Original
			resp, _, err := g.ask(t, "GET", func(w http.ResponseWriter, r *http.Request) error {
				return g.JobChunk(w, r, v, &g.segs[0], 0)
			})
			if pipeline.KindOf(err) != tt.kind || !strings.Contains(pipeline.Public(err).Text, tt.text) {
				t.Errorf("error %v of kind %d, want kind %d and %q", err, pipeline.KindOf(err), tt.kind, tt.text)
			}
			if (resp != nil) != tt.broken {
				t.Errorf("the answer had begun = %t, want %t", resp != nil, tt.broken)
			}
		})
	}
}

func TestChunkThatIsNotBuilt(t *testing.T) {
	t.Parallel()
	pictures := []picture{{name: "a.jpg", content: "x", place: "share"}, {name: "b.jpg", content: "y", place: "upload"}}
	tests := []struct {
		name    string
		prepare func(t *testing.T, g *gallery)
		kind    pipeline.Kind
		code    pipeline.Code
		text    string
		wait    time.Duration // that the reader is told
	}{
		{"no worker", func(t *testing.T, g *gallery) { must(t, g.db.Leave(t.Context(), "w")) },
			pipeline.TooMany, pipeline.CodeNoLiveWorker, "No consumer", 10 * time.Second},
		{"no worker of the lane", func(t *testing.T, g *gallery) { g.work(t, `{"bulk":4}`) },
			pipeline.TooMany, pipeline.CodeNoLiveWorker, "No consumer", 10 * time.Second},
		{"slow", func(_ *testing.T, g *gallery) { g.idle = true },
			pipeline.TooMany, pipeline.CodeNotReady, "still being built", 10 * time.Second},
		{"damaged", func(_ *testing.T, g *gallery) { g.fail = pipeline.CodeDecodeFailed },
			pipeline.Media, pipeline.CodeDecodeFailed, "cannot be decoded", 0},
		{"gone, and known which", func(t *testing.T, g *gallery) {
			g.fail = pipeline.CodeSourceGone
			must(t, os.Remove(filepath.Join(g.share, "a.jpg")))
		}, pipeline.NotFound, pipeline.CodeSourceGone, "'a.jpg' is gone", 0},
		{"gone for the worker only", func(_ *testing.T, g *gallery) { g.fail = pipeline.CodeSourceGone },
			pipeline.NotFound, pipeline.CodeSourceGone, "gone", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newGallery(t, pictures, 5, plan.Range{Start: 0, Stop: 1})
			tt.prepare(t, g)
			_, _, err := g.ask(t, "GET", func(w http.ResponseWriter, r *http.Request) error {
				return g.JobChunk(w, r, g.view, &g.segs[0], 0)
			})
			if pipeline.KindOf(err) != tt.kind || pipeline.CodeOf(err) != tt.code || !strings.Contains(pipeline.Public(err).Text, tt.text) {
				t.Errorf("error %v of kind %d, want kind %d, code %s and %q", err, pipeline.KindOf(err), tt.kind, tt.code, tt.text)
			}
			var after time.Duration
			if e, ok := errors.AsType[interface {
				error
				RetryAfter() time.Duration
			}](err); ok {
				after = e.RetryAfter()
			}
			if after != tt.wait {
				t.Errorf("the reader is to come back after %v, want %v", after, tt.wait)
			}
		})
	}
}

// TestLostChunk removes the file of a chunk, as a power cut may.
func TestLostChunk(t *testing.T) {
	t.Parallel()
	g := newGallery(t, mixed(), 8, plan.Range{Start: 0, Stop: 7})
	send := func(w http.ResponseWriter, r *http.Request) error { return g.JobChunk(w, r, g.view, &g.segs[0], 0) }
	_, first, err := g.ask(t, "GET", send)
	must(t, err)
	c, err := g.db.Chunk(t.Context(), g.segs[0].ID, pipeline.Compressed, 0)
	must(t, err)
	must(t, g.bucket.Delete(t.Context(), c.Key))
	_, second, err := g.ask(t, "GET", send)
	must(t, err)
	if diff := cmp.Diff(unzip(t, first), unzip(t, second)); diff != "" {
		t.Errorf("the chunk that was built again (-want +got):\n%s", diff)
	}
	if want := []string{"compressed/0/0", "compressed/0/0"}; !cmp.Equal(want, g.asked) {
		t.Errorf("asked for %v, want %v", g.asked, want)
	}
}

// TestManyFrames sends more frames than are in memory at once.
func TestManyFrames(t *testing.T) {
	t.Parallel()
	const n = 4500
	pictures := make([]picture, n)
	var want []string
	for i := range pictures {
		pictures[i] = picture{name: fmt.Sprintf("%d.jpg", i), content: fmt.Sprintf("member %d", i), place: "stored"}
		want = append(want, fmt.Sprintf("%06d.jpg=member %d", i, i))
	}
	g := newGallery(t, pictures, n, plan.Range{Start: 0, Stop: n - 1})
	g.view.Quality = pipeline.Original
	_, body, err := g.ask(t, "GET", func(w http.ResponseWriter, r *http.Request) error { return g.TaskChunk(w, r, g.view, 0) })
	must(t, err)
	if diff := cmp.Diff(want, unzip(t, body)); diff != "" {
		t.Errorf("chunk of %d frames (-want +got):\n%s", n, diff)
	}
}

package consumer_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/outgoing"
	"framemill/stages/fetch"
)

// library serves files and counts how often each was asked for.
type library struct {
	files map[string][]byte
	mu    sync.Mutex
	asked map[string]int
}

func (l *library) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	l.asked[r.URL.Path]++
	l.mu.Unlock()
	data, ok := l.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	_, _ = w.Write(data)
}

// fetchRig is a rig whose consumer fetches from a library.
func fetchRig(t *testing.T, files map[string][]byte) (*rig, *library, string) {
	t.Helper()
	l := &library{files: files, asked: make(map[string]int)}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	client, err := outgoing.New(outgoing.Config{Allow: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdle)
	r := newRig(t)
	r.fetch = fetch.New(fetch.Config{}, client, r.bucket)
	r.start()
	return r, l, server.URL
}

// TestFilesOfURLs fetches pictures of which one is gone: it is reported, and the
// others become frames.
func TestFilesOfURLs(t *testing.T) {
	t.Parallel()
	data := pictures(t, 1)[0].data
	r, _, url := fetchRig(t, map[string][]byte{"/b.jpg": data, "/a.jpg": data, "/sub/a.jpg": data})
	req := r.accept(pipeline.Spec{RemoteFiles: []string{url + "/b.jpg", url + "/gone.jpg", url + "/a.jpg", url + "/sub/a.jpg"}}, pipeline.UploadFetch)
	if req = r.await(req.ID); req.State != pipeline.RequestDone || req.Bad != 1 {
		t.Fatalf("request ended %s with %d bad files: %s %s", req.State, req.Bad, req.Code, req.Text)
	}
	r.check(req, 3)
	files, err := r.db.Files(t.Context(), req.ID, -1, 10, "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		got = append(got, f.Name+" "+string(f.Code))
	}
	if diff := cmp.Diff([]string{"b.jpg ", "gone.jpg download_failed", "a.jpg ", "a_3.jpg "}, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// TestRemoteVideoIsFetchedOnce makes all chunks of a video, by several units:
// its origin is asked for it one time.
func TestRemoteVideoIsFetchedOnce(t *testing.T) {
	t.Parallel()
	r, l, url := fetchRig(t, map[string][]byte{"/watch": film(t, "clip.mp4").data})
	req := r.accept(pipeline.Spec{RemoteFiles: []string{url + "/watch"}, SegmentSize: 20, ChunkSize: 5}, pipeline.UploadFetch)
	if req = r.await(req.ID); req.State != pipeline.RequestDone {
		t.Fatalf("request ended %s: %s %s", req.State, req.Code, req.Text)
	}
	if n := l.asked["/watch"]; n != 1 {
		t.Errorf("the video was asked for %d times, want once", n)
	}
	data, err := r.db.DataOf(t.Context(), req.TaskID)
	if err != nil {
		t.Fatal(err)
	}
	if !data.Video() || data.Size == 0 {
		t.Errorf("the task has %d frames, want those of a video", data.Size)
	}
}

func TestNothingCanBeFetched(t *testing.T) {
	t.Parallel()
	r, _, url := fetchRig(t, nil)
	req := r.accept(pipeline.Spec{RemoteFiles: []string{url + "/gone.jpg"}}, pipeline.UploadFetch)
	if req = r.await(req.ID); req.State != pipeline.RequestFailed || req.Code != pipeline.CodeDownloadFailed {
		t.Errorf("request ended %s: %s %s, want failed with download_failed", req.State, req.Code, req.Text)
	}
}

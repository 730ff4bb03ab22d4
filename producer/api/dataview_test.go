package api_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
)

// gallery is a task of five pictures in jobs over frames 0-1, 1-2, 2-3 and 3-4,
// and the ids of these jobs.
func (b *bundle) gallery(fields map[string]any) (task int64, jobs []int64) {
	b.t.Helper()
	id := b.newTask("user", fields)
	b.upload(http.StatusAccepted, id, "", map[string]string{"frame_filter": "step=3"},
		"a.png", "picture 0", "b.png", "picture 1", "<c>.png", "picture 2", "d.png", "picture 3", "e.png", "picture 4")
	b.work = b.consume
	b.consume()
	list := b.want(http.StatusOK, "GET", fmt.Sprintf("/api/jobs?task_id=%d", id), "user", nil).json(b.t)
	for _, j := range list["results"].([]any) {
		jobs = append(jobs, int64(j.(map[string]any)["id"].(float64)))
	}
	slices.Sort(jobs)
	return id, jobs
}

func unzip(t *testing.T, body string) (out []string) {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader([]byte(body)), int64(len(body)))
	if err != nil {
		t.Fatalf("%d bytes are no zip: %v", len(body), err)
	}
	for _, f := range r.File {
		src, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(src)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f.Name+"="+string(content))
	}
	return out
}

func TestReadData(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task, jobs := b.gallery(nil)
	taskData, jobData := dataPath(task)+"?", fmt.Sprintf("/api/jobs/%d/data?", jobs[1])
	zips := map[string][]string{
		taskData + "type=chunk&number=1&quality=original": {"000000.png=picture 2", "000001.png=picture 3"},
		taskData + "type=chunk&number=2&quality=original": {"000000.png=picture 4"},
		jobData + "type=chunk&index=0&quality=original":   {"000000.png=picture 1", "000001.png=picture 2"},
		jobData + "type=chunk&number=0&quality=original":  {"000000.png=picture 1"},
		jobData + "type=chunk&number=1&quality=original":  {"000000.png=picture 2"},
	}
	for path, want := range zips {
		r := b.want(http.StatusOK, "GET", path, "user", nil)
		if diff := cmp.Diff(want, unzip(t, r.body)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	texts := map[string]string{
		jobData + "type=chunk&index=0":                            "compressed of segment 2",
		jobData + "type=chunk&index=0&quality=compressed&org=":    "compressed of segment 2",
		taskData + "type=frame&number=4&quality=original":         "picture 4",
		dataPath(task) + "/?number=1&quality=original&type=frame": "picture 1",
		jobData + "type=frame&number=2&quality=original":          "picture 2",
		jobData + "type=preview":                                  "preview of segment 2",
		taskData + "type=preview":                                 "preview of segment 1",
		fmt.Sprintf("/api/tasks/%d/preview", task):                "preview of segment 1",
		fmt.Sprintf("/api/jobs/%d/preview", jobs[2]):              "preview of segment 3",
	}
	for path, want := range texts {
		r := b.want(http.StatusOK, "GET", path, "user", nil)
		if r.body != want || r.ContentLength != int64(len(want)) || r.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s is %q, announced with %d bytes; want %q", path, r.body, r.ContentLength, want)
		}
		head := b.want(http.StatusOK, "HEAD", path, "user", nil)
		if head.body != "" || head.ContentLength != int64(len(want)) {
			t.Errorf("HEAD %s: %d bytes are announced, want %d", path, head.ContentLength, len(want))
		}
	}
}

func TestReadDataRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task, jobs := b.gallery(nil)
	empty, open := b.newTask("user", nil), b.newTask("user", nil)
	b.work = nil
	b.upload(http.StatusAccepted, open, "", nil, "a.jpg", "a")
	job := fmt.Sprintf("/api/jobs/%d/data", jobs[1])
	tests := []struct {
		path, query string
		status      int
		body        string
	}{
		{dataPath(task), "", 400, `["Data type not specified or has wrong value"]`},
		{dataPath(task), "type=film&number=1", 400, `["Data type not specified or has wrong value"]`},
		{dataPath(task), "type=chunk", 400, `["Number is not specified"]`},
		{dataPath(task), "type=frame", 400, `["Number is not specified"]`},
		{dataPath(task), "type=context_image", 400, `["Number is not specified"]`},
		{dataPath(task), "type=chunk&number=x", 400, `["The number must be a whole number"]`},
		{dataPath(task), "type=chunk&number=1.5", 400, `["The number must be a whole number"]`},
		{dataPath(task), "type=chunk&number=1&quality=best", 400, `["Wrong quality value"]`},
		{dataPath(task), "type=chunk&number=3", 400, `"Invalid chunk number '3'. The chunk number should be in the [0, 2] range"`},
		{dataPath(task), "type=chunk&number=-1", 400, `"Invalid chunk number '-1'. The chunk number should be in the [0, 2] range"`},
		{dataPath(task), "type=frame&number=5", 400, `"Invalid frame '5'. The frame number should be in the [0, 5] range"`},
		{dataPath(task), "type=context_image&number=0", 404, ``},
		{job, "type=chunk", 400, `["Number or Index is not specified"]`},
		{job, "type=chunk&number=0&index=0", 400, `["Number and Index cannot be used together"]`},
		{job, "type=chunk&index=x", 400, `["The index must be a whole number"]`},
		{job, "type=chunk&index=1", 400, `["Invalid chunk number '1'. The chunk number should be in the [0, 0] range"]`},
		{job, "type=chunk&number=2", 400, `["Invalid chunk number '2'. The chunk number should be in the [0, 1] range"]`},
		{job, "type=frame&number=0", 400, `["Incorrect requested frame number: 0"]`},
		{job, "type=frame", 400, `["Number is not specified"]`},
		{job, "type=context_image&number=1", 404, ``},
		{dataPath(empty), "type=chunk&number=0", 404, ``},
		{dataPath(open), "type=chunk&number=0", 400, `["The data of the task are not ready yet"]`},
		{fmt.Sprintf("/api/tasks/%d/preview", empty), "", 404, `{"detail":"Task image preview not found"}`},
		{fmt.Sprintf("/api/tasks/%d/preview", open), "", 400, ``},
		{fmt.Sprintf("/api/tasks/%d/data/meta", empty), "", 404, ``},
		{"/api/tasks/999/data", "type=chunk&number=0", 404, ``},
		{"/api/jobs/999/data", "type=chunk&index=0", 404, ``},
	}
	for _, tt := range tests {
		r := b.send("GET", tt.path+"?"+tt.query, "user", nil)
		if r.StatusCode != tt.status || tt.body != "" && r.body != tt.body {
			t.Errorf("GET %s?%s: %d %s, want %d %s", tt.path, tt.query, r.StatusCode, r.body, tt.status, tt.body)
		}
	}
	for _, path := range []string{dataPath(task) + "?type=frame&number=0", job + "?type=frame&number=1",
		fmt.Sprintf("/api/tasks/%d/data/meta", task), fmt.Sprintf("/api/tasks/%d/preview", task)} {
		b.want(http.StatusForbidden, "GET", path, "worker", nil)
	}
}

// TestChunkWithoutWorker reads a chunk that nobody can build.
func TestChunkWithoutWorker(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, jobs := b.gallery(nil)
	if err := b.db.Leave(t.Context(), "w"); err != nil {
		t.Fatal(err)
	}
	r := b.want(http.StatusTooManyRequests, "GET", fmt.Sprintf("/api/jobs/%d/data?type=chunk&index=0", jobs[0]), "user", nil)
	if r.Header.Get("Retry-After") != "10" || r.Header.Get("X-Error-Code") != string(pipeline.CodeNoLiveWorker) {
		t.Errorf("Retry-After %q and code %q, want 10 and %s", r.Header.Get("Retry-After"), r.Header.Get("X-Error-Code"), pipeline.CodeNoLiveWorker)
	}
}

// metaOf is what tests compare of a description.
func metaOf(t *testing.T, r reply) map[string]any {
	t.Helper()
	m := r.json(t)
	var names []any
	for _, f := range m["frames"].([]any) {
		names = append(names, f.(map[string]any)["name"])
	}
	m["frames"] = names
	delete(m, "chunks_updated_date")
	return m
}

func TestMeta(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task, jobs := b.gallery(nil)
	taskMeta, jobMeta := dataPath(task)+"/meta", fmt.Sprintf("/api/jobs/%d/data/meta", jobs[1])
	whole := map[string]any{
		"chunk_size": 2., "size": 5., "image_quality": 70., "start_frame": 10., "stop_frame": 22., "frame_filter": "step=3",
		"frames": []any{"a.png", "b.png", "<c>.png", "d.png", "e.png"}, "deleted_frames": []any{}, "included_frames": nil,
		"chapters": nil, "storage": "local", "cloud_storage_id": nil,
	}
	part := map[string]any{
		"chunk_size": 2., "size": 2., "image_quality": 70., "start_frame": 13., "stop_frame": 16., "frame_filter": "step=3",
		"frames": []any{"b.png", "<c>.png"}, "deleted_frames": []any{}, "included_frames": nil,
		"chapters": nil, "storage": "local", "cloud_storage_id": nil,
	}
	steps := []struct {
		method, path string
		body         any
		deleted      []any
	}{
		{"GET", taskMeta, nil, []any{}},
		{"GET", jobMeta, nil, []any{}},
		{"PATCH", taskMeta, `{"deleted_frames":[4,0,1]}`, []any{0., 1., 4.}},
		{"GET", jobMeta, nil, []any{1.}},
		{"PATCH", jobMeta, `{"deleted_frames":[2],"cloud_storage_id":null}`, []any{2.}},
		{"GET", taskMeta, nil, []any{0., 2., 4.}},
		{"PATCH", taskMeta, `{}`, []any{0., 2., 4.}},
		{"PATCH", taskMeta, `{"deleted_frames":[]}`, []any{}},
	}
	for _, s := range steps {
		want := whole
		if s.path == jobMeta {
			want = part
		}
		want["deleted_frames"] = s.deleted
		r := b.want(http.StatusOK, s.method, s.path, "user", s.body)
		if diff := cmp.Diff(want, metaOf(t, r)); diff != "" {
			t.Errorf("%s %s %v (-want +got):\n%s", s.method, s.path, s.body, diff)
		}
		if r.ContentLength != int64(len(r.body)) {
			t.Errorf("%s %s announces %d bytes and has %d", s.method, s.path, r.ContentLength, len(r.body))
		}
	}
}

func TestMetaRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task, jobs := b.gallery(nil)
	taskMeta, jobMeta := dataPath(task)+"/meta", fmt.Sprintf("/api/jobs/%d/data/meta", jobs[1])
	tests := []struct {
		path, body string
		status     int
		want       string
	}{
		{taskMeta, `{"deleted_frames":[1,1]}`, 400, `{"deleted_frames":["Deleted frames cannot repeat"]}`},
		{taskMeta, `{"deleted_frames":[5,-1]}`, 400, `{"deleted_frames":["Unknown frames -1, 5 requested for removal"]}`},
		{taskMeta, `{"deleted_frames":null}`, 400, `"deleted_frames"`},
		{taskMeta, `{"deleted_frames":["x"]}`, 400, `"deleted_frames"`},
		{taskMeta, `{"cloud_storage_id":3}`, 403, `permission`},
		{taskMeta, `{"size":3}`, 403, `size`},
		{jobMeta, `{}`, 400, `{"deleted_frames":["This field is required."]}`},
		{jobMeta, `{"deleted_frames":[0,1]}`, 400, `{"deleted_frames":["Frames 0 do not belong to the job"]}`},
	}
	for _, tt := range tests {
		r := b.send("PATCH", tt.path, "user", tt.body)
		if r.StatusCode != tt.status || !strings.Contains(r.body, tt.want) {
			t.Errorf("PATCH %s %s: %d %s, want %d %s", tt.path, tt.body, r.StatusCode, r.body, tt.status, tt.want)
		}
	}
	b.want(http.StatusForbidden, "PATCH", taskMeta, "worker", `{"deleted_frames":[]}`)
}

// TestProjectPreview shows the newest task of a project that has frames.
func TestProjectPreview(t *testing.T) {
	t.Parallel()
	b := setup(t)
	project := b.want(http.StatusCreated, "POST", "/api/projects", "user", map[string]any{"name": "p"}).json(t)["id"].(float64)
	path := fmt.Sprintf("/api/projects/%.0f/preview", project)
	b.want(http.StatusNotFound, "GET", path, "user", nil)
	b.gallery(map[string]any{"project_id": project})
	b.create("user", object{"project_id": project}) // is newer and has no data yet
	if r := b.want(http.StatusOK, "GET", path, "user", nil); r.body != "preview of segment 1" {
		t.Errorf("preview of the project is %q, want that of its task", r.body)
	}
	b.want(http.StatusForbidden, "GET", path, "worker", nil)
}

// TestLongMeta describes more frames than are held back for their length.
func TestLongMeta(t *testing.T) {
	t.Parallel()
	const n = 50_000
	b := setup(t)
	id := b.newTask("user", nil)
	uploads := make([]pipeline.Upload, n)
	for i := range uploads {
		uploads[i] = pipeline.Upload{ID: pipeline.NewID(), Name: fmt.Sprintf("%06d.png", i), Key: fmt.Sprintf("x/%d", i)}
	}
	if _, err := b.db.SaveUploads(t.Context(), id, uploads); err != nil {
		t.Fatal(err)
	}
	b.want(http.StatusAccepted, "POST", dataPath(id), "user", `{}`)
	b.consume()
	r := b.want(http.StatusOK, "GET", dataPath(id)+"/meta", "user", nil)
	frames := r.json(t)["frames"].([]any)
	if len(frames) != n || frames[n-1].(map[string]any)["name"] != "049999.png" {
		t.Errorf("%d frames, the last is %v; want %d and 049999.png", len(frames), frames[len(frames)-1], n)
	}
	if r.ContentLength >= 0 {
		t.Errorf("an answer of %d bytes was held back", len(r.body))
	}
	r = b.want(http.StatusOK, "GET", fmt.Sprintf("/api/tasks/%d/frames.csv", id), "user", nil)
	lines := strings.Split(strings.TrimSuffix(r.body, "\n"), "\n")
	if last := lines[len(lines)-1]; len(lines) != n+1 || !strings.HasPrefix(last, "49999,049999.png,") {
		t.Errorf("the identity of frames has %d lines, the last is %q; want %d and frame 49999", len(lines), last, n+1)
	}
}

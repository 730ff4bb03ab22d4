package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/plan"
	"framemill/pipeline/store"
	"framemill/producer/api"
)

// newTask makes a task of user and returns its id.
func (b *bundle) newTask(user string, fields map[string]any) int64 {
	b.t.Helper()
	body := map[string]any{"name": "a task"}
	for k, v := range fields {
		body[k] = v
	}
	r := b.want(http.StatusCreated, "POST", "/api/tasks", user, body)
	return int64(r.json(b.t)["id"].(float64))
}

func dataPath(task int64) string { return fmt.Sprintf("/api/tasks/%d/data", task) }

// multipartBody writes fields and files, which have a name and a content.
func multipartBody(fields map[string]string, files ...string) (body, contentType string) {
	const boundary = "boundary-of-the-tests"
	var s strings.Builder
	for k, v := range fields {
		fmt.Fprintf(&s, "--%s\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", boundary, k, v)
	}
	for i := 0; i+1 < len(files); i += 2 {
		fmt.Fprintf(&s, "--%s\r\nContent-Disposition: form-data; name=\"client_files[%d]\"; filename=\"%s\"\r\n\r\n%s\r\n",
			boundary, i/2, files[i], files[i+1])
	}
	return s.String() + "--" + boundary + "--\r\n", "multipart/form-data; boundary=" + boundary
}

// upload sends files in one step of the protocol.
func (b *bundle) upload(status int, task int64, step string, fields map[string]string, files ...string) reply {
	b.t.Helper()
	body, contentType := multipartBody(fields, files...)
	headers := []string{"Content-Type", contentType}
	if step != "" {
		headers = append(headers, step, "")
	}
	return b.want(status, "POST", dataPath(task)+"/", "user", body, headers...)
}

// spec returns what was frozen of the task's request.
func (b *bundle) spec(task int64) (s pipeline.Spec, r *pipeline.Request) {
	b.t.Helper()
	r, err := b.db.Request(b.t.Context(), pipeline.CreateRQID(task))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(r.Spec), &s); err != nil {
		b.t.Fatal(err)
	}
	return s, r
}

func (b *bundle) uploads(task int64) []string {
	b.t.Helper()
	names, err := b.db.UploadNames(b.t.Context(), task)
	if err != nil {
		b.t.Fatal(err)
	}
	return names
}

// TestUploadProtocol takes the steps that stock clients take.
func TestUploadProtocol(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.newTask("user", map[string]any{"segment_size": 2, "overlap": 1})
	r := b.want(http.StatusAccepted, "POST", dataPath(id)+"/", "user", "", "Upload-Start", "")
	if r.body != "" {
		t.Errorf("the start is answered with %q, want nothing", r.body)
	}
	r = b.upload(http.StatusOK, id, "Upload-Multiple", map[string]string{"image_quality": "70"}, "/home/me/b.png", "b", "/home/me/a.jpg", "aa")
	if r.body != "" {
		t.Errorf("files are answered with %q, want nothing", r.body)
	}
	b.upload(http.StatusOK, id, "Upload-Multiple", map[string]string{"image_quality": "70"}, "c.jpg", "c", "a.jpg", "aa")
	r = b.want(http.StatusAccepted, "POST", dataPath(id)+"/", "user",
		`{"image_quality":80,"frame_filter":"step = 2","use_cache":true,"use_zip_chunks":true,"sorting_method":"predefined",
		"upload_file_order":["c.jpg","b.png","a.jpg"],"cloud_storage_id":null,"remote_files":[],"server_files":[]}`, "Upload-Finish", "")
	rq := pipeline.CreateRQID(id)
	if got := r.json(t)["rq_id"]; got != rq {
		t.Errorf("rq_id is %v, want %s", got, rq)
	}
	b.want(http.StatusOK, "GET", "/api/requests/"+rq, "user", nil)
	if diff := cmp.Diff([]string{"b.png", "a.jpg", "c.jpg"}, b.uploads(id)); diff != "" {
		t.Errorf("uploads (-want +got):\n%s", diff)
	}
	got, request := b.spec(id)
	overlap := int64(1)
	want := pipeline.Spec{
		ImageQuality: 80, FrameFilter: "step = 2", Step: 2, Sorting: pipeline.SortPredefined, UseCache: true, UseZipChunks: true,
		FileOrder: []string{"c.jpg", "b.png", "a.jpg"}, OnError: pipeline.ErrorSkip, Seed: got.Seed, SegmentSize: 2, Overlap: &overlap,
	}
	if diff := cmp.Diff(want, got); diff != "" || got.Seed == 0 {
		t.Errorf("frozen request with seed %d (-want +got):\n%s", got.Seed, diff)
	}
	if request.OwnerID != b.users["user"].ID || request.Phase != pipeline.PhaseAll {
		t.Errorf("request of user %d in phase %s, want %d and %s", request.OwnerID, request.Phase, b.users["user"].ID, pipeline.PhaseAll)
	}
}

// TestOneRequest sends everything at once, as curl does.
func TestOneRequest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.newTask("user", nil)
	b.upload(http.StatusAccepted, id, "", map[string]string{
		"image_quality": "50", "use_cache": "False", "use_zip_chunks": "True", "chunk_size": "3", "start_frame": "1",
		"stop_frame": "", "on_error": "fail", "job_file_mapping_x": "?",
	}, "a.jpg", "a")
	got, _ := b.spec(id)
	want := pipeline.Spec{
		ImageQuality: 50, ChunkSize: 3, StartFrame: 1, Step: 1, Sorting: pipeline.SortLexicographical, UseZipChunks: true,
		OnError: pipeline.ErrorFail, Seed: got.Seed,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("frozen request (-want +got):\n%s", diff)
	}
}

func TestShareFiles(t *testing.T) {
	t.Parallel()
	b := setupWith(t, api.Config{Version: "2.54.1", SharePrefix: "/mnt/share", ForceCache: true, OnError: pipeline.ErrorFail}, t.TempDir())
	id := b.newTask("user", nil)
	b.want(http.StatusAccepted, "POST", dataPath(id), "user", map[string]any{
		"server_files": []string{"/mnt/share/set/", "other/x.jpg"}, "server_files_exclude": []string{"set/bad/"}, "stop_frame": 9,
	})
	got, request := b.spec(id)
	stop := int64(9)
	want := pipeline.Spec{
		ImageQuality: 70, StopFrame: &stop, Step: 1, Sorting: pipeline.SortLexicographical, UseCache: true, OnError: pipeline.ErrorFail,
		ServerFiles: []string{"set/", "other/x.jpg"}, ServerExcl: []string{"set/bad/"}, Seed: got.Seed,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("frozen request (-want +got):\n%s", diff)
	}
	d, err := b.db.DataOf(t.Context(), id)
	if err != nil || d.Storage != pipeline.StorageShare || request.Phase != pipeline.PhaseCollect {
		t.Errorf("data of %s in phase %s (%v), want share and collect", d.Storage, request.Phase, err)
	}
}

// fieldRefusals are bodies of a finish and what is wrong with them.
func fieldRefusals() []fieldRefusal {
	const mapping = `"job_file_mapping":[["a.jpg"],["b.jpg"]]`
	return []fieldRefusal{
		{`{"image_quality":101}`, 400, `{"image_quality":["Ensure this value is less than or equal to 100."]}`},
		{`{"image_quality":-1}`, 400, `"image_quality"`},
		{`{"image_quality":null}`, 400, `{"image_quality":["This field may not be null."]}`},
		{`{"image_quality":"x"}`, 400, `{"image_quality":["A valid integer is required."]}`},
		{`{"image_quality":1.5}`, 400, `"image_quality"`},
		{`{"image_quality":[1]}`, 400, `"image_quality"`},
		{`{"image_quality":99999999999999999999}`, 400, `less than or equal`},
		{`{"chunk_size":0}`, 400, `{"chunk_size":["Chunk size must be a positive integer"]}`},
		{`{"chunk_size":null}`, 400, `"chunk_size"`},
		{`{"start_frame":-1}`, 400, `"start_frame"`},
		{`{"start_frame":5,"stop_frame":4}`, 400, `{"non_field_errors":["Stop frame must be more or equal start frame"]}`},
		{`{"frame_filter":""}`, 400, `"frame_filter":["Invalid frame filter expression`},
		{`{"frame_filter":"step=0"}`, 400, `"frame_filter"`},
		{`{"frame_filter":7}`, 400, `"frame_filter"`},
		{`{"sorting_method":"best"}`, 400, `{"sorting_method":["\"best\" is not a valid choice."]}`},
		{`{"storage_method":"tape"}`, 400, `"storage_method"`},
		{`{"on_error":"ignore"}`, 400, `"on_error"`},
		{`{"use_cache":"perhaps"}`, 400, `{"use_cache":["Must be a valid boolean."]}`},
		{`{"server_files":[""]}`, 400, `{"server_files":["This field may not be blank."]}`},
		{`{"server_files":[1]}`, 400, `"server_files"`},
		{`{"server_files":{"a":1}}`, 400, `"server_files"`},
		{`{"server_files":["../x"]}`, 400, `{"server_files":["Bad file path`},
		{`{"server_files":["a"],"server_files_exclude":["a/../../b"]}`, 400, `"server_files_exclude"`},
		{`{"server_files":["` + strings.Repeat("x", 1025) + `"]}`, 400, `1024`},
		{`{"job_file_mapping":[]}`, 400, `"job_file_mapping"`},
		{`{"job_file_mapping":[[]]}`, 400, `"job_file_mapping"`},
		{`{"job_file_mapping":["a.jpg"]}`, 202, ``}, // a name alone is a list of one
		{`{"job_file_mapping":7}`, 400, `"job_file_mapping"`},
		{`{"job_file_mapping":[["a"],["a"]]}`, 400, `cannot be used multiple times`},
		{`{` + mapping + `,"sorting_method":"random"}`, 400, `"job_file_mapping":["job_file_mapping cannot be used together with sorting_method"]`},
		{`{` + mapping + `,"frame_filter":"step=2"}`, 400, `frame_filter`},
		{`{"remote_files":["https://example.org/y.jpg"]}`, 202, ``},
		{`{"remote_files":["ftp://example.org/y.jpg"]}`, 400, `Unsupported URL scheme`},
		{`{"remote_files":["file:///etc/passwd"]}`, 400, `"remote_files"`},
		{`{"remote_files":["http://user:secret@example.org/y.jpg"]}`, 400, `password`},
		{`{"remote_files":["http://127.0.0.1/y.jpg"]}`, 400, `not a public one`},
		{`{"remote_files":["http://[::ffff:10.0.0.1]/y.jpg"]}`, 400, `not a public one`},
		{`{"remote_files":["http://example.org:6379/y.jpg"]}`, 400, `"remote_files"`},
		{`{"remote_files":["//example.org/y.jpg"]}`, 400, `"remote_files"`},
		{`{"remote_files":["https://example.org/` + strings.Repeat("x", 1024) + `"]}`, 400, `1024`},
		{`{"remote_files":["https://example.org/y.jpg"],"server_files":["a.jpg"]}`, 400, `together`},
		{`{"cloud_storage_id":1}`, 403, `permission`},
		{`{"validation_params":{"mode":"gt"}}`, 400, `{"validation_params":["frame_count: `},
		{`{"validation_params":{"frame_count":3}}`, 400, `{"validation_params":["mode: This field is required."]}`},
		{`{"validation_params":{"mode":"gt","frame_count":0}}`, 400, `{"validation_params":["frame_count: Ensure`},
		{`{"validation_params":{"mode":"gt","frame_share":"much"}}`, 400, `{"validation_params":["frame_share: A valid number`},
		{`{"validation_params":{"mode":"gt","frame_share":1.5}}`, 400, `{"validation_params":["frame_share: Ensure`},
		{`{"validation_params":{"mode":"gt","frame_count":1,"random_seed":-1}}`, 400, `{"validation_params":["random_seed: Ensure`},
		{`{"validation_params":{"mode":"trust"}}`, 400, `{"validation_params":["mode: `},
		{`{"validation_params":[]}`, 400, `{"validation_params":["Expected an object."]}`},
		{`{"validation_params":{"mode":"gt_pool","frame_count":2,"frames_per_job_count":1},"sorting_method":"natural"}`, 400,
			`validation mode \"gt_pool\" can only be used with \"random\" sorting`},
		{`{"validation_params":{"mode":"gt_pool","frame_count":2,"frames_per_job_count":1},"job_file_mapping":[["a.jpg"]]}`, 400, `job_file_mapping`},
		{`{"validation_params":{"mode":"gt","frame_count":1.0,"frame_selection_method":"random_uniform","random_seed":5}}`, 202, ``},
		{`{"validation_params":null}`, 202, ``},
		{`{"filename_pattern":"*.jpg"}`, 400, `filename_pattern`},
		{`{"cloud_storage_id":1,"filename_pattern":"*.jpg","server_files":["a.jpg"]}`, 400, `filename_pattern`},
		{`{"cloud_storage_id":1,"server_files":["a/../b.jpg"]}`, 400, `server_files`},
		{`{"cloud_storage_id":0}`, 400, `cloud_storage_id`},
		{`[]`, 400, `JSON object`},
		{`{"image_quality":70`, 400, `JSON object`},
		{`{"image_quality":70} x`, 400, `JSON object`},
		{`{"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, 400, `nested`},
	}
}

type fieldRefusal struct {
	body   string
	status int
	want   string // in the body
}

func TestDataRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.newTask("user", nil)
	cut := b.newTask("user", map[string]any{"segment_size": 5})
	for _, tt := range fieldRefusals() {
		task := id
		if tt.status == 202 {
			task = b.newTask("user", nil)
		}
		r := b.send("POST", dataPath(task), "user", tt.body, "Upload-Finish", "true")
		if r.StatusCode != tt.status || !strings.Contains(r.body, tt.want) {
			t.Errorf("%.80s: %d %s, want %d with %s", tt.body, r.StatusCode, r.body, tt.status, tt.want)
		}
	}
	r := b.send("POST", dataPath(cut), "user", `{"job_file_mapping":[["a.jpg"],["b.jpg"]]}`)
	if r.StatusCode != 400 || !strings.Contains(r.body, "segment_size") {
		t.Errorf("a mapping for a task with segments: %d %s, want 400", r.StatusCode, r.body)
	}
	r = b.send("POST", dataPath(id), "user", `x=1`, "Content-Type", "text/plain")
	if r.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("plain text: %d, want 415", r.StatusCode)
	}
	if names := b.uploads(id); len(names) != 0 {
		t.Errorf("refused requests left uploads: %v", names)
	}
	b.want(http.StatusForbidden, "POST", dataPath(id), "worker", `{}`)
	b.want(http.StatusNotFound, "POST", "/api/tasks/999/data", "user", `{}`)
	// Whatever was refused, the task still takes data.
	b.want(http.StatusAccepted, "POST", dataPath(id), "user", `{}`)
}

func TestRefusedFilesLeaveNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.newTask("user", nil)
	b.upload(http.StatusOK, id, "Upload-Multiple", nil, "a.jpg", "a")
	b.upload(http.StatusBadRequest, id, "Upload-Multiple", map[string]string{"image_quality": "many"}, "b.jpg", "b")
	r := b.upload(http.StatusConflict, id, "Upload-Multiple", nil, "c.jpg", "c", "a.jpg", "other")
	if !strings.Contains(r.body, "a.jpg") {
		t.Errorf("the conflict does not name the file: %s", r.body)
	}
	r = b.send("POST", dataPath(id), "user", `{"server_files":["x.jpg"]}`)
	if r.StatusCode != 400 || !strings.Contains(r.body, `"server_files"`) {
		t.Errorf("uploads beside files of the share: %d %s, want 400", r.StatusCode, r.body)
	}
	r = b.send("POST", dataPath(id), "user", `{"sorting_method":"predefined","upload_file_order":["a.jpg","z.jpg"]}`)
	if r.StatusCode != 400 || !strings.Contains(r.body, "Uploaded files do not match the 'upload_file_order' field contents") ||
		!strings.Contains(r.body, "z.jpg (missing)") {
		t.Errorf("an order of other files: %d %s, want 400", r.StatusCode, r.body)
	}
	if diff := cmp.Diff([]string{"a.jpg"}, b.uploads(id)); diff != "" {
		t.Errorf("uploads (-want +got):\n%s", diff)
	}
	blobs, err := b.bucket.List(t.Context(), "", "", 100)
	if err != nil || len(blobs) != 1 {
		t.Errorf("%d blobs (%v), want the one of a.jpg", len(blobs), err)
	}
}

func TestDataTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.newTask("user", nil)
	b.upload(http.StatusAccepted, id, "", nil, "a.jpg", "a")
	for _, step := range []string{"Upload-Start", "Upload-Finish", "X-None"} {
		r := b.want(http.StatusConflict, "POST", dataPath(id), "user", `{}`, step, "")
		if r.json(t)["rq_id"] != pipeline.CreateRQID(id) {
			t.Errorf("%s while a request is open: %s, want its id", step, r.body)
		}
	}
	b.upload(http.StatusConflict, id, "Upload-Multiple", nil, "b.jpg", "b")
	b.consume()
	for _, step := range []string{"Upload-Start", "Upload-Finish", "Upload-Multiple"} {
		r := b.want(http.StatusBadRequest, "POST", dataPath(id), "user", `{}`, step, "")
		if r.body != `"Adding more data is not supported"` {
			t.Errorf("%s once there is data: %s, want the bare text", step, r.body)
		}
	}
}

// TestRetry begins anew after a failure: new files replace the old, and so does
// having none.
func TestRetry(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cancel := func(id int64) {
		_, r := b.spec(id)
		if _, err := b.db.CancelRequest(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
	}
	id := b.newTask("user", nil)
	b.upload(http.StatusAccepted, id, "", nil, "a.jpg", "old", "b.jpg", "b")
	cancel(id)
	b.want(http.StatusAccepted, "POST", dataPath(id), "user", `{}`)
	if names := b.uploads(id); len(names) != 0 {
		t.Errorf("uploads after a bare repetition: %v, want none", names)
	}
	cancel(id)
	b.upload(http.StatusOK, id, "Upload-Multiple", nil, "a.jpg", "new")
	b.upload(http.StatusOK, id, "Upload-Multiple", nil, "c.jpg", "c")
	if diff := cmp.Diff([]string{"a.jpg", "c.jpg"}, b.uploads(id)); diff != "" {
		t.Errorf("uploads of the third attempt (-want +got):\n%s", diff)
	}
	b.want(http.StatusAccepted, "POST", dataPath(id), "user", `{}`)
	cancel(id)
	b.want(http.StatusAccepted, "POST", dataPath(id), "user", `{"server_files":["x.jpg"]}`)
	if names := b.uploads(id); len(names) != 0 {
		t.Errorf("uploads once the share is used: %v, want none", names)
	}
	blobs, err := b.bucket.List(t.Context(), "", "", 100)
	if err != nil || len(blobs) != 0 {
		t.Errorf("%d blobs stay of replaced uploads (%v)", len(blobs), err)
	}
}

// consume does what a consumer would do with every unit that is ready: pictures
// are published in jobs of two frames with an overlap of one, and chunks hold
// words instead of pictures.
func (b *bundle) consume() {
	b.t.Helper()
	ctx := b.t.Context()
	if _, err := b.db.Beat(ctx, pipeline.Worker{ID: "w", Slots: `{"interactive":99,"bulk":99}`}, nil); err != nil {
		b.t.Fatal(err)
	}
	var units []pipeline.Unit
	if _, err := b.db.Dispatch(ctx, func(_ context.Context, u pipeline.Unit) error {
		units = append(units, u)
		return nil
	}); err != nil {
		b.t.Fatal(err)
	}
	for _, u := range units {
		c, err := b.db.Claim(ctx, pipeline.Message{ID: u.ID, Gen: u.Gen}, "w")
		if err != nil {
			b.t.Fatal(err)
		}
		if err := b.db.Fenced(ctx, c, func(tx *store.Tx) error { return b.run(tx, c) }); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *bundle) run(tx *store.Tx, c *pipeline.Claim) error {
	ctx := b.t.Context()
	if c.Kind == pipeline.ChunkServe {
		content := fmt.Sprintf("%s of segment %d", c.Arg, c.Lo)
		key := "chunks/" + string(c.ID)
		b.put(key, content)
		if err := tx.PutChunks(ctx, []pipeline.Chunk{{
			SegmentID: c.Lo, Quality: pipeline.Quality(c.Arg), Index: c.Hi, Key: key, Bytes: int64(len(content)),
		}}); err != nil {
			return err
		}
		return tx.EndUnit(ctx, c)
	}
	uploads, err := b.db.Uploads(ctx, c.TaskID, -1, 100_000)
	if err != nil {
		return err
	}
	data, err := tx.DataOf(ctx, c.TaskID)
	if err != nil {
		return err
	}
	if len(uploads) == 1 && plan.ClassOf(uploads[0].Name) == plan.Video {
		return b.publishVideo(tx, c, data, uploads[0])
	}
	files, frames := make([]pipeline.File, len(uploads)), make([]pipeline.Frame, len(uploads))
	for i, u := range uploads {
		files[i] = pipeline.File{
			RequestID: c.Request.ID, Ord: int64(i), Name: u.Name, Ref: pipeline.BlobRef(u.Key), Bytes: u.Length, CRC32: &u.CRC32,
			Format: "png", Width: 64, Height: 48, Orient: 1, Outcome: pipeline.OutcomeOK,
		}
		frames[i] = pipeline.Frame{N: int64(i), Ord: int64(i)}
	}
	if err := tx.AddFrames(ctx, data.ID, frames); err != nil {
		return err
	}
	return b.publishFrames(tx, c, data, pipeline.ModeAnnotation, int64(len(frames)), files)
}

// publishFrames makes n frames visible that are every third from the tenth on.
func (b *bundle) publishFrames(tx *store.Tx, c *pipeline.Claim, d *pipeline.Data, mode string, n int64, files []pipeline.File) error {
	ctx, chunk := b.t.Context(), int64(2)
	d.Size, d.Step, d.StartFrame, d.ChunkSize = n, 3, 10, &chunk
	d.StopFrame = d.StartFrame + (n-1)*d.Step
	p := store.Publication{Data: *d, Mode: mode, SegmentSize: 2, Overlap: 1}
	for start := int64(0); start == 0 || start+1 < n && start < 10; start++ {
		p.Segments = append(p.Segments, pipeline.Segment{Type: "range", Start: start, Stop: min(start+1, n-1), ChunkBase: start})
	}
	if err := tx.AddFiles(ctx, files); err != nil {
		return err
	}
	if err := tx.Publish(ctx, c, p); err != nil {
		return err
	}
	if err := tx.EndUnit(ctx, c); err != nil {
		return err
	}
	return tx.EndRequest(ctx, c, "")
}

func (b *bundle) put(key, content string) {
	b.t.Helper()
	w, err := b.bucket.Create(b.t.Context(), key, blob.Rebuildable)
	if err == nil {
		_, err = w.Write([]byte(content))
	}
	if err == nil {
		err = w.Commit(b.t.Context())
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

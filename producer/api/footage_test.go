package api_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/frameindex"
	"framemill/pipeline/store"
)

// testIndex is of a video of 25 frames that lasts longer and longer, with a
// keyframe at every fifth.
func testIndex() *frameindex.Index {
	x := &frameindex.Index{
		Width: 48, Height: 64, CodedWidth: 64, CodedHeight: 48, Rotation: 90, TimeNum: 1, TimeDen: 90_000, Variable: true,
		Chapters: []frameindex.Chapter{{ID: 1, Start: 0, Stop: 12, Title: "before"}, {ID: 2, Start: 13, Stop: 18}, {ID: 5, Start: 19, Stop: 24, Title: "end"}},
	}
	for k := range int64(25) {
		x.Frames = append(x.Frames, frameindex.Frame{PTS: 1000 + k*(3000+k), Offset: 48 + 10*k, Size: 10, Key: k%5 == 0})
	}
	return x
}

// publishVideo publishes five frames of the video that was uploaded.
func (b *bundle) publishVideo(tx *store.Tx, c *pipeline.Claim, d *pipeline.Data, u pipeline.Upload) error {
	var buf bytes.Buffer
	if err := testIndex().Encode(&buf); err != nil {
		return err
	}
	d.Index = "index/" + string(c.ID)
	b.put(d.Index, buf.String())
	spec, _ := b.spec(c.TaskID)
	d.OriginalType = pipeline.ChunkVideo
	if !spec.UseZipChunks {
		d.CompressedType = pipeline.ChunkVideo
	}
	return b.publishFrames(tx, c, d, pipeline.ModeInterpolation, 5, []pipeline.File{{
		RequestID: c.Request.ID, Name: u.Name, Ref: pipeline.BlobRef(u.Key), Bytes: u.Length, Format: "h264",
		Width: 48, Height: 64, Frames: 25, Index: d.Index, Outcome: pipeline.OutcomeOK,
	}})
}

// film is a task of five frames of a video in jobs as those of gallery, and the
// ids of these jobs.
func (b *bundle) film(fields map[string]string) (task int64, jobs []int64) {
	b.t.Helper()
	id := b.newTask("user", nil)
	all := map[string]string{"frame_filter": "step = 3", "sorting_method": "random"}
	for k, v := range fields {
		all[k] = v
	}
	b.upload(http.StatusAccepted, id, "", all, "<a>.mp4", "a video")
	b.work = b.consume
	b.consume()
	list := b.want(http.StatusOK, "GET", fmt.Sprintf("/api/jobs?task_id=%d", id), "user", nil).json(b.t)
	for _, j := range list["results"].([]any) {
		jobs = append(jobs, int64(j.(map[string]any)["id"].(float64)))
	}
	slices.Sort(jobs)
	return id, jobs
}

// TestVideoRequest sends a video: nobody has counted its frames, so that no
// single unit does all of it.
func TestVideoRequest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.newTask("user", nil)
	b.upload(http.StatusAccepted, id, "", map[string]string{"use_zip_chunks": "true"}, "a.mp4", "a video")
	spec, request := b.spec(id)
	if !spec.UseZipChunks || request.Phase != pipeline.PhaseCollect {
		t.Errorf("zip chunks %t in phase %s, want true and %s", spec.UseZipChunks, request.Phase, pipeline.PhaseCollect)
	}
}

func TestReadFilm(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task, jobs := b.film(nil)
	taskData, jobData := dataPath(task)+"?", fmt.Sprintf("/api/jobs/%d/data?", jobs[1])
	tests := []struct{ path, want, contentType string }{
		{jobData + "type=chunk&index=0", "compressed of segment 2", "video/mp4"},
		{jobData + "type=chunk&index=0&quality=original", "original of segment 2", "video/mp4"},
		{jobData + "type=chunk&number=1", "window_compressed of segment 2", "video/mp4"},
		{jobData + "type=chunk&number=1&quality=original", "window_original of segment 2", "video/mp4"},
		{taskData + "type=chunk&number=0", "compressed of segment 1", "video/mp4"},
		{taskData + "type=chunk&number=1", "task_compressed of segment 1", "video/mp4"},
		{taskData + "type=chunk&number=1&quality=original", "task_original of segment 1", "video/mp4"},
		{taskData + "type=frame&number=4", "frame_compressed of segment 4", "image/png"},
		{taskData + "type=frame&number=1&quality=original", "frame_original of segment 1", "image/png"},
		{jobData + "type=frame&number=1&quality=original", "frame_original of segment 2", "image/png"},
		{jobData + "type=preview", "preview of segment 2", "image/jpeg"},
		{fmt.Sprintf("/api/tasks/%d/preview", task), "preview of segment 1", "image/jpeg"},
	}
	for _, tt := range tests {
		r := b.want(http.StatusOK, "GET", tt.path, "user", nil)
		if r.body != tt.want || r.Header.Get("Content-Type") != tt.contentType || r.ContentLength != int64(len(tt.want)) {
			t.Errorf("%s is %q of %s, announced with %d bytes; want %q of %s",
				tt.path, r.body, r.Header.Get("Content-Type"), r.ContentLength, tt.want, tt.contentType)
		}
	}
	r := b.want(http.StatusPartialContent, "GET", tests[0].path, "user", nil, "Range", "bytes=11-12")
	if r.body != "of" {
		t.Errorf("two bytes of a chunk are %q, want \"of\"", r.body)
	}
	r = b.want(http.StatusBadRequest, "GET", jobData+"type=frame&number=3", "user", nil)
	if r.body != `["Incorrect requested frame number: 3"]` {
		t.Errorf("a frame outside the job: %s", r.body)
	}
}

func TestFilmMeta(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task, jobs := b.film(nil)
	chapter := func(id, start, stop float64, metadata map[string]any) map[string]any {
		return map[string]any{"id": id, "start": start, "stop": stop, "metadata": metadata}
	}
	second := chapter(2, 13, 18, map[string]any{})
	meta := func(size, start, stop float64, chapters ...any) map[string]any {
		return map[string]any{
			"chunk_size": 2., "size": size, "image_quality": 70., "start_frame": start, "stop_frame": stop, "frame_filter": "step = 3",
			"frames": []any{map[string]any{
				"width": 48., "height": 64., "name": "<a>.mp4", "related_files": 0., "has_related_context": false,
			}},
			"deleted_frames": []any{}, "included_frames": nil, "chapters": chapters, "storage": "local", "cloud_storage_id": nil,
		}
	}
	tests := map[string]map[string]any{
		dataPath(task) + "/meta": meta(5, 10, 22, chapter(1, 0, 12, map[string]any{"title": "before"}), second,
			chapter(5, 19, 24, map[string]any{"title": "end"})),
		fmt.Sprintf("/api/jobs/%d/data/meta", jobs[1]): meta(2, 13, 16, second),
	}
	for path, want := range tests {
		got := b.want(http.StatusOK, "GET", path, "user", nil).json(t)
		delete(got, "chunks_updated_date")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	// A job in which no chapter begins has an empty list, and can lose frames.
	r := b.want(http.StatusOK, "PATCH", fmt.Sprintf("/api/jobs/%d/data/meta", jobs[3]), "user", `{"deleted_frames":[4]}`).json(t)
	if diff := cmp.Diff([]any{4.}, r["deleted_frames"]); diff != "" {
		t.Errorf("deleted frames (-want +got):\n%s", diff)
	}
	r = b.want(http.StatusOK, "GET", fmt.Sprintf("/api/jobs/%d/data/meta", jobs[0]), "user", nil).json(t)
	if chapters, ok := r["chapters"].([]any); !ok || len(chapters) != 1 {
		t.Errorf("chapters of the first job are %v, want the one that begins at its second frame", r["chapters"])
	}
}

func TestFilmDetail(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pictures, _ := b.gallery(nil)
	zips, _ := b.film(map[string]string{"use_zip_chunks": "True"})
	task, jobs := b.film(nil)
	pick := func(path string, names ...string) map[string]any {
		all := b.want(http.StatusOK, "GET", path, "user", nil).json(t)
		out := map[string]any{}
		for _, name := range names {
			if v, ok := all[name]; ok {
				out[name] = v
			}
		}
		return out
	}
	tests := map[string]map[string]any{
		fmt.Sprintf("/api/tasks/%d", task): {
			"mode": "interpolation", "data_compressed_chunk_type": "video", "data_original_chunk_type": "video", "size": 5.,
			"source_frames": 25., "variable_frame_rate": true,
		},
		fmt.Sprintf("/api/jobs/%d", jobs[0]): {
			"mode": "interpolation", "data_compressed_chunk_type": "video", "data_original_chunk_type": "video",
		},
		fmt.Sprintf("/api/tasks/%d", zips): {
			"mode": "interpolation", "data_compressed_chunk_type": "imageset", "data_original_chunk_type": "video", "size": 5.,
			"source_frames": 25., "variable_frame_rate": true,
		},
		fmt.Sprintf("/api/tasks/%d", pictures): {
			"mode": "annotation", "data_compressed_chunk_type": "imageset", "data_original_chunk_type": "imageset", "size": 5.,
		},
	}
	for path, want := range tests {
		got := pick(path, "mode", "data_compressed_chunk_type", "data_original_chunk_type", "size", "source_frames", "variable_frame_rate")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

// TestLostIndex reads a task whose index is gone: people still see the task.
func TestLostIndex(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task, _ := b.film(nil)
	d, err := b.db.DataOf(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.bucket.Delete(t.Context(), d.Index); err != nil {
		t.Fatal(err)
	}
	if r := b.want(http.StatusOK, "GET", fmt.Sprintf("/api/tasks/%d", task), "user", nil); strings.Contains(r.body, "source_frames") {
		t.Errorf("a task whose index is lost tells of it: %s", r.body)
	}
	b.want(http.StatusInternalServerError, "GET", fmt.Sprintf("/api/tasks/%d/frames.csv", task), "user", nil)
}

func TestFrameIdentity(t *testing.T) {
	t.Parallel()
	b := setup(t)
	film, _ := b.film(nil)
	pictures, _ := b.gallery(nil)
	empty := b.newTask("user", nil)
	tests := map[string]string{
		fmt.Sprintf("/api/tasks/%d/frames.csv", film): "frame,source_frame,pts,time_base,seconds,key,variable\n" +
			"0,10,31100,1/90000,0.345556,true,true\n1,13,40169,1/90000,0.446322,false,true\n2,16,49256,1/90000,0.547289,false,true\n" +
			"3,19,58361,1/90000,0.648456,false,true\n4,22,67484,1/90000,0.749822,false,true\n",
		fmt.Sprintf("/api/tasks/%d/frames.csv", pictures): "frame,name,width,height,crc32\n" +
			"0,a.png,64,48,fea66f29\n1,b.png,64,48,89a15fbf\n2,<c>.png,64,48,10a80e05\n3,d.png,64,48,67af3e93\n4,e.png,64,48,f9cbab30\n",
		fmt.Sprintf("/api/tasks/%d/frames.ndjson", pictures): `{"frame":0,"name":"a.png","width":64,"height":48,"crc32":"fea66f29"}` + "\n" +
			`{"frame":1,"name":"b.png","width":64,"height":48,"crc32":"89a15fbf"}` + "\n" +
			`{"frame":2,"name":"<c>.png","width":64,"height":48,"crc32":"10a80e05"}` + "\n" +
			`{"frame":3,"name":"d.png","width":64,"height":48,"crc32":"67af3e93"}` + "\n" +
			`{"frame":4,"name":"e.png","width":64,"height":48,"crc32":"f9cbab30"}` + "\n",
	}
	for path, want := range tests {
		r := b.want(http.StatusOK, "GET", path, "user", nil)
		if diff := cmp.Diff(want, r.body); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
		b.want(http.StatusOK, "HEAD", path, "user", nil)
		b.want(http.StatusForbidden, "GET", path, "worker", nil)
	}
	r := b.want(http.StatusOK, "GET", fmt.Sprintf("/api/tasks/%d/frames.ndjson", film), "user", nil)
	first := `{"frame":0,"source_frame":10,"pts":31100,"time_base":"1/90000","seconds":0.345556,"key":true,"variable":true}` + "\n"
	if !strings.HasPrefix(r.body, first) || strings.Count(r.body, "\n") != 5 {
		t.Errorf("frames of the film are %s, want five lines, the first %s", r.body, first)
	}
	for path, status := range map[string]int{
		fmt.Sprintf("/api/tasks/%d/frames.csv", empty): http.StatusNotFound,
		"/api/tasks/999/frames.ndjson":                 http.StatusNotFound,
	} {
		b.want(status, "GET", path, "user", nil)
	}
}

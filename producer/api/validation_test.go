package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// truthJob gives a gallery a job of ground truth over frames 1 and 3.
func (b *bundle) truthJob(task int64) object {
	b.t.Helper()
	return b.want(http.StatusCreated, "POST", "/api/jobs", "user", object{
		"task_id": task, "type": "ground_truth", "frame_selection_method": "manual", "frames": []int{3, 1},
	}).json(b.t)
}

func TestTruthJob(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task, _ := b.gallery(nil)
	layout := fmt.Sprintf("/api/tasks/%d/validation_layout", task)
	if got := b.want(200, "GET", layout, "user", nil).body; got != `{"mode":null,"frames_per_job_count":null}` {
		t.Errorf("layout without a validation set is %s", got)
	}
	job := b.truthJob(task)
	for name, want := range map[string]any{
		"type": "ground_truth", "frame_count": 2., "start_frame": 0., "stop_frame": 4., "stage": "annotation", "state": "new",
		"data_compressed_chunk_type": "imageset", "consensus_replicas": 0., "parent_job_id": nil,
	} {
		if job[name] != want {
			t.Errorf("%s of the job is %v, want %v", name, job[name], want)
		}
	}
	want := `{"mode":"gt","frames_per_job_count":null,"validation_frames":[1,3],"disabled_frames":[]}`
	if got := b.want(200, "GET", layout, "user", nil).body; got != want {
		t.Errorf("layout is %s, want %s", got, want)
	}
	if got := b.want(200, "GET", at("/api/jobs", job)+"/validation_layout", "user", nil).body; got != "{}" {
		t.Errorf("layout of the job is %s, want nothing", got)
	}
	if mode := b.want(200, "GET", fmt.Sprintf("/api/tasks/%d", task), "user", nil).json(t)["validation_mode"]; mode != "gt" {
		t.Errorf("validation mode of the task is %v, want gt", mode)
	}
	again := object{"task_id": task, "type": "ground_truth", "frame_selection_method": "random_uniform", "frame_count": 1}
	r := b.want(400, "POST", "/api/jobs", "user", again)
	if want := `["Task with validation mode \"gt\" cannot have more than 1 GT job"]`; r.body != want {
		t.Errorf("a second job: %s, want %s", r.body, want)
	}
	b.want(204, "DELETE", at("/api/jobs", job), "user", nil)
	b.want(404, "GET", at("/api/jobs", job), "user", nil)
	b.want(201, "POST", "/api/jobs", "user", again)
}

func TestTruthJobData(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task, _ := b.gallery(nil)
	job := b.truthJob(task)
	meta := at("/api/jobs", job) + "/data/meta"
	want := object{
		"chunk_size": 2., "size": 2., "image_quality": 70., "start_frame": 10., "stop_frame": 22., "frame_filter": "step=3",
		"frames":         []any{"placeholder.jpg", "b.png", "placeholder.jpg", "d.png", "placeholder.jpg"},
		"deleted_frames": []any{}, "included_frames": []any{13., 19.}, "chapters": nil, "storage": "local", "cloud_storage_id": nil,
	}
	if diff := cmp.Diff(map[string]any(want), metaOf(t, b.want(200, "GET", meta, "user", nil))); diff != "" {
		t.Errorf("description (-want +got):\n%s", diff)
	}
	data := at("/api/jobs", job) + "/data?"
	for query, want := range map[string][]string{
		"type=chunk&index=0&quality=original":  {"000000.png=picture 1", "000001.png=picture 3"},
		"type=chunk&number=0&quality=original": {"000000.jpeg=blank", "000001.png=picture 1"},
		"type=chunk&number=1&quality=original": {"000000.jpeg=blank", "000001.png=picture 3"},
		"type=chunk&number=2&quality=original": {"000000.jpeg=blank"},
	} {
		got := unzip(t, b.want(200, "GET", data+query, "user", nil).body)
		for i, e := range got {
			if name, content, _ := strings.Cut(e, "="); strings.HasPrefix(content, "\xff\xd8") {
				got[i] = name + "=blank"
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	if got := b.want(200, "GET", data+"type=frame&number=3&quality=original", "user", nil).body; got != "picture 3" {
		t.Errorf("frame 3 is %q", got)
	}
	segment := "compressed of segment 5"
	if got := b.want(200, "GET", data+"type=chunk&index=0", "user", nil).body; got != segment {
		t.Errorf("the compressed chunk is %q, want %q", got, segment)
	}
	for query, want := range map[string]string{
		"type=frame&number=2": "Incorrect requested frame number: 2",
		"type=chunk&index=1":  "[0, 0] range",
		"type=chunk&number=3": "[0, 2] range",
	} {
		if r := b.want(400, "GET", data+query, "user", nil); !strings.Contains(r.body, want) {
			t.Errorf("%s: %s, want %s", query, r.body, want)
		}
	}
	// Disabling counts for this job only.
	if r := b.want(400, "PATCH", meta, "user", `{"deleted_frames":[2]}`); !strings.Contains(r.body, "Frames 2 do not belong") {
		t.Errorf("disable a frame that is not in the job: %s", r.body)
	}
	got := metaOf(t, b.want(200, "PATCH", meta, "user", `{"deleted_frames":[3]}`))
	whole := metaOf(t, b.want(200, "GET", dataPath(task)+"/meta", "user", nil))
	if diff := cmp.Diff([]any{[]any{3.}, []any{}}, []any{got["deleted_frames"], whole["deleted_frames"]}); diff != "" {
		t.Errorf("deleted of the job and of the task (-want +got):\n%s", diff)
	}
}

func TestTruthJobRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task, jobs := b.gallery(nil)
	empty := b.newTask("user", nil)
	gt := func(fields object) object {
		body := object{"task_id": task, "type": "ground_truth", "frame_selection_method": "random_uniform"}
		for k, v := range fields {
			body[k] = v
		}
		return body
	}
	tests := []struct {
		body   any
		status int
		want   string
	}{
		{object{"task_id": task}, 400, `{"type":["This field is required."]}`},
		{object{"type": "ground_truth"}, 400, `{"task_id":["This field is required."]}`},
		{gt(object{"type": "annotation", "frame_count": 1}), 400, "Unexpected job type 'annotation'"},
		{gt(object{"type": "consensus_replica", "frame_count": 1}), 400, "Unexpected job type"},
		{gt(nil), 400, "frame_count"},
		{gt(object{"frame_count": 1, "frame_share": 0.5}), 400, "frame_count"},
		{gt(object{"frame_count": 6}), 400, "must not be greater than the number of frames (5)"},
		{gt(object{"frame_count": 1, "frames": []int{1}}), 400, "frames"},
		{gt(object{"frame_selection_method": "manual"}), 400, "frames"},
		{gt(object{"frame_selection_method": "manual", "frames": []int{1, 1}}), 400, "repeat"},
		{gt(object{"frame_selection_method": "manual", "frames": []int{5}}), 400, "Frames 5 are not in the task"},
		{gt(object{"frame_selection_method": "random_per_job", "frame_count": 2}), 400, "frames_per_job_count"},
		{gt(object{"frame_count": 1, "assignee": 999}), 400, "assignee"},
		{gt(object{"task_id": empty, "frame_count": 1}), 400, "media data"},
		{gt(object{"task_id": 999, "frame_count": 1}), 404, ""},
	}
	for _, tt := range tests {
		r := b.send("POST", "/api/jobs", "user", tt.body)
		if r.StatusCode != tt.status || !strings.Contains(r.body, tt.want) {
			t.Errorf("%v: %d %s, want %d with %s", tt.body, r.StatusCode, r.body, tt.status, tt.want)
		}
	}
	b.want(403, "POST", "/api/jobs", "worker", gt(object{"frame_count": 1}))
	r := b.want(400, "DELETE", fmt.Sprintf("/api/jobs/%d", jobs[0]), "user", nil)
	if r.body != `["Only ground truth jobs can be removed"]` {
		t.Errorf("delete another job: %s", r.body)
	}
	for _, path := range []string{fmt.Sprintf("/api/tasks/%d/validation_layout", task), fmt.Sprintf("/api/jobs/%d/validation_layout", jobs[0])} {
		b.want(400, "PATCH", path, "user", object{"frame_selection_method": "random_uniform"})
	}
	b.want(201, "POST", "/api/jobs", "user", object{"task_id": task, "type": "ground_truth", "frame_count": 3, "assignee_id": b.users["worker"].ID})
}

// pooled is a task of two jobs, frames 0-2 and 3-5, and the pool 6-8. Frames 1
// and 4 are honeypots for 6 and 7. The ids are those of the jobs.
func (b *bundle) pooled() (task int64, jobs []object) {
	b.t.Helper()
	ctx, id := b.t.Context(), b.newTask("user", nil)
	b.upload(http.StatusAccepted, id, "", nil, "a.png", "a", "b.png", "b", "c.png", "c", "d.png", "d", "x.png", "x", "y.png", "y", "z.png", "z")
	var units []pipeline.Unit
	if _, err := b.db.Beat(ctx, pipeline.Worker{ID: "w", Slots: `{"interactive":99,"bulk":99}`}, nil); err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.db.Dispatch(ctx, func(_ context.Context, u pipeline.Unit) error {
		units = append(units, u)
		return nil
	}); err != nil || len(units) != 1 {
		b.t.Fatalf("%d units are ready, error %v", len(units), err)
	}
	c, err := b.db.Claim(ctx, pipeline.Message{ID: units[0].ID, Gen: units[0].Gen}, "w")
	if err != nil {
		b.t.Fatal(err)
	}
	var frames []pipeline.Frame
	for n, ord := range []int64{0, 4, 1, 2, 5, 3, 4, 5, 6} {
		frames = append(frames, pipeline.Frame{N: int64(n), Ord: ord})
	}
	six, seven, one, chunk := int64(6), int64(7), int64(1), int64(2)
	frames[1].Real, frames[4].Real = &six, &seven
	if err := b.db.Fenced(ctx, c, func(tx *store.Tx) error {
		data, err := tx.DataOf(ctx, id)
		if err != nil {
			return err
		}
		data.Size, data.StopFrame, data.Step, data.ChunkSize = 9, 8, 1, &chunk
		var files []pipeline.File
		for i, name := range []string{"a", "b", "c", "d", "x", "y", "z"} {
			files = append(files, pipeline.File{
				RequestID: c.Request.ID, Ord: int64(i), Name: name, Format: "png", Width: 4, Height: 3, Outcome: pipeline.OutcomeOK,
			})
		}
		return errors.Join(tx.AddFiles(ctx, files), tx.AddFrames(ctx, data.ID, frames), tx.Publish(ctx, c, store.Publication{
			Data: *data, Mode: pipeline.ModeAnnotation,
			Segments: []pipeline.Segment{{Type: "range", Stop: 2}, {Type: "range", Start: 3, Stop: 5, ChunkBase: 2}},
			Truth: &store.Truth{
				Layout:  pipeline.Layout{Mode: pipeline.ValidationPool, Frames: "[6,7,8]", PerJob: &one},
				Segment: pipeline.Segment{Type: "range", Start: 6, Stop: 8, ChunkBase: 4},
			},
		}), tx.EndUnit(ctx, c), tx.EndRequest(ctx, c, ""))
	}); err != nil {
		b.t.Fatal(err)
	}
	return id, b.jobs("user", object{"id": float64(id)})
}

func TestPoolLayout(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task, jobs := b.pooled()
	whole, first, truth := fmt.Sprintf("/api/tasks/%d/validation_layout", task), at("/api/jobs", jobs[0])+"/validation_layout", at("/api/jobs", jobs[2])+"/validation_layout"
	names := func(job object) any {
		return metaOf(t, b.want(200, "GET", at("/api/jobs", job)+"/data/meta", "user", nil))["frames"]
	}
	steps := []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", whole, "", 200, `{"mode":"gt_pool","frames_per_job_count":1,"validation_frames":[6,7,8],"disabled_frames":[],"honeypot_count":2,"honeypot_frames":[1,4],"honeypot_real_frames":[6,7]}`},
		{"GET", first, "", 200, `{"honeypot_count":1,"honeypot_frames":[1],"honeypot_real_frames":[6]}`},
		{"GET", truth, "", 200, `{"honeypot_count":0,"honeypot_frames":[],"honeypot_real_frames":[]}`},
		{"PATCH", first, `{"honeypot_real_frames":[8]}`, 400, "frame_selection_method"},
		{"PATCH", first, `{"frame_selection_method":"manual","honeypot_real_frames":[8,7]}`, 400, "2 frames are given for 1 honeypots"},
		{"PATCH", first, `{"frame_selection_method":"manual","honeypot_real_frames":[2]}`, 400, "frames 2 are not from the validation pool"},
		{"PATCH", first, `{"frame_selection_method":"random_per_job"}`, 400, "frame_selection_method"},
		{"PATCH", truth, `{"frame_selection_method":"random_uniform"}`, 400, "Honeypots cannot exist in ground_truth jobs"},
		{"PATCH", first, `{"frame_selection_method":"random_uniform"}`, 200, `{"honeypot_count":1,"honeypot_frames":[1],"honeypot_real_frames":[8]}`},
		{"PATCH", whole, `{"disabled_frames":[1]}`, 400, "Frames 1 are not validation frames"},
		{"PATCH", whole, `{"disabled_frames":[7],"frame_selection_method":"manual","honeypot_real_frames":[6,7]}`, 400, "frames 7 are disabled. Restore them"},
		{"PATCH", whole, `{"disabled_frames":[7],"frame_selection_method":"manual","honeypot_real_frames":[8,6]}`, 200, `"disabled_frames":[7],"honeypot_count":2,"honeypot_frames":[1,4],"honeypot_real_frames":[8,6]`},
		{"PATCH", whole, `{"disabled_frames":[6,7,8],"frame_selection_method":"random_uniform"}`, 400, "too few"},
		{"PATCH", whole, `{"frame_selection_method":"random_uniform"}`, 200, `"honeypot_count":2`},
		{"DELETE", at("/api/jobs", jobs[2]), "", 400, "cannot be removed"},
	}
	for _, s := range steps {
		var body any
		if s.body != "" {
			body = s.body
		}
		r := b.send(s.method, s.path, "user", body)
		if r.StatusCode != s.status || !strings.Contains(r.body, s.want) {
			t.Errorf("%s %s %s: %d %s, want %d with %s", s.method, s.path, s.body, r.StatusCode, r.body, s.status, s.want)
		}
	}
	reals := b.want(200, "GET", whole, "user", nil).json(t)["honeypot_real_frames"].([]any)
	slices.SortFunc(reals, func(a, b any) int { return int(a.(float64) - b.(float64)) })
	if diff := cmp.Diff([]any{6., 8.}, reals); diff != "" {
		t.Errorf("dealt from the active pool (-want +got):\n%s", diff)
	}
	if shown := names(jobs[0]).([]any)[1]; shown != "x" && shown != "z" {
		t.Errorf("the honeypot of the first job shows %v, want one of the pool", shown)
	}
}

// TestPoolDeletions disables frames of a pool; ordinary deletions stay.
func TestPoolDeletions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task, jobs := b.pooled()
	whole, truth := dataPath(task)+"/meta", at("/api/jobs", jobs[2])+"/data/meta"
	steps := []struct {
		path, body string
		status     int
		want       []any // deleted frames of the task afterwards
	}{
		{whole, `{"deleted_frames":[0]}`, 200, []any{0.}},
		{whole, `{"deleted_frames":[0,6]}`, 400, []any{0.}},
		{truth, `{"deleted_frames":[6]}`, 200, []any{0., 1., 6.}},
		{truth, `{"deleted_frames":[2]}`, 400, []any{0., 1., 6.}},
		{truth, `{"deleted_frames":[7]}`, 200, []any{0., 4., 7.}},
		{truth, `{"deleted_frames":[]}`, 200, []any{0.}},
		{truth, `{"deleted_frames":[7,8]}`, 200, []any{0., 4., 7., 8.}},
		{whole, `{"deleted_frames":[8]}`, 200, []any{8.}},
	}
	for _, s := range steps {
		r := b.want(s.status, "PATCH", s.path, "user", s.body)
		if s.status == 400 && s.path == whole && !strings.Contains(r.body, "GT frames can only be deleted") {
			t.Errorf("PATCH %s %s: %s", s.path, s.body, r.body)
		}
		got := metaOf(t, b.want(200, "GET", whole, "user", nil))["deleted_frames"]
		if diff := cmp.Diff(s.want, got); diff != "" {
			t.Errorf("after PATCH %s %s (-want +got):\n%s", s.path, s.body, diff)
		}
	}
	if got := b.want(200, "GET", fmt.Sprintf("/api/tasks/%d/validation_layout", task), "user", nil).json(t)["disabled_frames"]; !cmp.Equal(got, []any{8.}) {
		t.Errorf("disabled are %v, want those that were not restored", got)
	}
}

// TestPoolRequest takes what the documentation shows, which names no order.
func TestPoolRequest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.newTask("user", object{"segment_size": 10})
	b.upload(http.StatusOK, id, "Upload-Multiple", nil, "a.png", "a", "b.png", "b")
	b.want(202, "POST", dataPath(id), "user",
		`{"validation_params":{"mode":"gt_pool","frame_selection_method":"random_per_job","frames_per_job_count":10,"random_seed":7}}`, "Upload-Finish", "")
	spec, _ := b.spec(id)
	ten := int64(10)
	want := &pipeline.Validation{Mode: "gt_pool", Method: "random_per_job", PerJobCount: &ten, Seed: 7}
	if diff := cmp.Diff(want, spec.Validation); diff != "" || spec.Sorting != pipeline.SortRandom {
		t.Errorf("sorted %s, validation (-want +got):\n%s", spec.Sorting, diff)
	}
}

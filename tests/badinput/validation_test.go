package badinput_test

import (
	"fmt"
	"net/http"
	"testing"
)

// tryValidation asks for validation sets that make no sense: with the data, as
// jobs of ground truth, and as changes of honeypots.
func tryValidation(t *testing.T, b *bench) {
	tryValidationParams(t, b)
	tryValidationFrames(t, b)
	tryTruthJobs(t, b)
	tryLayouts(t, b)
}

// tryValidationParams sends what can be refused without a look at the data.
func tryValidationParams(t *testing.T, b *bench) {
	params := func(name, params, says string) refusal {
		return refusal{name: name, call: post(`{"server_files":["good/"],"validation_params":` + params + `}`), status: 400, code: "invalid", says: says}
	}
	beside := func(name, fields, says string) refusal {
		return refusal{name: name, call: post(`{"validation_params":{"mode":"gt_pool","frame_count":1,"frames_per_job_count":1},` + fields + `}`),
			status: 400, code: "invalid", says: says}
	}
	b.refuse(t, []refusal{
		params("a list", `[]`, "validation_params"),
		params("no mode", `{"frame_count":1}`, "mode"),
		params("unknown mode", `{"mode":"trust","frame_count":1}`, "mode"),
		params("unknown method", `{"mode":"gt","frame_selection_method":"best","frame_count":1}`, "frame_selection_method"),
		params("neither count nor share", `{"mode":"gt"}`, "frame_count"),
		params("count and share", `{"mode":"gt","frame_count":1,"frame_share":0.5}`, "frame_count"),
		params("count of 0", `{"mode":"gt","frame_count":0}`, "frame_count"),
		params("count beyond 2^31", `{"mode":"gt","frame_count":2147483648}`, "frame_count"),
		params("count with a fraction", `{"mode":"gt","frame_count":1.5}`, "frame_count"),
		params("share above 1", `{"mode":"gt","frame_share":1.1}`, "frame_share"),
		params("negative share", `{"mode":"gt","frame_share":-0.1}`, "frame_share"),
		params("share that is no number", `{"mode":"gt","frame_share":"NaN"}`, "frame_share"),
		params("share of 10^400", `{"mode":"gt","frame_share":1e400}`, "frame_share"),
		params("nothing per job", `{"mode":"gt","frame_selection_method":"random_per_job","frame_count":1}`, "frames_per_job_count"),
		params("share of a job above 1", `{"mode":"gt","frame_selection_method":"random_per_job","frames_per_job_share":2}`, "frames_per_job_share"),
		params("names for a random choice", `{"mode":"gt","frame_count":1,"frames":["0.jpg"]}`, "frames"),
		params("no names for a choice by name", `{"mode":"gt","frame_selection_method":"manual"}`, "frames"),
		params("a name twice", `{"mode":"gt","frame_selection_method":"manual","frames":["0.jpg","0.jpg"]}`, "frames"),
		params("null character in a name", `{"mode":"gt","frame_selection_method":"manual","frames":["0\u0000.jpg"]}`, "frames"),
		params("negative seed", `{"mode":"gt","frame_count":1,"random_seed":-1}`, "random_seed"),
		params("seed beyond 2^64", `{"mode":"gt","frame_count":1,"random_seed":18446744073709551616}`, "random_seed"),
		params("honeypots without a number", `{"mode":"gt_pool","frame_count":1}`, "frames_per_job_count"),
		params("honeypots by count and share", `{"mode":"gt_pool","frame_count":1,"frames_per_job_count":1,"frames_per_job_share":0.5}`, "frames_per_job_count"),
		beside("a pool beside another order", `"sorting_method":"natural"`, "sorting_method"),
		beside("a pool beside a mapping", `"job_file_mapping":[["0.jpg"]]`, "job_file_mapping"),
	})
}

// tryValidationFrames asks for frames that the data do not have: good/ has six.
func tryValidationFrames(t *testing.T, b *bench) {
	ask := func(name string, params map[string]any, says string) ingest {
		return ingest{name: name, spec: map[string]any{"segment_size": jobSize}, code: "bad_validation", says: says,
			json: map[string]any{"server_files": []string{"good/"}, "validation_params": params}}
	}
	type o = map[string]any
	b.ingests(t, []ingest{
		ask("more frames than there are", o{"mode": "gt", "frame_count": pictures + 1}, "must not be greater"),
		ask("frames that are not there", o{"mode": "gt", "frame_selection_method": "manual", "frames": []string{"good/0.jpg", "good/99.jpg"}}, "good/99.jpg"),
		ask("more honeypots than the pool has", o{"mode": "gt_pool", "frame_count": 2, "frames_per_job_count": 3}, "must not be greater than the validation pool (2)"),
		ask("a pool of everything", o{"mode": "gt_pool", "frame_count": pictures, "frames_per_job_count": 1}, "at least one must be left"),
		ask("a pool of more than everything", o{"mode": "gt_pool", "frame_count": 2147483647, "frames_per_job_count": 2147483647}, "must not be greater"),
		ask("a pool of names that are not there", o{"mode": "gt_pool", "frame_selection_method": "manual", "frames": []string{"good/99.jpg"}, "frames_per_job_count": 1}, "good/99.jpg"),
		{name: "a validation set of a film by names", code: "bad_validation", says: "only be chosen at random",
			files: []file{{"film.mp4", clip(t, "film.mp4", h264()...)}}, fields: "validation_params.mode=gt&validation_params.frame_selection_method=manual&validation_params.frames[0]=film.mp4"},
	})
}

// tryTruthJobs makes jobs that may not be.
func tryTruthJobs(t *testing.T, b *bench) {
	job := func(name, fields string, status int, code, says string) refusal {
		return refusal{name: "job of " + name, status: status, code: code, says: says, call: call{method: http.MethodPost, path: "/api/jobs", kind: asJSON,
			body: fmt.Appendf(nil, `{"task_id":%d,"type":"ground_truth",%s}`, b.task, fields)}}
	}
	const manual = `"frame_selection_method":"manual",`
	b.refuse(t, []refusal{
		job("another type", `"type":"annotation","frame_count":1`, 400, "invalid", "type"),
		job("a replica", `"type":"consensus_replica","frame_count":1`, 400, "invalid", "type"),
		job("no task", `"task_id":null,"frame_count":1`, 400, "invalid", "task_id"),
		job("an unknown task", `"task_id":99999,"frame_count":1`, 404, "not_found", ""),
		job("no method and no count", `"random_seed":1`, 400, "invalid", "frame_count"),
		job("a method that is a number", `"frame_selection_method":1`, 400, "invalid", "frame_selection_method"),
		job("no frames", `"frame_count":0`, 400, "invalid", "frame_count"),
		job("more frames than there are", `"frame_count":7`, 400, "bad_validation", "frame_count"),
		job("a frame behind the end", manual+`"frames":[0,6]`, 400, "bad_validation", "6"),
		job("a frame before the first", manual+`"frames":[-1]`, 400, "bad_validation", "-1"),
		job("a frame twice", manual+`"frames":[1,1]`, 400, "bad_validation", "repeat"),
		job("a frame beyond 2^63", manual+`"frames":[9223372036854775808]`, 400, "invalid", "frames"),
		job("frames that are words", manual+`"frames":["a"]`, 400, "invalid", "frames"),
		job("a negative seed", `"frame_count":1,"random_seed":-1`, 400, "invalid", "random_seed"),
		job("an unknown assignee", `"frame_count":1,"assignee":99999`, 400, "invalid", "assignee"),
		{name: "removal of a job of the task", call: call{method: http.MethodDelete, path: "/api/jobs/{job}"}, status: 400, code: "invalid", says: "Only ground truth jobs"},
	})
	var jobs struct{ Count int }
	b.JSON(t, http.MethodGet, fmt.Sprintf("/api/jobs?task_id=%d&type=ground_truth", b.task), nil, &jobs)
	b.ledger.add(t, "no job of ground truth", fmt.Sprint(jobs.Count), jobs.Count == 0, "refused jobs are there")
}

// tryLayouts changes honeypots that are not there, or not so.
func tryLayouts(t *testing.T, b *bench) {
	task := b.fresh(t, map[string]any{"segment_size": 2})
	pool := map[string]any{"mode": "gt_pool", "frame_count": 2, "frames_per_job_count": 1}
	if got := b.run(t, task, ingest{json: map[string]any{"server_files": []string{"good/"}, "validation_params": pool}}); got.Status != "finished" {
		t.Fatal(got.Message)
	}
	layout := fmt.Sprintf("/api/tasks/%d/validation_layout", task)
	patch := func(name, path, body, code, says string) refusal {
		return refusal{name: "layout: " + name, call: call{method: http.MethodPatch, path: path, kind: asJSON, body: []byte(body)}, status: 400, code: code, says: says}
	}
	const manual = `{"frame_selection_method":"manual","honeypot_real_frames":`
	b.refuse(t, []refusal{
		patch("of a task that has none", "/api/tasks/{task}/validation_layout", `{"disabled_frames":[0]}`, "invalid", "validation"),
		patch("of a job that has none", "/api/jobs/{job}/validation_layout", `{"frame_selection_method":"random_uniform"}`, "invalid", "validation"),
		patch("of a task without data", "/api/tasks/{fresh}/validation_layout", `{}`, "invalid", "validation"),
		patch("some of each job", layout, `{"frame_selection_method":"random_per_job"}`, "invalid", "frame_selection_method"),
		patch("frames without a method", layout, `{"honeypot_real_frames":[6,7]}`, "invalid", "frame_selection_method"),
		patch("a method without frames", layout, `{"frame_selection_method":"manual"}`, "invalid", "honeypot_real_frames"),
		patch("too few frames", layout, manual+`[6]}`, "invalid", "honeypot_real_frames"),
		patch("frames outside the pool", layout, manual+`[0,1]}`, "bad_validation", "not from the validation pool"),
		patch("frames beyond 2^31", layout, manual+`[4294967296,6]}`, "invalid", "honeypot_real_frames"),
		patch("a disabled frame outside the pool", layout, `{"disabled_frames":[0]}`, "invalid", "disabled_frames"),
		patch("disabled frames of null", layout, `{"disabled_frames":null}`, "invalid", "disabled_frames"),
		patch("all frames disabled, and dealt", layout, `{"disabled_frames":[6,7],"frame_selection_method":"random_uniform"}`, "bad_validation", "frame"),
	})
}

package badinput_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// tryFields sends data requests whose fields make no sense.
func tryFields(t *testing.T, b *bench) {
	data := func(name, fields, says string) refusal {
		return refusal{name: name, call: post(`{"image_quality":70,` + fields + `}`), status: 400, code: "invalid", says: says}
	}
	mapping := data("a mapping beside segment_size", `"job_file_mapping":[["a.jpg"]]`, "job_file_mapping")
	mapping.spec = map[string]any{"segment_size": 5}
	b.refuse(t, []refusal{
		data("start behind stop", `"start_frame":5,"stop_frame":4`, "Stop frame must be more or equal start frame"),
		data("chunk_size of 0", `"chunk_size":0`, "chunk_size"),
		data("chunk_size of null", `"chunk_size":null`, "chunk_size"),
		data("negative chunk_size", `"chunk_size":-1`, "chunk_size"),
		data("chunk_size beyond 2^31", `"chunk_size":2147483648`, "chunk_size"),
		data("chunk_size beyond 2^63", `"chunk_size":99999999999999999999`, "chunk_size"),
		data("chunk_size with a fraction", `"chunk_size":1.5`, "chunk_size"),
		data("chunk_size of 10^400", `"chunk_size":1e400`, "chunk_size"),
		data("chunk_size of true", `"chunk_size":true`, "chunk_size"),
		data("quality of 101", `"image_quality":101`, "image_quality"),
		data("negative quality", `"image_quality":-1`, "image_quality"),
		data("quality that is a list", `"image_quality":[70]`, "image_quality"),
		data("negative start", `"start_frame":-1`, "start_frame"),
		data("stop beyond 2^31", `"stop_frame":4294967296`, "stop_frame"),
		data("empty filter", `"frame_filter":""`, "frame_filter"),
		data("filter with step 0", `"frame_filter":"step=0"`, "frame_filter"),
		data("filter with a negative step", `"frame_filter":"step=-1"`, "frame_filter"),
		data("filter with an endless step", `"frame_filter":"step=99999999999999999999"`, "frame_filter"),
		data("filter of 10,000 characters", `"frame_filter":"`+strings.Repeat(" ", 10_000)+`step=2"`, "frame_filter"),
		data("filter with a null character", `"frame_filter":"step=2\u0000"`, "frame_filter"),
		data("unknown sorting", `"sorting_method":"best"`, "sorting_method"),
		data("unknown storage method", `"storage_method":"memory"`, "storage_method"),
		data("truth that is a word", `"use_cache":"perhaps"`, "use_cache"),
		data("files that are an object", `"server_files":{"a":1}`, "server_files"),
		data("file that is a number", `"server_files":[1]`, "server_files"),
		data("file that is null", `"server_files":[null]`, "server_files"),
		data("empty mapping", `"job_file_mapping":[]`, "job_file_mapping"),
		data("mapping with an empty job", `"job_file_mapping":[["a.jpg"],[]]`, "job_file_mapping"),
		data("mapping with a file twice", `"job_file_mapping":[["a.jpg"],["a.jpg"]]`, "cannot be used multiple times"),
		data("mapping that is flat", `"job_file_mapping":[1]`, "job_file_mapping"),
		mapping,
		data("mapping beside an order", `"job_file_mapping":[["a.jpg"]],"sorting_method":"random"`, "job_file_mapping"),
		data("mapping with a start", `"job_file_mapping":[["a.jpg"]],"start_frame":1`, "job_file_mapping"),
	})
	tryTaskFields(t, b)
}

// tryTaskFields makes tasks, projects and labels that make no sense.
func tryTaskFields(t *testing.T, b *bench) {
	task := func(name, fields, says string) refusal {
		return refusal{name: name, call: call{method: http.MethodPost, path: "/api/tasks", kind: asJSON,
			body: []byte(`{"name":"x","labels":[],` + fields + `}`)}, status: 400, code: "invalid", says: says}
	}
	b.refuse(t, []refusal{
		task("null character in a name", `"name":"a\u0000b"`, "Null characters"),
		task("name of 300 characters", `"name":"`+strings.Repeat("x", 300)+`"`, "name"),
		task("name of null", `"name":null`, "name"),
		task("empty name", `"name":""`, "name"),
		task("name that is a number", `"name":[]`, "name"),
		task("negative segment_size", `"segment_size":-1`, "segment_size"),
		task("segment_size beyond 2^31", `"segment_size":2147483648`, "segment_size"),
		task("segment_size that is text", `"segment_size":"ten"`, "segment_size"),
		task("negative overlap", `"overlap":-1`, "overlap"),
		task("overlap beyond 2^63", `"overlap":9223372036854775808`, "overlap"),
		task("12 replicas", `"consensus_replicas":12`, "consensus_replicas"),
		task("unknown project", `"project_id":99999`, "project_id"),
		task("project beyond 2^31", `"project_id":4294967296`, "project_id"),
		task("unknown assignee", `"assignee_id":99999`, "assignee_id"),
		task("labels that are no list", `"labels":{}`, "labels"),
		task("label that is text", `"labels":["car"]`, "labels"),
		task("two labels of one name", `"labels":[{"name":"a"},{"name":"a"}]`, "labels"),
		task("label with a long colour", `"labels":[{"name":"a","color":"#1234567890"}]`, "labels"),
		task("label of an unknown type", `"labels":[{"name":"a","type":"cloud"}]`, "labels"),
		task("label with a long list of values", `"labels":[{"name":"a","attributes":[{"name":"b","mutable":false,"input_type":"select","default_value":"","values":["`+
			strings.Repeat("v", 5000)+`"]}]}]`, "attributes"),
		{name: "no name", call: call{method: http.MethodPost, path: "/api/tasks", kind: asJSON, body: []byte(`{}`)}, status: 400, code: "invalid", says: "name"},
		{name: "id beyond 2^63", call: call{method: http.MethodGet, path: "/api/tasks/99999999999999999999"}, status: 404, code: "not_found"},
		{name: "id that is a word", call: call{method: http.MethodGet, path: "/api/tasks/first"}, status: 404, code: "not_found"},
		{name: "negative id", call: call{method: http.MethodGet, path: "/api/tasks/-1"}, status: 404, code: "not_found"},
		{name: "negative page", call: call{method: http.MethodGet, path: "/api/tasks?page=-1"}, status: 404, code: "not_found"},
		{name: "page beyond 2^63", call: call{method: http.MethodGet, path: "/api/tasks?page=99999999999999999999"}, status: 404, code: "not_found"},
		{name: "order by a password", call: call{method: http.MethodGet, path: "/api/tasks?sort=-id,(select+1)"}, status: 400, code: "invalid", says: "sort"},
		{name: "order by 1,000 fields", call: call{method: http.MethodGet, path: "/api/tasks?sort=" + strings.Repeat("id,", 999) + "id"}, status: 400, code: "invalid", says: "sort"},
		{name: "filter that is no JSON", call: call{method: http.MethodGet, path: "/api/tasks?filter=%7B"}, status: 400, code: "invalid", says: "filter"},
		{name: "filter with an unknown term", call: call{method: http.MethodGet, path: `/api/tasks?filter=%7B%22%3D%3D%22:[%7B%22var%22:%22password%22%7D,1]%7D`},
			status: 400, code: "invalid", says: "filter"},
		{name: "deep filter", call: call{method: http.MethodGet, path: "/api/tasks?filter=" + strings.Repeat("[", 9_999)}, status: 400, code: "invalid", says: "filter"},
		{name: "filter of 10,001 levels", call: call{method: http.MethodGet, path: "/api/jobs?filter=" + strings.Repeat("[", 10_001)}, status: 400, code: "invalid", says: "filter"},
		{name: "filter of 101 levels", call: call{method: http.MethodGet, path: "/api/jobs?filter=" + url.QueryEscape(strings.Repeat(`{"!":`, 100)+`{"var":"id"}`+strings.Repeat("}", 100))},
			status: 400, code: "invalid", says: "deeper than 100"},
		{name: "filter with 1,000 conditions", call: call{method: http.MethodGet, path: "/api/tasks?filter=" + url.QueryEscape(`{"and":[`+strings.Repeat(`{"==":[{"var":"id"},1]},`, 999)+`{"var":"id"}]}`)},
			status: 400, code: "invalid", says: "more than 200"},
		{name: "number of a job that is a word", call: call{method: http.MethodGet, path: "/api/jobs?task_id=x"}, status: 400, code: "invalid", says: "task_id"},
		{name: "null character in an address", call: call{method: http.MethodGet, path: "/api/tasks?search=%00"}, status: 400, code: "invalid"},
		{name: "address that is no text", call: call{method: http.MethodGet, path: "/api/tasks?search=%ff"}, status: 400, code: "invalid"},
	})
}

// tryPatches changes what may not be changed.
func tryPatches(t *testing.T, b *bench) {
	patch := func(name, path, body string, status int, code, says string) refusal {
		return refusal{name: name, call: call{method: http.MethodPatch, path: path, kind: asJSON, body: []byte(body)}, status: status, code: code, says: says}
	}
	const task, job, meta = "/api/tasks/{task}", "/api/jobs/{job}", "/api/tasks/{task}/data/meta"
	b.refuse(t, []refusal{
		patch("unknown field of a task", task, `{"colour":"red"}`, 403, "forbidden", "colour"),
		patch("size of a task", task, `{"size":1}`, 403, "forbidden", "size"),
		patch("segment_size of a task", task, `{"segment_size":1}`, 403, "forbidden", "segment_size"),
		patch("field in another case", task, `{"NAME":"x"}`, 403, "forbidden", "NAME"),
		patch("empty name", task, `{"name":""}`, 400, "invalid", "name"),
		patch("unknown owner", task, `{"owner_id":99999}`, 400, "invalid", "owner_id"),
		patch("unknown project", task, `{"project_id":99999}`, 400, "invalid", "project_id"),
		patch("unknown label", task, `{"labels":[{"id":99999,"name":"x"}]}`, 400, "invalid", "labels"),
		patch("unknown field of a job", job, `{"start_frame":1}`, 403, "forbidden", "start_frame"),
		patch("unknown state of a job", job, `{"state":"asleep"}`, 400, "invalid", "state"),
		patch("unknown assignee of a job", job, `{"assignee":99999}`, 400, "invalid", "assignee"),
		patch("deleted frame twice", meta, `{"deleted_frames":[1,1]}`, 400, "invalid", "deleted_frames"),
		patch("deleted frame behind the end", meta, `{"deleted_frames":[6]}`, 400, "invalid", "deleted_frames"),
		patch("deleted frame beyond 2^31", meta, `{"deleted_frames":[4294967296]}`, 400, "invalid", "deleted_frames"),
		patch("deleted frames that are words", meta, `{"deleted_frames":["a"]}`, 400, "invalid", "deleted_frames"),
		patch("deleted frames of null", meta, `{"deleted_frames":null}`, 400, "invalid", "deleted_frames"),
		patch("deleted frame of another job", "/api/jobs/{job}/data/meta", `{"deleted_frames":[5]}`, 400, "invalid", "deleted_frames"),
		patch("unknown field of a project", "/api/projects/{project}", `{"status":"completed"}`, 403, "forbidden", "status"),
		patch("unknown field of an organization", "/api/organizations/{org}", `{"owner":5}`, 403, "forbidden", "owner"),
		patch("unknown field of a membership", "/api/memberships/{membership}", `{"user":5}`, 403, "forbidden", "user"),
		patch("unknown field of a webhook", "/api/webhooks/{webhook}", `{"owner":5}`, 403, "forbidden", "owner"),
		patch("unknown field of a user", "/api/users/1", `{"password":"x"}`, 403, "forbidden", "password"),
		patch("list instead of an object", task, `[]`, 400, "invalid", ""),
		patch("no task", "/api/tasks/99999", `{}`, 404, "not_found", ""),
		patch("no frames yet", "/api/tasks/{fresh}/data/meta", `{"deleted_frames":[]}`, 404, "not_found", ""),
	})
}

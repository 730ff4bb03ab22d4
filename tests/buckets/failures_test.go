package buckets_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"framemill/tests/program"
)

// want fails the test unless a request is answered with a status and words.
func (w *world) want(t *testing.T, status int, words, method, path string, body any) {
	t.Helper()
	got, answer, err := w.Do(method, path, body)
	for deadline := time.Now().Add(time.Minute); err == nil && got == http.StatusTooManyRequests && time.Now().Before(deadline); {
		got, answer, err = w.Do(method, path, body)
	}
	if err != nil || got != status || !strings.Contains(string(answer), words) {
		t.Errorf("%s %s: status %d, error %v, want status %d and %q in:\n%s", method, path, got, err, status, words, answer)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for name, c := range map[string]struct {
		change map[string]any
		words  string
	}{
		"no such bucket":   {map[string]any{"resource": "nothing-here"}, "The resource nothing-here not found"},
		"no such key":      {map[string]any{"key": "AKIAOTHER"}, "Access forbidden"},
		"another secret":   {map[string]any{"secret_key": "wrong"}, "Access forbidden"},
		"nobody":           {map[string]any{"credentials_type": "ANONYMOUS_ACCESS"}, "Access forbidden"},
		"no such manifest": {map[string]any{"manifests": []string{"manifest.jsonl"}}, "does not exist"},
		"nobody listens":   {map[string]any{"specific_attributes": "endpoint_url=http://127.0.0.1:1"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := w.bucket.Storage()
			maps.Copy(body, c.change)
			w.want(t, http.StatusBadRequest, c.words, http.MethodPost, "/api/cloudstorages", body)
		})
	}
}

func TestContent(t *testing.T) {
	t.Parallel()
	w := setup(t)
	path := fmt.Sprintf("/api/cloudstorages/%d", w.storage)
	w.want(t, http.StatusOK, `"AVAILABLE"`, http.MethodGet, path+"/status", nil)
	w.want(t, http.StatusOK, keys[0], http.MethodGet, path+"/content-v2", nil)
	w.want(t, http.StatusOK, `"name":"night"`, http.MethodGet, path+"/content-v2", nil)
	w.want(t, http.StatusOK, `"name":"1.jpg"`, http.MethodGet, path+"/content-v2?prefix=day/", nil)
	w.want(t, http.StatusOK, `"next":"`, http.MethodGet, path+"/content-v2?page_size=1", nil)
	w.want(t, http.StatusOK, "\xff\xd8", http.MethodGet, path+"/preview", nil)
}

// TestObjectsThatGo makes tasks from objects and takes these away.
func TestObjectsThatGo(t *testing.T) {
	t.Parallel()
	w := setup(t)
	task := w.Create(t, nil, map[string]any{"server_files": keys, "cloud_storage_id": w.storage})
	w.AwaitIngest(t, task)
	w.bucket.Delete(t, keys[3])
	frame := fmt.Sprintf("/api/tasks/%d/data?type=frame&quality=original&number=", task)
	w.want(t, http.StatusNotFound, keys[3], http.MethodGet, frame+"3", nil)

	fewer := w.Create(t, nil, map[string]any{"server_files": keys, "cloud_storage_id": w.storage})
	w.AwaitIngest(t, fewer)
	if diff := cmp.Diff(keys[:3], w.names(t, fewer)); diff != "" {
		t.Errorf("frames of a task that names an object which is not there (-want +got):\n%s", diff)
	}
	none := w.Create(t, nil, map[string]any{"server_files": keys[3:], "cloud_storage_id": w.storage})
	w.wantFailure(t, none, keys[3])

	w.want(t, http.StatusNoContent, "", http.MethodDelete, fmt.Sprintf("/api/cloudstorages/%d", w.storage), nil)
	w.want(t, http.StatusConflict, "no longer connected", http.MethodGet, frame+"3", nil)
}

// wantFailure waits until an ingest has failed, and looks for words in why.
func (w *world) wantFailure(t *testing.T, task int64, words string) {
	t.Helper()
	var r program.Request
	for deadline := time.Now().Add(time.Minute); r.Status != "failed"; time.Sleep(10 * time.Millisecond) {
		if r = w.RequestOf(t, task); r.Status == "finished" || time.Now().After(deadline) {
			t.Fatalf("the ingest of task %d is %s, want it to fail", task, r.Status)
		}
	}
	if !strings.Contains(r.Message, words) {
		t.Errorf("the ingest of task %d failed without %q in: %s", task, words, r.Message)
	}
}

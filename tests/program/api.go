package program

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// ingestTime is how long an ingest of a test may take.
const ingestTime = 3 * time.Minute

// pollEvery is how often a test looks whether something has happened.
const pollEvery = 10 * time.Millisecond

// Request is what a test reads of an ingest.
type Request struct {
	Status   string  `json:"status"`
	Message  string  `json:"message"`
	Progress float64 `json:"progress"`
}

// Do sends one request as the administrator and returns the status and body of
// the answer. A body is sent as JSON; nil sends none.
func (s *Server) Do(method, path string, body any) (status int, answer []byte, err error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		content = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, s.URL+path, content)
	if err != nil {
		return 0, nil, err
	}
	req.SetBasicAuth(Admin, Password)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := (&http.Client{Timeout: time.Minute}).Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// JSON sends one request and reads the JSON of the answer into a value, which
// may be nil. The test fails unless the answer is a success.
func (s *Server) JSON(t testing.TB, method, path string, body, into any) {
	t.Helper()
	status, answer, err := s.Do(method, path, body)
	if err == nil && status/100 != 2 {
		err = fmt.Errorf("status %d: %s", status, answer)
	}
	if err == nil && into != nil {
		err = json.Unmarshal(answer, into)
	}
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
}

// Create makes a task, and starts the ingest of files or folders of the share.
func (s *Server) Create(t testing.TB, task, data map[string]any) (id int64) {
	t.Helper()
	spec := map[string]any{"name": t.Name(), "labels": []any{map[string]any{"name": "car"}}}
	for k, v := range task {
		spec[k] = v
	}
	params := map[string]any{"image_quality": 70}
	for k, v := range data {
		params[k] = v
	}
	var made struct{ ID int64 }
	s.JSON(t, http.MethodPost, "/api/tasks", spec, &made)
	s.JSON(t, http.MethodPost, fmt.Sprintf("/api/tasks/%d/data", made.ID), params, nil)
	return made.ID
}

// RequestOf returns how far the ingest of a task is.
func (s *Server) RequestOf(t testing.TB, task int64) Request {
	t.Helper()
	var r Request
	id := fmt.Sprintf("action=create&target=task&target_id=%d", task)
	s.JSON(t, http.MethodGet, "/api/requests/"+url.PathEscape(id), nil, &r)
	return r
}

// AwaitIngest waits until the ingest of a task has ended. The test fails unless
// it finished.
func (s *Server) AwaitIngest(t testing.TB, task int64) {
	t.Helper()
	deadline := time.Now().Add(ingestTime)
	for {
		r := s.RequestOf(t, task)
		switch {
		case r.Status == "finished":
			return
		case r.Status == "failed":
			t.Fatalf("the ingest of task %d failed: %s", task, r.Message)
		case time.Now().After(deadline):
			t.Fatalf("the ingest of task %d is %s at %.0f %% after %s: %s", task, r.Status, 100*r.Progress, ingestTime, r.Message)
		}
		time.Sleep(pollEvery)
	}
}

// Frame returns the bytes of one frame of a task. It asks again while the
// server says that the chunk is not ready.
func (s *Server) Frame(t testing.TB, task int64, n int, quality string) []byte {
	t.Helper()
	path := fmt.Sprintf("/api/tasks/%d/data?type=frame&number=%d&quality=%s", task, n, quality)
	deadline := time.Now().Add(ingestTime)
	for {
		status, answer, err := s.Do(http.MethodGet, path, nil)
		if err == nil && status == http.StatusOK {
			return answer
		}
		if err != nil || status != http.StatusTooManyRequests || time.Now().After(deadline) {
			t.Fatalf("GET %s: status %d, error %v: %s", path, status, err, answer)
		}
		time.Sleep(pollEvery)
	}
}

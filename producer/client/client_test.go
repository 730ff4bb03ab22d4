package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"framemill/pipeline"
	"framemill/producer/client"
)

// serve returns a client of a server that h plays.
func serve(t *testing.T, creds client.Credentials, h http.HandlerFunc) *client.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c, err := client.New(server.URL+"/", creds)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// reply answers with v as JSON.
func reply(t *testing.T, w http.ResponseWriter, status int, v any) {
	t.Helper()
	w.Header().Set("Content-Type", "application/vnd.cvat+json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		t.Errorf("answer: %v", err)
	}
}

// write makes a file of n bytes and returns its path.
func write(t *testing.T, path string, n int) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("x", n)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestNew(t *testing.T) {
	t.Parallel()
	for server, ok := range map[string]bool{
		"http://localhost:8080": true, "localhost:8080": true, "https://example.org/sub/": true,
		"": false, "ftp://example.org": false, "http://": false, "http://[": false,
	} {
		if _, err := client.New(server, client.Credentials{}); (err == nil) != ok {
			t.Errorf("New(%q) gives the error %v, want success to be %v", server, err, ok)
		}
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	for want, creds := range map[string]client.Credentials{
		"":                   {},
		"Basic YW5uOnMzYw==": {User: "ann", Password: "s3c"},
		"Token abc":          {User: "ann", Password: "s3c", Token: "abc"},
	} {
		var got string
		c := serve(t, creds, func(w http.ResponseWriter, r *http.Request) {
			got = r.Header.Get("Authorization")
			reply(t, w, http.StatusOK, client.About{Version: "2.54.1"})
		})
		about, err := c.About(t.Context())
		if err != nil || about.Version != "2.54.1" {
			t.Errorf("About = %+v, %v", about, err)
		}
		if got != want {
			t.Errorf("%+v are sent as %q, want %q", creds, got, want)
		}
	}
}

func TestErrorsAreSentences(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body, code string
		want             string
	}{
		{"a detail", `{"detail":"Not found."}`, "not_found", "Not found. (status 400, not_found)"},
		{"a field", `{"image_quality":["Ensure this value is at most 100."]}`, "invalid", "image_quality: Ensure this value is at most 100. (status 400, invalid)"},
		{"texts", `["one","two"]`, "", "one; two (status 400)"},
		{"nested", `{"labels":[{"name":["is empty"]}],"non_field_errors":["odd"]}`, "", "labels: name: is empty; odd (status 400)"},
		{"a proxy's page", "<html>oops", "", "the server answered: bad request (status 400)"},
		{"nothing", "", "", "the server answered: bad request (status 400)"},
		{"a terminal's codes", `{"detail":"\u001b[31mred"}`, "", "\uFFFD[31mred (status 400)"},
		{"no end", strings.Repeat("[", 100) + `"deep"` + strings.Repeat("]", 100), "", "… (status 400)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, client.Credentials{}, func(w http.ResponseWriter, _ *http.Request) {
				if tt.code != "" {
					w.Header().Set("X-Error-Code", tt.code)
				}
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, tt.body)
			})
			_, err := c.Task(t.Context(), 7)
			if err == nil || err.Error() != tt.want {
				t.Errorf("the error is %v, want %s", err, tt.want)
			}
		})
	}
}

func TestOnlyRepeatableCallsAreRepeated(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		fails int32 // answers that fail before one goes well
		with  int
		call  func(context.Context, *client.Client) error
		calls int32
		ok    bool
	}{
		{"a read", 2, http.StatusBadGateway, readTask, 3, true},
		{"a read on a broken connection", 2, 0, readTask, 3, true},
		{"a read that always fails", 99, http.StatusGatewayTimeout, readTask, 4, false},
		{"a read of something broken", 99, http.StatusInternalServerError, readTask, 1, false},
		{"a deletion", 1, http.StatusServiceUnavailable, func(ctx context.Context, c *client.Client) error { return c.Delete(ctx, 7) }, 2, true},
		{"a deletion that was done", 99, http.StatusNotFound, func(ctx context.Context, c *client.Client) error { return c.Delete(ctx, 7) }, 1, true},
		{"a creation", 99, http.StatusBadGateway, func(ctx context.Context, c *client.Client) error {
			_, err := c.CreateTask(ctx, client.TaskSpec{Name: "x"})
			return err
		}, 1, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			c := serve(t, client.Credentials{}, func(w http.ResponseWriter, _ *http.Request) {
				switch n := calls.Add(1); {
				case n > tt.fails:
					reply(t, w, http.StatusOK, client.Task{ID: 7})
				case tt.with == 0:
					panic(http.ErrAbortHandler)
				default:
					w.WriteHeader(tt.with)
				}
			})
			if err := tt.call(t.Context(), c); (err == nil) != tt.ok {
				t.Errorf("the error is %v, want success to be %v", err, tt.ok)
			}
			if calls.Load() != tt.calls {
				t.Errorf("the server was called %d times, want %d", calls.Load(), tt.calls)
			}
		})
	}
}

func readTask(ctx context.Context, c *client.Client) error {
	_, err := c.Task(ctx, 7)
	return err
}

func TestUploadFollowsTheProtocol(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	paths := []string{write(t, dir+`/a "quoted" é.jpg`, 10), write(t, dir+"/b.jpg", 0), write(t, dir+"/c.jpg", 5000)}
	var steps, names []string
	var bytes int64
	c := serve(t, client.Credentials{}, func(w http.ResponseWriter, r *http.Request) {
		for _, step := range []string{"Upload-Start", "Upload-Multiple", "Upload-Finish"} {
			if _, ok := r.Header[step]; ok {
				steps = append(steps, step)
			}
		}
		if r.URL.Path != "/api/tasks/7/data" || r.ContentLength < 0 {
			t.Errorf("POST %s with length %d, want the data of task 7 and a length", r.URL.Path, r.ContentLength)
		}
		if _, ok := r.Header["Upload-Multiple"]; ok {
			if err := r.ParseMultipartForm(1 << 20); err != nil {
				t.Errorf("parse the body: %v", err)
				return
			}
			if got := r.FormValue("image_quality"); got != "70" {
				t.Errorf("image_quality = %q, want 70", got)
			}
			for _, field := range []string{"client_files[0]", "client_files[1]", "client_files[2]"} {
				for _, h := range r.MultipartForm.File[field] {
					names = append(names, h.Filename)
					bytes += h.Size
				}
			}
			w.WriteHeader(http.StatusOK)
			return
		}
		reply(t, w, http.StatusAccepted, map[string]string{"rq_id": "action=create&target=task&target_id=7"})
	})
	var last, total int64
	rqID, err := c.Upload(t.Context(), 7, paths, client.DataParams{ImageQuality: 70}, func(s, n int64) { last, total = s, n })
	if err != nil {
		t.Fatal(err)
	}
	if rqID != pipeline.CreateRQID(7) {
		t.Errorf("the request is %q", rqID)
	}
	if got := strings.Join(steps, " "); got != "Upload-Start Upload-Multiple Upload-Finish" {
		t.Errorf("the steps are %s", got)
	}
	if got := strings.Join(names, "|"); got != `a "quoted" é.jpg|b.jpg|c.jpg` || bytes != 5010 {
		t.Errorf("%d bytes of %s arrived, want 5010 of all three files", bytes, got)
	}
	if last != 5010 || total != 5010 {
		t.Errorf("the last progress is %d of %d, want 5010 of 5010", last, total)
	}
}

func TestUploadIsCutIntoBatches(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var paths []string
	for _, name := range []string{"a", "b", "c"} { // holes: nothing is stored
		path := write(t, filepath.Join(dir, name), 0)
		if err := os.Truncate(path, 60<<20); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	var batches []int64
	c := serve(t, client.Credentials{}, func(w http.ResponseWriter, r *http.Request) {
		if _, ok := r.Header["Upload-Multiple"]; ok {
			n, err := io.Copy(io.Discard, r.Body)
			if err != nil {
				t.Errorf("read the body: %v", err)
			}
			batches = append(batches, n>>20)
		}
		reply(t, w, http.StatusAccepted, map[string]string{"rq_id": "x"})
	})
	if _, err := c.Upload(t.Context(), 7, paths, client.DataParams{}, nil); err != nil {
		t.Fatal(err)
	}
	if len(batches) != 3 {
		t.Errorf("180 MiB went in batches of %d MiB, want three, as two files are over 100 MiB", batches)
	}
}

func TestUploadRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, again := write(t, dir+"/one/a.jpg", 1), write(t, dir+"/two/a.jpg", 1)
	c := serve(t, client.Credentials{}, func(http.ResponseWriter, *http.Request) {
		t.Error("the server was called")
	})
	for want, paths := range map[string][]string{
		"one name":     {a, again},
		"no such file": {a, dir + "/none.jpg"},
		"a plain file": {dir},
	} {
		if _, err := c.Upload(t.Context(), 7, paths, client.DataParams{}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want one with %q", err, want)
		}
	}
}

func TestUploadNoticesAChangedFile(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int64{"shorter": 10, "longer": 5000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := write(t, t.TempDir()+"/a.jpg", 1000)
			c := serve(t, client.Credentials{}, func(w http.ResponseWriter, r *http.Request) {
				if _, ok := r.Header["Upload-Start"]; ok {
					if err := os.Truncate(path, size); err != nil {
						t.Error(err)
					}
				}
				_, _ = io.Copy(io.Discard, r.Body) // breaks off
				w.WriteHeader(http.StatusAccepted)
			})
			_, err := c.Upload(t.Context(), 7, []string{path}, client.DataParams{}, nil)
			if err == nil || !strings.Contains(err.Error(), "changed while it was sent") {
				t.Errorf("the error is %v, want it to say that the file changed", err)
			}
		})
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	states := []any{
		http.StatusBadGateway, // a restart
		client.Request{Status: "queued"},
		client.Request{Status: "started", Message: "probing"},
		client.Request{Status: "failed", Message: "no media\x1b", Code: "no_media"},
	}
	n := 0
	c := serve(t, client.Credentials{}, func(w http.ResponseWriter, r *http.Request) {
		if want := "/api/requests/" + pipeline.CreateRQID(7); r.URL.Path != want {
			t.Errorf("GET %s, want %s", r.URL.Path, want)
		}
		state := states[n]
		n++
		if status, ok := state.(int); ok {
			w.WriteHeader(status)
			return
		}
		reply(t, w, http.StatusOK, state)
	})
	var seen []string
	r, err := c.Wait(t.Context(), pipeline.CreateRQID(7), func(r client.Request) { seen = append(seen, r.Status) })
	if failed, ok := errors.AsType[*client.FailedError](err); !ok || failed.Request.Code != "no_media" || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("the error is %v, want a *FailedError that is safe to print", err)
	}
	if got := strings.Join(seen, " "); got != "queued started failed" || r.Status != "failed" {
		t.Errorf("saw %s and got %s, want each state once", got, r.Status)
	}
}

func TestWaitEnds(t *testing.T) {
	t.Parallel()
	c := serve(t, client.Credentials{}, func(w http.ResponseWriter, _ *http.Request) {
		reply(t, w, http.StatusOK, client.Request{Status: "started"})
	})
	errStop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	if _, err := c.Wait(ctx, "x", func(client.Request) { cancel(errStop) }); !errors.Is(err, errStop) {
		t.Errorf("the error is %v, want the cause of the context", err)
	}
}

func TestContentAddresses(t *testing.T) {
	t.Parallel()
	var got string
	c := serve(t, client.Credentials{}, func(w http.ResponseWriter, r *http.Request) {
		got = r.URL.Path + "?" + r.URL.RawQuery
		w.Header().Set("Content-Type", "image/jpeg")
		_, _ = io.WriteString(w, "abc")
	})
	ctx := t.Context()
	for want, read := range map[string]func() (*client.Content, error){
		"/api/tasks/7/data?number=3&quality=original&type=frame": func() (*client.Content, error) {
			return c.Frame(ctx, client.OfTask(7), 3, pipeline.Original)
		},
		"/api/tasks/7/data?number=3&quality=compressed&type=chunk": func() (*client.Content, error) {
			return c.Chunk(ctx, client.OfTask(7), 3, pipeline.Compressed)
		},
		"/api/jobs/8/data?index=0&quality=compressed&type=chunk": func() (*client.Content, error) {
			return c.Chunk(ctx, client.OfJob(8), 0, pipeline.Compressed)
		},
		"/api/jobs/8/preview?": func() (*client.Content, error) { return c.Preview(ctx, client.OfJob(8)) },
	} {
		content, err := read()
		if err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		text, err := io.ReadAll(content)
		if err := errors.Join(err, content.Close()); err != nil || string(text) != "abc" || content.Length != 3 || content.Type != "image/jpeg" {
			t.Errorf("%s: read %q of type %s and length %d, and %v", want, text, content.Type, content.Length, err)
		}
		if got != want {
			t.Errorf("asked for %s, want %s", got, want)
		}
	}
}

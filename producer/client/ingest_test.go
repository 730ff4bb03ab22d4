package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"framemill/producer/client"
)

// mill is a server that answers as a real one does, and remembers what it was
// told. Its requests go through states, the last of which stays.
type mill struct {
	t      *testing.T
	states []client.Request
	bad    []client.FileReport

	spec  client.TaskSpec
	data  client.DataParams
	files []string
}

func (m *mill) start() string {
	ok := func(v any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { reply(m.t, w, http.StatusOK, v) }
	}
	size := int64(2)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/tasks", func(w http.ResponseWriter, r *http.Request) {
		m.decode(r, &m.spec)
		reply(m.t, w, http.StatusCreated, client.Task{ID: 7})
	})
	mux.HandleFunc("POST /api/tasks/7/data", m.receive)
	mux.HandleFunc("GET /api/requests/{id}", func(w http.ResponseWriter, _ *http.Request) {
		reply(m.t, w, http.StatusOK, m.states[0])
		m.states = m.states[min(1, len(m.states)-1):]
	})
	mux.HandleFunc("GET /api/requests/{id}/files", func(w http.ResponseWriter, r *http.Request) {
		if m.bad == nil {
			http.NotFound(w, r)
			return
		}
		reply(m.t, w, http.StatusOK, map[string]any{"count": 1005, "next": nil, "results": m.bad})
	})
	mux.HandleFunc("GET /api/tasks/7", ok(client.Task{ID: 7, Size: 5, ChunkSize: &size}))
	mux.HandleFunc("GET /api/jobs", ok(map[string]any{"count": 2, "next": nil, "results": []client.Job{
		{ID: 1, FrameCount: 3}, {ID: 2, FrameCount: 2}, {ID: 3, FrameCount: 2, ParentID: &size},
	}}))
	server := httptest.NewServer(mux)
	m.t.Cleanup(server.Close)
	return server.URL
}

func (m *mill) receive(w http.ResponseWriter, r *http.Request) {
	if _, ok := r.Header["Upload-Multiple"]; ok {
		if err := r.ParseMultipartForm(1 << 20); err != nil {
			m.t.Errorf("parse the upload: %v", err)
		}
		for i := range r.MultipartForm.File {
			m.files = append(m.files, r.MultipartForm.File[i][0].Filename)
		}
	} else if _, ok := r.Header["Upload-Start"]; !ok {
		m.decode(r, &m.data)
	}
	reply(m.t, w, http.StatusAccepted, map[string]string{"rq_id": "action=create&target=task&target_id=7"})
}

func (m *mill) decode(r *http.Request, v any) {
	if err := json.NewDecoder(r.Body).Decode(v); err != nil {
		m.t.Errorf("decode the body of %s: %v", r.URL.Path, err)
	}
}

func TestIngest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"sub/a.jpg", "b.PNG", "notes.txt", ".hidden.jpg", ".git/c.jpg"} {
		write(t, filepath.Join(dir, name), 100)
	}
	half := 0.5
	m := &mill{t: t,
		states: []client.Request{
			{Status: "queued"}, {Status: "started", Message: "encoding 2 of 4", Progress: &half},
			{Status: "started", Message: "encoding 2 of 4", Progress: &half}, {Status: "finished"},
		},
		bad: []client.FileReport{{Name: "b.PNG\x1b", Outcome: "failed", Code: "decode_failed", Text: "cannot be decoded"}},
	}
	var out strings.Builder
	report, err := client.Ingest(t.Context(), client.Options{
		Server: m.start(), Files: []string{dir, write(t, t.TempDir()+"/named.txt", 5)}, Name: "demo",
		Labels: []string{"car", "person"}, SegmentSize: 3, Step: 2, UseCache: true,
	}, &out)
	if err != nil {
		t.Fatal(err)
	}
	if report.Frames != 5 || report.Jobs != 3 || report.Chunks != 3 || report.TaskID != 7 {
		t.Errorf("the report is %+v, want task 7 with 5 frames, 3 jobs and 3 chunks", report)
	}
	if len(m.files) != 3 {
		t.Errorf("the files %q were sent, want a.jpg, b.PNG and, because it was named, named.txt", m.files)
	}
	if m.spec.Name != "demo" || m.spec.SegmentSize != 3 || len(m.spec.Labels) != 2 {
		t.Errorf("the task is %+v", m.spec)
	}
	if want := (client.DataParams{ImageQuality: 70, FrameFilter: "step=2", UseCache: true, UseZipChunks: true}); !cmp.Equal(m.data, want) {
		t.Errorf("the parameters differ: %s", cmp.Diff(want, m.data))
	}
	wantLines(t, out.String(),
		`uploaded 100 % of 205.0 b`,
		`queued`, `started: encoding 2 of 4`, `finished`,
		"failed: b.PNG\uFFFD: cannot be decoded (decode_failed)",
		`and 1004 files more`,
		`5 frames, 3 jobs, 3 chunks in S s: URL/tasks/7`)
}

// wantLines compares the end of a text that people read.
func wantLines(t *testing.T, text string, want ...string) {
	t.Helper()
	text = regexp.MustCompile(`\d+\.\d s`).ReplaceAllString(text, "S s")
	text = regexp.MustCompile(`http://[0-9.:]+`).ReplaceAllString(text, "URL")
	got := strings.Split(strings.TrimSpace(text), "\n")
	got = got[max(0, len(got)-len(want)):]
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the output differs (-want +got): %s", diff)
	}
}

func TestIngestOfTheShare(t *testing.T) {
	t.Parallel()
	m := &mill{t: t, states: []client.Request{{Status: "finished"}}}
	_, err := client.Ingest(t.Context(), client.Options{Server: m.start(), Files: []string{"set/one/"}, Share: true, Quality: 50}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if want := (client.DataParams{ImageQuality: 50, UseZipChunks: true, ServerFiles: []string{"set/one/"}}); !cmp.Equal(m.data, want) {
		t.Errorf("the parameters differ: %s", cmp.Diff(want, m.data))
	}
	if m.spec.Name != "one" || m.files != nil {
		t.Errorf("the task is %q and the files %q were sent, want the task named after the folder and no files", m.spec.Name, m.files)
	}
}

func TestIngestThatFails(t *testing.T) {
	t.Parallel()
	m := &mill{t: t,
		states: []client.Request{{Status: "failed", Message: "no picture can be used"}},
		bad:    []client.FileReport{{Name: "a.jpg", Outcome: "failed", Text: "is empty"}},
	}
	var out strings.Builder
	report, err := client.Ingest(t.Context(), client.Options{Server: m.start(), Files: []string{write(t, t.TempDir()+"/a.jpg", 0)}}, &out)
	if _, ok := errors.AsType[*client.FailedError](err); !ok || report.TaskID != 7 {
		t.Errorf("the report is %+v and the error %v, want task 7 and a *FailedError", report, err)
	}
	if !strings.Contains(out.String(), "failed: a.jpg: is empty\n") {
		t.Errorf("the output does not name the file at fault: %s", out.String())
	}
	if strings.Contains(out.String(), "0 frames") {
		t.Errorf("a failure looks like a success: %s", out.String())
	}
}

func TestIngestRefusesBeforeThereIsATask(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir+"/one/a.jpg", 1)
	write(t, dir+"/two/a.jpg", 1)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the server was called") }))
	defer server.Close()
	for _, files := range [][]string{nil, {t.TempDir()}, {dir}, {dir + "/none"}} {
		t.Run(fmt.Sprint(len(files)), func(t *testing.T) {
			if _, err := client.Ingest(t.Context(), client.Options{Server: server.URL, Files: files}, io.Discard); err == nil {
				t.Errorf("the ingest of %q went well", files)
			}
		})
	}
}

func TestIngestOnATerminal(t *testing.T) {
	t.Parallel()
	screen, terminal := openTerminal(t)
	shown := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(screen) // ends with an error when the other side is closed
		shown <- string(text)
	}()
	half := 0.5
	m := &mill{t: t, states: []client.Request{{Status: "started", Message: "encoding", Progress: &half}, {Status: "finished"}}}
	report, err := client.Ingest(t.Context(), client.Options{Server: m.start(), Files: []string{write(t, t.TempDir()+"/a.jpg", 2048)}}, terminal)
	if err := errors.Join(err, terminal.Close()); err != nil || report.Frames != 5 {
		t.Fatalf("the report is %+v and the error %v", report, err)
	}
	text := <-shown
	for _, want := range []string{"upload [", "2.0 KiB / 2.0 KiB", "ingest [", "100 %", "done", "5 frames, 3 jobs, 3 chunks in "} {
		if !strings.Contains(text, want) {
			t.Errorf("the terminal does not show %q: %q", want, text)
		}
	}
}

// openTerminal returns a terminal of 120 columns and what it is shown on.
func openTerminal(t *testing.T) (screen, terminal *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	fd := int(screen.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 25, Col: 120}); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return screen, terminal
}

package contract_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"framemill/tests/contract"
	"framemill/tests/program"
	"framemill/tests/sample"
)

// TestContract walks the document on a running server. Every operation that is
// offered must succeed as it is meant and refuse what it should, and requests
// and answers must be those of the document.
func TestContract(t *testing.T) {
	t.Parallel()
	w, fleet := setOut(t)
	w.visit(t, serverVisits)
	w.visit(t, loginVisits)
	w.visit(t, taskVisits)
	w.visit(t, jobVisits)
	w.visit(t, projectVisits)
	w.visit(t, organizationVisits)
	w.visit(t, webhookVisits)
	w.visit(t, cloudVisits)
	// What waits for a consumer can be cancelled once there is none.
	fleet.Consumers[0].Kill()
	w.visit(t, cancelVisits)
	w.visitOthers(t)
	for op := range superset {
		if !w.accepted[op] {
			t.Errorf("%s, of which clients need more than the document says, was not tried", op)
		}
	}
	fmt.Println(w.score(t, contract.Core), w.score(t, contract.People))
}

// setOut starts a server with people, and makes tasks for the walk.
func setOut(t *testing.T) (*walk, *program.Fleet) {
	t.Helper()
	share := t.TempDir()
	if _, err := sample.Photos(filepath.Join(share, "photos"), 12, 160, 120); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(share, "notes.txt"), []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(receiver.Close)
	fleet := program.StartFleet(t, program.Config{Share: share, Flags: []string{"--egress-allow", "127.0.0.1/32"},
		Env: []string{"FRAMEMILL_KEY=a key that only this walk knows, of no use"}}, 1, 1)
	w := &walk{
		server: fleet.Producers[0], made: map[string]string{"receiver": receiver.URL, "bucket": bucket(t, filepath.Join(share, "photos"))}, accepted: map[string]bool{}, refused: map[string]bool{},
		client: &http.Client{Transport: contract.Transport(t, http.DefaultTransport)},
	}
	for _, name := range []string{ann, bob, dan, eve} {
		program.Run(t, program.Password+"\n", "user", "add", name, "--email", name+"@example.org",
			"--data", fleet.Config.Data, "--database-url", fleet.Config.DatabaseURL)
		var found struct{ Results []struct{ ID int64 } }
		w.server.JSON(t, http.MethodGet, "/api/users?username="+name, nil, &found)
		w.made[name] = fmt.Sprint(found.Results[0].ID)
	}
	var project struct{ ID int64 }
	w.server.JSON(t, http.MethodPost, "/api/projects", map[string]any{"name": "walked", "labels": []any{map[string]any{"name": "car"}}}, &project)
	w.made["project"] = fmt.Sprint(project.ID)
	photos := map[string]any{"server_files": []string{"photos/"}}
	w.made["task"], w.made["job"] = w.makeTask(t, map[string]any{"segment_size": 6, "project_id": project.ID, "labels": []any{}}, photos)
	photos["validation_params"] = map[string]any{"mode": "gt_pool", "frame_count": 4, "frames_per_job_count": 2}
	w.made["pool"], w.made["pool_job"] = w.makeTask(t, map[string]any{"segment_size": 4}, photos)
	return w, fleet
}

// makeTask makes a task with data, and returns its id and that of its first job.
func (w *walk) makeTask(t *testing.T, spec, data map[string]any) (task, job string) {
	t.Helper()
	id := w.server.Create(t, spec, data)
	w.server.AwaitIngest(t, id)
	var jobs struct{ Results []struct{ ID int64 } }
	w.server.JSON(t, http.MethodGet, fmt.Sprintf("/api/jobs?sort=id&task_id=%d", id), nil, &jobs)
	return fmt.Sprint(id), fmt.Sprint(jobs.Results[0].ID)
}

// visitOthers tries the operations that are not offered. Reads find nothing, and
// what finds nothing must be as the document says; writes are refused, so that
// no client believes that anything was kept. Telemetry alone may vanish.
func (w *walk) visitOthers(t *testing.T) {
	t.Helper()
	names := strings.NewReplacer("tasks/{id}", "tasks/$task", "jobs/{id}", "jobs/$job", "projects/{id}", "projects/$project",
		"{id}", "1", "{func_id}", "1", "{uuid}", "d9dfc5d6-1bc8-4d21-9c5b-3c6e4f0f0b6c")
	for _, op := range contract.Operations(t) {
		if class := contract.Class(op); class != contract.Notes && class != contract.Answered {
			continue
		}
		t.Run(op, func(t *testing.T) {
			method, path, _ := strings.Cut(op, " ")
			path = names.Replace(path)
			c := call{path: path, status: othersStatus(op)}
			if op == "POST /api/events" {
				c.body = `{"events":[],"timestamp":"2026-01-01T00:00:00Z"}`
			}
			answer, ok := w.send(t, method, c, op)
			if w.accepted[op] = ok; ok {
				checkSuperset(t, op, answer)
			}
		})
	}
}

// othersStatus is the answer to an operation that is not offered.
func othersStatus(op string) int {
	one := strings.HasSuffix(op, "}") || strings.HasSuffix(op, "}/data")
	switch {
	case op == "POST /api/events":
		return http.StatusCreated
	case !strings.HasPrefix(op, "GET ") || op == "GET /api/auth/rules":
		return http.StatusNotImplemented
	case one:
		return http.StatusNotFound
	}
	return http.StatusOK
}

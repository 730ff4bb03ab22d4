// Package badinput_test throws at a running server what people, broken clients
// and attackers send: hostile names, files that are not what they say, archives
// that climb or explode, bodies cut short. Each must get a clear refusal, or a
// failed request with a stable code; none may cost an internal error, a hang,
// memory, or anything that stays behind.
package badinput_test

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"framemill/pipeline/store"
	"framemill/tests/program"
	"framemill/tests/services"
)

const (
	// prompt is how long one answer may take.
	prompt = 2 * time.Second
	// soon is how long what a refusal leaves behind may stay.
	soon = 10 * time.Second

	stranger = "mallory" // a user who owns nothing
	worker   = "trudy"   // one who may only work on what is given to her
	nobody   = "-"       // a caller without credentials
)

// TestBadInput runs every group of attempts against one server, and then looks
// for what they left.
func TestBadInput(t *testing.T) {
	t.Parallel()
	b := setup(t, "")
	for _, group := range []struct {
		name string
		run  func(t *testing.T, b *bench)
	}{
		{"fields", tryFields},
		{"bodies", tryBodies},
		{"names", tryNames},
		{"pieces", tryPieces},
		{"pictures", tryPictures},
		{"archives", tryArchives},
		{"packed", tryPacked},
		{"clouds", tryClouds},
		{"documents", tryDocuments},
		{"videos", tryVideos},
		{"mixes", tryMixes},
		{"share", tryShare},
		{"changed", tryChangedShare},
		{"patches", tryPatches},
		{"validation", tryValidation},
		{"reading", tryReading},
		{"markup", tryMarkup},
		{"strangers", tryStrangers},
		{"wire", tryWire},
		{"sweep", trySweep},
		{"races", tryRaces},
		{"passwords", tryPasswords},
	} {
		t.Run(group.name, func(t *testing.T) { group.run(t, b) })
	}
	t.Run("afterwards", func(t *testing.T) { lookAfterwards(t, b) })
	b.ledger.show(t)
}

// TestBadInputOnPostgres runs the groups whose values reach the database
// against the other one, which is stricter about text and numbers.
func TestBadInputOnPostgres(t *testing.T) {
	t.Parallel()
	b := setup(t, services.Postgres(t))
	t.Run("fields", func(t *testing.T) { tryFields(t, b) })
	t.Run("pieces", func(t *testing.T) { tryPieces(t, b) })
	t.Run("patches", func(t *testing.T) { tryPatches(t, b) })
	t.Run("strangers", func(t *testing.T) { tryStrangers(t, b) })
	t.Run("sweep", func(t *testing.T) { trySweep(t, b) })
	t.Run("afterwards", func(t *testing.T) {
		failures := b.internalErrors(t)
		b.ledger.add(t, "no internal errors", fmt.Sprint(len(failures)), len(failures) == 0, strings.Join(failures, "\n"))
	})
	b.ledger.show(t)
}

// bench is the server under test and what is known of it.
type bench struct {
	*program.Server
	data  string // folder
	share string // folder
	db    *store.DB

	task int64            // a task with data, of 6 pictures
	job  int64            // its first job, of 3
	made map[string]int64 // ids of what else paths name, by name
	live map[int64]bool
	last int64 // the highest id of a task so far

	ledger ledger
}

// pictures and jobSize are those of the task that every bench has.
const (
	pictures = 6
	jobSize  = 3
)

// setup starts a server on a database, SQLite if none is given, and makes what
// the attempts need.
func setup(t *testing.T, databaseURL string) *bench {
	t.Helper()
	b := &bench{data: t.TempDir(), share: t.TempDir(), live: map[int64]bool{}, made: map[string]int64{}}
	b.Server = program.Up(t, program.Config{Data: b.data, Share: b.share, DatabaseURL: databaseURL,
		Flags: []string{"--log-json", "--egress-allow", "127.0.0.2/32"}})
	for name, group := range map[string]string{stranger: "user", worker: "worker"} {
		args := []string{"user", "add", name, "--group", group, "--data", b.data}
		if databaseURL != "" {
			args = append(args, "--database-url", databaseURL)
		}
		program.Run(t, program.Password+"\n", args...)
	}
	db, err := store.OpenBeside(context.Background(), cmp.Or(databaseURL, "sqlite:"+filepath.Join(b.data, "framemill.db")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	b.db = db
	for i := range pictures {
		b.write(t, fmt.Sprintf("good/%d.jpg", i), photo(i))
	}
	b.task = b.keep(t, "good/")
	var jobs struct{ Results []struct{ ID int64 } }
	b.JSON(t, http.MethodGet, fmt.Sprintf("/api/jobs?task_id=%d&sort=id", b.task), nil, &jobs)
	b.job = jobs.Results[0].ID
	var made struct{ ID int64 }
	b.JSON(t, http.MethodPost, "/api/organizations", map[string]any{"slug": "swept"}, &made)
	b.made["{org}"] = made.ID
	b.JSON(t, http.MethodPost, "/api/projects", map[string]any{"name": "swept", "labels": []any{map[string]any{"name": "car"}}}, &made)
	b.made["{project}"] = made.ID
	b.JSON(t, http.MethodPost, "/api/webhooks", map[string]any{
		"type": "project", "project_id": made.ID, "target_url": "http://127.0.0.2:9/", "events": []string{"create:issue"}, // which never happens
	}, &made)
	b.made["{webhook}"] = made.ID
	b.JSON(t, http.MethodGet, fmt.Sprintf("/api/labels?project_id=%d", b.made["{project}"]), nil, &jobs)
	b.made["{label}"] = jobs.Results[0].ID
	b.JSON(t, http.MethodGet, fmt.Sprintf("/api/memberships?org_id=%d", b.made["{org}"]), nil, &jobs)
	b.made["{membership}"] = jobs.Results[0].ID
	return b
}

// keep makes a task of files of the share that lives to the end.
func (b *bench) keep(t *testing.T, files ...string) int64 {
	t.Helper()
	task := b.Create(t, map[string]any{"segment_size": jobSize}, map[string]any{"server_files": files, "use_cache": true})
	b.AwaitIngest(t, task)
	b.live[task] = true
	return task
}

// write puts a file on the share.
func (b *bench) write(t *testing.T, name string, content []byte) {
	t.Helper()
	path := filepath.Join(b.share, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// fresh returns a new task without data, which is deleted with the test.
func (b *bench) fresh(t *testing.T, spec map[string]any) int64 {
	t.Helper()
	task := map[string]any{"name": t.Name(), "labels": []any{}}
	for k, v := range spec {
		task[k] = v
	}
	var made struct{ ID int64 }
	b.JSON(t, http.MethodPost, "/api/tasks", task, &made)
	b.last = max(b.last, made.ID)
	t.Cleanup(func() {
		status, body, err := b.Do(http.MethodDelete, fmt.Sprintf("/api/tasks/%d", made.ID), nil)
		if err != nil || status != http.StatusNoContent && status != http.StatusNotFound {
			t.Errorf("deleting task %d: status %d, %v: %s", made.ID, status, err, body)
		}
	})
	return made.ID
}

// at fills the ids of tasks into a path.
func (b *bench) at(t *testing.T, path string, spec map[string]any) (filled string, fresh int64) {
	t.Helper()
	if strings.Contains(path, "{fresh}") {
		fresh = b.fresh(t, spec)
	}
	for name, id := range b.made {
		path = strings.ReplaceAll(path, name, fmt.Sprint(id))
	}
	return strings.NewReplacer("{fresh}", fmt.Sprint(fresh), "{task}", fmt.Sprint(b.task), "{job}", fmt.Sprint(b.job),
		"{rq}", fmt.Sprintf("action=create%%26target=task%%26target_id=%d", b.task)).Replace(path), fresh
}

// leavesNothing fails the test unless a task that was refused has no data, no
// jobs and no files any more, within a short time.
func (b *bench) leavesNothing(t *testing.T, task int64) {
	t.Helper()
	ctx := context.Background()
	deadline := time.Now().Add(soon)
	for {
		left, err := b.leftOf(ctx, task)
		if err != nil {
			t.Fatal(err)
		}
		if left == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("task %d was refused, and still has %s after %s", task, left, soon)
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// leftOf says what a task has, "" for nothing.
func (b *bench) leftOf(ctx context.Context, task int64) (string, error) {
	uploads, err := b.db.UploadTotals(ctx, task)
	if err != nil {
		return "", err
	}
	segments, err := b.db.Segments(ctx, task)
	if err != nil {
		return "", err
	}
	if uploads.Files > 0 || len(segments) > 0 {
		return fmt.Sprintf("%d uploads and %d segments", uploads.Files, len(segments)), nil
	}
	return "", nil
}

package bench_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"framemill/tests/account"
	"framemill/tests/program"
	"framemill/tests/sample"
)

const (
	purged    = 1_000_000 // frames of the task that is deleted
	purgedFew = 3_000     // of the one that is deleted in every run
	// maxDelete is how long a deletion may take to answer.
	maxDelete = 100 * time.Millisecond
)

// BenchmarkPurge deletes a task of a million frames, and measures how soon that
// is answered.
func BenchmarkPurge(b *testing.B) {
	for _, w := range ways {
		b.Run(w.name, func(b *testing.B) {
			share := photos(b, purged)
			server, books, _ := w.start(b, program.Config{Share: share})
			for b.Loop() {
				if took := createAndDelete(b, server, books); took > maxDelete {
					b.Errorf("the deletion of a task of %d frames took %s, want at most %s", purged, took, maxDelete)
				}
			}
		})
	}
}

// TestPurgeLeavesNothing deletes a small task.
func TestPurgeLeavesNothing(t *testing.T) {
	t.Parallel()
	share := photos(t, purgedFew)
	server := program.Up(t, program.Config{Share: share})
	createAndDelete(t, server, account.Open(t, server.Config.Data, ""))
}

// photos makes a share with a folder of so many pictures.
func photos(t testing.TB, n int) (share string) {
	t.Helper()
	share = t.TempDir()
	pictures, err := sample.Photos(filepath.Join(share, "few"), 100, 64, 64)
	if err == nil {
		err = sample.Spread(filepath.Join(share, "all"), pictures, n)
	}
	if err != nil {
		t.Fatal(err)
	}
	return share
}

// createAndDelete makes a task of the share, deletes it, and waits until the
// database has as many rows and the blobs as many bytes as before. It returns
// how long the deletion took to answer.
func createAndDelete(t testing.TB, s *program.Server, books *account.Books) time.Duration {
	t.Helper()
	before := holdings(t, s, books)
	began := time.Now()
	task := s.Create(t, map[string]any{"segment_size": 1000}, map[string]any{"server_files": []string{"all/"}, "use_cache": true})
	for r := s.RequestOf(t, task); r.Status != "finished"; r = s.RequestOf(t, task) {
		if r.Status == "failed" {
			t.Fatalf("the ingest failed: %s", r.Message)
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.Frame(t, task, 0, "compressed") // a chunk
	during := holdings(t, s, books)
	created := time.Since(began)
	if during["frames"] <= before["frames"] || during["bytes of blobs"] <= before["bytes of blobs"] {
		t.Fatalf("the task left no trace: %v", during)
	}
	began = time.Now()
	s.JSON(t, http.MethodDelete, fmt.Sprintf("/api/tasks/%d", task), nil, nil)
	answered := time.Since(began)
	deadline := time.Now().Add(10 * time.Minute)
	for diff := "?"; diff != ""; diff = cmp.Diff(before, holdings(t, s, books)) {
		if time.Now().After(deadline) {
			t.Fatalf("what the purge left (-before +after):\n%s", diff)
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Logf("%d frames were created in %s, deleted in %s and purged in %s", during["frames"]-before["frames"],
		created.Round(time.Millisecond), answered.Round(100*time.Microsecond), time.Since(began).Round(time.Millisecond))
	return answered
}

// holdings counts the rows of every table that belongs to tasks, and the bytes
// of the blobs.
func holdings(t testing.TB, s *program.Server, books *account.Books) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	for _, table := range []string{
		"tasks", "data", "layouts", "labels", "attributes", "storages", "uploads", "requests", "events", "files", "frames",
		"segments", "jobs", "chunks", "units",
	} {
		out[table] = books.Int(t, `SELECT COUNT(*) FROM `+table)
	}
	err := filepath.WalkDir(filepath.Join(s.Config.Data, "blobs"), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return ignoreGone(err)
		}
		info, err := d.Info()
		if err == nil {
			out["bytes of blobs"] += info.Size()
		}
		return ignoreGone(err)
	})
	if err != nil {
		t.Fatalf("walk the blobs: %v", err)
	}
	return out
}

// ignoreGone is nil for a file that went away in the meantime.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Package fanout_test shows that one ingest is the work of all consumers.
package fanout_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"image/jpeg"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"framemill/tests/barcode"
	"framemill/tests/program"
	"framemill/tests/sample"
)

const (
	consumers = 3
	originals = 60   // different pictures
	files     = 2400 // the same pictures again and again
)

func TestOneIngestIsTheWorkOfAllConsumers(t *testing.T) {
	t.Parallel()
	share := t.TempDir()
	spread(t, share)
	fleet := program.StartFleet(t, program.Config{Share: share}, 1, consumers)
	server := fleet.Producers[0]

	began := time.Now()
	task := server.Create(t, map[string]any{"segment_size": 100},
		map[string]any{"server_files": []string{"many/"}, "use_cache": false})
	server.AwaitIngest(t, task)
	took := time.Since(began)

	var made struct {
		Size int
		Jobs struct{ Count int }
	}
	server.JSON(t, http.MethodGet, fmt.Sprintf("/api/tasks/%d", task), nil, &made)
	if made.Size != files || made.Jobs.Count != files/100 {
		t.Errorf("the task has %d frames in %d jobs, want %d in %d", made.Size, made.Jobs.Count, files, files/100)
	}
	for _, n := range []int{0, 1, 99, 100, 1234, files - 1} {
		img, err := jpeg.Decode(bytes.NewReader(server.Frame(t, task, n, "compressed")))
		if err != nil {
			t.Fatalf("frame %d: %v", n, err)
		}
		if got, err := barcode.Read(img); err != nil || got != n%originals {
			t.Errorf("frame %d shows picture %d, %v, want %d", n, got, err, n%originals)
		}
	}
	units := unitsByWorker(t, fleet.Config.DatabaseURL)
	t.Logf("%d pictures in %.1f s; units by consumer: %v", files, took.Seconds(), units)
	if len(units) != consumers {
		t.Errorf("%d of %d consumers worked: %v", len(units), consumers, units)
	}
}

// spread fills the folder many of the share with links to a few pictures.
func spread(t *testing.T, share string) {
	t.Helper()
	pictures, err := sample.Write(filepath.Join(share, "few"), originals)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(share, "many"), 0o755); err != nil {
		t.Fatal(err)
	}
	for n := range files {
		from := pictures[n%originals]
		name := fmt.Sprintf("%06d%s", n, filepath.Ext(from))
		if err := os.Link(from, filepath.Join(share, "many", name)); err != nil {
			t.Fatal(err)
		}
	}
}

// unitsByWorker counts the finished units of each consumer.
func unitsByWorker(t *testing.T, url string) map[string]int {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), `SELECT worker_id, COUNT(*) FROM units WHERE state = 'done' AND worker_id IS NOT NULL GROUP BY worker_id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := map[string]int{}
	for rows.Next() {
		var worker string
		var count int
		if err := rows.Scan(&worker, &count); err != nil {
			t.Fatal(err)
		}
		out[worker] = count
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

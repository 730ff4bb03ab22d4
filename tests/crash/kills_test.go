package crash_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"framemill/tests/account"
	"framemill/tests/program"
)

const (
	kills      = 40
	killUpload = 500 // uploads in all
	clients    = 6
	// perKill is how many uploads are let go between two kills.
	perKill = (killUpload + kills - 1) / kills
	// settleTime is how long the last uploads may take after the last kill.
	settleTime = 3 * time.Minute
	// minHits is how many kills must have hit units at work: the others prove
	// nothing.
	minHits = kills / 4
)

// TestUploadsSurviveKills uploads to the embedded default while it is killed
// again and again, and then accounts for every upload.
func TestUploadsSurviveKills(t *testing.T) {
	program.Proof(t)
	server := program.Up(t, program.Config{Data: t.TempDir()})
	dir := server.Config.Data
	led := newLedger(t, server.URL)

	let := make(chan struct{}, killUpload) // an upload may begin
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range clients {
		wg.Go(func() { led.upload(ctx, let) })
	}
	began := time.Now()
	var hits hits
	for range kills {
		before := led.uploads()
		for range perKill {
			let <- struct{}{}
		}
		led.await(min(before+1+rand.IntN(perKill-1), killUpload))
		server.Kill()
		hits.count(t, dir)
		server = server.Restart()
	}
	close(let)
	wg.Wait()
	last := time.Now()
	books := account.Open(t, dir, "")
	awaitQuiet(t, books)
	t.Logf("%d uploads by %d clients in %s, %d kills; drained %s after the last upload",
		led.uploads(), clients, last.Sub(began).Round(time.Millisecond), kills, time.Since(last).Round(time.Millisecond))
	server.Stop()

	hits.report(t)
	led.check(t, books)
	t.Logf("framemill verify: %s", program.Run(t, "", "verify", "--data", dir))
}

// awaitQuiet waits until every accepted request has ended.
func awaitQuiet(t *testing.T, books *account.Books) {
	t.Helper()
	deadline := time.Now().Add(settleTime)
	for books.Int(t, `SELECT COUNT(*) FROM requests WHERE state IN ('accepted', 'running')`) > 0 {
		if time.Now().After(deadline) {
			t.Fatalf("requests are still open %s after the last upload", settleTime)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// hits is what the kills hit.
type hits struct {
	running []int // units at work, by kill
	waiting []int // accepted requests that waited for a worker, by kill
}

// count looks at what a dead server left, in a copy of its database: opening
// the original would mend what the next start has to mend.
func (h *hits) count(t *testing.T, data string) {
	t.Helper()
	copied := t.TempDir()
	for _, name := range []string{"framemill.db", "framemill.db-wal"} {
		raw, err := os.ReadFile(filepath.Join(data, name))
		if os.IsNotExist(err) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(copied, name), raw, 0o600)
		}
		if err != nil {
			t.Fatalf("copy the database: %v", err)
		}
	}
	db, err := sql.Open("sqlite", account.SQLite(filepath.Join(copied, "framemill.db")))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var running, waiting int
	err = db.QueryRowContext(t.Context(), `
		SELECT (SELECT COUNT(*) FROM units WHERE state = 'running'), (SELECT COUNT(*) FROM requests WHERE state = 'accepted')`).
		Scan(&running, &waiting)
	if err != nil {
		t.Fatalf("read the database that a killed server left: %v", err)
	}
	h.running = append(h.running, running)
	h.waiting = append(h.waiting, waiting)
}

// report fails the proof if the kills hit too little.
func (h *hits) report(t *testing.T) {
	t.Helper()
	inWork, units := 0, 0
	for _, n := range h.running {
		units += n
		if n > 0 {
			inWork++
		}
	}
	t.Logf("%d of %d kills hit units at work, %d units in all; by kill: units at work %v, accepted and waiting %v",
		inWork, len(h.running), units, h.running, h.waiting)
	if inWork < minHits {
		t.Errorf("only %d kills hit units at work, want at least %d: this run proves nothing", inWork, minHits)
	}
}

// name is what the task of an upload is called, so that it is found again.
func name(upload int) string { return fmt.Sprintf("upload-%04d", upload) }

package fanout_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"framemill/pipeline"
	"framemill/tests/program"
)

// TestStalledConsumerIsFenced freezes a consumer for two leases, when it has
// done the work of one unit and not yet committed it, and is at work on others.
// When it wakes the commit is refused, and counted, and the rest is given up.
func TestStalledConsumerIsFenced(t *testing.T) {
	program.Proof(t)
	r := newRig(t, proofShare(t), 2, 2)
	victim := r.Consumers[1]
	task, request := r.start(t)
	r.busy(t, request, workerOf(t, victim))
	r.stopAtCommit(t, request, victim)
	held := r.heldBy(t, request, workerOf(t, victim))
	time.Sleep(2 * pipeline.LeaseTime)
	before := r.snapshot(t)
	victim.Continue()

	units := r.await(t, request)
	for id, was := range held {
		if u := units[id]; u.state != pipeline.UnitDone || u.fence <= was.fence {
			t.Errorf("unit %s is %s with fence %d, want it done by a later attempt than %d", id, u.state, u.fence, was.fence)
		}
	}
	poll(t, "every attempt of the stalled consumer to end", time.Minute, func() bool {
		return r.counted(t, victim, "framemill_units_ended_total", `verdict="stale"`) >= float64(len(held))
	})
	r.unchanged(t, before)
	commits := r.counted(t, victim, "framemill_stale_writes_refused_total", `write="commit"`)
	leases := r.counted(t, victim, "framemill_stale_writes_refused_total", `write="lease"`)
	t.Logf("paused a consumer that held %d units for %s: the commits of %v and the leases of %v were refused and counted; the ingest took %s",
		len(held), 2*pipeline.LeaseTime, commits, leases, r.took(t, request).Round(time.Millisecond))
	if commits == 0 {
		t.Error("the metrics of the stalled consumer count no commit that was refused")
	}
	if commits+leases != float64(len(held)) {
		t.Errorf("%v commits and %v leases were refused, want one for each of the %d units", commits, leases, len(held))
	}
	r.check(t, task)
}

// stopAtCommit freezes a consumer between the work of a unit and its commit. It
// holds the unit's row, as a slow database would, until the consumer waits for
// it, and lets it go when the consumer is frozen.
func (r *rig) stopAtCommit(t *testing.T, request int64, victim *program.Process) {
	t.Helper()
	tx, err := r.books.DB.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	var pid int
	var id string
	err = tx.QueryRowContext(t.Context(), `
		SELECT id, pg_backend_pid() FROM units
		WHERE request_id = $1 AND kind = $2 AND state = 'running' AND worker_id = $3
		ORDER BY id LIMIT 1 FOR UPDATE`, request, pipeline.ChunksEncode, workerOf(t, victim)).Scan(&id, &pid)
	if err != nil {
		t.Fatalf("hold the row of a unit that the consumer encodes: %v", err)
	}
	poll(t, "the consumer to begin the commit of unit "+id, proofTime, func() bool {
		return r.books.Int(t, fmt.Sprintf(`
			SELECT COUNT(*) FROM pg_stat_activity
			WHERE %d = ANY(pg_blocking_pids(pid)) AND query LIKE '%%FROM units%%FOR UPDATE%%'`, pid)) > 0
	})
	victim.Pause()
}

// file is what must not change of a published file.
type file struct {
	sum  [sha256.Size]byte
	same os.FileInfo
}

// snapshot reads the published files, without the lists of names, which go when
// the request ends.
func (r *rig) snapshot(t *testing.T) map[string]file {
	t.Helper()
	out := map[string]file{}
	err := filepath.WalkDir(filepath.Join(r.Config.Data, "blobs", "blobs"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "names" {
			return fs.SkipDir
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		out[path] = file{sha256.Sum256(content), info}
		return err
	})
	if err != nil {
		t.Fatalf("read the blobs: %v", err)
	}
	return out
}

// unchanged wants every file of a snapshot to be the same still, byte by byte.
func (r *rig) unchanged(t *testing.T, before map[string]file) {
	t.Helper()
	after := r.snapshot(t)
	for path, was := range before {
		now, there := after[path]
		if !there || now.sum != was.sum || !os.SameFile(now.same, was.same) {
			t.Errorf("%s was written over or removed", path)
		}
	}
	t.Logf("%d files were there before the consumer woke, none of them changed; %d after", len(before), len(after))
}

// counted adds up the series of a consumer's metric that have a label.
func (r *rig) counted(t *testing.T, p *program.Process, metric, label string) (sum float64) {
	t.Helper()
	m := regexp.MustCompile(`msg="metrics and health" url=(http://\S+)`).FindStringSubmatch(p.Log())
	if m == nil {
		t.Fatalf("the consumer does not tell where its metrics are:\n%s", p.Log())
	}
	resp, err := http.Get(m[1] + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		var n float64
		if _, err := fmt.Sscan(value, &n); err == nil && strings.HasPrefix(name, metric+"{") && strings.Contains(name, label) {
			sum += n
		}
	}
	return sum
}

package fanout_test

import (
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

	"github.com/redis/go-redis/v9"

	"framemill/pipeline"
	"framemill/tests/program"
)

const (
	// reclaimTime is how soon what a dead consumer held must run again.
	reclaimTime = pipeline.LeaseTime + 2*time.Second
)

// TestKilledConsumerAndEmptyRedis takes a consumer and everything that is in
// Redis away at once, in the middle of encoding.
func TestKilledConsumerAndEmptyRedis(t *testing.T) {
	program.Proof(t)
	r := newRig(t, proofShare(t), 2)
	victim := r.Consumers[1]
	task, request := r.start(t)
	held := r.busy(t, request, workerOf(t, victim))
	victim.Kill()
	killed := time.Now()
	r.flush(t)

	taken, again := r.recovery(t, request, held, killed)
	units := r.await(t, request)
	twice := 0
	for _, u := range units {
		if u.fence > 1 {
			twice++
		}
	}
	t.Logf("killed a consumer that held %d units and emptied Redis: they were taken back after %s and ran again after %s; "+
		"%d of %d units were done again; the ingest took %s", len(held), taken.Round(time.Millisecond),
		again.Round(time.Millisecond), twice, len(units), r.took(t, request).Round(time.Millisecond))
	if again > reclaimTime {
		t.Errorf("the units of the dead consumer were taken back after %s and ran again after %s, want at most %s",
			taken, again, reclaimTime)
	}
	if twice > len(held) {
		t.Errorf("%d units were done again, want at most the %d that the dead consumer held", twice, len(held))
	}
	r.check(t, task)
}

// recovery waits until all units that a dead consumer held run again, and
// returns how long it took until they were taken back, and until the first ran.
func (r *rig) recovery(t *testing.T, request int64, held map[string]unit, killed time.Time) (taken, again time.Duration) {
	t.Helper()
	poll(t, "the units of the dead consumer to run again", 3*reclaimTime, func() bool {
		back, running := 0, 0
		for id, u := range r.units(t, request) {
			was, ok := held[id]
			if ok && (u.fence > was.fence || u.state != pipeline.UnitRunning) {
				back++
			}
			if ok && u.fence > was.fence {
				running++
			}
		}
		if back == len(held) && taken == 0 {
			taken = time.Since(killed)
		}
		if running > 0 && again == 0 {
			again = time.Since(killed)
		}
		return running == len(held)
	})
	return taken, again
}

// flush empties Redis.
func (r *rig) flush(t *testing.T) {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: r.redis})
	defer c.Close()
	if err := c.FlushAll(t.Context()).Err(); err != nil {
		t.Fatalf("empty Redis: %v", err)
	}
}

// TestStalledConsumerIsFenced freezes a consumer for two leases in the middle
// of encoding: what it writes when it wakes is refused, and counted.
func TestStalledConsumerIsFenced(t *testing.T) {
	program.Proof(t)
	r := newRig(t, proofShare(t), 2)
	victim := r.Consumers[1]
	task, request := r.start(t)
	held := r.busy(t, request, workerOf(t, victim))
	victim.Pause()
	time.Sleep(2 * pipeline.LeaseTime)
	before := r.snapshot(t)
	victim.Continue()
	poll(t, "the stalled consumer to find out", time.Minute, func() bool {
		return strings.Contains(victim.Log(), "verdict=stale")
	})
	units := r.await(t, request)
	for id, was := range held {
		if u := units[id]; u.state != pipeline.UnitDone || u.fence <= was.fence {
			t.Errorf("unit %s is %s with fence %d, want it done by a later attempt than %d", id, u.state, u.fence, was.fence)
		}
	}
	r.unchanged(t, before)
	refused, stale := r.counted(t, victim)
	t.Logf("paused a consumer that held %d units for %s: %v attempts ended stale, %v writes were refused; the ingest took %s",
		len(held), 2*pipeline.LeaseTime, stale, refused, r.took(t, request).Round(time.Millisecond))
	if stale+refused == 0 {
		t.Error("the metrics of the stalled consumer count nothing that was refused")
	}
	r.check(t, task)
}

// file is what must not change of a published file.
type file struct {
	size    int64
	changed time.Time
	same    os.FileInfo
}

// snapshot lists the published files.
func (r *rig) snapshot(t *testing.T) map[string]file {
	t.Helper()
	out := map[string]file{}
	err := filepath.WalkDir(filepath.Join(r.Config.Data, "blobs", "blobs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		out[path] = file{info.Size(), info.ModTime(), info}
		return nil
	})
	if err != nil {
		t.Fatalf("list the blobs: %v", err)
	}
	return out
}

// unchanged wants every file of a snapshot to be the same still.
func (r *rig) unchanged(t *testing.T, before map[string]file) {
	t.Helper()
	after := r.snapshot(t)
	for path, was := range before {
		now, there := after[path]
		if !there || now.size != was.size || !now.changed.Equal(was.changed) || !os.SameFile(now.same, was.same) {
			t.Errorf("%s was written over or removed", path)
		}
	}
	t.Logf("%d files were there before the consumer woke, none of them changed; %d after", len(before), len(after))
}

// counted reads from the metrics of a consumer how many writes were refused and
// how many attempts ended stale.
func (r *rig) counted(t *testing.T, p *program.Process) (refused, stale float64) {
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
		var n float64
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if _, err := fmt.Sscan(value, &n); err != nil {
			continue
		}
		switch {
		case name == "framemill_stale_writes_refused_total":
			refused = n
		case strings.HasPrefix(name, "framemill_units_ended_total") && strings.Contains(name, `verdict="stale"`):
			stale += n
		}
	}
	return refused, stale
}

package fanout_test

import (
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
	r := newRig(t, proofShare(t), 2, 1)
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

package fanout_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"framemill/pipeline"
	"framemill/tests/account"
	"framemill/tests/program"
	"framemill/tests/sample"
	"framemill/tests/services"
)

// The ingest of the proofs: pictures that fill many units of encoding work, for
// their format has no short way from source to chunk.
const (
	proofOriginals = 100
	proofFiles     = 3000
	proofSegment   = 105
	proofOverlap   = 5
	// proofTime is how long an ingest may take before the proof gives up.
	proofTime = 5 * time.Minute
)

// look is how often a proof reads the rows of the units.
const look = 20 * time.Millisecond

// proofShare makes the share of the proofs.
func proofShare(t *testing.T) string {
	t.Helper()
	share := t.TempDir()
	pictures, err := sample.Stills(filepath.Join(share, "few"), proofOriginals, 640, 480)
	if err != nil {
		t.Fatal(err)
	}
	if err := sample.Spread(filepath.Join(share, "many"), pictures, proofFiles); err != nil {
		t.Fatal(err)
	}
	return share
}

// rig is a fleet and its books.
type rig struct {
	*program.Fleet
	books *account.Books
	redis string // address
}

// newRig starts a producer and consumers, and waits until all have joined. Each
// process has one core and some slots a lane, as a small host of its own.
func newRig(t *testing.T, share string, consumers, slots int) *rig {
	t.Helper()
	redis := services.Redis(t)
	fleet := program.StartFleet(t, program.Config{
		Share: share, RedisURL: "redis://" + redis + "/0",
		Flags: []string{"--workers", strconv.Itoa(slots)}, Env: []string{"GOMAXPROCS=1"},
	}, 1, consumers)
	r := &rig{Fleet: fleet, redis: redis, books: account.Open(t, fleet.Config.Data, fleet.Config.DatabaseURL)}
	poll(t, "the consumers to join", time.Minute, func() bool {
		return r.books.Int(t, `SELECT COUNT(*) FROM workers`) == int64(consumers)
	})
	return r
}

// start begins the ingest and returns the ids of its task and request.
func (r *rig) start(t *testing.T) (task, request int64) {
	t.Helper()
	task = r.Producers[0].Create(t, map[string]any{"segment_size": proofSegment, "overlap": proofOverlap},
		map[string]any{"server_files": []string{"many/"}, "use_cache": false})
	return task, r.books.Int(t, fmt.Sprintf(`SELECT id FROM requests WHERE task_id = %d`, task))
}

// unit is what the database says of a unit.
type unit struct {
	kind, state, worker string
	fence, lo, hi       int64
}

// units reads the units of a request.
func (r *rig) units(t *testing.T, request int64) map[string]unit {
	t.Helper()
	rows, err := r.books.DB.QueryContext(t.Context(), fmt.Sprintf(`
		SELECT id, kind, state, COALESCE(worker_id, ''), fence, lo, hi FROM units WHERE request_id = %d`, request))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := map[string]unit{}
	for rows.Next() {
		var id string
		var u unit
		if err := rows.Scan(&id, &u.kind, &u.state, &u.worker, &u.fence, &u.lo, &u.hi); err != nil {
			t.Fatal(err)
		}
		out[id] = u
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// await waits until the request is done, and returns the last that was seen of
// each unit: rows of ended requests are cleared away after a while.
func (r *rig) await(t *testing.T, request int64) map[string]unit {
	t.Helper()
	seen := map[string]unit{}
	poll(t, "the ingest to finish", proofTime, func() bool {
		for id, u := range r.units(t, request) {
			seen[id] = u
		}
		var state, text string
		err := r.books.DB.QueryRowContext(t.Context(), fmt.Sprintf(`SELECT state, text FROM requests WHERE id = %d`, request)).
			Scan(&state, &text)
		if err != nil || state == pipeline.RequestFailed {
			t.Fatalf("request %d is %s: %s, %v", request, state, text, err)
		}
		return state == pipeline.RequestDone
	})
	for id, u := range r.units(t, request) {
		seen[id] = u
	}
	return seen
}

// took returns how long a request took, by the database's clock: from its
// commit, which the 202 follows, to its end.
func (r *rig) took(t *testing.T, request int64) time.Duration {
	t.Helper()
	us := r.books.Int(t, fmt.Sprintf(`SELECT finished - created FROM requests WHERE id = %d`, request))
	return time.Duration(us) * time.Microsecond
}

// check holds the finished task against what it must be, and lets the program
// verify itself.
func (r *rig) check(t *testing.T, task int64) {
	t.Helper()
	err := r.books.Task(context.WithoutCancel(t.Context()), task, account.Want{
		Frames: proofFiles, SegmentSize: proofSegment, Overlap: proofOverlap,
		Picture: func(frame int64) int { return int(frame % proofOriginals) },
	})
	if err != nil {
		t.Errorf("the task is not whole: %v", err)
	}
	t.Logf("framemill verify: %s", program.Run(t, "", "verify", "--data", r.Config.Data, "--database-url", r.Config.DatabaseURL))
}

// busy waits until a consumer is in the middle of encoding, some units are done
// and many are not, and returns the encoding units that it holds.
func (r *rig) busy(t *testing.T, request int64, worker string) (held map[string]unit) {
	t.Helper()
	poll(t, "a consumer to encode", proofTime, func() bool {
		done := 0
		for _, u := range r.units(t, request) {
			if u.kind == string(pipeline.ChunksEncode) && u.state == pipeline.UnitDone {
				done++
			}
		}
		held = r.heldBy(t, request, worker)
		return done >= 2 && len(held) > 0
	})
	time.Sleep(300 * time.Millisecond) // into the unit
	return held
}

// heldBy lists the encoding units that a consumer runs.
func (r *rig) heldBy(t *testing.T, request int64, worker string) map[string]unit {
	t.Helper()
	held := r.units(t, request)
	maps.DeleteFunc(held, func(_ string, u unit) bool {
		return u.kind != string(pipeline.ChunksEncode) || u.state != pipeline.UnitRunning || u.worker != worker
	})
	return held
}

// workerOf returns the id of a consumer's row, which its log tells.
func workerOf(t *testing.T, p *program.Process) string {
	t.Helper()
	m := regexp.MustCompile(`msg="consumer ready" worker=(\S+)`).FindStringSubmatch(p.Log())
	if m == nil {
		t.Fatalf("the consumer has not told its id:\n%s", p.Log())
	}
	return m[1]
}

// poll asks until the answer is yes.
func poll(t *testing.T, what string, atMost time.Duration, ask func() bool) {
	t.Helper()
	deadline := time.Now().Add(atMost)
	for !ask() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s", atMost, what)
		}
		time.Sleep(look)
	}
}

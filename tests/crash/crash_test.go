// Package crash_test breaks a running fleet in every way that an operator
// meets, and then accounts for every frame of every accepted ingest.
package crash_test

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"framemill/tests/barcode"
	"framemill/tests/program"
	"framemill/tests/sample"
	"framemill/tests/services"
)

const (
	pictures      = 24
	segmentSize   = 10
	jobs          = 3 // of 10, 10 and 4 frames
	consumers     = 3
	tasksPerFault = 4
	rounds        = 2
	// between is how long the fleet works before the next fault.
	between = 400 * time.Millisecond
)

// fleet is what the faults are done to.
type fleet struct {
	*program.Fleet
	server *program.Server
	redis  string // address
	paused []*program.Process
}

// fault is one thing that goes wrong.
type fault struct {
	name string
	do   func(t *testing.T, f *fleet)
}

var faults = []fault{
	{"a consumer is killed", killConsumer},
	{"Redis forgets everything", flushRedis},
	{"the producer is killed", killProducer},
	{"a consumer stalls and comes back as a zombie", pauseConsumer},
	{"a consumer is drained", drainConsumer},
}

func TestNothingAcceptedIsLost(t *testing.T) {
	t.Parallel()
	share := t.TempDir()
	if _, err := sample.Write(filepath.Join(share, "pictures"), pictures); err != nil {
		t.Fatal(err)
	}
	redis := services.Redis(t)
	started := program.StartFleet(t, program.Config{Share: share, RedisURL: "redis://" + redis + "/0"}, 1, consumers)
	f := &fleet{Fleet: started, server: started.Producers[0], redis: redis}

	var tasks []int64
	for range rounds {
		for _, fault := range faults {
			for range tasksPerFault {
				tasks = append(tasks, f.server.Create(t, map[string]any{"segment_size": segmentSize},
					map[string]any{"server_files": []string{"pictures/"}, "use_cache": len(tasks)%2 == 0}))
			}
			t.Logf("after %d accepted ingests: %s", len(tasks), fault.name)
			fault.do(t, f)
			time.Sleep(between)
		}
	}
	for _, zombie := range f.paused {
		zombie.Continue()
	}
	for _, task := range tasks {
		f.server.AwaitIngest(t, task)
		whole(t, f.server, task)
	}
}

// whole checks that a task is whole: no frame and no job is missing, doubled
// or another's.
func whole(t *testing.T, s *program.Server, task int64) {
	t.Helper()
	var made struct {
		Size int
		Jobs struct{ Count int }
	}
	s.JSON(t, http.MethodGet, fmt.Sprintf("/api/tasks/%d", task), nil, &made)
	if made.Size != pictures || made.Jobs.Count != jobs {
		t.Errorf("task %d has %d frames in %d jobs, want %d in %d", task, made.Size, made.Jobs.Count, pictures, jobs)
	}
	for n := range made.Size {
		img, err := jpeg.Decode(bytes.NewReader(s.Frame(t, task, n, "compressed")))
		if err != nil {
			t.Fatalf("frame %d of task %d: %v", n, task, err)
		}
		if got, err := barcode.Read(img); err != nil || got != n {
			t.Errorf("frame %d of task %d shows picture %d, %v", n, task, got, err)
		}
	}
}

// next takes the consumer that has run longest out of the fleet and starts
// another in its place.
func (f *fleet) next(t *testing.T) *program.Process {
	t.Helper()
	oldest := f.Consumers[0]
	f.Consumers = f.Consumers[1:]
	f.AddConsumer(t)
	return oldest
}

func killConsumer(t *testing.T, f *fleet) { f.next(t).Kill() }

func drainConsumer(t *testing.T, f *fleet) { f.next(t).Stop() }

func pauseConsumer(t *testing.T, f *fleet) {
	p := f.next(t)
	p.Pause()
	f.paused = append(f.paused, p)
}

func killProducer(t *testing.T, f *fleet) {
	f.server.Kill()
	f.server = f.server.Restart()
}

func flushRedis(t *testing.T, f *fleet) {
	conn, err := net.DialTimeout("tcp", f.redis, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answer := make([]byte, 5)
	if _, err := fmt.Fprint(conn, "FLUSHALL\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(answer); err != nil || string(answer) != "+OK\r\n" {
		t.Fatalf("FLUSHALL answered %q, %v", answer, err)
	}
}

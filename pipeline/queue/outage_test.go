package queue_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/queue"
	"framemill/tests/services"
)

func TestRedisIsKilledAndComesBack(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	kill := startRedis(t, port, "--save", "")
	q, in := open(t, "redis://127.0.0.1:"+port), make(inbox, 10)
	serve(t, q, in.handle, pipeline.Interactive)
	m := message()
	send(t, q, m, pipeline.Interactive)
	in.expect(t, m)

	kill()
	begin := time.Now()
	if err := q.Send(t.Context(), message(), pipeline.UploadRun, pipeline.Interactive); err == nil {
		t.Error("Send succeeded without Redis")
	}
	q.Kick() // waits for nobody
	q.Ring(pipeline.Interactive)
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("Send without Redis took %s, want it bounded", took)
	}
	before := q.Stats().Polls
	<-time.After(2 * time.Second)
	if got := q.Stats().Polls - before; got > 10 {
		t.Errorf("a server without Redis asked %d times in 2 s, want at most 5 times a second", got)
	}

	startRedis(t, port, "--save", "")
	m.Gen++
	eventually(t, func() bool {
		return q.Send(t.Context(), m, pipeline.UploadRun, pipeline.Interactive) == nil
	}, func() any { return q.Ping(t.Context()) })
	in.expect(t, m)
}

func TestServerStartsAndEndsWithoutRedis(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	q, in := open(t, "redis://127.0.0.1:"+port), make(inbox, 1)
	serve(t, q, in.handle, pipeline.Bulk)
	stopped := serve(t, q, in.handle, pipeline.Background)
	begin := time.Now()
	if err := stopped.Shutdown(); err != nil {
		t.Errorf("shut down without Redis: %v", err)
	}
	if took := time.Since(begin); took > patience {
		t.Errorf("shutting down without Redis took %s", took)
	}
	startRedis(t, port, "--save", "")
	m := message()
	send(t, q, m, pipeline.Bulk)
	in.expect(t, m)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		args  []string
		url   string // %s is host and port
		level queue.Level
		want  string
	}{
		{name: "as it should be", args: []string{"--appendonly", "yes"}},
		{name: "snapshots", args: []string{"--save", "60 1"}},
		{name: "nothing on disk", args: []string{"--save", ""}, level: queue.Warning, want: "appendonly yes"},
		{name: "evicts", args: []string{"--appendonly", "yes", "--maxmemory-policy", "allkeys-lru"}, level: queue.Wrong, want: "CONFIG SET maxmemory-policy noeviction"},
		{name: "no CONFIG", args: []string{"--rename-command", "CONFIG", ""}, level: queue.Unchecked, want: "does not permit CONFIG"},
		{name: "no INFO", args: []string{"--rename-command", "INFO", ""}, level: queue.Unchecked, want: "does not permit INFO"},
		{name: "password wanted", args: []string{"--requirepass", "x"}, level: queue.Wrong, want: "wants a password"},
		{name: "wrong password", args: []string{"--requirepass", "x"}, url: "redis://:y@%s", level: queue.Wrong, want: "refuses the user or the password"},
		{name: "replica", args: []string{"--appendonly", "yes", "--replicaof", "127.0.0.1 1"}, level: queue.Wrong, want: "read-only replica"},
		{name: "no such database", url: "redis://%s/99", args: []string{"--appendonly", "yes"}, level: queue.Wrong, want: "no database"},
		{name: "node of a cluster", args: []string{"--appendonly", "yes", "--cluster-enabled", "yes", "--cluster-port", freePort(t)}, level: queue.Wrong, want: "use redis+cluster://"},
		{name: "no cluster", url: "redis+cluster://%s", args: []string{"--appendonly", "yes"}, level: queue.Wrong, want: "not a cluster"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			port, url := freePort(t), "redis://%s"
			if tt.url != "" {
				url = tt.url
			}
			startRedis(t, port, tt.args...)
			expectFinding(t, fmt.Sprintf(url, "127.0.0.1:"+port), tt.level, tt.want)
		})
	}
}

func expectFinding(t *testing.T, url string, level queue.Level, want string) {
	t.Helper()
	got := open(t, url).Check(t.Context())
	switch {
	case level == "" && len(got) != 0:
		t.Errorf("Check found %q, want nothing", got)
	case level != "" && (len(got) != 1 || got[0].Level != level || !strings.Contains(got[0].Text, want)):
		t.Errorf("Check found %q, want one %s with %q", got, level, want)
	}
}

func TestCheckWithoutRedis(t *testing.T) {
	t.Parallel()
	expectFinding(t, "", "", "")
	expectFinding(t, "redis://127.0.0.1:"+freePort(t), queue.Down, "is it running?")
	expectFinding(t, "redis-sentinel://127.0.0.1:"+freePort(t)+"/main", queue.Down, "is it running?")
	expectFinding(t, "redis+cluster://127.0.0.1:"+freePort(t), queue.Down, "is it running?")
	expectFinding(t, "redis://no.such.host.invalid", queue.Down, "cannot be resolved")
	expectFinding(t, "redis://"+parrot(t, "-LOADING Redis is loading the dataset in memory\r\n"), queue.Down, "loading its data")
	expectFinding(t, "redis://"+parrot(t, ""), queue.Down, "does not answer in time")
	if err := open(t, "redis://127.0.0.1:"+freePort(t)).Ping(t.Context()); err == nil {
		t.Error("Ping succeeded without Redis")
	}
}

// parrot listens and gives one answer to whatever it hears.
func parrot(t *testing.T, answer string) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for b := make([]byte, 4096); ; {
					if _, err := c.Read(b); err != nil {
						return
					}
					_, _ = c.Write([]byte(answer))
				}
			}()
		}
	}()
	return l.Addr().String()
}

func TestCluster(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	startRedis(t, port, "--appendonly", "yes", "--cluster-enabled", "yes", "--cluster-port", freePort(t), "--cluster-announce-ip", "127.0.0.1")
	node := raw(t, "redis://127.0.0.1:"+port)
	if err := node.ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool {
		return strings.Contains(node.ClusterInfo(t.Context()).Val(), "cluster_state:ok")
	}, func() any { return node.ClusterInfo(t.Context()) })
	exercise(t, "redis+cluster://127.0.0.1:"+port)
}

func TestSentinel(t *testing.T) {
	t.Parallel()
	primary, port := freePort(t), freePort(t)
	startRedis(t, primary, "--appendonly", "yes")
	conf := filepath.Join(t.TempDir(), "sentinel.conf")
	if err := os.WriteFile(conf, []byte("sentinel monitor main 127.0.0.1 "+primary+" 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	startRedis(t, port, conf, "--sentinel")
	exercise(t, "redis-sentinel://127.0.0.1:"+port+"/main?db=1")
}

// exercise does once whatever a queue does.
func exercise(t *testing.T, url string) {
	t.Helper()
	q, other, in := open(t, url), open(t, url), make(inbox, 10)
	if got := q.Check(t.Context()); len(got) != 0 {
		t.Errorf("Check found %q, want nothing", got)
	}
	m := message()
	send(t, q, m, pipeline.Background)
	expectState(t, q, pipeline.Background, m, queue.Pending)
	if got, err := q.Depths(t.Context()); err != nil || got[pipeline.Background] != 1 {
		t.Errorf("depths are %v (%v), want 1 on background", got, err)
	}
	serve(t, other, in.handle, pipeline.Lanes()...)
	in.expect(t, m)
	for _, lane := range pipeline.Lanes() {
		m := message()
		send(t, q, m, lane)
		q.Ring(lane)
		in.expect(t, m)
		expectState(t, q, lane, m, queue.Gone)
	}
	expectKick(t, q)
	expectKick(t, other)
	q.Kick()
	expectKick(t, other)
}

func TestEmbeddedWantsItsPassword(t *testing.T) {
	t.Parallel()
	e, err := queue.StartEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	_, addr, _ := strings.Cut(e.URL(), "@")
	expectFinding(t, "redis://"+addr, queue.Wrong, "wants a password")
}

func TestEmbeddedForgetsInTime(t *testing.T) {
	t.Parallel()
	e, err := queue.StartEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	rc := raw(t, e.URL())
	rc.Set(t.Context(), "k", "v", 100*time.Millisecond)
	eventually(t, func() bool { return rc.Exists(t.Context(), "k").Val() == 0 },
		func() any { return "a key outlived its time" })
}

func TestFullRedisRefusesAndRecovers(t *testing.T) {
	t.Parallel()
	url := "redis://" + services.Redis(t)
	q, rc := open(t, url), raw(t, url)
	rc.ConfigSet(t.Context(), "maxmemory", "1")
	m := message()
	if err := q.Send(t.Context(), m, pipeline.UploadRun, pipeline.Bulk); err == nil || !strings.Contains(err.Error(), "OOM") {
		t.Errorf("Send to a full Redis: %v, want OOM", err)
	}
	rc.ConfigSet(t.Context(), "maxmemory", "0")
	send(t, q, m, pipeline.Bulk)
}

func TestSendHonoursItsContext(t *testing.T) {
	t.Parallel()
	q := open(t, "redis://"+parrot(t, "")) // accepts, never answers
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if err := q.Send(ctx, message(), pipeline.UploadRun, pipeline.Bulk); err == nil {
		t.Error("Send succeeded without an answer")
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("Send took %s although its context ended", took)
	}
}

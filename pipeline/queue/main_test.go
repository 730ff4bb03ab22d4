package queue_test

import (
	"context"
	"flag"
	"log/slog"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"framemill/pipeline"
	"framemill/pipeline/queue"
	"framemill/tests/services"
)

// patience bounds every wait of these tests. It is long because the machine
// may be busy; nothing waits for it when all is well.
const patience = 20 * time.Second

// atOnce is how many of these tests run at a time. They wait for each other's
// messages and for clocks, and hardly compute.
const atOnce = "16"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", atOnce); err != nil {
		panic(err)
	}
	queue.LogDriver(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

// onEachRedis runs a test against a real Redis and the embedded one, each
// belonging to the test alone.
func onEachRedis(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("redis-server", func(t *testing.T) {
		t.Parallel()
		test(t, "redis://"+services.Redis(t))
	})
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		e, err := queue.StartEmbedded()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(e.Close)
		test(t, e.URL())
	})
}

func open(t testing.TB, url string) *queue.Queue {
	t.Helper()
	q, err := queue.Open(t.Context(), queue.Config{URL: url}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("open queue: %v", err)
	}
	t.Cleanup(func() {
		if err := q.Close(); err != nil {
			t.Errorf("close queue: %v", err)
		}
	})
	return q
}

func serve(t testing.TB, q *queue.Queue, h queue.Handler, lanes ...pipeline.Lane) *queue.Server {
	t.Helper()
	return serveUntil(t, q, t.Context(), h, lanes...)
}

func serveUntil(t testing.TB, q *queue.Queue, drain context.Context, h queue.Handler, lanes ...pipeline.Lane) *queue.Server {
	t.Helper()
	s, err := q.Serve(drain, queue.ServerConfig{Lanes: lanes, Slots: 2, ShutdownTimeout: 2 * time.Second}, h)
	if err != nil {
		t.Fatalf("serve %v: %v", lanes, err)
	}
	t.Cleanup(func() {
		if err := s.Shutdown(); err != nil {
			t.Errorf("shut down server: %v", err)
		}
	})
	return s
}

// inbox is a handler that hands messages to the test.
type inbox chan pipeline.Message

func (in inbox) handle(_ context.Context, _ pipeline.MessageKind, m pipeline.Message) error {
	in <- m
	return nil
}

func (in inbox) expect(t testing.TB, want pipeline.Message) {
	t.Helper()
	select {
	case got := <-in:
		if got != want {
			t.Fatalf("received %+v, want %+v", got, want)
		}
	case <-time.After(patience):
		t.Fatalf("%+v was not received within %s", want, patience)
	}
}

func message() pipeline.Message {
	return pipeline.Message{V: pipeline.MessageVersion, ID: pipeline.NewUnitID(), Gen: 1}
}

func send(t testing.TB, q *queue.Queue, m pipeline.Message, lane pipeline.Lane) {
	t.Helper()
	if err := q.Send(t.Context(), m, pipeline.ChunksEncode, lane); err != nil {
		t.Fatalf("send: %v", err)
	}
}

func expectState(t testing.TB, q *queue.Queue, lane pipeline.Lane, m pipeline.Message, want queue.MessageState) {
	t.Helper()
	var got queue.MessageState
	var err error
	eventually(t, func() bool {
		got, err = q.State(t.Context(), lane, m.ID, m.Gen)
		return err == nil && got == want
	}, func() any { return []any{"state is", got, err, "want", want} })
}

// eventually polls until ok, and fails with what says() then.
func eventually(t testing.TB, ok func() bool, says func() any) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("after %s: %v", patience, says())
		}
	}
}

// raw returns a client that does to Redis what the queue does not offer.
func raw(t testing.TB, url string) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// freePort returns a port that was free a moment ago.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// startRedis starts redis-server with arguments of its own, waits until it
// listens, and returns what kills it.
func startRedis(t testing.TB, port string, args ...string) (kill func()) {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is not installed: run tools/install tests")
	}
	var log strings.Builder
	cmd := exec.Command(bin, append(args, "--port", port, "--bind", "127.0.0.1", "--dir", t.TempDir())...)
	cmd.Stdout = &log
	if err := cmd.Start(); err != nil {
		t.Fatalf("start redis-server: %v", err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	kill = func() {
		_ = cmd.Process.Kill()
		<-ended
	}
	t.Cleanup(kill)
	eventually(t, func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}, func() any { kill(); return "redis-server does not listen:\n" + log.String() })
	return kill
}

// syncBuffer is a log that a test reads while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

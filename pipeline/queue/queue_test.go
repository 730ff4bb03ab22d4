package queue_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"framemill/pipeline"
	"framemill/pipeline/queue"
)

func TestSendAndReceive(t *testing.T) {
	t.Parallel()
	onEachRedis(t, func(t *testing.T, url string) {
		q, in := open(t, url), make(inbox, 10)
		serve(t, q, in.handle, pipeline.Interactive)
		serve(t, q, in.handle, pipeline.Bulk, pipeline.Background)
		for _, lane := range pipeline.Lanes() {
			m := message()
			send(t, q, m, lane)
			q.Ring(lane)
			in.expect(t, m)
			expectState(t, q, lane, m, queue.Gone)
		}
	})
}

func TestEveryLaneIsSeenWithoutARing(t *testing.T) {
	t.Parallel()
	onEachRedis(t, func(t *testing.T, url string) {
		q, in := open(t, url), make(inbox, 10)
		serve(t, q, in.handle, pipeline.Lanes()...)
		for _, lane := range pipeline.Lanes() {
			m := message()
			send(t, q, m, lane)
			in.expect(t, m)
		}
	})
}

func TestSendTwiceIsOnce(t *testing.T) {
	t.Parallel()
	onEachRedis(t, func(t *testing.T, url string) {
		q, m := open(t, url), message()
		send(t, q, m, pipeline.Bulk)
		send(t, q, m, pipeline.Bulk)
		next := m
		next.Gen++
		send(t, q, next, pipeline.Bulk)
		if got := q.Stats(); got.Sent != 2 || got.AlreadySent != 1 {
			t.Errorf("stats are %+v, want 2 sent and 1 already sent", got)
		}
		depths, err := q.Depths(t.Context())
		if err != nil || depths[pipeline.Bulk] != 2 || depths[pipeline.Interactive] != 0 {
			t.Errorf("depths are %v (%v), want 2 on bulk", depths, err)
		}
	})
}

func TestFlushIsSurvived(t *testing.T) {
	t.Parallel()
	onEachRedis(t, func(t *testing.T, url string) {
		q, in, rc := open(t, url), make(inbox, 10), raw(t, url)
		m := message()
		send(t, q, m, pipeline.Bulk)
		rc.FlushAll(t.Context())
		expectState(t, q, pipeline.Bulk, m, queue.Gone)
		serve(t, q, in.handle, pipeline.Bulk)
		for range 3 {
			rc.FlushAll(t.Context())
			rc.ScriptFlush(t.Context())
			m.Gen++
			send(t, q, m, pipeline.Bulk)
			q.Ring(pipeline.Bulk)
			in.expect(t, m)
		}
		rc.FlushAll(t.Context())
		if err := q.Register(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := rc.SMembers(t.Context(), "asynq:queues").Val(); len(got) != len(pipeline.Lanes()) {
			t.Errorf("after Register asynq knows the queues %v, want every lane", got)
		}
	})
}

func TestStateAfterFlushKnowsNewMessages(t *testing.T) {
	t.Parallel()
	onEachRedis(t, func(t *testing.T, url string) {
		q, m := open(t, url), message()
		send(t, q, m, pipeline.Bulk)
		raw(t, url).FlushAll(t.Context())
		m.Gen++
		send(t, q, m, pipeline.Bulk) // asynq does not register the queue again
		expectState(t, q, pipeline.Bulk, m, queue.Pending)
	})
}

func TestStates(t *testing.T) {
	t.Parallel()
	onEachRedis(t, func(t *testing.T, url string) {
		q, started, goOn := open(t, url), make(inbox, 1), make(chan error)
		m := message()
		expectState(t, q, pipeline.Bulk, m, queue.Gone)
		send(t, q, m, pipeline.Bulk)
		expectState(t, q, pipeline.Bulk, m, queue.Pending)
		serve(t, q, func(_ context.Context, _ pipeline.MessageKind, m pipeline.Message) error {
			started <- m
			return <-goOn
		}, pipeline.Bulk)
		started.expect(t, m)
		expectState(t, q, pipeline.Bulk, m, queue.Active)
		if err := q.Delete(t.Context(), pipeline.Bulk, m.ID, m.Gen); err == nil {
			t.Error("deleting an active message succeeded, want an error")
		}
		goOn <- errors.New("the database is away")
		expectState(t, q, pipeline.Bulk, m, queue.Retry)
		expectDeleted(t, q, m)

		m = message()
		send(t, q, m, pipeline.Bulk)
		started.expect(t, m)
		goOn <- queue.Terminal(pipeline.Failf(pipeline.CodeDecodeFailed, "secret.png", "not a picture"))
		expectState(t, q, pipeline.Bulk, m, queue.Archived)
		send(t, q, m, pipeline.Bulk)
		if got := q.Stats().AlreadySent; got != 1 {
			t.Errorf("an archived generation was sent again (already sent = %d, want 1)", got)
		}
		expectDeleted(t, q, m)
		expectDeleted(t, q, message())
	})
}

func expectDeleted(t *testing.T, q *queue.Queue, m pipeline.Message) {
	t.Helper()
	if err := q.Delete(t.Context(), pipeline.Bulk, m.ID, m.Gen); err != nil {
		t.Fatalf("delete: %v", err)
	}
	expectState(t, q, pipeline.Bulk, m, queue.Gone)
}

// enqueue puts on the queue what the queue itself never does.
func enqueue(t *testing.T, url string, task *asynq.Task, opts ...asynq.Option) {
	t.Helper()
	if _, err := asynq.NewClientFromRedisClient(raw(t, url)).EnqueueContext(t.Context(), task, opts...); err != nil {
		t.Fatal(err)
	}
}

func TestStatesOfForeignMessages(t *testing.T) {
	t.Parallel()
	onEachRedis(t, func(t *testing.T, url string) {
		q, m, n := open(t, url), message(), message()
		task := asynq.NewTask(string(pipeline.TaskPurge), []byte(`{"v":1,"id":"x"}`))
		enqueue(t, url, task, asynq.Queue("bulk"), asynq.TaskID(string(m.ID)+":1"), asynq.ProcessIn(time.Hour))
		expectState(t, q, pipeline.Bulk, m, queue.Scheduled)
		serve(t, q, make(inbox, 1).handle, pipeline.Background)
		enqueue(t, url, task, asynq.Queue("background"), asynq.TaskID(string(n.ID)+":1"), asynq.Retention(time.Hour))
		expectState(t, q, pipeline.Background, n, queue.Completed)
	})
}

func TestMessagesNotUnderstoodAreDropped(t *testing.T) {
	t.Parallel()
	onEachRedis(t, func(t *testing.T, url string) {
		tests := []struct{ name, kind, payload string }{
			{"newer version", "chunks:encode", `{"v":2,"id":"x","gen":1}`},
			{"not JSON", "chunks:encode", "\x00\xff"},
			{"empty", "chunks:encode", ""},
			{"no unit", "chunks:encode", `{"v":1}`},
			{"longer kind", "chunks:encodeX", `{"v":1,"id":"x","gen":1}`},
			{"unknown kind", "mail:send", `{"v":1,"id":"x","gen":1}`},
		}
		q, in := open(t, url), make(inbox, len(tests)+1)
		serve(t, q, in.handle, pipeline.Bulk)
		for _, tt := range tests {
			m := message()
			enqueue(t, url, asynq.NewTask(tt.kind, []byte(tt.payload)), asynq.Queue("bulk"), asynq.TaskID(string(m.ID)+":1"))
			q.Ring(pipeline.Bulk)
			expectState(t, q, pipeline.Bulk, m, queue.Gone)
			if len(in) != 0 {
				t.Errorf("%s: the handler got %+v, want it dropped", tt.name, <-in)
			}
		}
	})
}

func TestHandlersThatDoNotReturn(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		end  func()
		want string // in the log
	}{
		{"panic", func() { panic("kaput") }, "kaput"},
		{"nil pointer", func() { var m *syncBuffer; _ = m.String() }, "queue_test.go"},
		{"Goexit", runtime.Goexit, "Goexit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var log syncBuffer
			q, err := queue.Open(t.Context(), queue.Config{}, slog.New(slog.NewTextHandler(&log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = q.Close() })
			in, m := make(inbox, 1), message()
			serve(t, q, func(ctx context.Context, kind pipeline.MessageKind, got pipeline.Message) error {
				if got == m {
					tt.end()
				}
				return in.handle(ctx, kind, got)
			}, pipeline.Bulk)
			send(t, q, m, pipeline.Bulk)
			expectState(t, q, pipeline.Bulk, m, queue.Retry)
			if got := log.String(); !strings.Contains(got, tt.want) || !strings.Contains(got, string(m.ID)) {
				t.Errorf("log is %q, want unit %s and %q in it", got, m.ID, tt.want)
			}
			next := message()
			send(t, q, next, pipeline.Bulk)
			q.Ring(pipeline.Bulk)
			in.expect(t, next)
		})
	}
}

func TestDrainReachesHandlersAndIsNotCounted(t *testing.T) {
	t.Parallel()
	onEachRedis(t, func(t *testing.T, url string) {
		q, started := open(t, url), make(inbox, 1)
		leaving := errors.New("the process is leaving")
		drain, end := context.WithCancelCause(t.Context())
		causes := make(chan error, 1)
		s := serveUntil(t, q, drain, func(ctx context.Context, _ pipeline.MessageKind, m pipeline.Message) error {
			started <- m
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return ctx.Err()
		}, pipeline.Bulk)
		m := message()
		send(t, q, m, pipeline.Bulk)
		started.expect(t, m)
		s.Stop()
		end(leaving)
		if got := <-causes; got != leaving {
			t.Errorf("cause is %v, want %v", got, leaving)
		}
		expectState(t, q, pipeline.Bulk, m, queue.Retry)
		info, err := asynq.NewInspectorFromRedisClient(raw(t, url)).GetTaskInfo("bulk", string(m.ID)+":1")
		if err != nil || info.Retried != 0 {
			t.Errorf("retried = %+v (%v), want 0: a drain is not the message's fault", info, err)
		}
	})
}

func TestErrorsKeepSecretsFromRedis(t *testing.T) {
	t.Parallel()
	onEachRedis(t, func(t *testing.T, url string) {
		q, m := open(t, url), message()
		serve(t, q, func(context.Context, pipeline.MessageKind, pipeline.Message) error {
			return queue.Terminal(pipeline.Failf(pipeline.CodeSourceGone, "/mnt/private/a.png", "gone"))
		}, pipeline.Bulk)
		send(t, q, m, pipeline.Bulk)
		expectState(t, q, pipeline.Bulk, m, queue.Archived)
		info, err := asynq.NewInspectorFromRedisClient(raw(t, url)).GetTaskInfo("bulk", string(m.ID)+":1")
		if err != nil || info.LastErr != string(pipeline.CodeSourceGone) {
			t.Errorf("error on Redis is %q (%v), want the bare code", info.LastErr, err)
		}
	})
}

func TestServerConfigIsChecked(t *testing.T) {
	t.Parallel()
	q := open(t, "")
	for name, cfg := range map[string]queue.ServerConfig{
		"no lane":      {Slots: 1, ShutdownTimeout: time.Second},
		"unknown lane": {Lanes: []pipeline.Lane{"fast"}, Slots: 1, ShutdownTimeout: time.Second},
		"twice":        {Lanes: []pipeline.Lane{"bulk", "bulk"}, Slots: 1, ShutdownTimeout: time.Second},
		"no slots":     {Lanes: pipeline.Lanes(), ShutdownTimeout: time.Second},
		"no time":      {Lanes: pipeline.Lanes(), Slots: 1},
	} {
		if _, err := q.Serve(t.Context(), cfg, make(inbox).handle); err == nil {
			t.Errorf("%s: Serve accepted %+v", name, cfg)
		}
	}
}

func TestConsoleShowsIdsOnly(t *testing.T) {
	t.Parallel()
	onEachRedis(t, func(t *testing.T, url string) {
		q, m := open(t, url), message()
		send(t, q, m, pipeline.Bulk)
		enqueue(t, url, asynq.NewTask("mail:send", []byte("hunter2")), asynq.Queue("bulk"))
		c, err := q.Console("/ops/queue")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		w := httptest.NewRecorder()
		c.ServeHTTP(w, httptest.NewRequest("GET", "/ops/queue/api/queues/bulk/pending_tasks", nil))
		got := w.Body.String()
		if !strings.Contains(got, "unit "+string(m.ID)+" generation 1") || strings.Contains(got, "hunter2") {
			t.Errorf("console shows %s, want the ids of ours and nothing of foreign messages", got)
		}
		if _, err := q.Console("ops"); err == nil {
			t.Error("a path without leading slash was accepted")
		}
	})
}

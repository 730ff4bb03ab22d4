package queue_test

import (
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"framemill/pipeline"
	"framemill/pipeline/queue"
	"framemill/tests/services"
)

func TestIdleServerLeavesRedisAlone(t *testing.T) {
	t.Parallel()
	onEachRedis(t, func(t *testing.T, url string) {
		q := open(t, url)
		serve(t, q, make(inbox).handle, pipeline.Bulk, pipeline.Background)
		eventually(t, func() bool { return q.Stats().Polls > 2 }, func() any { return q.Stats() })
		before := q.Stats()
		const window = 2 * time.Second
		<-time.After(window)
		after := q.Stats()
		// Two lanes, one look in three seconds each.
		if got := after.Polls - before.Polls; got > 2 {
			t.Errorf("an idle server asked Redis %d times in %s, want at most once for each lane", got, window)
		}
	})
}

func TestRingWakesOtherProcesses(t *testing.T) {
	t.Parallel()
	onEachRedis(t, func(t *testing.T, url string) {
		producer, consumer, in := open(t, url), open(t, url), make(inbox, 1)
		serve(t, consumer, in.handle, pipeline.Interactive)
		eventually(t, func() bool { return len(consumer.Kicks()) == 1 }, // said on subscribing
			func() any { return "the consumer does not hear hints" })
		const messages = 40
		begin := time.Now()
		for range messages {
			m := message()
			send(t, producer, m, pipeline.Interactive)
			producer.Ring(pipeline.Interactive)
			in.expect(t, m)
		}
		// Without rings each would wait for the backstop: a minute in all.
		if took := time.Since(begin); took > 15*time.Second {
			t.Errorf("%d messages took %s, want rings to be heard", messages, took)
		}
	})
}

func TestKicksAreHeardAndCoalesced(t *testing.T) {
	t.Parallel()
	onEachRedis(t, func(t *testing.T, url string) {
		here, there := open(t, url), open(t, url)
		for _, q := range []*queue.Queue{here, there} { // each begins with one
			expectKick(t, q)
		}
		for range 100 {
			here.Kick()
		}
		expectKick(t, here)
		if len(here.Kicks()) != 0 {
			t.Error("a second kick is left of many, want one")
		}
		expectKick(t, there)
	})
}

func TestEmbeddedKicksItself(t *testing.T) {
	t.Parallel()
	q := open(t, "")
	if !q.Embedded() {
		t.Error("a queue without URL is not embedded")
	}
	q.Kick()
	expectKick(t, q)
}

func expectKick(t *testing.T, q *queue.Queue) {
	t.Helper()
	select {
	case <-q.Kicks():
	case <-time.After(patience):
		t.Fatalf("no kick within %s", patience)
	}
}

// BenchmarkPickUp measures how long after a send the handler of an idle server
// begins, within one process and across two.
func BenchmarkPickUp(b *testing.B) {
	pickUp := func(b *testing.B, from, to *queue.Queue) {
		in := make(inbox, 1)
		serve(b, to, in.handle, pipeline.Interactive)
		var took []time.Duration
		for b.Loop() {
			m, begin := message(), time.Now()
			send(b, from, m, pipeline.Interactive)
			from.Ring(pipeline.Interactive)
			in.expect(b, m)
			took = append(took, time.Since(begin))
		}
		slices.Sort(took)
		b.ReportMetric(took[len(took)/2].Seconds()*1e3, "p50-ms")
		b.ReportMetric(took[len(took)*99/100].Seconds()*1e3, "p99-ms")
	}
	b.Run("embedded", func(b *testing.B) { q := open(b, ""); pickUp(b, q, q) })
	b.Run("redis-server", func(b *testing.B) {
		q := open(b, "redis://"+services.Redis(b))
		pickUp(b, q, q)
	})
	b.Run("two-processes", func(b *testing.B) {
		url := "redis://" + services.Redis(b)
		pickUp(b, open(b, url), open(b, url))
	})
}

// BenchmarkIdle measures what a consumer of every lane costs while there is
// nothing to do.
func BenchmarkIdle(b *testing.B) {
	idle := func(b *testing.B, url string, commands func() float64) {
		q := open(b, url)
		serve(b, q, make(inbox).handle, pipeline.Interactive)
		serve(b, q, make(inbox).handle, pipeline.Bulk, pipeline.Background)
		polls, sent, cpu, begin := q.Stats().Polls, commands(), processTime(b), time.Now()
		for b.Loop() {
			<-time.After(time.Second)
		}
		seconds := time.Since(begin).Seconds()
		b.ReportMetric(100*(processTime(b)-cpu).Seconds()/seconds, "%core")
		b.ReportMetric(float64(q.Stats().Polls-polls)/seconds, "polls/s")
		b.ReportMetric((commands()-sent)/seconds, "commands/s")
	}
	b.Run("embedded", func(b *testing.B) { idle(b, "", func() float64 { return 0 }) })
	b.Run("redis-server", func(b *testing.B) {
		url := "redis://" + services.Redis(b)
		rc := raw(b, url)
		idle(b, url, func() float64 { return commandsOf(b, rc) })
	})
}

// processTime returns the processor time that this process has used.
func processTime(b *testing.B) time.Duration {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

var processed = regexp.MustCompile(`total_commands_processed:(\d+)`)

// commandsOf returns how many commands Redis has run.
func commandsOf(b *testing.B, rc *redis.Client) float64 {
	b.Helper()
	m := processed.FindStringSubmatch(rc.Info(b.Context(), "stats").Val())
	if m == nil {
		b.Fatal("INFO stats does not tell total_commands_processed")
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

package bench_test

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"framemill/tests/program"
	"framemill/tests/services"
)

const (
	idleTime = 20 * time.Second
	settle   = 3 * time.Second
	// maxIdle is the share of a core that an idle server may use.
	maxIdle = 0.03
	// maxCommands is how many commands a second an idle consumer may ask of Redis.
	maxCommands = 10
	starts      = 10
	maxBoot     = time.Second
)

// BenchmarkStartIdle measures the processor time that an idle server takes.
func BenchmarkStartIdle(b *testing.B) {
	server := program.Up(b, program.Config{})
	for b.Loop() {
		time.Sleep(settle)
		before := processorTime(b, server.PID())
		time.Sleep(idleTime)
		used := processorTime(b, server.PID()) - before
		share := used.Seconds() / idleTime.Seconds()
		b.ReportMetric(100*share, "%-of-a-core")
		b.Logf("idle for %s: %s of processor time, %.2f %% of a core", idleTime, used, 100*share)
		if share > maxIdle {
			b.Errorf("an idle server takes %.2f %% of a core, want at most %.0f %%", 100*share, 100*maxIdle)
		}
	}
}

// processorTime returns what a process has used so far, in ticks of 10 ms.
func processorTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	// The name of the program, in brackets, may hold anything.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	var user, system int64
	if _, err := fmt.Sscan(string(fields[11])+" "+string(fields[12]), &user, &system); err != nil {
		b.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// BenchmarkStartIdleRedis measures what an idle consumer asks of Redis.
func BenchmarkStartIdleRedis(b *testing.B) {
	addr := services.Redis(b)
	fleet := program.StartFleet(b, program.Config{RedisURL: "redis://" + addr + "/0"}, 0, 1)
	awaitJoined(b, fleet.Consumers[0])
	client := redis.NewClient(&redis.Options{Addr: addr})
	b.Cleanup(func() { _ = client.Close() })
	for b.Loop() {
		time.Sleep(settle)
		before := calls(b, client)
		time.Sleep(idleTime)
		after := calls(b, client)
		delete(before, "info")
		judgeCommands(b, before, after)
	}
}

// calls returns how often each command was called. Those that a script calls
// are among them.
func calls(b *testing.B, c *redis.Client) map[string]int64 {
	b.Helper()
	text, err := c.Info(b.Context(), "commandstats").Result()
	if err != nil {
		b.Fatal(err)
	}
	out := map[string]int64{}
	for line := range strings.Lines(text) {
		name, rest, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "cmdstat_"), ":calls=")
		var n int64
		if _, err := fmt.Sscanf(rest, "%d,", &n); ok && err == nil {
			out[name] = n
		}
	}
	return out
}

// judgeCommands shows what was called in between.
func judgeCommands(b *testing.B, before, after map[string]int64) {
	b.Helper()
	// Each dequeue of a lane is one script that calls two commands, and so on:
	// what a client sends is one command, whatever the script does.
	var total int64
	var lines []string
	names := slices.SortedFunc(maps.Keys(after), func(x, y string) int {
		return cmp.Compare(after[y]-before[y], after[x]-before[x])
	})
	for _, name := range names {
		if n := after[name] - before[name]; n > 0 && name != "info" {
			total += n
			lines = append(lines, fmt.Sprintf("%s %.2f", name, float64(n)/idleTime.Seconds()))
		}
	}
	rate := float64(total) / idleTime.Seconds()
	b.ReportMetric(rate, "commands/s")
	b.Logf("an idle consumer: %.1f commands a second, those inside scripts counted: %s", rate, strings.Join(lines, ", "))
	if rate >= maxCommands {
		b.Errorf("an idle consumer sends %.1f commands a second, want less than %d", rate, maxCommands)
	}
}

// BenchmarkStartReady measures how soon a server answers that has data.
func BenchmarkStartReady(b *testing.B) {
	server := program.Up(b, program.Config{})
	for b.Loop() {
		var took []time.Duration
		for range starts {
			server.Stop()
			began := time.Now()
			server = server.Restart()
			took = append(took, time.Since(began))
		}
		b.ReportMetric(ms(median(took)), "ms")
		b.Logf("from the start of the process to its first answer: median %.0f ms of %v", ms(median(took)), took)
		if median(took) > maxBoot {
			b.Errorf("a server is ready after %s, want at most %s", median(took), maxBoot)
		}
	}
}

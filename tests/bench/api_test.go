package bench_test

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"framemill/tests/program"
	"framemill/tests/services"
)

const (
	callers   = 8
	callTime  = 2 * time.Second // for each line of the table
	maxList   = 50 * time.Millisecond
	minLogins = 500 // requests a second whose passwords are checked
	// maxGrowth is by how much the descriptions of long tasks may raise the
	// memory of a server.
	maxGrowth = 100 << 20
	// ordinary is somebody who is not an administrator and has a part in one
	// task of a hundred. Others have his password.
	ordinary = "ann"
)

// BenchmarkAPI measures how soon a full installation answers eight callers.
func BenchmarkAPI(b *testing.B) {
	ways := []struct {
		name string
		url  func(testing.TB) string
	}{{"sqlite", func(testing.TB) string { return "" }}, {"postgres", services.Postgres}}
	for _, w := range ways {
		b.Run(w.name, func(b *testing.B) {
			server := program.Up(b, program.Config{DatabaseURL: w.url(b)})
			addUser := []string{"user", "add", ordinary, "--group", "user", "--data", server.Config.Data}
			if url := server.Config.DatabaseURL; url != "" {
				addUser = append(addUser, "--database-url", url)
			}
			program.Run(b, program.Password+"\n", addUser...)
			server.Stop()
			fill(b, server.Config)
			server = server.Restart()
			keys := logIn(b, server)
			for b.Loop() {
				var table strings.Builder
				for _, c := range questions() {
					fmt.Fprintf(&table, "\n%s", measure(b, server, keys, c))
				}
				b.Logf("%d callers, %d tasks, %d jobs, lists within %s:%s", callers, manyTasks, manyTasks*jobsOfTask, maxList, table.String())
				logins(b, server)
				descriptions(b, server)
			}
		})
	}
}

// measure returns the line of one call, and holds it against its limit. Every
// call is about something else, and of somebody else where the line is of staff.
func measure(b *testing.B, s *program.Server, keys map[string][]string, c question) string {
	b.Helper()
	var mu sync.Mutex
	var took []time.Duration
	size := everyCaller(b, callTime, func(client *http.Client) (int64, error) {
		token := keys[c.who][rand.IntN(len(keys[c.who]))]
		path := c.vary()
		began := time.Now()
		n, err := ask(client, s, "Token "+token, c.method, "/api/"+path, c.body)
		mu.Lock()
		defer mu.Unlock()
		took = append(took, time.Since(began))
		return n, err
	})
	p50, p99 := quantile(took, 0.5), quantile(took, 0.99)
	limit := "none"
	if c.limit > 0 {
		limit = c.limit.String()
	}
	if c.limit > 0 && p99 > c.limit {
		b.Errorf("%s as %s: p99 %.1f ms, want at most %s", c.name, c.who, ms(p99), c.limit)
	}
	return fmt.Sprintf("%-28s %-6s p50 %7.1f ms  p99 %7.1f ms  limit %5s  %6d answers  %6d bytes",
		c.name, c.who, ms(p50), ms(p99), limit, len(took), size)
}

// everyCaller calls at once and again for a while, and returns the bytes of the
// last answer.
func everyCaller(b *testing.B, long time.Duration, call func(*http.Client) (int64, error)) (size int64) {
	b.Helper()
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: callers}}
	defer client.CloseIdleConnections()
	if _, err := call(client); err != nil { // so that nobody waits for a password
		b.Fatal(err)
	}
	var group sync.WaitGroup
	var last atomic.Int64
	deadline := time.Now().Add(long)
	for range callers {
		group.Go(func() {
			for time.Now().Before(deadline) {
				n, err := call(client)
				if err != nil {
					b.Error(err)
					return
				}
				last.Store(n)
			}
		})
	}
	group.Wait()
	return last.Load()
}

// ask sends one request and reads the answer, which must be a success.
func ask(client *http.Client, s *program.Server, authorization, method, path, body string) (int64, error) {
	req, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", authorization)
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var text bytes.Buffer
		_, err := io.CopyN(&text, resp.Body, 1000)
		return 0, fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, cmp.Or(text.String(), fmt.Sprint(err)))
	}
	return io.Copy(io.Discard, resp.Body)
}

// logins measures how many requests a second with a password are answered.
func logins(b *testing.B, s *program.Server) {
	b.Helper()
	var n atomic.Int64
	everyCaller(b, callTime, func(client *http.Client) (int64, error) {
		n.Add(1)
		return ask(client, s, basic(ordinary), "GET", "/api/users/self", "")
	})
	rate := float64(n.Load()) / callTime.Seconds()
	b.ReportMetric(rate, "logins/s")
	b.Logf("%.0f requests a second with a password", rate)
	if rate < minLogins {
		b.Errorf("%.0f requests a second with a password, want at least %d", rate, minLogins)
	}
}

// descriptions reads the descriptions of a task of many frames, and measures
// what they add to the memory of the server.
func descriptions(b *testing.B, s *program.Server) {
	b.Helper()
	before := peakMemory(b, s.PID())
	var mu sync.Mutex
	var took []time.Duration
	size := everyCaller(b, callTime, func(client *http.Client) (int64, error) {
		began := time.Now()
		n, err := ask(client, s, basic(program.Admin), "GET", "/api/tasks/1/data/meta", "")
		mu.Lock()
		defer mu.Unlock()
		took = append(took, time.Since(began))
		return n, err
	})
	after := peakMemory(b, s.PID())
	b.Logf("descriptions of %d frames: %d bytes, p50 %.0f ms, p99 %.0f ms; at most %d MiB resident, %d MiB before",
		manyFrames, size, ms(quantile(took, 0.5)), ms(quantile(took, 0.99)), after>>20, before>>20)
	if after-before > maxGrowth {
		b.Errorf("%d callers of a long description take %d MiB more, want at most %d", callers, (after-before)>>20, maxGrowth>>20)
	}
}

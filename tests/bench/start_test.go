package bench_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"framemill/tests/account"
	"framemill/tests/program"
	"framemill/tests/sample"
)

const (
	tries = 200
	// The limits of the time from the 202 to the first unit at work.
	maxStartP50 = 20 * time.Millisecond
	maxStartP99 = 150 * time.Millisecond
)

// BenchmarkStart measures how soon after its 202 a small ingest is at work, and
// how soon its jobs can be opened, on a server that has nothing else to do.
func BenchmarkStart(b *testing.B) {
	share := b.TempDir()
	if _, err := sample.Photos(filepath.Join(share, "three"), 3, 640, 480); err != nil {
		b.Fatal(err)
	}
	for _, w := range ways {
		b.Run(w.name, func(b *testing.B) {
			server, books, _ := w.start(b, program.Config{Share: share})
			var all []start
			for b.Loop() {
				for range tries {
					all = append(all, begin(b, server, books))
					// Idle for a while, to meet the queue at any point of its rounds.
					time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
				}
			}
			judgeStart(b, all)
		})
	}
}

// start is when an ingest got how far, from its 202. The host's clock is the
// database's.
type start struct{ commit, work, open time.Duration }

// begin ingests three pictures.
func begin(b *testing.B, s *program.Server, books *account.Books) start {
	b.Helper()
	var made struct{ ID int64 }
	s.JSON(b, http.MethodPost, "/api/tasks", map[string]any{"name": "start"}, &made)
	s.JSON(b, http.MethodPost, fmt.Sprintf("/api/tasks/%d/data", made.ID), map[string]any{
		"image_quality": 70, "use_cache": true, "server_files": []string{"three/photo-00000.jpg", "three/photo-00001.jpg", "three/photo-00002.jpg"},
	}, nil)
	answered := time.Now()
	s.AwaitIngest(b, made.ID)
	var created, started, opened int64
	err := books.DB.QueryRowContext(b.Context(), fmt.Sprintf(`
		SELECT created, started, jobs_open FROM requests WHERE task_id = %d`, made.ID)).Scan(&created, &started, &opened)
	if err != nil {
		b.Fatal(err)
	}
	since := func(us int64) time.Duration { return time.UnixMicro(us).Sub(answered) }
	return start{since(created), since(started), since(opened)}
}

// judgeStart shows the figures and holds them against the limits.
func judgeStart(b *testing.B, all []start) {
	b.Helper()
	var work, open, claim []time.Duration
	for _, s := range all {
		work, open, claim = append(work, s.work), append(open, s.open), append(claim, s.work-s.commit)
	}
	show := func(what string, d []time.Duration) {
		b.Logf("%s: p50 %.1f ms, p99 %.1f ms, at most %.1f ms", what, ms(quantile(d, 0.5)), ms(quantile(d, 0.99)), ms(quantile(d, 1)))
	}
	show("202 to the first unit at work", work)
	show("row of the request to the first unit at work", claim)
	show("202 to jobs that can be opened", open)
	p50, p99 := quantile(work, 0.5), quantile(work, 0.99)
	b.ReportMetric(ms(p50), "p50-ms")
	b.ReportMetric(ms(p99), "p99-ms")
	if p50 > maxStartP50 || p99 > maxStartP99 {
		b.Errorf("work begins %.1f ms after the 202 (p50), %.1f ms (p99); want at most %s and %s", ms(p50), ms(p99), maxStartP50, maxStartP99)
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

package bench_test

import (
	"fmt"
	"math"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"framemill/tests/program"
	"framemill/tests/sample"
)

const (
	rounds = 3 // of each size
	// maxCreate is what the largest task may take.
	maxCreate = 10 * time.Second
	// maxSlope is how the time may grow with the files: 1 is linear.
	maxSlope = 1.1
)

// sizes are the numbers of files of the tasks that are created.
var sizes = []int{10_000, 30_000, 100_000}

// BenchmarkCreate measures the time from the request to jobs that can be
// opened, for ever more files on the share.
func BenchmarkCreate(b *testing.B) {
	share := b.TempDir()
	// One file would do, but a file cannot have that many names everywhere.
	pictures, err := sample.Photos(filepath.Join(share, "few"), 10, 64, 64)
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range sizes {
		if err := sample.Spread(filepath.Join(share, fmt.Sprint("of-", n)), pictures, n); err != nil {
			b.Fatal(err)
		}
	}
	for _, w := range ways {
		b.Run(w.name, func(b *testing.B) {
			server, _, _ := w.start(b, program.Config{Share: share})
			took := make([][]time.Duration, len(sizes))
			for b.Loop() {
				for range rounds {
					for i, n := range sizes {
						took[i] = append(took[i], create(b, server, fmt.Sprint("of-", n)))
					}
				}
			}
			judgeCreate(b, took)
		})
	}
}

// create makes a task of a folder and returns how long it took until its jobs
// were listed.
func create(b *testing.B, s *program.Server, folder string) time.Duration {
	b.Helper()
	began := time.Now()
	task := s.Create(b, map[string]any{"segment_size": 500},
		map[string]any{"server_files": []string{folder + "/"}, "use_cache": true})
	deadline := began.Add(5 * time.Minute)
	for {
		var jobs struct{ Count int }
		s.JSON(b, http.MethodGet, fmt.Sprintf("/api/jobs?task_id=%d&page_size=1", task), nil, &jobs)
		if jobs.Count > 0 {
			break
		}
		if r := s.RequestOf(b, task); r.Status == "failed" || time.Now().After(deadline) {
			b.Fatalf("task %d has no jobs: it is %s, %s", task, r.Status, r.Message)
		}
		time.Sleep(20 * time.Millisecond)
	}
	took := time.Since(began)
	s.AwaitIngest(b, task) // so that it does not disturb the next
	return took
}

// judgeCreate shows the table and holds it against the limits.
func judgeCreate(b *testing.B, took [][]time.Duration) {
	b.Helper()
	var table strings.Builder
	x, y := make([]float64, len(sizes)), make([]float64, len(sizes))
	for i, n := range sizes {
		m := median(took[i])
		x[i], y[i] = math.Log(float64(n)), math.Log(m.Seconds())
		fmt.Fprintf(&table, "\n%8d files  %7.2f s  %6.1f µs/file  of %v", n, m.Seconds(), float64(m.Microseconds())/float64(n), took[i])
	}
	slope := slope(x, y)
	largest := median(took[len(took)-1])
	b.ReportMetric(slope, "slope")
	b.ReportMetric(largest.Seconds(), "s/100k")
	b.Logf("from the request to jobs that are listed, medians of %d:%s\nslope %.2f", rounds, table.String(), slope)
	if largest > maxCreate {
		b.Errorf("%d files take %s, want at most %s", sizes[len(sizes)-1], largest, maxCreate)
	}
	if slope > maxSlope {
		b.Errorf("the time grows as n^%.2f, want at most n^%.1f", slope, maxSlope)
	}
}

// slope is that of the straight line of least squares.
func slope(x, y []float64) float64 {
	var mx, my float64
	for i := range x {
		mx, my = mx+x[i]/float64(len(x)), my+y[i]/float64(len(y))
	}
	var xy, xx float64
	for i := range x {
		xy, xx = xy+(x[i]-mx)*(y[i]-my), xx+(x[i]-mx)*(x[i]-mx)
	}
	return xy / xx
}

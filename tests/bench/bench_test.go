// Package bench_test measures the whole program as its users meet it.
package bench_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"framemill/tests/program"
	"framemill/tests/sample"
)

// BenchmarkCreate measures ingests of ever more files on the share. Creation is
// linear if µs/file stays the same from one size to the next.
func BenchmarkCreate(b *testing.B) {
	share := b.TempDir()
	pictures := few(b, share)
	server := program.Up(b, program.Config{Share: share})
	for _, files := range []int{1_000, 4_000, 16_000} {
		folder := fmt.Sprintf("of-%d", files)
		link(b, pictures, filepath.Join(share, folder), files)
		b.Run(fmt.Sprintf("files=%d", files), func(b *testing.B) {
			for b.Loop() {
				task := server.Create(b, map[string]any{"segment_size": 500},
					map[string]any{"server_files": []string{folder + "/"}, "use_cache": true})
				server.AwaitIngest(b, task)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*files), "µs/file")
		})
	}
}

// BenchmarkStart measures the time from the request to jobs that can be opened,
// for a small task in an idle server and in one that is busy with a large task.
func BenchmarkStart(b *testing.B) {
	const tasks = 40
	share := b.TempDir()
	pictures := few(b, share)
	link(b, pictures, filepath.Join(share, "large"), 20_000)
	var small []string
	for _, p := range pictures {
		small = append(small, "few/"+filepath.Base(p))
	}
	server := program.Up(b, program.Config{Share: share})
	for _, busy := range []bool{false, true} {
		b.Run(fmt.Sprintf("busy=%t", busy), func(b *testing.B) {
			if busy {
				server.Create(b, nil, map[string]any{"server_files": []string{"large/"}, "use_cache": false})
			}
			var took []time.Duration
			for b.Loop() {
				for range tasks {
					began := time.Now()
					task := server.Create(b, nil, map[string]any{"server_files": small, "use_cache": true})
					server.AwaitIngest(b, task)
					took = append(took, time.Since(began))
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "p50-ms")
			b.ReportMetric(float64(took[len(took)*95/100].Milliseconds()), "p95-ms")
		})
	}
}

// few writes the pictures that all folders of a share link to.
func few(b *testing.B, share string) []string {
	b.Helper()
	pictures, err := sample.Write(filepath.Join(share, "few"), 10)
	if err != nil {
		b.Fatal(err)
	}
	return pictures
}

// link makes a folder of so many files, which are links to a few pictures.
func link(b *testing.B, pictures []string, folder string, files int) {
	b.Helper()
	if err := os.Mkdir(folder, 0o755); err != nil {
		b.Fatal(err)
	}
	for n := range files {
		from := pictures[n%len(pictures)]
		name := fmt.Sprintf("%06d%s", n, filepath.Ext(from))
		if err := os.Link(from, filepath.Join(folder, name)); err != nil {
			b.Fatal(err)
		}
	}
}

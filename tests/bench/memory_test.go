package bench_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"framemill/tests/program"
	"framemill/tests/sample"
)

const (
	// picturesEnv names the variable that sets how many pictures the ingest has
	// whose memory is measured.
	picturesEnv = "FRAMEMILL_BENCH_PICTURES"
	// maxMemory is the most that the server may ever have resident, in bytes.
	maxMemory = 250 << 20
)

// BenchmarkCreateMemory measures the most memory that the embedded default
// takes while it builds all chunks of 1,000 photographs of 12 megapixels.
func BenchmarkCreateMemory(b *testing.B) {
	n := 1000
	if s := os.Getenv(picturesEnv); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil || n < 1 {
			b.Fatalf("%s is %q, want a number of pictures", picturesEnv, s)
		}
	}
	share := b.TempDir()
	pictures, err := sample.Photos(filepath.Join(share, "few"), 5, 4000, 3000)
	if err == nil {
		err = sample.Spread(filepath.Join(share, "many"), pictures, n)
	}
	if err != nil {
		b.Fatal(err)
	}
	server := program.Up(b, program.Config{Share: share})
	idle := peakMemory(b, server.PID())
	for b.Loop() {
		began := time.Now()
		task := server.Create(b, map[string]any{"segment_size": 100},
			map[string]any{"server_files": []string{"many/"}, "use_cache": false})
		shown := began
		for r := server.RequestOf(b, task); r.Status != "finished"; r = server.RequestOf(b, task) {
			if r.Status == "failed" {
				b.Fatalf("the ingest failed: %s", r.Message)
			}
			if time.Since(shown) > 20*time.Second {
				shown = time.Now()
				fmt.Fprintf(os.Stderr, "%s: %.0f %%, at most %d MiB so far\n",
					time.Since(began).Round(time.Second), 100*r.Progress, peakMemory(b, server.PID())>>20)
			}
			time.Sleep(200 * time.Millisecond)
		}
		b.Logf("%d pictures of 12 megapixels in %s", n, time.Since(began).Round(time.Millisecond))
	}
	peak := peakMemory(b, server.PID())
	b.ReportMetric(float64(peak>>20), "MiB")
	b.Logf("at most %d MiB resident, %d MiB before the ingest", peak>>20, idle>>20)
	if peak > maxMemory {
		b.Errorf("at most %d MiB were resident, want at most %d", peak>>20, maxMemory>>20)
	}
}

// peakMemory returns the most bytes that a process ever had resident.
func peakMemory(b *testing.B, pid int) int64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	var kib int64
	if _, err := fmt.Sscanf(after, "%d kB", &kib); err != nil {
		b.Fatalf("the peak of process %d is not told: %v", pid, err)
	}
	return kib << 10
}

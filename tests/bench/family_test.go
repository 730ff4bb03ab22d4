package bench_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"framemill/tests/program"
)

// benchFilmMemory measures the most that the server and its children have in
// memory at a time while they make all chunks of 1080p, for a clip and for one
// four times as long.
func benchFilmMemory(b *testing.B, t *table) {
	share := b.TempDir()
	clip := filmTakes(b, takes[0])[0]
	loop(b, clip, filepath.Join(share, "short.mp4"), 1)
	loop(b, clip, filepath.Join(share, "long.mp4"), 4)
	for b.Loop() {
		for _, zip := range []bool{true, false} {
			short, long := filmMemory(b, share, "short.mp4", zip), filmMemory(b, share, "long.mp4", zip)
			t.add(fmt.Sprintf("peak memory, 1080p, use_zip_chunks=%t", zip),
				fmt.Sprintf("%d MiB (%d MiB of a fourth of the length)", long>>20, short>>20), "", "", fmt.Sprintf("≤ %d MiB, flat", maxFilmMemory>>20))
			if long > maxFilmMemory || float64(long) > maxFilmGrowth*float64(short) {
				b.Errorf("use_zip_chunks=%t: %d MiB, %d MiB when four times as long; want at most %d MiB, and no growth by more than %.2f×",
					zip, short>>20, long>>20, maxFilmMemory>>20, maxFilmGrowth)
			}
		}
	}
}

// filmMemory ingests a video on a server of its own and returns the peak.
func filmMemory(b *testing.B, share, name string, zip bool) int64 {
	b.Helper()
	server := program.Up(b, program.Config{Share: share})
	var peak atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			peak.Store(max(peak.Load(), familyMemory(server.PID())))
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	task := server.Create(b, nil, map[string]any{"server_files": []string{name}, "use_cache": false, "use_zip_chunks": zip})
	server.AwaitIngest(b, task)
	close(stop)
	<-stopped
	server.Stop()
	return peak.Load()
}

// familyMemory sums what a process and all below it have resident. Pages that
// several share count for each by its part of them.
func familyMemory(pid int) int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid)) // nothing if it ended
	var kib int64
	if _, after, ok := strings.Cut(string(text), "\nPss:"); ok {
		fmt.Sscan(after, &kib) //nolint:errcheck // 0 if it ended
	}
	sum := kib << 10
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for child := range strings.FieldsSeq(string(text)) {
			var id int
			if _, err := fmt.Sscan(child, &id); err == nil {
				sum += familyMemory(id)
			}
		}
	}
	return sum
}

package bench_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"framemill/stages/film"
	"framemill/stages/media/video"
	"framemill/tests/program"
)

const (
	// runsEnv names the variable that sets how often each figure is taken.
	runsEnv       = "FRAMEMILL_BENCH_RUNS"
	maxIndex      = 50 * time.Millisecond
	maxFirstChunk = 2 * time.Second
	maxFilmMemory = 400 << 20
	// maxFilmGrowth is how the peak may grow when the video is four times as long.
	maxFilmGrowth = 1.15
	hourFrames    = 108_000
	// minPSNR is how like the source MP4 chunks must be, in dB, and maxPSNRLoss
	// by how much stills may fall behind those of the reference.
	minPSNR     = 38
	maxPSNRLoss = 0.1
)

// table is what the benchmark prints at its end.
type table struct{ rows [][5]string }

func (t *table) add(path, ours, baseline, ratio, goal string) {
	t.rows = append(t.rows, [5]string{path, ours, baseline, ratio, goal})
}

// String implements fmt.Stringer.
func (t *table) String() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "\npath\tours\tbaseline\tratio\tgoal\n")
	for _, r := range t.rows {
		fmt.Fprintln(w, strings.Join(r[:], "\t"))
	}
	w.Flush() //nolint:errcheck // a builder takes everything
	return text.String()
}

// BenchmarkVideo measures what videos cost, and prints one table. The baseline
// is PyAV and Pillow at the same work on one thread; ratios are of processor
// time, children included, each of a run of theirs to the run of ours before.
func BenchmarkVideo(b *testing.B) {
	var t table
	b.Run("index", func(b *testing.B) { benchIndex(b, &t) })
	b.Run("first", func(b *testing.B) { benchFirst(b, &t) })
	b.Run("chunks", func(b *testing.B) { benchChunks(b, &t) })
	b.Run("memory", func(b *testing.B) { benchFilmMemory(b, &t) })
	b.Log(t.String())
}

// runs is how often each figure is taken.
func runs(b *testing.B) int {
	b.Helper()
	s := os.Getenv(runsEnv)
	if s == "" {
		return 7
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		b.Fatalf("%s is %q, want a number of runs", runsEnv, s)
	}
	return n
}

// benchIndex measures how long the whole index of an hour takes.
func benchIndex(b *testing.B, t *table) {
	dir := b.TempDir()
	clip, path := filepath.Join(dir, "clip.mp4"), filepath.Join(dir, "hour.mp4")
	command(b, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=30", "-t", "10", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", clip)
	loop(b, clip, path, 360)
	films, err := video.New(video.Config{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		var took []time.Duration
		for range runs(b) {
			began := time.Now()
			x, err := films.Index(b.Context(), video.File{Path: path, Name: "hour.mp4"}, func() {})
			if err != nil || x.Len() != hourFrames {
				b.Fatalf("the index is %v, %v; want %d frames", x, err, hourFrames)
			}
			took = append(took, time.Since(began))
		}
		t.add("index of an hour of MP4", fmt.Sprintf("%.1f ms", ms(median(took))), "", "", fmt.Sprintf("< %s", maxIndex))
		if median(took) >= maxIndex {
			b.Errorf("the index takes %s, want less than %s", median(took), maxIndex)
		}
	}
}

// benchFirst measures how soon after the 202 the first chunk of a video of 1 GB
// is there.
func benchFirst(b *testing.B, t *table) {
	share := b.TempDir()
	clip, path := filmTakes(b, takes[0])[0], filepath.Join(share, "long.mp4")
	const wanted = 1 << 30
	loop(b, clip, path, wanted/sizeOf(b, clip)+1)
	for b.Loop() {
		for _, data := range []map[string]any{
			{"use_cache": true}, {"use_cache": false}, {"use_cache": true, "use_zip_chunks": true},
		} {
			firstOf(b, t, share, data, sizeOf(b, path))
		}
	}
}

// firstOf measures the first chunk of tasks of one kind, on a server of their
// own.
func firstOf(b *testing.B, t *table, share string, data map[string]any, size int64) {
	b.Helper()
	server := program.Up(b, program.Config{Share: share})
	defer server.Stop()
	var took []time.Duration
	for range runs(b) {
		took = append(took, firstChunk(b, server, data))
	}
	t.add(fmt.Sprintf("first chunk of %d MiB of 1080p, %v", size>>20, data),
		fmt.Sprintf("%.2f s (at most %.2f)", median(took).Seconds(), quantile(took, 1).Seconds()), "", "", fmt.Sprintf("≤ %s", maxFirstChunk))
	if median(took) > maxFirstChunk {
		b.Errorf("the first chunk takes %s of %v, want at most %s", median(took), data, maxFirstChunk)
	}
}

// firstChunk creates a task and returns the time from its 202 to a chunk.
func firstChunk(b *testing.B, s *program.Server, options map[string]any) time.Duration {
	b.Helper()
	data := map[string]any{"server_files": []string{"long.mp4"}}
	for k, v := range options {
		data[k] = v
	}
	task := s.Create(b, nil, data)
	began := time.Now()
	path := fmt.Sprintf("/api/tasks/%d/data?type=chunk&number=0&quality=compressed", task)
	for time.Since(began) < time.Minute {
		status, _, err := s.Do(http.MethodGet, path, nil)
		if err != nil {
			b.Fatal(err)
		}
		if status == http.StatusOK {
			took := time.Since(began)
			s.JSON(b, http.MethodDelete, fmt.Sprintf("/api/tasks/%d", task), nil, nil)
			return took
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.Fatalf("no chunk after %s: the ingest is %+v", time.Since(began), s.RequestOf(b, task))
	return 0
}

// benchChunks measures the processor time of chunks, and how like the source
// they are.
func benchChunks(b *testing.B, t *table) {
	paths := filmTakes(b, takes...)
	for b.Loop() {
		for i, path := range paths {
			s := newStudio(b, path)
			rate := float64(8*sizeOf(b, path)) / clipSeconds / 1e6
			name := fmt.Sprintf("1080p %.1f Mbit/s, %s", rate, takes[i].name)
			for _, g := range []struct {
				work
				ratio float64
			}{{work{film.Zip, 1}, 2.0}, {work{film.Zip, 5}, 1.4}, {work{film.MP4, 1}, 1.0}} {
				s.compete(b, t, name, g.work, g.ratio)
			}
		}
	}
}

// compete has both sides do the work in turns.
func (s *studio) compete(b *testing.B, t *table, clip string, w work, goal float64) {
	b.Helper()
	var ours, theirs, ratios []float64
	for range runs(b) {
		ours, theirs = append(ours, s.make(b, w)), append(theirs, s.reference(b, w))
		ratios = append(ratios, theirs[len(theirs)-1]/ours[len(ours)-1])
	}
	our, their := s.judge(b, w)
	ratio := at(ratios, 0.5)
	path := fmt.Sprintf("%s → %s, step %d", clip, w.form, w.step)
	side := func(ms float64, l likeness) string {
		return fmt.Sprintf("%.2f ms/frame, %.2f dB, %.1f MB", ms, l.psnr, float64(l.bytes)/1e6)
	}
	t.add(path, side(at(ours, 0.5), our), side(at(theirs, 0.5), their),
		fmt.Sprintf("%.2f× (%.2f–%.2f)", ratio, at(ratios, 0.1), at(ratios, 0.9)), fmt.Sprintf("≥ %.1f×", goal))
	if ratio < goal {
		b.Errorf("%s: the reference takes %.2f× our time, want at least %.1f×", path, ratio, goal)
	}
	least := their.psnr - maxPSNRLoss
	if w.form == film.MP4 {
		least = max(their.psnr, minPSNR)
	}
	if our.psnr < least {
		b.Errorf("%s: the PSNR is %.2f dB, want at least %.2f dB", path, our.psnr, least)
	}
}

// at returns a quantile of values, between two of them where need be.
func at(v []float64, q float64) float64 {
	v = slices.Sorted(slices.Values(v))
	place := q * float64(len(v)-1)
	i := int(place)
	next := min(i+1, len(v)-1)
	return v[i] + (v[next]-v[i])*(place-float64(i))
}

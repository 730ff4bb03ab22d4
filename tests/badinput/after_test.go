package badinput_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/blob/fs"
	"framemill/pipeline/store"
	"framemill/tests/program"
)

// maxMemory is how much the server, or a program that it ran, may have held at
// its worst.
const maxMemory = 300 << 20

// lookAfterwards checks what all the attempts have done to the server.
func lookAfterwards(t *testing.T, b *bench) {
	b.noBlobs(t, 0)
	b.onlyLive(t)
	b.noRows(t)
	b.noHalfFiles(t)
	b.ledger.add(t, "only live tasks on disk", "the same", !t.Failed(), "see above")

	failures := b.internalErrors(t)
	b.ledger.add(t, "no internal errors", fmt.Sprintf("%d", len(failures)), len(failures) == 0, strings.Join(failures, "\n"))

	said := program.Run(t, "", "verify", "--data", b.data)
	b.ledger.add(t, "verified", strings.TrimSpace(said), strings.Contains(said, " 0 are not"), said)

	own := b.peakMemory(t)
	b.Stop()
	peak := b.PeakMemory()
	b.ledger.add(t, fmt.Sprintf("at most %d MiB", maxMemory>>20), fmt.Sprintf("%d MiB, the server itself %d MiB", peak>>20, own>>20),
		peak <= maxMemory, "the peak of resident memory of the server and each of its programs")
}

// unnamed lists the files of the bucket that no row names.
func (b *bench) unnamed(ctx context.Context, t *testing.T) []string {
	t.Helper()
	bucket, err := fs.New(fs.Config{Dir: filepath.Join(b.data, "blobs"), MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	defer bucket.Close()
	page, err := bucket.List(ctx, "", "", 100_000)
	if err != nil {
		t.Fatal(err)
	}
	keys := make([]string, len(page))
	for i := range page {
		keys[i] = page[i].Key
	}
	out, err := b.db.Unnamed(ctx, keys)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// onlyLive checks that the stored chunks are those of tasks that live.
func (b *bench) onlyLive(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	segments := map[int64]bool{}
	for task := range b.live {
		list, err := b.db.Segments(ctx, task)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			segments[s.ID] = true
		}
	}
	chunks, err := b.db.Chunks(ctx, pipeline.Chunk{}, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range chunks {
		if !segments[c.SegmentID] {
			t.Errorf("%s chunk %d of segment %d belongs to no task that lives", c.Quality, c.Index, c.SegmentID)
		}
	}
	views, _, err := b.db.Tasks(ctx, store.Viewer{All: true}, store.Query{})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range views {
		if !b.live[v.Task.ID] {
			t.Errorf("task %d, %q, is still there", v.Task.ID, v.Task.Name)
		}
	}
}

// noRows waits until nothing is known any more of requests of deleted tasks.
func (b *bench) noRows(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	deadline := time.Now().Add(soon)
	for id := int64(1); id <= b.last; {
		r, err := b.db.Request(ctx, pipeline.CreateRQID(id))
		switch {
		case b.live[id] || pipeline.KindOf(err) == pipeline.NotFound:
			id++
		case err != nil:
			t.Fatal(err)
		case time.Now().After(deadline):
			t.Errorf("request %d of task %d, which was deleted, is still %s", r.ID, id, r.State)
			id++
		default:
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// noHalfFiles checks that no file was left half-written.
func (b *bench) noHalfFiles(t *testing.T) {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(b.data, "blobs", "tmp"))
	if err != nil || len(files) > 0 {
		t.Errorf("%d files are half-written (%v)", len(files), err)
	}
}

// internalErrors returns the lines of the log that should not be there: answers
// that blame the server, panics, and everything that was logged as an error.
func (b *bench) internalErrors(t *testing.T) []string {
	t.Helper()
	var out []string
	lines := bufio.NewScanner(strings.NewReader(b.Log()))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		text := lines.Text()
		var line struct {
			Level  string
			Msg    string
			Status int
		}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			out = append(out, text) // a panic, or a line that was split
			continue
		}
		if line.Status >= 500 && line.Status != 501 || line.Level == "ERROR" || strings.Contains(text, "panic") {
			out = append(out, text)
		}
	}
	if err := lines.Err(); err != nil {
		t.Error(err)
	}
	return out
}

// peakMemory returns the most memory that the server was resident in.
func (b *bench) peakMemory(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.PID()))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

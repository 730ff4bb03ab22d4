package fanout_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"framemill/pipeline"
	"framemill/tests/account"
	"framemill/tests/clip"
	"framemill/tests/program"
)

// The video of the proofs.
const (
	filmFrames  = 15_000
	filmGOP     = 50
	filmSegment = 1000
	filmOverlap = 10
	filmChunk   = 36
	// filmWaste is how much more than all frames the units may decode together,
	// beside what overlapping jobs have in common.
	filmWaste = 0.125
)

// TestConsumersShareAVideo has two consumers encode one long video, as zips and
// as MP4.
func TestConsumersShareAVideo(t *testing.T) {
	program.Proof(t)
	share := filmShare(t)
	for _, zips := range []bool{true, false} {
		t.Run(fmt.Sprintf("zips %v", zips), func(t *testing.T) {
			r := newRig(t, share, 2, 1)
			task, request := r.startFilm(t, zips)
			units := encoding(r.await(t, request))
			by := map[string]int{}
			for _, u := range units {
				by[u.worker]++
			}
			t.Logf("%d frames in %s, %d units of encoding, by consumer %v",
				filmFrames, r.took(t, request).Round(time.Millisecond), len(units), by)
			for _, p := range r.Consumers {
				if n := by[workerOf(t, p)]; float64(n) < minShare*float64(len(units)) {
					t.Errorf("a consumer did %d of %d units, want at least %.0f %%", n, len(units), 100*minShare)
				}
			}
			checkCuts(t, units)
			r.checkFilm(t, task)
		})
	}
}

// TestKilledConsumerCostsOneUnitOfVideo kills a consumer in the middle of a
// unit: what its ffmpeg has written so far is lost, and nothing else.
func TestKilledConsumerCostsOneUnitOfVideo(t *testing.T) {
	program.Proof(t)
	r := newRig(t, filmShare(t), 2, 1)
	victim := r.Consumers[1]
	task, request := r.startFilm(t, false)
	r.busy(t, request, workerOf(t, victim))
	held := r.killAtWork(t, request, victim)
	units := encoding(r.await(t, request))
	twice := 0
	for _, u := range units {
		if u.fence > 1 {
			twice++
		}
	}
	t.Logf("killed a consumer that held %d units: %d of %d were done again; the ingest took %s",
		len(held), twice, len(units), r.took(t, request).Round(time.Millisecond))
	if twice > len(held) || len(held) > 1 {
		t.Errorf("%d units were done again, and the consumer held %d on its one slot; want at most one", twice, len(held))
	}
	for id := range held {
		if u := units[id]; u.state != pipeline.UnitDone || u.worker != workerOf(t, r.Consumers[0]) {
			t.Errorf("unit %s of the dead consumer is %s by %s, want it done by the other", id, u.state, u.worker)
		}
	}
	r.checkFilm(t, task)
}

// killAtWork kills a consumer when it holds a unit of encoding, and returns
// what it held. It is frozen while the rows are read, so that they are true.
func (r *rig) killAtWork(t *testing.T, request int64, victim *program.Process) map[string]unit {
	t.Helper()
	held := map[string]unit{}
	poll(t, "the consumer to be at work", time.Minute, func() bool {
		victim.Pause()
		for id, u := range encoding(r.units(t, request)) {
			if u.state == pipeline.UnitRunning && u.worker == workerOf(t, victim) {
				held[id] = u
			}
		}
		if len(held) == 0 {
			victim.Continue()
		}
		return len(held) > 0
	})
	victim.Kill()
	return held
}

// filmShare makes a share with the video.
func filmShare(t *testing.T) string {
	t.Helper()
	share := t.TempDir()
	film := clip.Clip{Frames: filmFrames, Width: 320, Height: 240, GOP: filmGOP, BFrames: 2}
	if err := film.Write(t.Context(), filepath.Join(share, "film.mp4")); err != nil {
		t.Fatal(err)
	}
	return share
}

// startFilm begins the ingest of the video and returns the ids of its task and
// request.
func (r *rig) startFilm(t *testing.T, zips bool) (task, request int64) {
	t.Helper()
	task = r.Producers[0].Create(t, map[string]any{"segment_size": filmSegment, "overlap": filmOverlap},
		map[string]any{"server_files": []string{"film.mp4"}, "use_cache": false, "use_zip_chunks": zips, "chunk_size": filmChunk})
	return task, r.books.Int(t, fmt.Sprintf(`SELECT id FROM requests WHERE task_id = %d`, task))
}

// checkFilm holds the finished task against what it must be: the bar code of
// every frame of every chunk, and no chunk that nobody asked for.
func (r *rig) checkFilm(t *testing.T, task int64) {
	t.Helper()
	err := r.books.Task(context.WithoutCancel(t.Context()), task, account.Want{
		Frames: filmFrames, SegmentSize: filmSegment, Overlap: filmOverlap, Video: true,
		Picture: func(frame int64) int { return int(frame) },
	})
	if err != nil {
		t.Errorf("the task is not whole: %v", err)
	}
	more := r.books.Int(t, fmt.Sprintf(`
		SELECT COUNT(*) FROM chunks c JOIN segments s ON s.id = c.segment_id
		WHERE s.task_id = %d AND c.quality NOT IN ('compressed', 'preview')`, task))
	if more > 0 {
		t.Errorf("%d chunks were built that nobody asked for", more)
	}
	t.Logf("framemill verify: %s", program.Run(t, "", "verify", "--data", r.Config.Data, "--database-url", r.Config.DatabaseURL))
}

// encoding returns the units of encoding among units.
func encoding(units map[string]unit) map[string]unit {
	out := map[string]unit{}
	for id, u := range units {
		if u.kind == string(pipeline.ChunksEncode) {
			out[id] = u
		}
	}
	return out
}

// checkCuts wants the units to lie side by side, and to decode few frames more
// than their own: a unit begins to decode at the keyframe before its first.
func checkCuts(t *testing.T, units map[string]unit) {
	t.Helper()
	var spans [][2]int64 // first and last frame of each chunk
	for start := int64(0); ; start += filmSegment - filmOverlap {
		stop := min(start+filmSegment, filmFrames)
		for lo := start; lo < stop; lo += filmChunk {
			spans = append(spans, [2]int64{lo, min(lo+filmChunk, stop) - 1})
		}
		if stop == filmFrames {
			break
		}
	}
	sorted := make([]unit, 0, len(units))
	for _, u := range units {
		sorted = append(sorted, u)
	}
	slices.SortFunc(sorted, func(a, b unit) int { return int(a.lo - b.lo) })
	at, own, waste := int64(0), int64(0), int64(0)
	for _, u := range sorted {
		if u.lo != at || u.hi <= u.lo || u.hi > int64(len(spans)) {
			t.Fatalf("a unit has chunks %d to %d of %d, want it to begin at %d", u.lo, u.hi-1, len(spans), at)
		}
		at = u.hi
		first, last := spans[u.lo][0], spans[u.hi-1][1]
		own += last - first + 1
		waste += first % filmGOP
	}
	if at != int64(len(spans)) {
		t.Errorf("the units end at chunk %d, want %d", at, len(spans))
	}
	t.Logf("%d units decode %d frames of their own and %d before their first", len(units), own, waste)
	if float64(waste) > filmWaste*float64(own) {
		t.Errorf("the units decode %d frames beside %d of their own, want at most %.1f %%", waste, own, 100*filmWaste)
	}
}

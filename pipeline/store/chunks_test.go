package store_test

import (
	"slices"
	"testing"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

func TestAskingForAChunkIsIdempotent(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		id, _ := ingest(t, db, 1)
		c := claim(t, db, sent(t, db)[0])
		publish(t, db, c, 10)
		segs, _ := db.Segments(t.Context(), id)
		ask := store.Ask{TaskID: id, Tenant: "u1", SegmentID: segs[1].ID, Quality: pipeline.Compressed, Lane: pipeline.Interactive}
		first, err := db.AskChunk(t.Context(), ask)
		if err != nil {
			t.Fatalf("ask: %v", err)
		}
		if second, err := db.AskChunk(t.Context(), ask); err != nil || second != first {
			t.Errorf("asked again: unit %s (%v), want %s", second, err, first)
		}
		next := ask
		next.Index, next.Before = 1, 1
		if together, err := db.AskChunk(t.Context(), next); err != nil || together != first {
			t.Errorf("asked for the next chunk, which is built together with it: unit %s (%v), want %s", together, err, first)
		}
		next.Before = 0
		if alone, err := db.AskChunk(t.Context(), next); err != nil || alone == first {
			t.Errorf("asked for the next chunk alone: unit %s (%v), want another", alone, err)
		}
		if _, err := db.Chunk(t.Context(), segs[1].ID, pipeline.Compressed, 0); pipeline.KindOf(err) != pipeline.NotFound {
			t.Errorf("the chunk before it is built: %v, want not found", err)
		}
	})
}

func TestChunkRangesFindTheirSegments(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		id, _ := ingest(t, db, 1)
		c := claim(t, db, sent(t, db)[0])
		publish(t, db, c, 10) // two segments of two chunks each
		for _, tt := range []struct {
			lo, hi int64
			starts []int64
		}{{0, 1, []int64{0}}, {1, 3, []int64{0, 5}}, {2, 4, []int64{5}}, {0, 4, []int64{0, 5}}} {
			segs, err := db.SegmentsByChunk(t.Context(), id, tt.lo, tt.hi)
			if err != nil {
				t.Fatalf("segments: %v", err)
			}
			var starts []int64
			for _, s := range segs {
				starts = append(starts, s.Start)
			}
			if !slices.Equal(starts, tt.starts) {
				t.Errorf("chunks [%d,%d) lie in the segments that start at %v, want %v", tt.lo, tt.hi, starts, tt.starts)
			}
		}
		frames, err := db.FrameFiles(t.Context(), mustData(t, db, id).ID, 2, 5)
		if err != nil || len(frames) != 3 || frames[0].N != 2 || frames[0].Name != "7" {
			t.Errorf("frames 2 to 4 = %+v (%v), want file 7 first", frames, err)
		}
	})
}

func mustData(t *testing.T, db *store.DB, taskID int64) *pipeline.Data {
	t.Helper()
	d, err := db.DataOf(t.Context(), taskID)
	if err != nil {
		t.Fatalf("data of task %d: %v", taskID, err)
	}
	return d
}

package consumer_test

import (
	"context"
	"errors"
	"testing"

	"framemill/pipeline"
	"framemill/pipeline/dispatch"
	"framemill/pipeline/frameindex"
	"framemill/pipeline/store"
	reel "framemill/stages/film"
)

func TestLostFrameIndexEndsTheRequest(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	owner := int64(1)
	task := pipeline.Task{Name: "t", OwnerID: &owner, Tenant: "u1", Dimension: "2d"}
	id, err := r.db.CreateTask(t.Context(), &store.NewTask{Task: task})
	if err != nil {
		t.Fatalf("create task: %v", err)
	}
	task.ID = id
	req, err := r.db.Accept(t.Context(), store.Ingest{
		Task: &task, OwnerID: owner, Spec: pipeline.Spec{Step: 1}, Storage: pipeline.StorageLocal,
		Units: []pipeline.Unit{{Kind: pipeline.JobsGenerate, Lane: pipeline.Bulk}}, Phase: pipeline.PhaseGenerate,
	})
	if err != nil {
		t.Fatalf("accept: %v", err)
	}
	c := r.claimFirst(req)
	size := int64(36)
	err = r.db.Fenced(t.Context(), c, func(tx *store.Tx) error {
		return errors.Join(tx.Publish(t.Context(), c, store.Publication{
			Data: pipeline.Data{
				Size: 10, Step: 1, ChunkSize: &size, Index: "task/1/index/gone",
				CompressedType: pipeline.ChunkVideo, OriginalType: pipeline.ChunkVideo,
			},
			Mode: pipeline.ModeInterpolation, Segments: []pipeline.Segment{{Type: pipeline.SegmentRange, Stop: 9}},
		}), tx.EndUnit(t.Context(), c))
	})
	if err != nil {
		t.Fatalf("publish: %v", err)
	}
	advance := dispatch.NewAdvancer(r.db, func(ctx context.Context, key string) (*frameindex.Index, error) {
		return reel.ReadIndex(ctx, r.bucket, key)
	}, func() {})
	if err := advance.Advance(t.Context(), req.ID); err != nil {
		t.Fatalf("advance: %v", err)
	}
	got, err := r.db.RequestByID(t.Context(), req.ID)
	if err != nil || got.State != pipeline.RequestFailed || got.Code != pipeline.CodeDecodeFailed {
		t.Errorf("request = %s with %q (%v), want failed with decode_failed", got.State, got.Code, err)
	}
}

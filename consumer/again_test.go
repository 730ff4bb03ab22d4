package consumer_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"framemill/pipeline"
	"framemill/pipeline/blob"
)

// flakyBucket refuses the first blob whose key contains a word.
type flakyBucket struct {
	blob.Bucket
	word  string
	spent atomic.Bool
}

func (b *flakyBucket) Create(ctx context.Context, key string, d blob.Durability) (blob.Writer, error) {
	if strings.Contains(key, b.word) && b.spent.CompareAndSwap(false, true) {
		return nil, pipeline.Errorf(pipeline.Transient, "the storage is away")
	}
	return b.Bucket.Create(ctx, key, d)
}

// TestSecondAttemptKeepsTheJobs lets the one unit of a small ingest fail after
// its jobs were opened, which people may have begun to work on by then.
func TestSecondAttemptKeepsTheJobs(t *testing.T) {
	t.Parallel()
	for name, word := range map[string]string{"at the chunks": "/compressed/", "at the preview": "/preview/"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			bucket := &flakyBucket{Bucket: r.bucket, word: word}
			r.bucket = bucket
			r.start()
			req := r.accept(pipeline.Spec{SegmentSize: 2, Replicas: 1}, pipeline.UploadRun, pictures(t, 6)...)
			req = r.await(req.ID)
			if req.State != pipeline.RequestDone || !bucket.spent.Load() {
				t.Fatalf("request ended %s: %s; the storage failed: %v", req.State, req.Text, bucket.spent.Load())
			}
			r.check(req, 6)
			view, err := r.db.RequestView(t.Context(), req.RQID)
			if err != nil || view.Jobs != 6 {
				t.Errorf("%d jobs were made (%v), want 3 and a replica of each", view.Jobs, err)
			}
		})
	}
}

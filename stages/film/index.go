package film

import (
	"context"
	"errors"
	"fmt"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/frameindex"
)

// ReadIndex reads the frame index of a video. One that is gone or damaged is a
// final error: nothing can be made of the video without it.
func ReadIndex(ctx context.Context, bucket blob.Bucket, key string) (*frameindex.Index, error) {
	o, err := bucket.Open(ctx, key)
	if errors.Is(err, blob.ErrNotExist) {
		return nil, lostIndex(err)
	}
	if err != nil {
		return nil, fmt.Errorf("read frame index: %w", err)
	}
	defer o.Close()
	x, err := frameindex.Decode(o)
	if errors.Is(err, frameindex.ErrCorrupt) {
		return nil, lostIndex(err)
	}
	if err != nil {
		return nil, fmt.Errorf("read frame index %s: %w", key, err)
	}
	return x, nil
}

func lostIndex(err error) *pipeline.Error {
	return pipeline.Failf(pipeline.CodeDecodeFailed, "",
		"the frame index of the video is lost or damaged: create the task anew").Because(err)
}

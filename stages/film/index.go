package film

import (
	"context"
	"fmt"

	"framemill/pipeline/blob"
	"framemill/pipeline/frameindex"
)

// ReadIndex reads the frame index of a video.
func ReadIndex(ctx context.Context, bucket blob.Bucket, key string) (*frameindex.Index, error) {
	o, err := bucket.Open(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("read frame index: %w", err)
	}
	defer o.Close()
	x, err := frameindex.Decode(o)
	if err != nil {
		return nil, fmt.Errorf("read frame index %s: %w", key, err)
	}
	return x, nil
}

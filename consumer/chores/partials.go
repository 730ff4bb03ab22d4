package chores

import (
	"context"
	"fmt"

	"framemill/pipeline/blob"
)

// dropPartials removes files that clients began to send and left.
func (c *Chores) dropPartials(ctx context.Context) error {
	partials, ok := c.bucket.(blob.Resumer)
	if !ok {
		return nil
	}
	for {
		keys, err := c.db.ExpirePartials(ctx, collectPage)
		if err != nil {
			return fmt.Errorf("expire partial uploads: %w", err)
		}
		for _, key := range keys {
			if err := partials.Drop(ctx, key); err != nil {
				return fmt.Errorf("remove the partial blob %s: %w", key, err)
			}
		}
		if len(keys) < collectPage {
			return nil
		}
	}
}

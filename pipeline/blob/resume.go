package blob

import (
	"context"
	"io"
)

// Resumer is a bucket in which a blob can be written in many sittings, by one
// process after the other: an upload whose line breaks goes on where it
// stopped. What was written so far is a partial blob; it is not listed, cannot
// be opened, and becomes a blob by Complete.
//
// The bucket does not count what a partial blob holds: the caller does, and
// trusts only what a Sync returned nil for. A sitting that somebody else has
// superseded may still write; so long as it writes the same bytes at the same
// places, as it does for one client that sends one file, nothing is lost.
type Resumer interface {
	// Resume opens the partial blob of a key for writing from offset on, and
	// begins it if offset is 0. A partial blob that is missing or shorter is
	// ErrNotExist: its bytes must be sent anew.
	Resume(ctx context.Context, key string, offset int64) (Sitting, error)
	// Complete makes the first bytes of the partial blob the blob of its key,
	// durably. If the blob is there already Complete does nothing, so it may be
	// repeated. Where there is neither it returns ErrNotExist.
	Complete(ctx context.Context, key string, bytes int64) error
	// Drop removes a partial blob. That there is none is not an error.
	Drop(ctx context.Context, key string) error
}

// Sitting writes the bytes of a partial blob that follow each other. It belongs
// to one goroutine, which must call Close.
type Sitting interface {
	io.Writer
	// Sync makes all that was written outlive a power cut.
	Sync() error
	io.Closer
}

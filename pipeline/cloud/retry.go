package cloud

import (
	"context"
	"io"
	"math/rand/v2"
	"time"

	"framemill/pipeline"
)

// Pauses between attempts: a storage that is busy for a moment is asked again,
// and whoever waits for longer tries again in a manner of their own.
const (
	attempts   = 3
	firstPause = 100 * time.Millisecond
)

type retrying struct{ Bucket }

// Retry returns a bucket that asks again where the answer was unavailable. A
// body that breaks off is the reader's to ask for again.
func Retry(b Bucket) Bucket { return retrying{b} }

// List implements Bucket.
func (r retrying) List(ctx context.Context, prefix, token string, limit int, delimited bool) (p Page, err error) {
	err = again(ctx, func() error {
		p, err = r.Bucket.List(ctx, prefix, token, limit, delimited)
		return err
	})
	return p, err
}

// Stat implements Bucket.
func (r retrying) Stat(ctx context.Context, key string) (o Object, err error) {
	err = again(ctx, func() error {
		o, err = r.Bucket.Stat(ctx, key)
		return err
	})
	return o, err
}

// Open implements Bucket.
func (r retrying) Open(ctx context.Context, key, etag string, off, n int64) (body io.ReadCloser, o Object, err error) {
	err = again(ctx, func() error {
		body, o, err = r.Bucket.Open(ctx, key, etag, off, n)
		return err
	})
	return body, o, err
}

// Check implements Bucket.
func (r retrying) Check(ctx context.Context) error {
	return again(ctx, func() error { return r.Bucket.Check(ctx) })
}

// again calls do until it succeeds, fails for good, or has been tried enough.
func again(ctx context.Context, do func() error) error {
	pause := firstPause
	for try := 1; ; try++ {
		err := do()
		if err == nil || try == attempts || pipeline.CodeOf(err) != pipeline.CodeUnavailable || !wait(ctx, pause) {
			return err
		}
		pause *= 4
	}
}

// wait reports whether ctx outlived the pause, which is stretched by up to a
// half lest many ask again at once.
func wait(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause + rand.N(pause/2))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

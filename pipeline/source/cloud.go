package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/semaphore"

	"framemill/pipeline"
	"framemill/pipeline/cloud"
)

// storages finds the buckets of cloud storages.
type storages interface {
	// Bucket returns the bucket of a storage. One that is not known any more is
	// an error of the code storage_detached.
	Bucket(ctx context.Context, id int64) (cloud.Bucket, error)
}

// Limits of what is read of buckets at the same time.
const (
	maxRequests = 32        // for headers and whole objects, together
	maxHeld     = 256 << 20 // bytes of whole objects in memory
	maxWhole    = 64 << 20  // bytes of an object that is held at all
)

// clouds reads objects of cloud storages.
type clouds struct {
	storages storages
	requests *semaphore.Weighted // at a time
	held     *semaphore.Weighted // bytes in memory
}

func newClouds(s storages) *clouds {
	return &clouds{storages: s, requests: semaphore.NewWeighted(maxRequests), held: semaphore.NewWeighted(maxHeld)}
}

// Bucket returns the bucket of a cloud storage, for those who list it.
func (o *Opener) Bucket(ctx context.Context, storageID int64) (cloud.Bucket, error) {
	return o.clouds.bucket(ctx, storageID)
}

func (c *clouds) bucket(ctx context.Context, id int64) (cloud.Bucket, error) {
	if c.storages == nil {
		return nil, pipeline.Errorf(pipeline.NotOffered, "this server does not read cloud storages")
	}
	return c.storages.Bucket(ctx, id)
}

// remote is one version of one object. Its requests are bound to a context.
type remote struct {
	key  string
	etag string // once it is known
	size int64  // negative until it is known
	ask  func(etag string, off, n int64) (io.ReadCloser, cloud.Object, error)
}

// find returns the object that a reference names.
func (c *clouds) find(ctx context.Context, rest string, stamp pipeline.Stamp) (*remote, error) {
	id, key, err := pipeline.ParseCloud(rest)
	if err != nil {
		return nil, err
	}
	bucket, err := c.bucket(ctx, id)
	if err != nil {
		return nil, err
	}
	return &remote{key: key, etag: stamp.ETag, size: stamp.Bytes,
		ask: func(etag string, off, n int64) (io.ReadCloser, cloud.Object, error) {
			return bucket.Open(ctx, key, etag, off, n)
		}}, nil
}

// open asks for n bytes from off on, up to the end if n is negative, and
// compares what answers with what is expected. What was not known before is
// expected from then on.
func (r *remote) open(off, n int64) (io.ReadCloser, error) {
	body, o, err := r.ask(r.etag, off, n)
	if err != nil {
		return nil, err
	}
	if r.size >= 0 && o.Bytes != r.size {
		body.Close()
		return nil, changed(r.key, "it has %d bytes, and had %d", o.Bytes, r.size)
	}
	r.size, r.etag = o.Bytes, o.ETag
	return body, nil
}

// Version returns which version of the object is read.
func (r *remote) Version() pipeline.Stamp { return pipeline.Stamp{Bytes: r.size, ETag: r.etag} }

// Versioned is implemented by files that tell which version they are: those of
// cloud storages, of which nobody may have looked at any before.
type Versioned interface {
	Version() pipeline.Stamp
}

// stream opens an object for whoever reads it from the beginning to the end.
func (c *clouds) stream(ctx context.Context, rest string, stamp pipeline.Stamp) (*streamed, error) {
	r, err := c.find(ctx, rest, stamp)
	if err != nil {
		return nil, err
	}
	s := &streamed{remote: r, wait: waiter(ctx)}
	if s.body, err = r.open(0, -1); err != nil {
		return nil, err
	}
	return s, nil
}

// whole opens an object for whoever reads all of it, in whatever order: it is
// fetched at once, unless it is too large to be held.
func (c *clouds) whole(ctx context.Context, rest string, stamp pipeline.Stamp) (File, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	defer c.requests.Release(1)
	f, err := c.stream(ctx, rest, stamp)
	if err != nil || f.Size() > maxWhole {
		return f, err
	}
	defer f.Close()
	size := f.Size()
	if c.held.Acquire(ctx, size) != nil {
		return nil, context.Cause(ctx)
	}
	buf := make([]byte, size)
	if _, err := io.ReadFull(f, buf); err != nil {
		c.held.Release(size)
		return nil, err
	}
	return &held{Reader: bytes.NewReader(buf), remote: f.remote, release: func() { c.held.Release(size) }}, nil
}

// enter waits for the right to a request.
func (c *clouds) enter(ctx context.Context) error {
	if c.requests.Acquire(ctx, 1) != nil {
		return context.Cause(ctx)
	}
	return nil
}

// held is an object in memory.
type held struct {
	*bytes.Reader
	*remote
	release func() // once
}

// Close gives the memory back.
func (h *held) Close() error {
	h.release()
	h.release = func() {}
	return nil
}

// tries bounds how often a broken stream is taken up again without a byte in
// between.
const tries = 4

// waiter returns what waits before a further try, longer each time.
func waiter(ctx context.Context) func(try int) error {
	return func(try int) error {
		select {
		case <-time.After(200 * time.Millisecond << try):
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// streamed is an object that is read in one go. Where the line breaks, it is
// taken up again at that place of the same version.
type streamed struct {
	*remote
	wait func(try int) error
	body io.ReadCloser // nil after a Seek
	pos  int64
}

// Size returns the length of the object.
func (s *streamed) Size() int64 { return s.size }

// Read implements io.Reader.
func (s *streamed) Read(p []byte) (int, error) {
	switch {
	case len(p) == 0:
		return 0, nil
	case s.pos >= s.size:
		return 0, io.EOF
	}
	for try := 0; ; try++ {
		n, err := s.once(p[:min(int64(len(p)), s.size-s.pos)])
		if n > 0 || err == nil {
			return n, nil
		}
		if pipeline.KindOf(err) != pipeline.Transient || try == tries {
			return 0, err
		}
		if err := s.wait(try); err != nil {
			return 0, err
		}
	}
}

// once reads what is there, and forgets a body that is of no more use.
func (s *streamed) once(p []byte) (n int, err error) {
	if s.body == nil {
		if s.body, err = s.open(s.pos, -1); err != nil {
			return 0, err
		}
	}
	n, err = s.body.Read(p)
	s.pos += int64(n)
	if err != nil {
		_ = s.Close()
	}
	return n, s.brokenOff(err)
}

// brokenOff turns the end of a body, where there should be more, into an error
// that may be gone with the next request.
func (r *remote) brokenOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return pipeline.Failf(pipeline.CodeUnavailable, r.key, "%s: the cloud storage sent less than it said", r.key)
	}
	return err
}

// Seek implements io.Seeker.
func (s *streamed) Seek(off int64, whence int) (int64, error) {
	to, err := seek(s.pos, s.size, off, whence)
	if err == nil && to != s.pos {
		err = s.Close()
		s.pos = to
	}
	return to, err
}

// Close ends the request under way.
func (s *streamed) Close() error {
	if s.body == nil {
		return nil
	}
	err := s.body.Close()
	s.body = nil
	return err
}

// seek returns the place that the arguments of a Seek mean.
func seek(pos, size, off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		off += pos
	case io.SeekEnd:
		off += size
	}
	if off < 0 || whence < io.SeekStart || whence > io.SeekEnd {
		return 0, fmt.Errorf("seek to %d from %d in an object: out of range", off, whence)
	}
	return off, nil
}

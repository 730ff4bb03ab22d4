package receive

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"framemill/pipeline"
)

// tooLarge is the error of something that is over a limit.
func tooLarge(what string, limit int64) *pipeline.Error {
	return pipeline.Errorf(pipeline.TooLarge, "%s is over the limit of %d bytes", what, limit)
}

// capped reads at most left bytes. One more is an error, not an early end.
type capped struct {
	r     io.Reader
	left  int64
	what  string
	limit int64
}

func (c *capped) Read(p []byte) (int, error) {
	if int64(len(p)) > c.left+1 {
		p = p[:c.left+1]
	}
	n, err := c.r.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return n, tooLarge(c.what, c.limit)
	}
	return n, err
}

// gate limits how much a multipart parser may read while it looks for the next
// part: the parser itself would take headers of 10 MiB into memory, and skip a
// preamble of any length. The gate also remembers the last bytes, because the
// parser takes a body that breaks off inside a header for one that has ended.
type gate struct {
	r      io.Reader
	shut   bool // between parts
	left   int64
	header int64 // the limit
	tail   []byte
}

// tailSize is more than the parser reads ahead.
const tailSize = 8 << 10

func (g *gate) close() { g.shut, g.left = true, g.header }
func (g *gate) open()  { g.shut = false }

// ended reports whether the last boundary of the body has passed the gate.
func (g *gate) ended(boundary string) bool {
	return bytes.Contains(g.tail, []byte("--"+boundary+"--"))
}

func (g *gate) Read(p []byte) (int, error) {
	if g.shut && g.left <= 0 {
		return 0, pipeline.Errorf(pipeline.Invalid, "The headers of a part are over the limit of %d bytes", g.header)
	}
	if g.shut && int64(len(p)) > g.left {
		p = p[:g.left]
	}
	n, err := g.r.Read(p)
	g.left -= int64(n)
	if g.tail = append(g.tail, p[:n]...); len(g.tail) > 4*tailSize {
		g.tail = append(g.tail[:0], g.tail[len(g.tail)-tailSize:]...)
	}
	return n, err
}

// spaceEvery is how often the free space is asked for while bytes arrive.
const spaceEvery = time.Second

// spaceGuard refuses to go on when the bucket is nearly full.
type spaceGuard struct {
	rc   *Receiver
	next time.Time
}

// check asks for the free space, though not more often than spaceEvery.
// incoming is how many bytes are announced, or 0.
func (g *spaceGuard) check(ctx context.Context, incoming int64) error {
	now := g.rc.now()
	if now.Before(g.next) {
		return nil
	}
	g.next = now.Add(spaceEvery)
	free, total, err := g.rc.bucket.Free(ctx)
	if err != nil {
		return fmt.Errorf("free space of the bucket: %w", err)
	}
	if total >= 0 && float64(free-incoming) < g.rc.cfg.MinFreeShare*float64(total) {
		return pipeline.Failf(pipeline.CodeDiskFull, "",
			"The server keeps %.0f %% of its disk free and cannot take these files: free space or ask the administrator",
			g.rc.cfg.MinFreeShare*100)
	}
	return nil
}

// spaceWriter refuses to write when the bucket is nearly full.
type spaceWriter struct {
	ctx   context.Context // of the request, for Write has none
	w     io.Writer
	guard *spaceGuard
}

func (s spaceWriter) Write(p []byte) (int, error) {
	if err := s.guard.check(s.ctx, 0); err != nil {
		return 0, err
	}
	return s.w.Write(p)
}

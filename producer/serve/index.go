package serve

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/frameindex"
)

// Index returns the frame index of data that are a video. It is shared: nobody
// changes it. It may be large, so nobody holds it while a reader is waited for.
func (s *Server) Index(ctx context.Context, d *pipeline.Data) (*frameindex.Index, error) {
	if x := s.indexes.find(d.Index); x != nil {
		return x, nil
	}
	// One at a time: that bounds the memory of decoding, and whoever waited for
	// the same index finds it.
	select {
	case s.indexes.decoding <- struct{}{}:
		defer func() { <-s.indexes.decoding }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if x := s.indexes.find(d.Index); x != nil {
		return x, nil
	}
	x, err := s.readIndex(ctx, d.Index)
	if err != nil {
		return nil, fmt.Errorf("read frame index %q: %w", d.Index, err)
	}
	s.indexes.add(d.Index, x)
	return x, nil
}

func (s *Server) readIndex(ctx context.Context, key string) (*frameindex.Index, error) {
	obj, err := s.bucket.Open(ctx, key)
	if errors.Is(err, blob.ErrNotExist) {
		return nil, errors.New("it is lost") // not the reader's "not found"
	}
	if err != nil {
		return nil, err
	}
	defer obj.Close()
	return frameindex.Decode(obj)
}

// indexes keeps the indexes that were used last, up to a budget of memory. One
// that is larger than the budget is kept alone: it is read in pages, and must
// not be decoded for each.
type indexes struct {
	decoding chan struct{}

	mu     sync.Mutex
	budget int64
	used   int64
	byUse  *list.List // of *keptIndex, the one used last in front
	byKey  map[string]*list.Element
}

type keptIndex struct {
	key   string
	index *frameindex.Index
	bytes int64
}

func newIndexes(budget int64) *indexes {
	return &indexes{
		decoding: make(chan struct{}, 1), budget: budget, byUse: list.New(), byKey: make(map[string]*list.Element),
	}
}

// find returns an index that is kept, else nil.
func (c *indexes) find(key string) *frameindex.Index {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[key]
	if !ok {
		return nil
	}
	c.byUse.MoveToFront(e)
	return e.Value.(*keptIndex).index
}

// add keeps an index, and lets go of those that were used longest ago.
func (c *indexes) add(key string, x *frameindex.Index) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := &keptIndex{key: key, index: x, bytes: sizeOf(x)}
	for c.used+k.bytes > c.budget && c.byUse.Len() > 0 {
		old := c.byUse.Remove(c.byUse.Back()).(*keptIndex)
		delete(c.byKey, old.key)
		c.used -= old.bytes
	}
	c.byKey[key] = c.byUse.PushFront(k)
	c.used += k.bytes
}

// sizeOf returns about how much memory an index takes.
func sizeOf(x *frameindex.Index) int64 {
	const head, frame, chapter = 1 << 10, 24, 48
	size := head + frame*x.Len()
	for _, c := range x.Chapters {
		size += chapter + int64(len(c.Title))
	}
	return size
}

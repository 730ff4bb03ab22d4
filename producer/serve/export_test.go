package serve

import (
	"context"
	"io"
	"iter"

	"framemill/pipeline/frameindex"
)

// TestIndexes is a cache of indexes.
type TestIndexes struct{ *indexes }

// NewTestIndexes returns a cache with a budget.
func NewTestIndexes(budget int64) TestIndexes { return TestIndexes{newIndexes(budget)} }

// Add keeps an index.
func (c TestIndexes) Add(key string, x *frameindex.Index) { c.add(key, x) }

// Has looks an index up.
func (c TestIndexes) Has(key string) bool { return c.find(key) != nil }

// Bytes returns how much memory the kept indexes take.
func (c TestIndexes) Bytes() int64 { return c.used }

// TestEntry is an entry as the tests describe it.
type TestEntry struct {
	Ext  string
	Size int64
	CRC  int64
	Open func() (io.ReadCloser, error)
}

func testEntries(list []TestEntry) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		for _, e := range list {
			if !yield(entry{ext: e.Ext, size: e.Size, crc: e.CRC, open: e.Open}, nil) {
				return
			}
		}
	}
}

// ZipLength adds up the length of a zip of the entries.
func ZipLength(list []TestEntry) (int64, error) { return zipLength(testEntries(list)) }

// WriteZip writes a zip of the entries.
func WriteZip(ctx context.Context, w io.Writer, list []TestEntry) error {
	return writeZip(ctx, w, testEntries(list))
}

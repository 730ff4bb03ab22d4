package serve

import (
	"context"
	"io"
	"iter"
)

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

package film

import (
	"archive/zip"
	"context"
	"fmt"
	"hash"
	"hash/crc32"

	"framemill/pipeline/blob"
)

// file is a blob under way that counts and sums its bytes.
type file struct {
	blob.Writer
	sum hash.Hash32
	n   int64
}

func (s *Stage) create(ctx context.Context, key string) (*file, error) {
	w, err := s.bucket.Create(ctx, key, blob.Rebuildable)
	return &file{Writer: w, sum: crc32.NewIEEE()}, err
}

// Write implements io.Writer.
func (f *file) Write(p []byte) (int, error) {
	n, err := f.Writer.Write(p)
	f.sum.Write(p[:n])
	f.n += int64(n)
	return n, err
}

// cut is a zip of JPEGs under way.
type cut struct {
	*ChunkWork
	place int // in the input
	file  *file
	zip   *zip.Writer
	n     int // frames so far
}

// begin opens a chunk.
func (r *reel) begin(ctx context.Context, place int) error {
	c := &cut{ChunkWork: &r.in.Chunks[place], place: place}
	var err error
	if c.file, err = r.stage.create(ctx, c.Key); err != nil {
		return err
	}
	c.zip = zip.NewWriter(c.file)
	r.open = append(r.open, c)
	return nil
}

// add gives the JPEG of frame n of the task to the open chunks, and closes
// those whose last it is.
func (r *reel) add(ctx context.Context, n int64, jpeg []byte) error {
	for i := 0; i < len(r.open); {
		c := r.open[i]
		if !c.shows(n) {
			i++
			continue
		}
		if err := c.add(jpeg); err != nil {
			return fmt.Errorf("frame %d of chunk %d: %w", n, c.Index, err)
		}
		if n < c.Hi-1 {
			i++
			continue
		}
		if err := r.end(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

// end closes and keeps the i-th open chunk.
func (r *reel) end(ctx context.Context, i int) error {
	c := r.open[i]
	if err := c.zip.Close(); err != nil {
		return err
	}
	if err := r.keep(ctx, c.place, c.file); err != nil {
		return err
	}
	r.open = append(r.open[:i], r.open[i+1:]...)
	return nil
}

// add appends a picture.
func (c *cut) add(data []byte) error {
	entry, err := c.zip.CreateRaw(&zip.FileHeader{
		Name: fmt.Sprintf("%06d.jpeg", c.n), Method: zip.Store, CRC32: crc32.ChecksumIEEE(data),
		CompressedSize64: uint64(len(data)), UncompressedSize64: uint64(len(data)),
	})
	if err != nil {
		return err
	}
	c.n++
	_, err = entry.Write(data)
	return err
}

// abort drops the chunks that were not closed.
func (r *reel) abort() {
	for _, c := range r.open {
		c.file.Abort()
	}
}

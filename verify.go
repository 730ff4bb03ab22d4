package main

import (
	"context"
	"fmt"
	"hash/crc32"
	"io"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/blob/fs"
	"framemill/pipeline/store"
)

// verifyCmd checks what is stored. It works beside a running server.
type verifyCmd struct{ settings }

// Run reads every stored chunk and compares it with its row.
func (c *verifyCmd) Run(ctx context.Context) error {
	cfg, err := c.load(nil)
	if err != nil {
		return err
	}
	bucket, err := fs.New(fs.Config{Dir: cfg.BlobDir(), MustExist: true})
	if err != nil {
		return err
	}
	defer bucket.Close()
	return c.withDatabase(ctx, func(db *store.DB) error {
		good, bad, err := verifyChunks(ctx, db, bucket)
		if err != nil {
			return err
		}
		fmt.Printf("%d chunks are as their rows say, %d are not\n", good, bad)
		if bad > 0 {
			return fmt.Errorf("%d chunks are damaged: they are built anew when their rows are deleted", bad)
		}
		return nil
	})
}

// verifyChunks walks the rows of all chunks.
func verifyChunks(ctx context.Context, db *store.DB, bucket blob.Bucket) (good, bad int64, err error) {
	const page = 1000
	var last pipeline.Chunk
	for {
		chunks, err := db.Chunks(ctx, last, page)
		if err != nil {
			return good, bad, err
		}
		for _, c := range chunks {
			if err := verifyChunk(ctx, bucket, c); err != nil {
				fmt.Printf("segment %d, %s chunk %d: %v\n", c.SegmentID, c.Quality, c.Index, err)
				bad++
				continue
			}
			good++
		}
		if len(chunks) < page {
			return good, bad, nil
		}
		last = chunks[len(chunks)-1]
	}
}

func verifyChunk(ctx context.Context, bucket blob.Bucket, c pipeline.Chunk) error {
	o, err := bucket.Open(ctx, c.Key)
	if err != nil {
		return err
	}
	defer o.Close()
	sum := crc32.NewIEEE()
	n, err := io.Copy(sum, o)
	switch {
	case err != nil:
		return err
	case n != c.Bytes:
		return fmt.Errorf("%d bytes, the row says %d", n, c.Bytes)
	case int64(sum.Sum32()) != c.CRC32:
		return fmt.Errorf("checksum %08x, the row says %08x", sum.Sum32(), c.CRC32)
	}
	return nil
}

package collect

import (
	"context"
	"fmt"
	"hash/crc32"
	"io"

	"golang.org/x/sync/errgroup"

	"framemill/pipeline"
	"framemill/pipeline/blob"
)

// copyBuffer is how much of a file is in memory while it is copied.
const copyBuffer = 256 << 10

// copies reports whether a file is to be copied into our own storage.
func (r *run) copies(f pipeline.SourceFile) bool {
	scheme, _ := f.Ref.Split()
	return r.in.Spec.CopyData && (scheme == "share" || scheme == "cloud")
}

// nextKey returns a fresh key for a copy.
func (r *run) nextKey() string {
	r.copied++
	return r.attempt.Key(r.copied - 1)
}

// copyPage copies the files of the page that lie on the share, some at a time.
// A file that went away or changed meanwhile is marked, and the error policy
// of the request decides what becomes of it.
func (r *run) copyPage(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.stage.cfg.Copies)
	for i := range r.page {
		f := &r.page[i]
		if f.Code != "" || !r.copies(*f) {
			continue
		}
		key := r.nextKey()
		g.Go(func() error {
			err := r.copy(ctx, f, key)
			if err != nil && pipeline.KindOf(err) == pipeline.Media {
				bad := pipeline.Public(err)
				f.Code, f.Text, err = bad.Code, bad.Text, nil
			}
			return err
		})
	}
	return g.Wait()
}

// copy copies one file and makes f point to the copy. The checksum is taken on
// the way, as the bytes pass by anyway.
func (r *run) copy(ctx context.Context, f *pipeline.SourceFile, key string) error {
	src, err := r.stage.sources.Open(ctx, f.Ref, f.Stamp())
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := r.stage.blobs.Create(ctx, key, blob.Durable)
	if err != nil {
		return fmt.Errorf("copy %s: %w", f.Ref, err)
	}
	defer dst.Abort()
	sum := crc32.NewIEEE()
	in := progressReader{src, r.attempt.Progress}
	n, err := io.CopyBuffer(io.MultiWriter(dst, sum), in, make([]byte, copyBuffer))
	if err != nil {
		return fmt.Errorf("copy %s: %w", f.Ref, err)
	}
	if err := dst.Commit(ctx); err != nil {
		return fmt.Errorf("copy %s: %w", f.Ref, err)
	}
	crc := int64(sum.Sum32())
	f.Ref, f.Bytes, f.MTime, f.ETag, f.CRC32 = pipeline.BlobRef(key), n, 0, "", &crc
	return nil
}

// progressReader tells of each read, so that the copy of one large file on a
// slow share is not taken for a stall.
type progressReader struct {
	io.Reader
	progress func()
}

// Read implements io.Reader.
func (p progressReader) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if n > 0 {
		p.progress()
	}
	return n, err
}

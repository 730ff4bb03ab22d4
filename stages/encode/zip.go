package encode

import (
	"archive/zip"
	"context"
	"hash/crc32"
	"io"

	"golang.org/x/sync/errgroup"

	"framemill/pipeline"
)

// dosEpoch is the earliest date that a zip can state. Every entry has it, so
// that the same pictures make the same bytes.
const dosEpoch = 1<<5 | 1

// writeZip writes one stored entry for each frame that is wanted, in order.
// Pictures are encoded in parallel, a bounded number ahead of the one being
// written, and only encoded bytes wait.
func (w *work) writeZip(ctx context.Context, dst io.Writer, encode encoder, wanted func(*pipeline.FrameFile) bool) error {
	out := zip.NewWriter(dst)
	g, inner := errgroup.WithContext(ctx)
	// A frame's turn is taken when its channel enters the queue, so that at
	// most Parallel pictures are in memory: those in the queue, and the one
	// that the writer waits for.
	queue := make(chan chan entry, max(w.stage.cfg.Parallel-1, 0))
	g.Go(func() error {
		defer close(queue)
		for i := range w.Frames {
			if !wanted(&w.Frames[i]) {
				w.progress()
				continue
			}
			ready := make(chan entry, 1)
			select {
			case queue <- ready:
			case <-inner.Done():
				return context.Cause(inner)
			}
			g.Go(func() error {
				e, err := w.picture(inner, i, encode)
				if err == nil {
					ready <- e
				}
				return err
			})
		}
		return nil
	})
	g.Go(func() error { return w.writeEntries(inner, out, queue) })
	if err := g.Wait(); err != nil {
		return err
	}
	return out.Close()
}

// writeEntries writes the pictures as they come, in the order of the queue.
func (w *work) writeEntries(ctx context.Context, out *zip.Writer, queue <-chan chan entry) error {
	for ready := range queue {
		select {
		case e := <-ready:
			if err := writeEntry(out, &e); err != nil {
				return err
			}
			w.finish(&e)
			w.stage.buffers.Put(e.data)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// writeEntry stores one picture. All of its header is known beforehand, so
// that no descriptor follows the data.
func writeEntry(out *zip.Writer, e *entry) error {
	n := uint64(e.data.Len())
	dst, err := out.CreateRaw(&zip.FileHeader{
		Name:   e.name,
		Method: zip.Store,
		//lint:ignore SA1019 CreateRaw writes this field, and does not look at its successor
		ModifiedDate:       dosEpoch,
		CRC32:              crc32.ChecksumIEEE(e.data.Bytes()),
		CompressedSize64:   n,
		UncompressedSize64: n,
	})
	if err != nil {
		return err
	}
	_, err = dst.Write(e.data.Bytes())
	return err
}

// finish counts a picture that is done.
func (w *work) finish(e *entry) {
	w.reports.add(e.report)
	w.progress()
}

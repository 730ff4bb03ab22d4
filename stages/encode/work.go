package encode

import (
	"context"
	"hash"
	"hash/crc32"
	"io"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/plan"
	"framemill/stages/media/alive"
	"framemill/stages/media/pointcloud"
)

// work is one chunk under way.
type work struct {
	*ChunkWork
	stage       *Stage
	jpegQuality int
	needSources bool
	progress    func()
	reports     reports
	names       []string // of the entries; nil where they are numbered
}

// run writes the chunk's file, whole or not at all, and returns its row.
func (w *work) run(ctx context.Context) (pipeline.Chunk, error) {
	dst, err := w.stage.blobs.Create(ctx, w.Key, blob.Rebuildable)
	if err != nil {
		return pipeline.Chunk{}, err
	}
	defer dst.Abort()
	sum := &summer{w: dst, crc: crc32.NewIEEE()}
	if err := w.write(ctx, sum); err != nil {
		return pipeline.Chunk{}, err
	}
	if err := dst.Commit(ctx); err != nil {
		return pipeline.Chunk{}, err
	}
	return pipeline.Chunk{
		SegmentID: w.SegmentID, Quality: w.Quality, Index: w.Index, Version: w.Version, Key: w.Key,
		Bytes: sum.n, CRC32: int64(sum.crc.Sum32()), Frames: int64(len(w.Frames)),
	}, nil
}

// write writes what the quality asks for.
func (w *work) write(ctx context.Context, dst io.Writer) error {
	switch w.Quality {
	case pipeline.Compressed:
		return w.writeZip(ctx, dst, w.compressed, func(*pipeline.FrameFile) bool { return true })
	case pipeline.Original:
		// The other originals are served from their sources.
		return w.writeZip(ctx, dst, w.original, func(f *pipeline.FrameFile) bool { return f.Derived() })
	case pipeline.Preview:
		return w.writePreview(ctx, dst)
	case pipeline.Context:
		files := make([]string, len(w.Frames))
		for i := range w.Frames {
			files[i] = w.Frames[i].Name
		}
		w.names = plan.ContextNames(files)
		return w.writeZip(ctx, dst, w.context, func(*pipeline.FrameFile) bool { return true })
	}
	return pipeline.Errorf(pipeline.Internal, "unknown quality %q", w.Quality)
}

// writePreview writes the thumbnail of the first frame.
func (w *work) writePreview(ctx context.Context, dst io.Writer) error {
	if len(w.Frames) == 0 {
		return pipeline.Errorf(pipeline.Internal, "a preview needs a frame")
	}
	if w.Frames[0].Format == pipeline.FormatCloud {
		return pointcloud.Preview(dst, thumbnailSide)
	}
	e, err := w.picture(ctx, 0, w.thumbnail)
	if err != nil {
		return err
	}
	w.finish(&e)
	_, err = dst.Write(e.data.Bytes())
	w.stage.buffers.Put(e.data)
	return err
}

// turn waits for the gate.
func (w *work) turn(ctx context.Context, bytes int64) (release func(), err error) {
	alive.Waiting(ctx, w.progress, func() { release, err = w.stage.gate(ctx, bytes) })
	return release, err
}

// summer takes the length and checksum of what passes by.
type summer struct {
	w   io.Writer
	n   int64
	crc hash.Hash32
}

// Write implements io.Writer.
func (s *summer) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.n += int64(n)
	s.crc.Write(p[:n])
	return n, err
}

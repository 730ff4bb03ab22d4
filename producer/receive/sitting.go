package receive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/blob"
)

// sitting takes one piece of a partial upload.
type sitting struct {
	rc    *Receiver
	p     *pipeline.Partial
	to    blob.Sitting
	sums  *sums
	seat  *seat
	fresh int64 // bytes since the last checkpoint
}

// run writes the piece, and makes safe what has come of it, however it ends. It
// reports whether that went well. A line that breaks ends the body and ctx at
// once: what it brought is written all the same.
func (s *sitting) run(ctx context.Context, in Piece) (safe bool, err error) {
	ctx = context.WithoutCancel(ctx)
	space := spaceGuard{rc: s.rc}
	err = s.copy(ctx, in, spaceWriter{ctx, s.to, &space})
	late, cancel := context.WithTimeout(ctx, saveTime)
	defer cancel()
	unsafe := s.checkpoint(late)
	return unsafe == nil, errors.Join(err, unsafe)
}

// copy reads the body to its end, with a checkpoint every so often.
func (s *sitting) copy(ctx context.Context, in Piece, dst io.Writer) error {
	buf := make([]byte, writeBuffer)
	for left := in.Bytes; left > 0; {
		n, err := io.ReadFull(heard{in.Body, s.seat}, buf[:min(left, int64(len(buf)))])
		if _, werr := dst.Write(buf[:n]); werr != nil {
			return fmt.Errorf("write the partial blob %q: %w", s.p.Key, werr)
		}
		s.count(buf[:n])
		left -= int64(n)
		if err != nil {
			return pipeline.Errorf(pipeline.Conflict, "The piece ends early: %d bytes of the file are there", s.p.Received).Because(err)
		}
		if s.fresh >= checkpointBytes {
			if err := s.checkpoint(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *sitting) count(p []byte) {
	_, _ = s.sums.Write(p)
	s.p.Received += int64(len(p))
	s.fresh += int64(len(p))
}

// checkpoint makes safe what has arrived: first on disk, then in the row.
func (s *sitting) checkpoint(ctx context.Context) error {
	if s.fresh == 0 {
		return nil
	}
	safe, err := s.sums.State()
	if err != nil {
		return err
	}
	if err := s.to.Sync(); err != nil {
		return fmt.Errorf("flush the partial blob %q: %w", s.p.Key, err)
	}
	s.p.Sums = safe
	if err := s.rc.db.AdvancePartial(ctx, s.p, partialTTL); err != nil {
		return err
	}
	s.fresh = 0
	return nil
}

// heard notes when bytes come.
type heard struct {
	io.Reader
	seat *seat
}

func (h heard) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p)
	if n > 0 {
		h.seat.hear(time.Now())
	}
	return n, err
}

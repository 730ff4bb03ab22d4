package probe

import (
	"context"
	"fmt"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/stages/media/video"
)

// FormatVideo is the format of a file whose frames an index names.
const FormatVideo = "video"

// film finds the frames of a video and keeps their index under key.
func (s *Stage) film(ctx context.Context, f *pipeline.File, key string, progress func()) error {
	path, release, err := s.sources.Local(ctx, f.Ref, f.Stamp())
	if err != nil {
		return err
	}
	defer release()
	index, err := s.films.Index(ctx, video.File{Path: path, Name: f.Name}, progress)
	if err != nil {
		return err
	}
	w, err := s.blobs.Create(ctx, key, blob.Durable)
	if err != nil {
		return fmt.Errorf("keep the frame index: %w", err)
	}
	defer w.Abort()
	if err := index.Encode(w); err != nil {
		return fmt.Errorf("keep the frame index: %w", err)
	}
	if err := w.Commit(ctx); err != nil {
		return fmt.Errorf("keep the frame index: %w", err)
	}
	f.Format, f.Width, f.Height = FormatVideo, index.Width, index.Height
	f.Frames, f.Index = index.Len(), key
	return nil
}

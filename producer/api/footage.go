package api

import (
	"context"
	"log/slog"

	"framemill/pipeline"
)

// chapter is a named part of a video. Its frames are counted in the source.
type chapter struct {
	ID       int64        `json:"id"`
	Start    int64        `json:"start"`
	Stop     int64        `json:"stop"`
	Metadata chapterTitle `json:"metadata"`
}

type chapterTitle struct {
	Title string `json:"title,omitempty"`
}

// chapters lists the chapters of a video; a job has those that begin in it. It
// is nil for pictures.
func (s *Server) chapters(ctx context.Context, l *looked) ([]chapter, error) {
	if !l.Data.Video() {
		return nil, nil
	}
	x, err := s.Serve.Index(ctx, l.Data)
	if err != nil {
		return nil, err
	}
	out, of, source := []chapter{}, l.frames(), selectionOf(l.Data)
	for _, c := range x.Chapters {
		if l.seg != nil && (c.Start < source.Source(of.Start) || c.Start > source.Source(of.Stop)) {
			continue
		}
		out = append(out, chapter{ID: c.ID, Start: c.Start, Stop: c.Stop, Metadata: chapterTitle{c.Title}})
	}
	return out, nil
}

// footage is what only the detail of a task with a video says.
type footage struct {
	SourceFrames int64 `json:"source_frames"` // exactly, whether selected or not
	VariableRate bool  `json:"variable_frame_rate"`
}

// footage returns what is known of the video of a task, nil if it has none. A
// task whose index cannot be read is shown without it: the fault is the log's,
// and people must still see the task, if only to delete it.
func (s *Server) footage(ctx context.Context, d *pipeline.Data) *footage {
	if d == nil || !d.Video() {
		return nil
	}
	x, err := s.Serve.Index(ctx, d)
	if err != nil {
		s.Log.LogAttrs(ctx, slog.LevelError, "video shown without its index",
			slog.String("request_id", traceOf(ctx).id), slog.Int64("task", d.TaskID), slog.String("error", err.Error()))
		return nil
	}
	return &footage{SourceFrames: x.Len(), VariableRate: x.Variable}
}

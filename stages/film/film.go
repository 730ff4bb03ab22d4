// Package film is the stage that makes chunks of a video: it decodes a run of
// frames once and hands each to every chunk that has it.
package film

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/stages/media/video"
)

// sources tells where the video lies on this host.
type sources interface {
	Local(ctx context.Context, ref pipeline.Ref, stamp pipeline.Stamp) (path string, release func(), err error)
}

// Form is as what a chunk is written.
type Form string

// The forms.
const (
	Zip       Form = "zip"       // JPEGs, stored, in the order of the frames
	MP4       Form = "mp4"       // H.264 constrained baseline
	PNG       Form = "png"       // one frame
	Thumbnail Form = "thumbnail" // one frame as a small JPEG
)

// ChunkWork is one chunk to be made: the frames Lo to Hi-1 of the task, or, as a
// zip, only those of them that Picked lists, the first and the last included.
type ChunkWork struct {
	SegmentID int64            `json:"segment_id"`
	Index     int64            `json:"idx"`
	Version   int64            `json:"ver"`
	Quality   pipeline.Quality `json:"quality"`
	Key       string           `json:"key"` // where it goes
	Form      Form             `json:"form"`
	Lo        int64            `json:"lo"`
	Hi        int64            `json:"hi"`
	Picked    []int64          `json:"picked,omitempty"`
}

// count returns the number of frames of the chunk.
func (c *ChunkWork) count() int64 {
	if c.Picked != nil {
		return int64(len(c.Picked))
	}
	return c.Hi - c.Lo
}

// shows reports whether the chunk has a frame between its first and its last.
func (c *ChunkWork) shows(n int64) bool {
	if c.Picked == nil {
		return true
	}
	_, listed := slices.BinarySearch(c.Picked, n)
	return listed
}

// original reports whether the chunk shows the source as it is.
func (c *ChunkWork) original() bool {
	switch c.Quality {
	case pipeline.Original, pipeline.FrameOriginal, pipeline.TaskOriginal, pipeline.WindowOriginal:
		return true
	}
	return false
}

// Footage is the video that a task is made of: frame k of the task is frame
// Start + k·Step of the file.
type Footage struct {
	File  pipeline.File `json:"file"`
	Start int64         `json:"start"`
	Step  int64         `json:"step"`
}

// Input is the chunks that one unit makes.
type Input struct {
	Footage
	Chunks  []ChunkWork `json:"chunks"`
	Quality int64       `json:"quality"` // of compressed chunks, 0 to 100
}

// Stage makes chunks of videos.
type Stage struct {
	films   *video.Engine
	sources sources
	bucket  blob.Bucket
	scratch string
}

// New returns the stage. It takes a turn of films once per decoding. Chunks that
// ffmpeg writes lie in folders of their own below scratch until they are kept.
func New(films *video.Engine, sources sources, bucket blob.Bucket, scratch string) *Stage {
	return &Stage{films: films, sources: sources, bucket: bucket, scratch: scratch}
}

// hooks are told how a run goes on.
type hooks struct {
	progress func()
	kept     func(pipeline.Chunk) error // nil = nobody waits for single chunks
}

// Run makes the chunks and returns their rows in the order of the input. It
// calls progress for each frame, and on the way to the first; and kept, unless
// nil, for each chunk as soon as it can be read. Chunks that overlap or touch
// share one decoding. All chunks of an input have one form and one quality.
func (s *Stage) Run(ctx context.Context, in Input, progress func(), kept func(pipeline.Chunk) error) ([]pipeline.Chunk, error) {
	src, release, err := s.open(ctx, in.File, progress)
	if err != nil {
		return nil, err
	}
	defer release()
	rows, err := s.make(ctx, &in, src, hooks{progress, kept})
	if err != nil && ctx.Err() != nil {
		return nil, err // the share may hang, and a look at it would hang as well
	}
	// Programs open the video by its name, each anew: it must still be the one
	// that was probed.
	if changed := s.unchanged(ctx, in.File); changed != nil {
		return nil, changed
	}
	if err != nil {
		return nil, fmt.Errorf("make chunks of %s: %w", in.File.Ref, err)
	}
	return rows, nil
}

// make makes the chunks of an open video.
func (s *Stage) make(ctx context.Context, in *Input, src video.Source, h hooks) ([]pipeline.Chunk, error) {
	rows := make([]pipeline.Chunk, len(in.Chunks))
	for _, run := range runs(in.Chunks) {
		r := reel{stage: s, in: in, src: src, hooks: h, rows: rows}
		if err := r.make(ctx, run); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// unchanged reports a video that is no longer what it was.
func (s *Stage) unchanged(ctx context.Context, f pipeline.File) error {
	_, release, err := s.sources.Local(ctx, f.Ref, f.Stamp())
	if err != nil {
		return err
	}
	release()
	return nil
}

// open finds the video and reads its index.
func (s *Stage) open(ctx context.Context, f pipeline.File, progress func()) (video.Source, func(), error) {
	index, err := ReadIndex(ctx, s.bucket, f.Index)
	if e, ok := errors.AsType[*pipeline.Error](err); ok && e.File == "" {
		err = pipeline.Failf(e.Code, f.Name, "%s: %s", f.Name, e.Text).Because(err)
	}
	if err != nil {
		return video.Source{}, nil, err
	}
	path, release, err := s.sources.Local(ctx, f.Ref, f.Stamp())
	if err != nil {
		return video.Source{}, nil, err
	}
	return video.Source{File: video.File{Path: path, Name: f.Name}, Index: index, Progress: progress}, release, nil
}

// Bounds of what one decoding makes. Every chunk takes its place in the
// arguments of ffmpeg, which the kernel bounds, and every one of those that have
// a frame in common takes an encoder.
const (
	maxChunks   = 1000
	maxTogether = 8
)

// runs groups the chunks, by their places in the list, so that each group is
// decoded in one go: from the first frame of its first to the last of its
// last, without a gap. Chunks of chosen frames make one group, of whose frames
// those that are near one another are decoded in one go.
func runs(chunks []ChunkWork) [][]int {
	order := make([]int, len(chunks))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(chunks[a].Lo, chunks[b].Lo) })
	var out [][]int
	var group []int
	var open []int64 // ends of the group's chunks that have the frame at hand
	end := int64(0)  // of the group
	for _, i := range order {
		c := &chunks[i]
		open = slices.DeleteFunc(open, func(hi int64) bool { return hi <= c.Lo })
		apart := c.Lo > end && c.Picked == nil // chosen frames are far apart anyway
		if len(group) > 0 && (apart || len(group) == maxChunks || len(open) == maxTogether) {
			out = append(out, group)
			group, open, end = nil, nil, 0
		}
		group, open, end = append(group, i), append(open, c.Hi), max(end, c.Hi)
	}
	if len(group) > 0 {
		out = append(out, group)
	}
	return out
}

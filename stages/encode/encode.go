// Package encode is the stage that makes chunks: the compressed pictures of
// consecutive frames in one zip, the originals that must be written anew, and
// previews. It never renumbers: a frame that cannot be decoded any more
// becomes a placeholder of the right size, and a report.
package encode

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/source"
	"framemill/stages/media/requant"
)

// sources opens the files that frames show.
type sources interface {
	Whole(ctx context.Context, ref pipeline.Ref, stamp pipeline.Stamp) (source.File, error)
}

// blobs takes the chunks.
type blobs interface {
	Create(ctx context.Context, key string, d blob.Durability) (blob.Writer, error)
}

// Gate gives a turn at the processor, and memory of so many bytes, to one
// picture. It blocks until both are there.
type Gate func(ctx context.Context, bytes int64) (release func(), err error)

// Config bounds the stage. Zero fields mean the defaults.
type Config struct {
	// Parallel is how many pictures of a chunk are worked on or wait to be
	// written, 2 by default. The gate decides how many of them run.
	Parallel int
}

// ChunkWork is one chunk to be made.
type ChunkWork struct {
	SegmentID int64                `json:"segment_id"`
	Index     int64                `json:"idx"`
	Version   int64                `json:"ver"`
	Quality   pipeline.Quality     `json:"quality"`
	Key       string               `json:"key"` // where it goes
	Frames    []pipeline.FrameFile `json:"frames"`
}

// Input is the chunks that one unit makes.
type Input struct {
	Chunks      []ChunkWork `json:"chunks"`
	JPEGQuality int64       `json:"jpeg_quality"` // of compressed chunks, 0 to 100
	// NeedSources makes a source that is gone or has changed an error, where a
	// placeholder would otherwise stand in for it. It is for chunks that can be
	// made later as well, when the source is back.
	NeedSources bool `json:"need_sources"`
}

// FileReport says what was found wrong with a source file while encoding.
type FileReport struct {
	Ord  int64         `json:"ord"`
	Code pipeline.Code `json:"code"` // truncated, decode_failed, source_changed, …
	Text string        `json:"text"`
	// Shown says that the frame shows the file all the same.
	Shown bool `json:"shown,omitempty"`
}

// Output is the chunks that were made, in the order of the input, and a report
// for each file that did not come out whole, by the files' order.
type Output struct {
	Chunks  []pipeline.Chunk `json:"chunks"`
	Reports []FileReport     `json:"reports"`
}

// Stage makes chunks.
type Stage struct {
	cfg     Config
	sources sources
	blobs   blobs
	gate    Gate
	buffers sync.Pool // of *bytes.Buffer, for encoded pictures
	jpegs   *requant.Engine
}

// New returns the stage.
func New(cfg Config, sources sources, blobs blobs, gate Gate) *Stage {
	cfg.Parallel = cmp.Or(cfg.Parallel, 2)
	return &Stage{
		cfg: cfg, sources: sources, blobs: blobs, gate: gate,
		buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }},
		jpegs:   requant.New(),
	}
}

// Run makes the chunks one after the other, and calls progress for each
// picture, also concurrently. The same input gives the same bytes. It fails
// where another try may go well, or a needed source is not there; chunks that
// it made before are garbage then.
func (s *Stage) Run(ctx context.Context, in Input, progress func()) (Output, error) {
	var out Output
	reports := reports{}
	for i := range in.Chunks {
		w := work{ChunkWork: &in.Chunks[i], stage: s, jpegQuality: int(in.JPEGQuality), needSources: in.NeedSources, progress: progress, reports: reports}
		c, err := w.run(ctx)
		if err != nil {
			return Output{}, fmt.Errorf("make %s chunk %d of segment %d: %w", w.Quality, w.Index, w.SegmentID, err)
		}
		out.Chunks = append(out.Chunks, c)
	}
	out.Reports = reports.sorted()
	return out, nil
}

// reports holds the first report of each file: one file may be the frame of
// several chunks.
type reports map[int64]FileReport

func (r reports) add(rep FileReport) {
	if _, ok := r[rep.Ord]; !ok && rep.Code != "" {
		r[rep.Ord] = rep
	}
}

func (r reports) sorted() []FileReport {
	out := make([]FileReport, 0, len(r))
	for _, rep := range r {
		out = append(out, rep)
	}
	slices.SortFunc(out, func(a, b FileReport) int { return cmp.Compare(a.Ord, b.Ord) })
	return out
}

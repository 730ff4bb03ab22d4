package stages

import (
	"context"

	"framemill/pipeline/blob"
	"framemill/pipeline/source"
	"framemill/stages/collect"
	"framemill/stages/encode"
	"framemill/stages/film"
	"framemill/stages/media/archive"
	"framemill/stages/media/video"
	"framemill/stages/probe"
	"framemill/stages/unpack"
)

// Set is the stages that touch media, ready to run. The others, filter and
// generate, are plain rules and need nothing.
type Set struct {
	Collect *collect.Stage
	Unpack  *unpack.Stage
	Probe   *probe.Stage
	Encode  *encode.Stage
	Film    *film.Stage
}

// Gate gives a turn at the processor, and memory of so many bytes. It blocks
// until there is the memory and at least one core; of the wanted ones it grants
// as many as there are.
type Gate func(ctx context.Context, cores int, bytes int64) (granted int, leave func(), err error)

// Free is a gate that lets everything through.
func Free(_ context.Context, cores int, _ int64) (int, func(), error) { return cores, func() {}, nil }

// Config says what the stages use of this host.
type Config struct {
	Scratch string // folder for what ffmpeg writes until it is kept
	Decoder string // path of framemill-decoder, "" = none
}

// New returns the stages. sources opens media, and share, nil where none is
// mounted, lists them. gate is asked once per picture and once per run of ffmpeg
// or ffprobe, and keeps the cores from being crowded.
func New(bucket blob.Bucket, share *source.Share, sources *source.Opener, gate Gate, cfg Config) (*Set, error) {
	films, err := video.New(video.Config{Decoder: cfg.Decoder})
	if err != nil {
		return nil, err
	}
	films = films.Gated(video.Gate(gate))
	s := &Set{
		Unpack: unpack.New(archive.Limits{}, sources, bucket, cfg.Scratch),
		Probe:  probe.New(probe.Config{}, sources, films, bucket),
		Encode: encode.New(encode.Config{}, sources, bucket, gate.picture),
		Film:   film.New(films, sources, bucket, cfg.Scratch),
	}
	if share == nil { // a nil *Share in an interface would not be nil
		s.Collect = collect.New(collect.Config{}, sources, nil, bucket)
	} else {
		s.Collect = collect.New(collect.Config{}, sources, share, bucket)
	}
	return s, nil
}

// picture gives a turn to one picture, which takes one core.
func (g Gate) picture(ctx context.Context, bytes int64) (func(), error) {
	_, leave, err := g(ctx, 1, bytes)
	return leave, err
}

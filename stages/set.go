package stages

import (
	"framemill/pipeline/blob"
	"framemill/pipeline/source"
	"framemill/stages/collect"
	"framemill/stages/encode"
	"framemill/stages/film"
	"framemill/stages/media/video"
	"framemill/stages/probe"
)

// Set is the stages that touch media, ready to run. The others, filter and
// generate, are plain rules and need nothing.
type Set struct {
	Collect *collect.Stage
	Probe   *probe.Stage
	Encode  *encode.Stage
	Film    *film.Stage
}

// New returns the stages. share is nil where no share is mounted; gate is
// asked once per picture and keeps the cores from being crowded; what ffmpeg
// writes lies below scratch until it is kept.
func New(bucket blob.Bucket, share *source.Share, gate encode.Gate, scratch string) (*Set, error) {
	sources := source.New(bucket, share)
	films, err := video.New(video.Config{})
	if err != nil {
		return nil, err
	}
	s := &Set{
		Probe:  probe.New(probe.Config{}, sources, films, bucket),
		Encode: encode.New(encode.Config{}, sources, bucket, gate),
		Film:   film.New(films, sources, bucket, scratch),
	}
	if share == nil { // a nil *Share in an interface would not be nil
		s.Collect = collect.New(collect.Config{}, sources, nil, bucket)
	} else {
		s.Collect = collect.New(collect.Config{}, sources, share, bucket)
	}
	return s, nil
}

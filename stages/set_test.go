package stages_test

import (
	"context"
	"errors"
	"testing"

	"framemill/pipeline"
	"framemill/pipeline/blob/blobtest"
	"framemill/pipeline/blob/fs"
	"framemill/pipeline/source"
	"framemill/stages"
	"framemill/stages/probe"
)

// TestProbeOfAVideoAsksTheGate does not get past it.
func TestProbeOfAVideoAsksTheGate(t *testing.T) {
	t.Parallel()
	bucket, err := fs.New(fs.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatalf("open bucket: %v", err)
	}
	matroska := []byte("\x1a\x45\xdf\xa3 and no more of it")
	blobtest.Put(t, bucket, "up/a", matroska)
	closed := errors.New("closed")
	set, err := stages.New(bucket, nil, source.New(bucket, nil, nil), func(context.Context, int, int64) (int, func(), error) { return 0, nil, closed }, stages.Config{Scratch: t.TempDir()})
	if err != nil {
		t.Fatalf("stages: %v", err)
	}
	in := probe.Input{Files: []pipeline.SourceFile{{Name: "a.mkv", Ref: pipeline.BlobRef("up/a"), Bytes: int64(len(matroska))}}, IndexKey: "index"}
	if files, err := set.Probe.Run(t.Context(), in, func() {}); !errors.Is(err, closed) {
		t.Errorf("got %+v and %v, want what the gate says", files, err)
	}
}

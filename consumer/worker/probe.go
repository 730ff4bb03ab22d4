package worker

import (
	"context"
	"fmt"

	"framemill/pipeline"
	"framemill/pipeline/plan"
	"framemill/pipeline/store"
	"framemill/stages"
	"framemill/stages/probe"
)

// probeStep reads the headers of the unit's files and keeps what they say.
func probeStep(ctx context.Context, a *attempt) error {
	in := probe.Input{Files: a.found, Lo: a.Lo, IndexKey: a.key("index", "")}
	if a.Kind == pipeline.UploadProbe {
		page, err := a.w.readPage(ctx, a.Request.Names, a.Lo/plan.ShardFiles)
		if err != nil {
			return err
		}
		if int64(len(page)) != a.Hi-a.Lo {
			return fmt.Errorf("page of files %d to %d has %d names", a.Lo, a.Hi, len(page))
		}
		in.Files = page
	}
	files, err := a.probe(ctx, in)
	if err != nil {
		return err
	}
	for i := range files {
		files[i].RequestID = a.Request.ID
	}
	a.later(func(ctx context.Context, t *store.Tx) error { return t.AddFiles(ctx, files) })
	return nil
}

// probe runs the stage here, or alone in a child after crashes.
func (a *attempt) probe(ctx context.Context, in probe.Input) ([]pipeline.File, error) {
	names := make([]string, len(in.Files))
	for i := range in.Files {
		names[i] = in.Files[i].Name
	}
	defer a.reads(names)()
	if !a.solo {
		return a.stages().Probe.Run(ctx, in, a.beat)
	}
	t := SoloTask{Stage: stages.Probe, Input: in, Progress: a.beat, Files: names}
	var out []pipeline.File
	err := a.w.Solo.Run(ctx, t, &out)
	return out, err
}

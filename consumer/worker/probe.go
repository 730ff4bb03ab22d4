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
	if !a.solo {
		return a.stages().Probe.Run(ctx, in, a.beat)
	}
	t := SoloTask{Stage: stages.Probe, Input: in, Progress: a.beat}
	for i := range in.Files {
		t.Files = append(t.Files, in.Files[i].Name)
	}
	var out []pipeline.File
	err := a.w.Solo.Run(ctx, t, &out)
	return out, err
}

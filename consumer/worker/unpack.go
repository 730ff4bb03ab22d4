package worker

import (
	"context"
	"errors"
	"time"

	"framemill/pipeline"
	"framemill/stages"
	"framemill/stages/media/sandbox"
	"framemill/stages/unpack"
)

// What unpacking an archive may take. The dictionaries of the strongest presets
// fit in, several times.
const (
	unpackMemory = 512 << 20
	unpackTime   = 12 * time.Hour
)

// unpack unpacks an archive in a child process: what it does to memory does not
// touch the others.
func (a *attempt) unpack(ctx context.Context, f pipeline.SourceFile, key string) ([]pipeline.SourceFile, int64, error) {
	solo := a.w.Solo
	solo.Memory, solo.Wall = unpackMemory, unpackTime
	var out unpack.Output
	err := solo.Run(ctx, SoloTask{
		Stage: stages.Unpack, Input: unpack.Input{Archive: f, Key: key}, Files: []string{f.Name}, Progress: a.beat,
	}, &out)
	return out.Files, out.Skipped, unpackError(err, f.Name)
}

// unpackError says what the end of a child means for the archive that it
// unpacked.
func unpackError(err error, name string) error {
	died, ok := errors.AsType[*sandbox.Died](err)
	switch {
	case ok && died.OutOfMemory(): // what else it said is of no use in the log, and long
		return pipeline.Failf(pipeline.CodeArchiveLimits, name,
			"%s: unpacking the archive needs more than %d MiB of memory", name, unpackMemory>>20)
	case errors.Is(err, sandbox.ErrTooLong):
		return pipeline.Failf(pipeline.CodeArchiveLimits, name,
			"%s: unpacking the archive takes longer than %s", name, unpackTime).Because(err)
	}
	return err
}

package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"framemill/pipeline"
	"framemill/stages"
	"framemill/stages/media/sandbox"
)

// Solo runs one stage alone in a child process with a memory limit: what ended
// the worker before then ends only the child.
type Solo struct {
	Args   []string // of the child's command line, which ends in a stages.Set
	Memory int64    // bytes
	Wall   time.Duration
}

// SoloTask is what a child is to do.
type SoloTask struct {
	Stage    stages.Name
	Keys     string   // prefix for copies that collect makes
	Input    any      // of the stage
	Files    []string // that it reads, to name them if the child dies
	Progress func()   // called whenever the child got something done
}

// Run has the child run a stage and decodes its output into out. The death of
// the child is an error with the code worker_crash.
func (s Solo) Run(ctx context.Context, t SoloTask, out any) error {
	input, err := json.Marshal(t.Input)
	if err != nil {
		return err
	}
	task, err := json.Marshal(stages.Task{Stage: t.Stage, Input: input, Keys: t.Keys})
	if err != nil {
		return err
	}
	answer := soloAnswer{progress: t.Progress}
	err = sandbox.Self(ctx, s.Args, bytes.NewReader(task), &answer, sandbox.Limits{MemoryBytes: s.Memory, Wall: s.Wall})
	if died, ok := errors.AsType[*sandbox.Died](err); ok {
		return crash(t.Files).Because(died)
	}
	if err != nil {
		return fmt.Errorf("run stage %s alone: %w", t.Stage, err)
	}
	a := stages.Answer{Output: out}
	if err := json.Unmarshal(answer.Bytes(), &a); err != nil {
		return fmt.Errorf("answer of stage %s: %w", t.Stage, err)
	}
	if a.Failed != nil {
		return a.Failed
	}
	return nil
}

// soloAnswer keeps what a child says and takes every bit of it for progress:
// the child writes blank lines while it works.
type soloAnswer struct {
	bytes.Buffer
	progress func()
}

// Write implements io.Writer.
func (a *soloAnswer) Write(p []byte) (int, error) {
	a.progress()
	return a.Buffer.Write(p)
}

// crash is the error of files that end every process that reads them.
func crash(files []string) *pipeline.Error {
	switch n := len(files); n {
	case 0:
		return pipeline.Failf(pipeline.CodeWorkerCrash, "", "reading the files ended the worker each time")
	case 1:
		return pipeline.Failf(pipeline.CodeWorkerCrash, files[0],
			"%s: reading the file ended the worker each time: leave it out or convert it", files[0])
	default:
		return pipeline.Failf(pipeline.CodeWorkerCrash, "",
			"reading one of the %d files from %s to %s ended the worker each time: leave it out or convert it",
			n, files[0], files[n-1])
	}
}

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

// Run has the child run a stage on in and decodes its output into out. The
// death of the child is an error with the code worker_crash.
func (s Solo) Run(ctx context.Context, name stages.Name, keys string, in, out any) error {
	input, err := json.Marshal(in)
	if err != nil {
		return err
	}
	task, err := json.Marshal(stages.Task{Stage: name, Input: input, Keys: keys})
	if err != nil {
		return err
	}
	var answer bytes.Buffer
	err = sandbox.Self(ctx, s.Args, bytes.NewReader(task), &answer, sandbox.Limits{MemoryBytes: s.Memory, Wall: s.Wall})
	if died, ok := errors.AsType[*sandbox.Died](err); ok {
		return pipeline.Failf(pipeline.CodeWorkerCrash, "",
			"reading the files ended the worker each time: leave out the last ones that were added, or convert them").Because(died)
	}
	if err != nil {
		return fmt.Errorf("run stage %s alone: %w", name, err)
	}
	a := stages.Answer{Output: out}
	if err := json.Unmarshal(answer.Bytes(), &a); err != nil {
		return fmt.Errorf("answer of stage %s: %w", name, err)
	}
	if a.Failed != nil {
		return a.Failed
	}
	return nil
}

package stages

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"framemill/pipeline"
	"framemill/stages/collect"
	"framemill/stages/encode"
	"framemill/stages/film"
	"framemill/stages/probe"
	"framemill/stages/unpack"
)

// Task is what a child process is told to do: run one stage on one input. The
// child has no database and no queue; it reads sources and writes blobs.
type Task struct {
	Stage Name            `json:"stage"`
	Input json.RawMessage `json:"input"`
	Keys  string          `json:"keys"` // prefix for copies that collect makes
}

// Answer is what the child says: the output of the stage, or why there is none.
type Answer struct {
	Output any             `json:"output,omitempty"`
	Failed *pipeline.Error `json:"failed,omitempty"`
}

// RunAlone is the child's side: it reads a Task from in, runs it and writes
// the Answer to out, after a blank line whenever something was done: that is how
// the parent knows that the child is slow, not hung.
func (s *Set) RunAlone(ctx context.Context, in io.Reader, out io.Writer) error {
	var t Task
	if err := json.NewDecoder(in).Decode(&t); err != nil {
		return fmt.Errorf("read the task: %w", err)
	}
	var a Answer
	var mu sync.Mutex
	output, err := s.alone(ctx, t, func() {
		mu.Lock()
		defer mu.Unlock()
		_, _ = io.WriteString(out, "\n") // if nobody hears, the answer will fail
	})
	if err != nil {
		a.Failed = pipeline.Public(err)
	} else {
		a.Output = output
	}
	return json.NewEncoder(out).Encode(a)
}

func (s *Set) alone(ctx context.Context, t Task, progress func()) (any, error) {
	switch t.Stage {
	case Collect:
		return alone(t, func(in collect.Input) (any, error) {
			var found []pipeline.SourceFile
			_, err := s.Collect.Run(ctx, in, collect.Attempt{
				Emit:     func(page []pipeline.SourceFile) error { found = append(found, page...); return nil },
				Mark:     func(collect.Place) error { return nil },
				Key:      func(n int64) string { return CopyKey(t.Keys, n) },
				Progress: progress,
				Unpack: func(ctx context.Context, f pipeline.SourceFile, key string) ([]pipeline.SourceFile, int64, error) {
					out, err := s.Unpack.Run(ctx, unpack.Input{Archive: f, Key: key}, progress)
					return out.Files, out.Skipped, err
				},
			})
			return found, err
		})
	case Unpack:
		return alone(t, func(in unpack.Input) (any, error) { return s.Unpack.Run(ctx, in, progress) })
	case Probe:
		return alone(t, func(in probe.Input) (any, error) { return s.Probe.Run(ctx, in, progress) })
	case Encode:
		return alone(t, func(in encode.Input) (any, error) { return s.Encode.Run(ctx, in, progress) })
	case Film:
		return alone(t, func(in film.Input) (any, error) { return s.Film.Run(ctx, in, progress, nil) })
	}
	return nil, fmt.Errorf("stage %q does not run alone", t.Stage)
}

// alone decodes the input of a stage and runs it.
func alone[I any](t Task, run func(I) (any, error)) (any, error) {
	var in I
	if err := json.Unmarshal(t.Input, &in); err != nil {
		return nil, fmt.Errorf("input of stage %s: %w", t.Stage, err)
	}
	return run(in)
}

// CopyKey is the key of the n-th file that an attempt copies.
func CopyKey(prefix string, n int64) string { return fmt.Sprintf("%s/%d/%d", prefix, n/1000, n) }

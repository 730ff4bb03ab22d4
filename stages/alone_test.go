package stages_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"framemill/pipeline"
	"framemill/pipeline/blob/fs"
	"framemill/pipeline/source"
	"framemill/stages"
	"framemill/stages/probe"
)

// TestChildTellsThatItWorks has a child look into files that are not there.
func TestChildTellsThatItWorks(t *testing.T) {
	t.Parallel()
	bucket, err := fs.New(fs.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatalf("open bucket: %v", err)
	}
	files := make([]pipeline.SourceFile, 3)
	for i := range files {
		files[i] = pipeline.SourceFile{Name: "a.jpg", Ref: pipeline.BlobRef("up/a"), Bytes: 1}
	}
	input, err := json.Marshal(probe.Input{Files: files})
	if err != nil {
		t.Fatalf("encode the input: %v", err)
	}
	task, err := json.Marshal(stages.Task{Stage: stages.Probe, Input: input})
	if err != nil {
		t.Fatalf("encode the task: %v", err)
	}
	var out bytes.Buffer
	set, err := stages.New(bucket, nil, source.New(bucket, nil, nil), stages.Free, stages.Config{Scratch: t.TempDir()})
	if err != nil {
		t.Fatalf("stages: %v", err)
	}
	if err := set.RunAlone(t.Context(), bytes.NewReader(task), &out); err != nil {
		t.Fatalf("run: %v", err)
	}
	said, answer := out.String(), out.Bytes()
	if working := len(said) - len(strings.TrimLeft(said, "\n")); working < len(files) {
		t.Errorf("%d blank lines before the answer, want one for each of the %d files", working, len(files))
	}
	var found []pipeline.File
	a := stages.Answer{Output: &found}
	if err := json.Unmarshal(answer, &a); err != nil || a.Failed != nil || len(found) != len(files) {
		t.Errorf("answer of %d files, failure %v (%v)", len(found), a.Failed, err)
	}
}

package plan_test

import (
	"testing"

	"framemill/pipeline"
	"framemill/pipeline/plan"
)

func TestJobStatus(t *testing.T) {
	t.Parallel()
	tests := []struct{ stage, state, want string }{
		{pipeline.StageAnnotation, pipeline.StateNew, pipeline.StatusAnnotation},
		{pipeline.StageAnnotation, pipeline.StateCompleted, pipeline.StatusAnnotation},
		{pipeline.StageValidation, pipeline.StateNew, pipeline.StatusValidation},
		{pipeline.StageValidation, pipeline.StateCompleted, pipeline.StatusValidation},
		{pipeline.StageAcceptance, pipeline.StateInProgress, pipeline.StatusValidation},
		{pipeline.StageAcceptance, pipeline.StateRejected, pipeline.StatusValidation},
		{pipeline.StageAcceptance, pipeline.StateCompleted, pipeline.StatusCompleted},
	}
	for _, tt := range tests {
		if got := plan.JobStatus(tt.stage, tt.state); got != tt.want {
			t.Errorf("JobStatus(%q, %q) = %q, want %q", tt.stage, tt.state, got, tt.want)
		}
	}
}

func TestTaskStatus(t *testing.T) {
	t.Parallel()
	const a, v, c = pipeline.StatusAnnotation, pipeline.StatusValidation, pipeline.StatusCompleted
	tests := []struct {
		jobs []string
		want string
	}{
		{nil, a}, {[]string{c, v, a}, a}, {[]string{c, v, c}, v}, {[]string{c, c}, c}, {[]string{v}, v},
	}
	for _, tt := range tests {
		if got := plan.TaskStatus(tt.jobs); got != tt.want {
			t.Errorf("TaskStatus(%q) = %q, want %q", tt.jobs, got, tt.want)
		}
	}
}

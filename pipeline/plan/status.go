package plan

import "framemill/pipeline"

// JobStatus returns the deprecated status of a job, which its stage and state
// determine.
func JobStatus(stage, state string) string {
	switch {
	case stage == pipeline.StageAnnotation:
		return pipeline.StatusAnnotation
	case stage == pipeline.StageAcceptance && state == pipeline.StateCompleted:
		return pipeline.StatusCompleted
	default:
		return pipeline.StatusValidation
	}
}

// TaskStatus returns the status of a task whose jobs, of every type, have the
// given statuses: that of the job that is least far. A task without jobs is
// still to be annotated.
func TaskStatus(jobs []string) string {
	status := pipeline.StatusCompleted
	for _, s := range jobs {
		switch s {
		case pipeline.StatusAnnotation:
			return pipeline.StatusAnnotation
		case pipeline.StatusValidation:
			status = pipeline.StatusValidation
		}
	}
	if len(jobs) == 0 {
		return pipeline.StatusAnnotation
	}
	return status
}

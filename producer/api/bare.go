package api

import "framemill/pipeline"

// bareError is an error whose body is its text and nothing around it: in a few
// places that is what clients of the contract show as it is.
type bareError struct{ error }

// Unwrap returns the error as pipeline knows it.
func (b *bareError) Unwrap() error { return b.error }

// bare returns err with a bare body, if it is about the content of the request.
func bare(err error) error {
	if err != nil && pipeline.KindOf(err) == pipeline.Invalid {
		return &bareError{err}
	}
	return err
}

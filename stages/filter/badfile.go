package filter

import "fmt"

// BadFileError says that a file which cannot be used ends the request. Whoever
// has the file's row knows its code and name.
type BadFileError struct {
	Ord   int64 // of the first such file
	Count int64 // how many there are
}

// Error implements error.
func (e *BadFileError) Error() string {
	return fmt.Sprintf("%d files cannot be used, first number %d", e.Count, e.Ord)
}

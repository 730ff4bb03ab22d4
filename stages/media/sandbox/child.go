package sandbox

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// memoryVariable tells a child its limit of memory.
const memoryVariable = "FRAMEMILL_CHILD_MEMORY"

// childFiles is how many files a child may have open.
const childFiles = 256

// ChildLimits sets the limits of the process that calls it, as Self told it in
// its environment. A child calls it first of all, before it reads its input. It
// is an error to call it in a process that Self did not start.
func ChildLimits() error {
	memory, err := strconv.ParseUint(os.Getenv(memoryVariable), 10, 63)
	if err != nil || memory == 0 {
		return errors.New("this command is run by Framemill itself, as a child process")
	}
	limits := []struct {
		name     string
		resource int
		value    uint64
	}{
		// Writable memory, whether it was touched or not; address space would
		// count what Go only reserves.
		{"memory", unix.RLIMIT_DATA, memory},
		{"core", unix.RLIMIT_CORE, 0},
		{"files", unix.RLIMIT_NOFILE, childFiles},
	}
	for _, l := range limits {
		if err := unix.Setrlimit(l.resource, &unix.Rlimit{Cur: l.value, Max: l.value}); err != nil {
			return fmt.Errorf("limit %s to %d: %w", l.name, l.value, err)
		}
	}
	// If the host runs out of memory all the same, the kernel shall take the
	// child and not the server. Where /proc is not writable, nothing is lost.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	return nil
}

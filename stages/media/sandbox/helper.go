package sandbox

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// helperName is how this program is called when it is to confine itself and
// become another.
const helperName = "framemill-sandbox"

// complaintBytes is how much the helper says of why it did not start the
// program; it says so on the file complaintFile.
const (
	complaintBytes = 4 << 10
	complaintFile  = 3
)

// order is what the helper is told.
type order struct {
	Program string
	Args    []string // with the program's name
	Inputs  []string
	OutDir  string
	Folders []string // that it may read, too
	Loaders []string // what the kernel starts the program with
	Limits  Limits
	Layers  layers
}

// check reports orders that could mean another file than was meant, and inputs
// that are gone.
func (o order) check() error {
	if !helped.Load() {
		return errors.New("sandbox.Helper was not called: this program cannot run another")
	}
	paths := append([]string{o.Program}, o.Inputs...)
	if o.OutDir != "" {
		paths = append(paths, o.OutDir)
	}
	for _, path := range paths {
		if !filepath.IsAbs(path) {
			return fmt.Errorf("%q is not an absolute path", path)
		}
		if _, err := os.Stat(path); err != nil {
			return err
		}
	}
	for _, text := range append(paths, o.Args...) {
		if !utf8.ValidString(text) {
			return fmt.Errorf("%q is not UTF-8 and would reach the helper as something else", text)
		}
	}
	return nil
}

// helped remembers that Helper was called. Without it, what Run starts would
// not be the helper but this whole program once more.
var helped atomic.Bool

// Helper is called first of all in main. It returns at once, but in a process
// that Run started: that one becomes the program it was told to be, and never
// returns.
func Helper() {
	helped.Store(true)
	if len(os.Args) != 2 || os.Args[0] != helperName {
		return
	}
	unix.CloseOnExec(complaintFile)
	// Most of what follows is a matter of the thread, not of the process.
	runtime.LockOSThread()
	err := become(os.Args[1])
	_, _ = unix.Write(complaintFile, []byte(err.Error()))
	os.Exit(1)
}

// become confines this process and becomes the program of an order.
func become(text string) error {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return fmt.Errorf("the order of the sandbox: %w", err)
	}
	if o.Program == "" {
		os.Exit(0) // it was asked whether it starts
	}
	if err := o.confine(); err != nil {
		return err
	}
	if err := unix.Exec(o.Program, o.Args, programEnv(o)); err != nil {
		return fmt.Errorf("start %s: %w", o.Program, err)
	}
	return nil
}

// confine builds the walls. Each keeps those in place that were built before.
func (o order) confine() error {
	if err := os.Chdir(cmp.Or(o.OutDir, "/")); err != nil {
		return err
	}
	// As in ChildLimits.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	// The parent asked for this on another thread.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("die with the parent: %w", err)
	}
	if err := o.limit(); err != nil {
		return err
	}
	if err := dropPrivileges(); err != nil {
		return err
	}
	if o.Layers.Landlock > 0 {
		if err := o.landlock(); err != nil {
			return err
		}
	}
	if o.Layers.Seccomp {
		if err := seccomp(); err != nil {
			return err
		}
	}
	// Last, for what this process needs until then may be more than the program
	// is to have.
	return o.Limits.limitMemory()
}

// limitMemory sets the limit of what this process may allocate.
func (l Limits) limitMemory() error {
	if l.MemoryBytes == 0 {
		return nil
	}
	if err := lower(unix.RLIMIT_DATA, uint64(l.MemoryBytes)); err != nil {
		return fmt.Errorf("limit memory to %d: %w", l.MemoryBytes, err)
	}
	return nil
}

// limit sets the limits of this process, but for its memory.
func (o order) limit() error {
	seconds := uint64(math.Ceil(o.Limits.CPU.Seconds()))
	limits := []struct {
		name     string
		resource int
		value    uint64
	}{
		{"processor time", unix.RLIMIT_CPU, seconds},
		{"file size", unix.RLIMIT_FSIZE, uint64(o.Limits.FileBytes)},
		{"core", unix.RLIMIT_CORE, 0},
		{"files", unix.RLIMIT_NOFILE, childFiles},
	}
	for _, l := range limits {
		if l.value == 0 && l.resource != unix.RLIMIT_CORE {
			continue // not asked for
		}
		if err := lower(l.resource, l.value); err != nil {
			return fmt.Errorf("limit %s to %d: %w", l.name, l.value, err)
		}
	}
	return nil
}

// lower sets a limit, unless the one that holds already is lower still.
func lower(resource int, value uint64) error {
	var now unix.Rlimit
	if err := unix.Getrlimit(resource, &now); err != nil {
		return err
	}
	value = min(value, now.Max)
	return unix.Setrlimit(resource, &unix.Rlimit{Cur: value, Max: value})
}

// helperEnv is the environment of the helper: it lives for a moment, and needs
// neither threads nor a collector.
func helperEnv() []string {
	return []string{"GOMAXPROCS=1", "GOGC=off"}
}

// programEnv is the whole environment of the program.
func programEnv(o order) []string {
	env := []string{"LC_ALL=C", "AV_LOG_FORCE_NOCOLOR=1"}
	if o.OutDir != "" {
		env = append(env, "TMPDIR="+o.OutDir)
	}
	return env
}

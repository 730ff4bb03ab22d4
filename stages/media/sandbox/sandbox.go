// Package sandbox runs work on hostile media in child processes that are cheap
// to lose. It is the only package of the product that starts processes, and
// needs Linux.
//
// A child gets an empty environment but for what it needs, a limit of memory,
// files and time, and no way to outlive its parent: it dies when the thread
// that started it does, and everything in its process group dies with it.
//
// Self runs our own code. Limits are set by the child itself, which calls
// ChildLimits before it reads its input.
//
// Run runs ffmpeg, ffprobe, Poppler's programs and framemill-decoder, which are
// in C: whoever makes the
// film may be taken to run the decoder. It therefore sees nothing of the file
// system but its inputs, its libraries and one folder to write to (Landlock),
// no network and no other process (namespaces), and can make none of the
// system calls that reach further (seccomp). All of that is built by a helper,
// which is this program under another name, before it becomes the decoder.
//
// Nothing hostile has reached a child by then, so there is no moment at which
// hostile input meets a process without limits.
package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Limits bound one child. Memory and time must be given.
type Limits struct {
	MemoryBytes int64         // of writable memory, Go's own included: 256 MiB is little
	Wall        time.Duration // from start to end
	StderrBytes int           // how much of stderr is kept for the log, its beginning and its end; 0 = 8 KiB

	// The rest is for Run alone.
	CPU       time.Duration // of all threads together, in whole seconds; 0 = no limit but Wall
	FileBytes int64         // of each file it writes; 0 = no limit

	// Busy, unless nil, is called every few seconds while the child uses the
	// processor, though it may say nothing: what hangs does not.
	Busy func() `json:"-"`
}

// ErrTooLong is the error of a child that ran longer than Limits.Wall.
var ErrTooLong = errors.New("the child process ran for too long")

// Died is the error of a child that ended on its own, and not well.
type Died struct {
	Signal   syscall.Signal // 0 if it exited
	ExitCode int            // -1 if a signal ended it
	Stderr   string         // the beginning and the end of what it wrote there, for the log
	CPU      time.Duration  // what it used, of all threads together
}

// Error implements error.
func (d *Died) Error() string {
	how := fmt.Sprintf("exit code %d", d.ExitCode)
	if d.Signal != 0 {
		how = "signal " + d.Signal.String()
	}
	return fmt.Sprintf("the child process died by %s: %q", how, strings.TrimSpace(d.Stderr))
}

// OutOfMemory reports whether the child died for want of memory.
func (d *Died) OutOfMemory() bool {
	return saysNoMemory(d.Stderr) || strings.Contains(d.Stderr, "out of memory") // as Go says it
}

// waitDelay is how long the pipes of a child that has ended may stay open. Only
// a descendant that left the process group can hold them.
const waitDelay = 2 * time.Second

const defaultStderr = 8 << 10

// Self runs this program again with other arguments, feeds it in, which may be
// nil, and copies what it answers to out. It returns when the child and its
// process group have ended: nil if it exited with 0, a *Died if it died on its
// own, the cause of ctx or ErrTooLong if it was killed for that, and an error
// of in or out if one of them failed, which kills the child as well.
func Self(ctx context.Context, args []string, in io.Reader, out io.Writer, lim Limits) error {
	return supervise(ctx, lim, in, out, func(ctx context.Context) *exec.Cmd {
		cmd := exec.CommandContext(ctx, ownFile, args...)
		cmd.Env = childEnv(lim)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
		return cmd
	})
}

// ownFile is this program, also when its file was replaced after the start.
const ownFile = "/proc/self/exe"

// supervise runs the command that build returns to its end, within lim. Build
// gives it a process group of its own.
func supervise(ctx context.Context, lim Limits, in io.Reader, out io.Writer, build func(context.Context) *exec.Cmd) error {
	if lim.MemoryBytes <= 0 || lim.Wall <= 0 || lim.CPU < 0 || lim.FileBytes < 0 || lim.StderrBytes < 0 {
		return fmt.Errorf("the limits of a child process are not positive: %+v", lim)
	}
	ctx, stop := context.WithTimeoutCause(ctx, lim.Wall, ErrTooLong)
	defer stop()
	ctx, kill := context.WithCancelCause(ctx)
	defer kill(nil)

	stderr := &excerpt{size: cmp.Or(lim.StderrBytes, defaultStderr) / 2}
	cmd := build(ctx)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = watchReader(in, kill), watchWriter(out, kill), stderr
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	cmd.WaitDelay = waitDelay
	return verdict(ctx, cmd, runOnOwnThread(cmd, lim.Busy), stderr)
}

// runOnOwnThread runs cmd on a thread that lives as long as the child. The
// death signal follows the thread that forked, not the process: on a thread
// that the runtime is free to end, it would kill the child at random
// (golang/go#27505).
func runOnOwnThread(cmd *exec.Cmd, busy func()) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		done <- run(cmd, busy)
	}()
	return <-done
}

// run starts cmd, waits for its end and kills what it leaves behind. The child
// is reaped last: until then, its process group cannot be another's.
func run(cmd *exec.Cmd, busy func()) error {
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start a child process: %w", err)
	}
	defer whileBusy(cmd.Process.Pid, busyEvery, busy)()
	for {
		err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL) // there may be nobody left
	return cmd.Wait()
}

// verdict says how the child ended.
func verdict(ctx context.Context, cmd *exec.Cmd, err error, stderr *excerpt) error {
	state := cmd.ProcessState
	switch {
	case err == nil || state == nil:
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case state.Success():
		return fmt.Errorf("finish a child process: %w", err)
	}
	died := &Died{ExitCode: state.ExitCode(), Stderr: stderr.String(), CPU: state.UserTime() + state.SystemTime()}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		died.Signal = status.Signal()
	}
	return died
}

// childEnv is the whole environment of a child. Secrets of the parent's are
// not in it.
func childEnv(lim Limits) []string {
	return []string{
		fmt.Sprintf("%s=%d", memoryVariable, lim.MemoryBytes),
		// The collector works harder before the limit is hit.
		fmt.Sprintf("GOMEMLIMIT=%d", lim.MemoryBytes/10*9),
		"TMPDIR=" + os.TempDir(),
		"PATH=" + os.Getenv("PATH"), // where ffmpeg is
	}
}

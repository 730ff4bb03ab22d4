package program

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stopTime is how long an orderly end may take.
const stopTime = 20 * time.Second

// Process is a running framemill.
type Process struct {
	t     testing.TB
	name  string
	env   []string
	cmd   *exec.Cmd
	log   log
	ended chan struct{}
}

// Start runs the program with the given arguments, and ends it with the test.
func Start(t testing.TB, args ...string) *Process {
	t.Helper()
	return start(t, nil, args)
}

// start is Start with variables of the environment that only this process has.
func start(t testing.TB, env, args []string) *Process {
	t.Helper()
	p := &Process{t: t, name: args[0], env: env, cmd: exec.Command(Binary(t), args...), ended: make(chan struct{})}
	p.cmd.Env = append(environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	p.cmd.WaitDelay = time.Second
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		// The kernel sends the signal above when the thread that started the
		// child ends, so this thread must live as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait()
		}
		close(p.ended)
	}()
	if err := <-started; err != nil {
		t.Fatalf("start framemill %s: %v", strings.Join(args, " "), err)
	}
	t.Cleanup(p.finish)
	return p
}

// finish ends what still runs, and shows the log of a failed test.
func (p *Process) finish() {
	p.Kill()
	if p.t.Failed() {
		p.t.Logf("framemill %s wrote:\n%s", p.name, p.log.tail(200))
	}
}

// Stop asks the process to end, and fails the test if it does not.
func (p *Process) Stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(stopTime):
		p.t.Errorf("framemill %s still runs %s after SIGTERM", p.name, stopTime)
		p.Kill()
	}
}

// Kill ends the process at once, as a crash does.
func (p *Process) Kill() {
	p.signal(syscall.SIGKILL)
	<-p.ended
}

// Pause freezes the process, as a stalled host does, until Continue.
func (p *Process) Pause() { p.signal(syscall.SIGSTOP) }

// Continue lets a paused process go on.
func (p *Process) Continue() { p.signal(syscall.SIGCONT) }

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// PID returns the number of the process, whose files below /proc tell what it
// costs.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// PeakMemory returns the most memory, in bytes, that the process was resident
// in, or one of the programs that it ran and saw the end of, whichever had more.
// The process must have ended.
func (p *Process) PeakMemory() int64 {
	p.t.Helper()
	<-p.ended
	usage, ok := p.cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		p.t.Fatal("the system does not tell what a process used")
	}
	return usage.Maxrss << 10
}

// Log returns everything that the process has written.
func (p *Process) Log() string { return p.log.tail(-1) }

// signal does nothing if the process has ended.
func (p *Process) signal(s os.Signal) { _ = p.cmd.Process.Signal(s) }

// Run runs a command of the program to its end and returns what it wrote to
// standard output. The test fails if the command does.
func Run(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, Binary(t), args...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = environ(), strings.NewReader(stdin), &out, &errs
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("it did not end within a minute: %w", err)
		}
		t.Fatalf("framemill %s: %v\n%s%s", strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String()
}

// environ is that of the test without settings of the program, which would
// decide what a test wants to decide.
func environ() []string {
	var out []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "FRAMEMILL_") {
			out = append(out, e)
		}
	}
	return out
}

// log collects what a process writes.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// tail returns the last lines of the log, all of them if lines is negative.
func (l *log) tail(lines int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := strings.SplitAfter(l.buf.String(), "\n")
	if lines < 0 || len(all) <= lines {
		return strings.Join(all, "")
	}
	return fmt.Sprintf("(%d earlier lines)\n%s", len(all)-lines, strings.Join(all[len(all)-lines:], ""))
}

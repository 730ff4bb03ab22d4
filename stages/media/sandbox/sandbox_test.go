package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"framemill/stages/media/sandbox"
)

// TestMain is also the child's main: the tests run the test binary again.
func TestMain(m *testing.M) {
	sandbox.Helper()
	if len(os.Args) > 1 {
		child, ok := children()[os.Args[1]]
		if !ok {
			child, ok = programs()[os.Args[1]]
		}
		if ok {
			code := 0
			if err := child(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				code = 1
			}
			// Not os.Exit, with which the race detector waits a second for
			// reports: what races in a child is not what is tested.
			syscall.Exit(code)
		}
	}
	os.Exit(m.Run())
}

// children are what a child process can be told to do, by its first argument.
func children() map[string]func() error {
	limited := func(do func() error) func() error {
		return func() error {
			if err := sandbox.ChildLimits(); err != nil {
				return err
			}
			return do()
		}
	}
	return map[string]func() error{
		"child-echo": limited(func() error {
			_, err := io.Copy(os.Stdout, os.Stdin)
			return err
		}),
		"child-eat":   limited(eat),
		"child-deaf":  limited(deaf),
		"child-flood": limited(flood),
		"child-fork":  limited(fork),
		"child-env": limited(func() error {
			_, err := fmt.Println(strings.Join(os.Environ(), "\n"))
			return err
		}),
		"child-limits": limited(printLimits),
		"child-killed": limited(func() error {
			return unix.Kill(os.Getpid(), syscall.SIGKILL)
		}),
		// A parent that is killed while its own child hangs.
		"child-parent": func() error {
			return sandbox.Self(context.Background(), []string{"child-deaf"}, nil, os.Stdout, limits())
		},
	}
}

// eat takes memory until it dies.
func eat() error {
	var kept [][]byte
	for {
		b := make([]byte, 16<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		kept = append(kept, b)
		if len(kept) > 1<<10 {
			return errors.New("nobody stopped it at 16 GiB")
		}
	}
}

// deaf says its id, ignores every polite signal and hangs.
func deaf() error {
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	fmt.Println(os.Getpid())
	<-time.After(time.Hour)
	return errors.New("nobody stopped it")
}

func flood() error {
	line := bytes.Repeat([]byte("x"), 64<<10)
	for range 1 << 9 { // 32 MiB
		if _, err := os.Stderr.Write(line); err != nil {
			return err
		}
	}
	fmt.Fprint(os.Stderr, "the end")
	syscall.Exit(3)
	return nil
}

// fork leaves a grandchild behind that holds the pipes open.
func fork() error {
	cmd := exec.Command("/proc/self/exe", "child-deaf")
	cmd.Stdout, cmd.Stderr, cmd.Env = os.Stdout, os.Stderr, os.Environ()
	if err := cmd.Start(); err != nil {
		return err
	}
	_, err := fmt.Println(cmd.Process.Pid)
	return err
}

func printLimits() error {
	for _, resource := range []int{unix.RLIMIT_DATA, unix.RLIMIT_CORE, unix.RLIMIT_NOFILE} {
		var l unix.Rlimit
		if err := unix.Getrlimit(resource, &l); err != nil {
			return err
		}
		fmt.Println(l.Cur, l.Max)
	}
	return nil
}

func limits() sandbox.Limits {
	return sandbox.Limits{MemoryBytes: 512 << 20, Wall: time.Minute, StderrBytes: 2048}
}

func TestChildAnswers(t *testing.T) {
	t.Parallel()
	want := strings.Repeat("every byte comes back. ", 100_000)
	var out bytes.Buffer
	lim := limits()
	lim.StderrBytes = 0 // the default
	if err := sandbox.Self(t.Context(), []string{"child-echo"}, strings.NewReader(want), &out, lim); err != nil {
		t.Fatal(err)
	}
	if out.String() != want {
		t.Errorf("%d bytes came back, want the %d that were sent", out.Len(), len(want))
	}
}

func TestChildHasLimits(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := sandbox.Self(t.Context(), []string{"child-limits"}, nil, &out, limits()); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "536870912 536870912\n0 0\n256 256\n"; got != want {
		t.Errorf("the limits of memory, core and files are %q, want %q", got, want)
	}
}

func TestChildEnvironmentIsBare(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := sandbox.Self(t.Context(), []string{"child-env"}, nil, &out, limits()); err != nil {
		t.Fatal(err)
	}
	path := ""
	for line := range strings.Lines(out.String()) {
		switch name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "="); name {
		case "FRAMEMILL_CHILD_MEMORY", "GOMEMLIMIT", "TMPDIR":
		case "PATH":
			path = value
		default:
			t.Errorf("the child inherited %s", name)
		}
	}
	if want := os.Getenv("PATH"); path != want {
		t.Errorf("the child looks for decoders in %q, want %q", path, want)
	}
}

func TestChildDies(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		child  string
		signal syscall.Signal
		code   int    // 0 = any but 0
		stderr string // a pattern of what is in it
	}{
		// The runtime and the race detector say it in words of their own.
		{name: "eats memory", child: "child-eat", stderr: "^fatal error: (runtime: )?(out of|cannot allocate) memory|ThreadSanitizer failed to allocate"},
		{name: "floods stderr", child: "child-flood", code: 3, stderr: `^x+\n\[\d+ bytes left out\]\nx+the end$`},
		{name: "is killed", child: "child-killed", signal: syscall.SIGKILL, code: -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			lim := limits()
			err := sandbox.Self(t.Context(), []string{tt.child}, nil, io.Discard, lim)
			died, ok := errors.AsType[*sandbox.Died](err)
			if !ok {
				t.Fatalf("the error is %v, want a *sandbox.Died", err)
			}
			if died.Signal != tt.signal || died.ExitCode != tt.code && (tt.code != 0 || died.ExitCode == 0) {
				t.Errorf("it died by signal %v and code %d, want %v and %d: %s", died.Signal, died.ExitCode, tt.signal, tt.code, died.Stderr)
			}
			if !regexp.MustCompile(tt.stderr).MatchString(died.Stderr) || len(died.Stderr) > lim.StderrBytes+100 {
				t.Errorf("%d bytes of stderr are kept, want about %d that match %q: %s", len(died.Stderr), lim.StderrBytes, tt.stderr, died.Stderr)
			}
		})
	}
}

func TestChildIsEnded(t *testing.T) {
	t.Parallel()
	errStop := errors.New("the worker drains")
	errFull := errors.New("no room for the answer")
	tests := []struct {
		name string
		run  func(ctx context.Context, lim sandbox.Limits) error
		want error
	}{
		{"by the caller", func(ctx context.Context, lim sandbox.Limits) error {
			ctx, cancel := context.WithCancelCause(ctx)
			// It hangs, and hears no signal, by the time it has said its id.
			return sandbox.Self(ctx, []string{"child-deaf"}, nil, writerFunc(func() error { cancel(errStop); return nil }), lim)
		}, errStop},
		{"by the clock", func(ctx context.Context, lim sandbox.Limits) error {
			lim.Wall = 50 * time.Millisecond
			return sandbox.Self(ctx, []string{"child-deaf"}, nil, io.Discard, lim)
		}, sandbox.ErrTooLong},
		{"by its output", func(ctx context.Context, lim sandbox.Limits) error {
			return sandbox.Self(ctx, []string{"child-deaf"}, nil, writerFunc(func() error { return errFull }), lim)
		}, errFull},
		{"by its input", func(ctx context.Context, lim sandbox.Limits) error {
			return sandbox.Self(ctx, []string{"child-deaf"}, readerFunc(func() error { return io.ErrUnexpectedEOF }), io.Discard, lim)
		}, io.ErrUnexpectedEOF},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if err := tt.run(t.Context(), limits()); !errors.Is(err, tt.want) {
				t.Errorf("the error is %v, want %v", err, tt.want)
			}
		})
	}
}

func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	t.Run("of a child that forks", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		if err := sandbox.Self(t.Context(), []string{"child-fork"}, nil, &out, limits()); err != nil {
			t.Fatal(err)
		}
		wantGone(t, out.String())
	})
	t.Run("of a child whose parent was killed", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancelCause(t.Context())
		errKilled := errors.New("killed")
		var out bytes.Buffer
		grandchild := writerFunc(func() error { cancel(errKilled); return nil })
		err := sandbox.Self(ctx, []string{"child-parent"}, nil, io.MultiWriter(&out, grandchild), limits())
		if !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		// It is in a group of its own: only the death of its parent can end it.
		wantGone(t, out.String())
	})
}

// wantGone waits until the process whose id begins text is no more.
func wantGone(t *testing.T, text string) {
	t.Helper()
	first, _, _ := strings.Cut(text, "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatalf("the child did not say an id: %q", text)
	}
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") { // a zombie is dead, and waits for another's parent
			return
		}
	}
	t.Errorf("process %d still lives", pid)
}

func TestLimitsAreNeeded(t *testing.T) {
	t.Parallel()
	if err := sandbox.Self(t.Context(), []string{"child-echo"}, nil, io.Discard, sandbox.Limits{}); err == nil {
		t.Error("a child without limits was started")
	}
	if err := sandbox.ChildLimits(); err == nil {
		t.Error("ChildLimits is content in a process that is not a child")
	}
}

func BenchmarkSelf(b *testing.B) {
	for b.Loop() {
		if err := sandbox.Self(b.Context(), []string{"child-echo"}, strings.NewReader("x"), io.Discard, limits()); err != nil {
			b.Fatal(err)
		}
	}
}

// writerFunc is a writer that calls a function for each write.
type writerFunc func() error

// Write implements io.Writer.
func (f writerFunc) Write(p []byte) (int, error) {
	if err := f(); err != nil {
		return 0, err
	}
	return len(p), nil
}

// readerFunc is a reader that fails.
type readerFunc func() error

// Read implements io.Reader.
func (f readerFunc) Read([]byte) (int, error) { return 0, f() }

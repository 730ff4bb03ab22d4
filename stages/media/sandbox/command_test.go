package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"framemill/pipeline"
	"framemill/stages/media/sandbox"
)

// ownFile is the test binary, also for a user who may not enter its folder.
const ownFile = "/proc/self/exe"

// room is the files of one test: what a program is given and what is beside it.
type room struct {
	program, input, sibling, out string
}

func newRoom(t *testing.T) room {
	t.Helper()
	dir := t.TempDir()
	r := room{ownFile, filepath.Join(dir, "input"), filepath.Join(dir, "sibling"), filepath.Join(dir, "out")}
	for _, name := range []string{r.input, r.sibling} {
		if err := os.WriteFile(name, []byte("text of "+filepath.Base(name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(r.out, 0o700); err != nil {
		t.Fatal(err)
	}
	return r
}

// run runs the test binary in the place of ffmpeg.
func (r room) run(ctx context.Context, walls sandbox.Walls, out io.Writer, lim sandbox.Limits, args ...string) error {
	return sandbox.RunFile(ctx, r.program, walls, sandbox.Command{
		Program: "ffmpeg", Args: args, Inputs: []string{r.input}, OutDir: r.out,
		Stdin: strings.NewReader("said; "), Stdout: out, Limits: lim,
	})
}

func TestRunControl(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	copied := filepath.Join(r.out, "copy")
	var out bytes.Buffer
	if err := r.run(t.Context(), sandbox.Here(), &out, limits(), "copies", r.input, copied); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(copied)
	if err != nil || string(text) != "text of input" {
		t.Errorf("it wrote %q, %v; want the text of its input", text, err)
	}
	if got, want := out.String(), "said; text of input"; got != want {
		t.Errorf("it printed %q, want %q", got, want)
	}
}

// forbidden is what a program tries, and what the kernel answers behind each
// wall alone and behind all of them. "" = it goes through.
type forbidden struct {
	args                             []string
	landlock, seccomp, spaces, every string
}

// TestRunForbids has a program try what it must not.
func TestRunForbids(t *testing.T) {
	t.Parallel()
	here := sandbox.Here()
	if here.Landlock < 6 || !here.Seccomp || here.Namespaces&unix.CLONE_NEWPID == 0 {
		t.Skipf("the machine offers %q only", sandbox.Layers())
	}
	r := newRoom(t)
	tcp, local := listen(t, "tcp", "127.0.0.1:0"), listen(t, "unix", filepath.Join(t.TempDir(), "s"))
	own := filepath.Join(r.out, "new")
	for _, tt := range []forbidden{
		{args: []string{"reads", r.input}}, // the controls
		{args: []string{"writes", own}},
		{[]string{"reads", "/etc/passwd"}, "EACCES", "", "", "EACCES"},
		{[]string{"reads", "/proc/self/environ"}, "EACCES", "", "", "EACCES"},
		{[]string{"reads", r.sibling}, "EACCES", "", "", "EACCES"},
		{[]string{"lists", filepath.Dir(r.input)}, "EACCES", "", "", "EACCES"},
		{[]string{"writes", r.sibling + ".new"}, "EACCES", "", "", "EACCES"},
		{[]string{"truncates", r.sibling}, "EACCES", "", "", "EACCES"},
		{[]string{"links", own + ".link"}, "EACCES", "", "", "EACCES"},
		{[]string{"starts", "/bin/sh"}, "EACCES", "", "", "EACCES"},
		{[]string{"changes", r.input}, "", "EPERM", "", "EPERM"},
		{[]string{"dials", tcp.address}, "EACCES", "EPERM", "ENETUNREACH", "EPERM"},
		{[]string{"dials-local", local.address}, "", "EPERM", "", "EPERM"},
		{[]string{"shares"}, "", "EPERM", "", "EPERM"},
		{[]string{"signals", strconv.Itoa(os.Getpid())}, "EPERM", "EPERM", "ESRCH", "EPERM"},
		{[]string{"unlimits"}, "EPERM", "EPERM", "EPERM", "EPERM"},
	} {
		r.wantAnswer(t, "landlock", sandbox.Walls{Landlock: here.Landlock}, tt.args, tt.landlock)
		r.wantAnswer(t, "seccomp", sandbox.Walls{Seccomp: true}, tt.args, tt.seccomp)
		r.wantAnswer(t, "namespaces", sandbox.Walls{Namespaces: here.Namespaces}, tt.args, tt.spaces)
		r.wantAnswer(t, "all", here, tt.args, tt.every)
	}
	t.Cleanup(func() { // after the subtests
		if n := tcp.accepted(); n != 0 {
			t.Errorf("the listener was contacted %d times", n)
		}
	})
}

// TestRunLeavesNobody has a program leave a grandchild in a session of its own.
// It holds the output open: while it lives, Run does not end well.
func TestRunLeavesNobody(t *testing.T) {
	t.Parallel()
	r, here := newRoom(t), sandbox.Here()
	if here.Namespaces&unix.CLONE_NEWPID != 0 {
		r.wantAnswer(t, "namespaces", sandbox.Walls{Namespaces: here.Namespaces}, []string{"forks", r.program}, "")
	}
	if here.Seccomp {
		r.wantAnswer(t, "seccomp", sandbox.Walls{Seccomp: true}, []string{"forks", r.program}, "EPERM")
	}
	want := ""
	if here.Seccomp {
		want = "EPERM"
	}
	r.wantAnswer(t, "all", here, []string{"forks", r.program}, want)
}

// wantAnswer runs a program that prints the name of an error.
func (r room) wantAnswer(t *testing.T, name string, walls sandbox.Walls, args []string, want string) {
	t.Helper()
	t.Run(name+" "+args[0], func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		if err := r.run(t.Context(), walls, &out, limits(), args...); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Errorf("%v: the kernel answers %q, want %q", args, out.String(), want)
		}
	})
}

func TestRunEnds(t *testing.T) {
	t.Parallel()
	errFull := errors.New("no room for the output")
	full := writerFunc(func() error { return errFull })
	tests := []struct {
		program string
		out     io.Writer
		limit   func(*sandbox.Limits)
		code    pipeline.Code
		cause   error
	}{
		{"hangs", nil, func(l *sandbox.Limits) { l.Wall = 200 * time.Millisecond }, pipeline.CodeStalled, sandbox.ErrTooLong},
		{"spins", nil, func(l *sandbox.Limits) { l.CPU = time.Second }, pipeline.CodeStalled, sandbox.ErrTooLong},
		{"eats", nil, nil, pipeline.CodeDecoderMemory, nil},
		{"floods-stdout", full, nil, pipeline.CodeInternal, errFull},
		{"floods-stderr", nil, nil, pipeline.CodeInternal, nil},
	}
	for _, tt := range tests {
		t.Run(tt.program, func(t *testing.T) {
			t.Parallel()
			r, lim := newRoom(t), limits()
			if tt.limit != nil {
				tt.limit(&lim)
			}
			err := r.run(t.Context(), sandbox.Here(), tt.out, lim, tt.program)
			if err == nil || pipeline.CodeOf(err) != tt.code || tt.cause != nil && !errors.Is(err, tt.cause) {
				t.Errorf("the error is %v, want the code %s and the cause %v", err, tt.code, tt.cause)
			}
			if died, ok := errors.AsType[*sandbox.Died](err); ok && len(died.Stderr) > lim.StderrBytes+100 {
				t.Errorf("%d bytes of stderr are kept, want about %d", len(died.Stderr), lim.StderrBytes)
			}
		})
	}
}

func TestRunNamesSignals(t *testing.T) {
	t.Parallel()
	for signal, want := range map[string]pipeline.Code{
		"KILL": pipeline.CodeDecoderMemory, // as the kernel does when it has no memory left
		"ILL":  pipeline.CodeDecoderUnavailable,
		"SYS":  pipeline.CodeDecoderUnavailable,
		"SEGV": pipeline.CodeInternal, // the caller knows what it had it read
	} {
		err := sandbox.RunFile(t.Context(), "/bin/sh", sandbox.Walls{}, sandbox.Command{
			Program: "ffmpeg", Args: []string{"-c", "kill -" + signal + " $$"}, Limits: limits(),
		})
		if _, died := errors.AsType[*sandbox.Died](err); !died || pipeline.CodeOf(err) != want {
			t.Errorf("after SIG%s, the error is %v; want the code %s", signal, err, want)
		}
	}
}

func TestRunLimitsFiles(t *testing.T) {
	t.Parallel()
	r, lim := newRoom(t), limits()
	lim.FileBytes = 4096
	big := filepath.Join(r.out, "big")
	if err := r.run(t.Context(), sandbox.Here(), nil, lim, "grows", big); err == nil {
		t.Error("the program wrote all it wanted")
	}
	if info, err := os.Stat(big); err != nil || info.Size() > lim.FileBytes {
		t.Errorf("the file is %v, %v; want at most %d bytes", info, err, lim.FileBytes)
	}
}

func TestRunGivesNothingAway(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	var out bytes.Buffer
	if err := r.run(t.Context(), sandbox.Here(), &out, limits(), "describes"); err != nil {
		t.Fatal(err)
	}
	caps := "0x0"
	if os.Geteuid() == 0 {
		caps = "0x2" // reading and writing files of others
	}
	want := fmt.Sprintf("args ffmpeg describes\nenv LC_ALL=C\nenv AV_LOG_FORCE_NOCOLOR=1\nenv TMPDIR=%s\ndir %s\ncaps %s\nno new privileges 1\n", r.out, r.out, caps)
	if out.String() != want {
		t.Errorf("the program was born with\n%s\nwant\n%s", out.String(), want)
	}
}

// TestRunFailsClosed wants no program to start when a wall cannot be built.
func TestRunFailsClosed(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	tests := []struct {
		name   string
		walls  sandbox.Walls
		inputs []string
	}{
		{"no such namespace", sandbox.Walls{Namespaces: unix.CLONE_NEWUSER | unix.CLONE_FS}, nil},
		{"an input that is a folder", sandbox.Walls{Landlock: 1}, []string{r.out}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			err := sandbox.RunFile(t.Context(), r.program, tt.walls, sandbox.Command{
				Program: "ffmpeg", Args: []string{"describes"}, Inputs: tt.inputs, Stdout: &out, Limits: limits(),
			})
			if err == nil || out.Len() > 0 {
				t.Errorf("the program ran: %v, %q", err, out.String())
			}
		})
	}
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	tests := []struct {
		name string
		c    sandbox.Command
		want error // nil = any
	}{
		{"another program", sandbox.Command{Program: "sh", Limits: limits()}, nil},
		{"a path for a program", sandbox.Command{Program: "/usr/bin/ffmpeg", Limits: limits()}, nil},
		{"a relative input", sandbox.Command{Program: "ffmpeg", Inputs: []string{"input"}, Limits: limits()}, nil},
		{"a relative folder", sandbox.Command{Program: "ffmpeg", OutDir: "out", Limits: limits()}, nil},
		{"a missing input", sandbox.Command{Program: "ffmpeg", Inputs: []string{r.input + ".gone"}, Limits: limits()}, os.ErrNotExist},
		{"an argument that is no text", sandbox.Command{Program: "ffmpeg", Args: []string{"\xff"}, Limits: limits()}, nil},
		{"no limits", sandbox.Command{Program: "ffmpeg"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := sandbox.Run(t.Context(), tt.c)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("the error is %v, want %v", err, tt.want)
			}
		})
	}
}

// TestRunDiesWithParent kills a process that has a program run. The program
// ignores signals, and holds a lock for as long as it lives.
func TestRunDiesWithParent(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	lock, err := os.Create(filepath.Join(r.out, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	errLives := errors.New("the program lives")
	ctx, kill := context.WithCancelCause(t.Context())
	lives := writerFunc(func() error { kill(errLives); return nil })
	if err := sandbox.Self(ctx, []string{"child-runs", lock.Name()}, nil, lives, limits()); !errors.Is(err, errLives) {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the program lives on: %v", err)
		}
	}
}

// listener counts who comes.
type listener struct {
	address string
	net.Listener
	count chan int
}

func listen(t *testing.T, network, address string) listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	count := make(chan int, 1)
	go func() {
		n := 0
		for ; ; n++ {
			c, err := l.Accept()
			if err != nil {
				break
			}
			c.Close()
		}
		count <- n
	}()
	t.Cleanup(func() { l.Close() })
	return listener{l.Addr().String(), l, count}
}

// accepted closes the listener and returns how many came.
func (l listener) accepted() int {
	l.Close()
	return <-l.count
}

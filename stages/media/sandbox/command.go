package sandbox

import (
	"context"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"framemill/pipeline"
)

// Command is one run of a program, foreign or linked with foreign libraries, on
// hostile media.
type Command struct {
	Program string    // a name of programs, looked up on PATH, or the name of what is at Path
	Path    string    // absolute path of a program of our own; "" = none
	Args    []string  // without the program's name; no text of a user's as an option
	Inputs  []string  // absolute paths of the files it may read, and of nothing else but its own libraries
	OutDir  string    // absolute path of the one folder it may write to and works in; "" = none
	Stdin   io.Reader // nil = empty; an *os.File is handed over as it is, such as the end of a pipe
	Stdout  io.Writer // nil = thrown away; an error of it ends the program; of files as Stdin
	Limits  Limits
}

// Run runs c to its end, in every layer of Layers. Its errors are those of
// Self, but that
//   - a program that is missing or cannot run here is decoder_unavailable;
//   - one that needed more memory than the limit is decoder_memory;
//   - one that found the disk of OutDir full is disk_full;
//   - one that ran longer than Limits.Wall or Limits.CPU is stalled, and is
//     ErrTooLong as well.
//
// Any other bad end is a *Died, for the caller to tell what the media are at
// fault for. The process that calls Run must have called Helper first of all.
func Run(ctx context.Context, c Command) error {
	program, err := lookUp(c)
	if err != nil {
		return err
	}
	return runProgram(ctx, program, here(), c)
}

// programs are those that may be run: the Debian packages that they are in, and
// the folders that they read beside their libraries. What is missing of these on
// a machine is left out.
var programs = map[string]struct {
	pkg     string
	folders []string
}{
	"ffmpeg":   {pkg: "ffmpeg"},
	"ffprobe":  {pkg: "ffmpeg"},
	"pdfinfo":  {pkg: "poppler-utils", folders: fonts},
	"pdftoppm": {pkg: "poppler-utils", folders: fonts},
}

// fonts are where the fonts of a machine lie, and what says so.
var fonts = []string{"/etc/fonts", "/usr/share/fonts", "/usr/share/fontconfig", "/usr/share/poppler", "/usr/share/ghostscript", "/var/cache/fontconfig"}

// lookUp finds the program of c.
func lookUp(c Command) (string, error) {
	if c.Path != "" {
		return c.Path, nil
	}
	known, ok := programs[c.Program]
	if !ok {
		return "", fmt.Errorf("%q is not a program that may be run", c.Program)
	}
	file, err := exec.LookPath(c.Program)
	if err == nil {
		file, err = filepath.Abs(file)
	}
	if err != nil {
		return "", pipeline.Failf(pipeline.CodeDecoderUnavailable, "",
			"%s is not installed on this server: install the package %s", c.Program, known.pkg).Because(err)
	}
	return file, nil
}

// loaders returns the loader that a dynamically linked program names. The
// kernel starts both.
func loaders(program string) []string {
	f, err := elf.Open(program)
	if err != nil {
		return nil // no program: starting it will say so
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP || p.Filesz > unix.PathMax {
			continue
		}
		if path, err := io.ReadAll(p.Open()); err == nil {
			return []string{strings.TrimRight(string(path), "\x00")}
		}
	}
	return nil
}

// runProgram has the helper run the program at a path within walls.
func runProgram(ctx context.Context, program string, walls layers, c Command) error {
	order := order{
		Program: program, Args: append([]string{c.Program}, c.Args...), Inputs: c.Inputs, OutDir: c.OutDir,
		Folders: programs[c.Program].folders, Loaders: loaders(program), Limits: c.Limits, Layers: walls,
	}
	if err := order.check(); err != nil {
		return err
	}
	text, err := json.Marshal(order)
	if err != nil {
		return err
	}
	complaint, say, err := os.Pipe()
	if err != nil {
		return err
	}
	defer complaint.Close()
	err = supervise(ctx, c.Limits, c.Stdin, output(c), func(ctx context.Context) *exec.Cmd {
		cmd := exec.CommandContext(ctx, ownFile)
		cmd.Args = []string{helperName, string(text)}
		cmd.Env = helperEnv()
		cmd.ExtraFiles = []*os.File{say}
		cmd.SysProcAttr = walls.attributes()
		return cmd
	})
	say.Close()
	if why, _ := io.ReadAll(io.LimitReader(complaint, complaintBytes)); len(why) > 0 {
		return pipeline.Failf(pipeline.CodeDecoderUnavailable, "",
			"%s cannot be run safely on this server: the log says why", c.Program).Because(errors.New(string(why)))
	}
	return explain(err, c)
}

// explain gives the ends that are not the media's own fault their codes.
func explain(err error, c Command) error {
	if errors.Is(err, ErrTooLong) {
		return stalled(err, c)
	}
	died, ok := errors.AsType[*Died](err)
	switch {
	case !ok:
		return err
	case c.Limits.CPU > 0 && died.Signal == syscall.SIGKILL && died.CPU >= c.Limits.CPU/2:
		// The kernel enforces the limit by one clock and reports by another,
		// which on a busy host lags behind.
		return stalled(errors.Join(ErrTooLong, died), c)
	case died.Signal == syscall.SIGKILL || saysNoMemory(died.Stderr):
		// Nobody else kills it: the kernel did, for want of memory.
		return pipeline.Failf(pipeline.CodeDecoderMemory, "",
			"the file needs more than %d MiB of memory to decode", c.Limits.MemoryBytes>>20).Because(died)
	case c.OutDir != "" && saysNoSpace(died.Stderr):
		return pipeline.Failf(pipeline.CodeDiskFull, "", "the disk is full").Because(died)
	case died.Signal == syscall.SIGILL || died.Signal == syscall.SIGSYS:
		return pipeline.Failf(pipeline.CodeDecoderUnavailable, "",
			"%s does not run on this server's processor or kernel: install another build of it", c.Program).Because(died)
	}
	return err
}

// saysNoMemory reports whether a program said that it ran out of memory.
func saysNoMemory(text string) bool {
	text = strings.ToLower(text)
	return strings.Contains(text, "cannot allocate memory") || strings.Contains(text, "bad_alloc")
}

// saysNoSpace reports whether a program said that its disk is full.
func saysNoSpace(text string) bool {
	text = strings.ToLower(text)
	return strings.Contains(text, unix.ENOSPC.Error()) || strings.Contains(text, unix.EDQUOT.Error())
}

func stalled(err error, c Command) error {
	return pipeline.Failf(pipeline.CodeStalled, "", "%s ran for too long and was ended", c.Program).Because(err)
}

func output(c Command) io.Writer {
	if c.Stdout == nil {
		return io.Discard
	}
	return c.Stdout
}

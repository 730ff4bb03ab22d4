// Framemill-decoder makes JPEGs of raw frames with libjpeg-turbo. Framemill runs
// it itself, behind the walls of its sandbox: frames come from ffmpeg by
// standard input, JPEGs go to standard output. Package decoder says how.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"framemill/stages/media/decoder"
	"framemill/stages/media/nut"
	"framemill/stages/media/turbo"
)

func main() {
	runtime.GOMAXPROCS(1) // others wait for the cores
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == decoder.CommandVersion:
		library, err := turbo.Library()
		if err != nil {
			return err
		}
		_, err = fmt.Printf("%s, %s\n", decoder.Version, library)
		return err
	case len(args) == 2 && args[0] == decoder.CommandJPEGs:
		j, err := decoder.ParseJob(args[1])
		if err != nil {
			return err
		}
		widen(os.Stdin)
		return jpegs(j, os.Stdin, os.Stdout)
	}
	return errors.New("this program is run by Framemill itself")
}

// pipeBytes is how much a pipe holds: fewer turns for the same frames.
const pipeBytes = 1 << 20

// widen makes the pipe of a file larger, if it is one and the user may.
func widen(f *os.File) { _, _ = unix.FcntlInt(f.Fd(), unix.F_SETPIPE_SZ, pipeBytes) }

// jpegs encodes the frames of a stream. One that breaks off is no error of
// ours: the answer then ends without its last frame, and why is for whoever
// wrote the stream to say.
func jpegs(j decoder.Job, r io.Reader, w io.Writer) error {
	in, err := nut.NewReader(r)
	if broken(err) {
		return nil
	}
	if err != nil {
		return err
	}
	enc, err := turbo.NewEncoder(j)
	if err != nil {
		return err
	}
	defer enc.Close()
	out, err := decoder.NewWriter(w, in.Clock())
	if err != nil {
		return err
	}
	frame := make([]byte, j.FrameBytes())
	for {
		pts, size, err := in.Next()
		if broken(err) {
			return out.End()
		}
		if err == nil && size != int64(len(frame)) {
			err = fmt.Errorf("a frame of %d bytes, want %d", size, len(frame))
		}
		if err != nil {
			return err
		}
		if err := in.Fill(frame); broken(err) {
			return out.End()
		} else if err != nil {
			return err
		}
		jpeg, err := enc.Encode(frame)
		if err != nil {
			return err
		}
		if err := out.Frame(pts, jpeg); err != nil {
			return err
		}
	}
}

func broken(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

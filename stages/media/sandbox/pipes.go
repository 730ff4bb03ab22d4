package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// watchReader returns what a child reads from in, which may be nil. A file is
// handed over as it is: what writes to the other end of a pipe may be another
// child, whose bytes need not pass through here.
func watchReader(in io.Reader, kill context.CancelCauseFunc) io.Reader {
	switch in.(type) {
	case nil, *os.File:
		return in
	}
	return watchedReader{in, kill}
}

// watchWriter returns what a child writes to. Files are as with watchReader.
func watchWriter(out io.Writer, kill context.CancelCauseFunc) io.Writer {
	if file, ok := out.(*os.File); ok {
		return file
	}
	return watchedWriter{out, kill}
}

// watchedReader ends the child when its input fails, which would look like the
// end of the input to it.
type watchedReader struct {
	io.Reader
	kill context.CancelCauseFunc
}

// Read implements io.Reader.
func (r watchedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.kill(fmt.Errorf("read the input of a child process: %w", err))
	}
	return n, err
}

// watchedWriter ends the child when nobody can take its output.
type watchedWriter struct {
	io.Writer
	kill context.CancelCauseFunc
}

// Write implements io.Writer.
func (w watchedWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil {
		w.kill(fmt.Errorf("take the output of a child process: %w", err))
	}
	return n, err
}

// excerpt keeps the beginning and the end of what is written to it, at most
// size bytes of each. A program that dies in Go says why first and lists its
// stacks after that; most others say why last.
type excerpt struct {
	size int

	mu   sync.Mutex
	head []byte
	tail []byte
	lost int64 // bytes between the two
}

// Write implements io.Writer.
func (e *excerpt) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := len(p)
	begins := min(n, e.size-len(e.head))
	e.head, p = append(e.head, p[:begins]...), p[begins:]
	over := max(0, len(e.tail)+len(p)-e.size)
	e.lost += int64(over)
	old := min(over, len(e.tail))
	e.tail = append(e.tail[:copy(e.tail, e.tail[old:])], p[over-old:]...)
	return n, nil
}

// String returns what is kept.
func (e *excerpt) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.lost == 0 {
		return string(e.head) + string(e.tail)
	}
	return fmt.Sprintf("%s\n[%d bytes left out]\n%s", e.head, e.lost, e.tail)
}

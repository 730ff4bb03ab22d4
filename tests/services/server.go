package services

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// bootTime bounds the wait for a server to answer.
const bootTime = 30 * time.Second

// guard runs a server, "$@", until its own standard input ends: when the
// process that started it closes the pipe or dies, in whatever way. Then, or
// when the server ends by itself, the server's folder is removed.
const guard = `
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
{ cat <&3 >/dev/null; kill -s "$SIGNAL" $server; } 2>/dev/null &
lifeline=$!
wait $server
kill $lifeline 2>/dev/null
rm -rf "$DIR"
`

// Server is a running server on a port of its own, in a temporary folder.
type Server struct {
	addr  string
	log   *os.File
	life  io.Closer     // the pipe that keeps the guard waiting
	ended chan struct{} // closed when server and folder are gone
}

// Addr returns the host and port that the server listens on.
func (s *Server) Addr() string { return s.addr }

// Stop ends the server, and returns when it and its folder are gone.
func (s *Server) Stop() {
	_ = s.life.Close()
	<-s.ended
	_ = s.log.Close()
}

// launch is how one kind of server is started.
type launch struct {
	command []string // program and arguments
	dir     string   // removed at the end
	addr    string   // where the server will listen
	signal  string   // what ends it at once
	owner   *syscall.Credential
	ready   func(ctx context.Context, addr string) error
}

// start runs the server and returns when it answers.
func start(l launch) (*Server, error) {
	log, err := unlinkedFile()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/bin/sh", append([]string{"-c", guard, "guard"}, l.command...)...)
	cmd.Env = append(os.Environ(), "SIGNAL="+l.signal, "DIR="+l.dir)
	cmd.Dir, cmd.Stdout, cmd.Stderr = l.dir, log, log
	// A group of its own, so that Ctrl-C on the tests leaves the order of
	// ending to them.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: l.owner}
	life, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", l.command[0], err)
	}
	s := &Server{addr: l.addr, log: log, life: life, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(s.ended)
	}()
	if err := s.awaitReady(l.ready); err != nil {
		text := s.logText()
		s.Stop()
		return nil, fmt.Errorf("%s on %s: %w\n%s", l.command[0], l.addr, err, text)
	}
	return s, nil
}

// awaitReady polls until the server answers, ends or has had its time.
func (s *Server) awaitReady(ready func(context.Context, string) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), bootTime)
	defer cancel()
	for {
		err := ready(ctx, s.addr)
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return errors.New("the server ended while starting")
		case <-ctx.Done():
			return fmt.Errorf("no answer after %s: %w", bootTime, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// logText returns what the server has written so far.
func (s *Server) logText() string {
	var text strings.Builder
	_, _ = io.Copy(&text, io.NewSectionReader(s.log, 0, 1<<20))
	return text.String()
}

// unlinkedFile returns an open file that no folder lists any more, so that a
// log outlives the folder of its server and nothing outlives the process.
func unlinkedFile() (*os.File, error) {
	f, err := os.CreateTemp("", "framemill-log-")
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}

// freeAddr returns a loopback address whose port was free a moment ago.
func freeAddr() (addr, port string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	defer l.Close()
	_, port, err = net.SplitHostPort(l.Addr().String())
	return l.Addr().String(), port, err
}

// retryStart calls begin until it works: a free port may be taken by somebody
// else before the server has it.
func retryStart(begin func() (*Server, error)) (*Server, error) {
	var failures []error
	for range 3 {
		s, err := begin()
		if err == nil {
			return s, nil
		}
		failures = append(failures, err)
	}
	return nil, errors.Join(failures...)
}

// Package program runs the real binary in tests: a whole server in one process,
// or producers and consumers on a Redis and a Postgres of their own, which can
// be stopped, paused and killed. What a program wrote is shown when the test
// fails, and no program outlives its test.
package program

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"framemill/stages/media/decoder"
)

// Binary returns the path of the program, built from the present source.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatalf("build the program: %v", err)
	}
	return path
}

// Decoder returns the path of framemill-decoder, built from the present source.
// It is where a Binary looks for it.
func Decoder(t testing.TB) string {
	t.Helper()
	path, err := secondBinary()
	if err != nil {
		t.Fatalf("build the decoder: %v", err)
	}
	return path
}

// binary builds bin/framemill, and what it looks for beside it.
var binary = sync.OnceValues(func() (string, error) {
	if _, err := secondBinary(); err != nil {
		return "", err
	}
	return build("framemill", "CGO_ENABLED=0", ".")
})

// secondBinary builds bin/framemill-decoder.
var secondBinary = sync.OnceValues(func() (string, error) {
	return build(decoder.Name, "CGO_ENABLED=1", "-ldflags", `-extldflags "-static"`, "./stages/media/decoder/"+decoder.Name)
})

// build builds a program into bin, once for this process. A binary that is up to
// date is left alone, so several processes may share it.
func build(name, cgo string, args ...string) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	bin := filepath.Join(root, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(filepath.Join(bin, ".build.lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	path := filepath.Join(bin, name)
	cmd := exec.Command("go", append([]string{"build", "-o", path}, args...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), cgo, "GOFLAGS=-trimpath -buildvcs=false")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
}

// moduleRoot returns the nearest folder upwards that holds go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.mod in this folder or above")
		}
		dir = filepath.Dir(dir)
	}
}

// lock waits until no other process holds the lock of that name.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { _ = f.Close() }, nil
}

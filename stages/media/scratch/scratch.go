// Package scratch gives attempts folders of their own for what programs write,
// and removes those whose process is gone. A folder is locked as long as its
// process lives, whatever becomes of that, so that a sweep takes nothing from
// anybody.
package scratch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Folder is a folder of one attempt.
type Folder struct {
	Path string
	lock *os.File // the folder itself, open
}

// New makes a folder below dir.
func New(dir string) (*Folder, error) {
	path, err := os.MkdirTemp(dir, "attempt-")
	if err != nil {
		return nil, fmt.Errorf("make a scratch folder: %w", err)
	}
	lock, err := os.Open(path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock a scratch folder: %w", err), os.RemoveAll(path))
	}
	// Where the file system knows no locks, the sweep cannot lock anything
	// either, and leaves everything.
	_ = unix.Flock(int(lock.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	return &Folder{Path: path, lock: lock}, nil
}

// Close removes the folder with all that is in it.
func (f *Folder) Close() error {
	return errors.Join(os.RemoveAll(f.Path), f.lock.Close())
}

// settling is how young a folder may be that is not locked yet.
const settling = time.Minute

// Sweep removes what lies in dir and belongs to no living process, and returns
// how many folders that were. What cannot be removed does not keep the rest.
func Sweep(dir string, now time.Time) (removed int, err error) {
	entries, err := os.ReadDir(dir)
	errs := []error{err}
	for _, e := range entries {
		gone, err := sweep(filepath.Join(dir, e.Name()), now)
		if gone {
			removed++
		}
		errs = append(errs, err)
	}
	return removed, errors.Join(errs...)
}

// sweep removes one folder if nobody has it.
func sweep(path string, now time.Time) (bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) { // its owner was quicker
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || now.Sub(info.ModTime()) < settling {
		return false, err
	}
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		return false, nil
	}
	return true, os.RemoveAll(path)
}

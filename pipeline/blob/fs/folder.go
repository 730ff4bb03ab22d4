package fs

import (
	"errors"
	"fmt"
	"os"
	"path"
	"sync"
)

// maxFolders bounds how many folders a bucket remembers.
const maxFolders = 10_000

// folders remembers folders whose own entry is known to be on disk, so that a
// durable commit does not flush the whole chain up to the root each time.
type folders struct {
	mu   sync.Mutex
	seen map[string]struct{}
}

func (f *folders) has(dir string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.seen[dir]
	return ok
}

func (f *folders) add(dir string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen == nil || len(f.seen) >= maxFolders {
		f.seen = make(map[string]struct{})
	}
	f.seen[dir] = struct{}{}
}

func (f *folders) forget(dir string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.seen, dir)
}

// syncFolders flushes the folder of a new blob, and the folders above as far
// as they may be new themselves.
func (b *Bucket) syncFolders(key string) error {
	if err := syncFolder(b.root, path.Dir(pathOf(key))); err != nil {
		return err
	}
	for dir := range ancestors(key) {
		if b.known.has(dir) {
			return nil
		}
		if err := syncFolder(b.root, path.Dir(pathOf(dir))); err != nil {
			return err
		}
		b.known.add(dir)
	}
	return nil
}

func syncFolder(root *os.Root, name string) error {
	dir, err := root.Open(name)
	if err != nil {
		return fmt.Errorf("flush folder: %w", err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("flush folder: %w", err)
	}
	return nil
}

func readFolder(root *os.Root, name string) ([]os.DirEntry, error) {
	dir, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.ReadDir(-1)
}

func readNames(root *os.Root, name string) ([]string, error) {
	dir, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.Readdirnames(-1)
}

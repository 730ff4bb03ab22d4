package fs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"framemill/pipeline/blob"
)

// object is an open blob.
type object struct {
	f    *os.File
	info fs.FileInfo
}

var _ blob.OnDisk = (*object)(nil)

func (o *object) Read(p []byte) (int, error)                { return o.f.Read(p) }
func (o *object) ReadAt(p []byte, off int64) (int, error)   { return o.f.ReadAt(p, off) }
func (o *object) Seek(off int64, whence int) (int64, error) { return o.f.Seek(off, whence) }
func (o *object) Close() error                              { return o.f.Close() }
func (o *object) Size() int64                               { return o.info.Size() }
func (o *object) Modified() time.Time                       { return o.info.ModTime() }
func (o *object) File() *os.File                            { return o.f }

// Open implements blob.Bucket.
func (b *Bucket) Open(ctx context.Context, key string) (blob.Object, error) {
	if err := begin(ctx, key); err != nil {
		return nil, err
	}
	// Not blocking, so that a FIFO put there by accident cannot hang a worker.
	f, err := b.root.OpenFile(pathOf(key), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if absent(err) {
		return nil, blob.Missing(key)
	}
	if err != nil {
		return nil, failure("open", key, err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = blob.Missing(key)
	}
	if err != nil {
		return nil, failure("open", key, errors.Join(err, f.Close()))
	}
	return &object{f: f, info: info}, nil
}

// List implements blob.Bucket.
func (b *Bucket) List(ctx context.Context, prefix, after string, limit int) ([]blob.Info, error) {
	if err := blob.CheckPrefix(prefix); err != nil {
		return nil, err
	}
	l := lister{root: b.root, prefix: prefix, after: after, limit: limit}
	dir := prefix[:strings.LastIndexByte(prefix, '/')+1]
	if err := l.walk(ctx, dir); err != nil {
		return nil, fmt.Errorf("list blobs under %q: %w", prefix, err)
	}
	return l.found, nil
}

// lister collects one page of a listing.
type lister struct {
	root          *os.Root
	prefix, after string
	limit         int
	found         []blob.Info
}

// walk visits one folder, named as "" or with a slash at its end. Keys are as
// deep as CheckKey lets them be, and so is the recursion.
func (l *lister) walk(ctx context.Context, dir string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	entries, err := readFolder(l.root, strings.TrimSuffix(pathOf(dir), "/"))
	if absent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int {
		return strings.Compare(sortKey(a), sortKey(b))
	})
	for _, e := range entries {
		if len(l.found) >= l.limit {
			return nil
		}
		if err := l.visit(ctx, dir, e); err != nil {
			return err
		}
	}
	return nil
}

func (l *lister) visit(ctx context.Context, dir string, e fs.DirEntry) error {
	name := dir + sortKey(e)
	if e.IsDir() {
		if !l.mayHold(name) {
			return nil
		}
		return l.walk(ctx, name)
	}
	if !e.Type().IsRegular() || !strings.HasPrefix(name, l.prefix) || name <= l.after {
		return nil
	}
	info, err := e.Info()
	if absent(err) { // deleted meanwhile
		return nil
	}
	if err != nil {
		return err
	}
	l.found = append(l.found, blob.Info{Key: name, Bytes: info.Size(), Modified: info.ModTime()})
	return nil
}

// mayHold reports whether keys in folder dir can begin with the prefix and lie
// behind the page before.
func (l *lister) mayHold(dir string) bool {
	inPrefix := strings.HasPrefix(dir, l.prefix) || strings.HasPrefix(l.prefix, dir)
	behind := dir > l.after || strings.HasPrefix(l.after, dir)
	return inPrefix && behind
}

// sortKey is the name of an entry as it stands in keys: that of a folder ends
// with a slash, and so sorts behind "a-b" and before "a0".
func sortKey(e fs.DirEntry) string {
	if e.IsDir() {
		return e.Name() + "/"
	}
	return e.Name()
}

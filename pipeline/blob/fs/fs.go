// Package fs keeps blobs in a folder. Below the root lie
//
//	.framemill-root   marks the folder as ours
//	blobs/<key>       the blobs; the slashes of a key are folders
//	tmp/<random>      blobs being written, on the same file system
//	partial/<key>     blobs written in many sittings, + for the slashes
//
// The folder may be on a network file system and shared by many hosts, if it
// supports hard links: a blob is published by linking it to its key, the one
// operation that neither overwrites nor can be seen half done.
package fs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"framemill/pipeline"
	"framemill/pipeline/blob"
)

const (
	sentinel = ".framemill-root"
	notice   = "This folder belongs to Framemill. Do not add, change or remove files in it.\n"
	blobsDir = "blobs"
	tmpDir   = "tmp"

	partialDir = "partial"

	folderMode = 0o700
	fileMode   = 0o600
)

// Config says where the blobs lie.
type Config struct {
	Dir string // the root; it is made if it does not exist
	// MustExist refuses a root that was never initialised. Set it where the
	// root is a mounted disk that holds data already, so that an absent mount
	// is an error and not an empty bucket.
	MustExist bool
}

// Bucket keeps blobs in a folder. It implements blob.Bucket.
type Bucket struct {
	root  *os.Root
	known folders
}

var _ blob.Bucket = (*Bucket)(nil)

// New opens the bucket below cfg.Dir, and initialises it if the folder is
// empty or missing and the configuration permits it. A folder with other
// people's files is refused.
func New(cfg Config) (*Bucket, error) {
	if cfg.Dir == "" {
		return nil, errors.New("open blob folder: no folder is configured")
	}
	if !cfg.MustExist {
		if err := os.MkdirAll(cfg.Dir, folderMode); err != nil {
			return nil, fmt.Errorf("open blob folder: %w", err)
		}
	}
	root, err := os.OpenRoot(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("open blob folder: %w", err)
	}
	if err := prepare(root, cfg.MustExist); err != nil {
		return nil, fmt.Errorf("open blob folder %s: %w", cfg.Dir, errors.Join(err, root.Close()))
	}
	return &Bucket{root: root}, nil
}

// Close releases the folder. Objects and writers that are still open stay
// usable up to their next use of a name.
func (b *Bucket) Close() error { return b.root.Close() }

// prepare claims an empty root, checks that a used one is ours, and makes the
// folders in it.
func prepare(root *os.Root, mustExist bool) error {
	if _, err := root.Lstat(sentinel); err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := claim(root, mustExist); err != nil {
			return err
		}
	}
	for _, dir := range []string{blobsDir, tmpDir, partialDir} {
		if err := root.Mkdir(dir, folderMode); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return syncFolder(root, ".")
}

// claim marks an empty root as ours. The mark comes before all else, so
// another process that starts at the same time sees an empty folder or ours.
func claim(root *os.Root, mustExist bool) error {
	if mustExist {
		return fmt.Errorf("it was never initialised (there is no %s in it): is the disk mounted?", sentinel)
	}
	names, err := readNames(root, ".")
	if err != nil {
		return err
	}
	for _, name := range names {
		if name != "lost+found" && name != sentinel {
			return fmt.Errorf("it holds files of others, such as %q, and no %s: give an empty folder", name, sentinel)
		}
	}
	f, err := root.OpenFile(sentinel, os.O_WRONLY|os.O_CREATE, fileMode)
	if err != nil {
		return err
	}
	_, err = f.WriteString(notice)
	return errors.Join(err, f.Sync(), f.Close())
}

// Stat implements blob.Bucket.
func (b *Bucket) Stat(ctx context.Context, key string) (blob.Info, error) {
	if err := begin(ctx, key); err != nil {
		return blob.Info{}, err
	}
	info, err := b.root.Lstat(pathOf(key))
	if absent(err) || err == nil && !info.Mode().IsRegular() {
		return blob.Info{}, blob.Missing(key)
	}
	if err != nil {
		return blob.Info{}, failure("stat", key, err)
	}
	return blob.Info{Key: key, Bytes: info.Size(), Modified: info.ModTime()}, nil
}

// Delete implements blob.Bucket. Folders that become empty go with the blob.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if _, err := b.Stat(ctx, key); err != nil {
		if errors.Is(err, blob.ErrNotExist) {
			return nil
		}
		return err
	}
	if err := b.root.Remove(pathOf(key)); err != nil && !absent(err) {
		return failure("delete", key, err)
	}
	for dir := range ancestors(key) {
		b.known.forget(dir)
		if b.root.Remove(pathOf(dir)) != nil { // not empty: somebody lives there
			break
		}
	}
	return nil
}

// Free implements blob.Bucket.
func (b *Bucket) Free(ctx context.Context) (free, total int64, err error) {
	if ctx.Err() != nil {
		return 0, 0, context.Cause(ctx)
	}
	dir, err := b.root.Open(".")
	if err != nil {
		return 0, 0, fmt.Errorf("measure the blob folder: %w", err)
	}
	defer dir.Close()
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(dir.Fd()), &st); err != nil {
		return 0, 0, fmt.Errorf("measure the blob folder: %w", err)
	}
	return int64(st.Bavail) * int64(st.Bsize), int64(st.Blocks) * int64(st.Bsize), nil
}

// Sweep implements blob.Bucket.
func (b *Bucket) Sweep(ctx context.Context, olderThan time.Duration) (int, error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	limit := time.Now().Add(-olderThan)
	removed := 0
	for _, dir := range []string{tmpDir, partialDir} {
		n, err := b.sweepFolder(ctx, dir, limit)
		if removed += n; err != nil {
			return removed, fmt.Errorf("sweep %s blobs: %w", dir, err)
		}
	}
	return removed, nil
}

// sweepFolder removes the files that were last written before limit.
func (b *Bucket) sweepFolder(ctx context.Context, dir string, limit time.Time) (removed int, err error) {
	entries, err := readFolder(b.root, dir)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		if ctx.Err() != nil {
			return removed, context.Cause(ctx)
		}
		info, err := e.Info()
		if err != nil || !info.ModTime().Before(limit) {
			continue
		}
		switch err := b.root.Remove(dir + "/" + e.Name()); {
		case err == nil:
			removed++
		case !errors.Is(err, fs.ErrNotExist):
			return removed, err
		}
	}
	return removed, nil
}

// begin makes the checks that every operation on a key starts with.
func begin(ctx context.Context, key string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return blob.CheckKey(key)
}

// failure turns an error of the file system into one of the seam.
func failure(op, key string, err error) error {
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return pipeline.Failf(pipeline.CodeDiskFull, "", "the disk is full").Because(err)
	case errors.Is(err, unix.ESTALE), errors.Is(err, unix.EIO):
		return pipeline.Failf(pipeline.CodeUnavailable, "", "the storage does not answer").Because(err)
	}
	return fmt.Errorf("%s blob %q: %w", op, key, err)
}

// absent reports whether err says that a name or a folder above it is missing.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR)
}

func pathOf(key string) string { return blobsDir + "/" + key }

// ancestors yields the folders of key, the innermost first.
func ancestors(key string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for {
			i := strings.LastIndexByte(key, '/')
			if i < 0 {
				return
			}
			key = key[:i]
			if !yield(key) {
				return
			}
		}
	}
}

package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"framemill/pipeline"
)

// Share is the folder of media that is mounted on this host. Paths are
// relative to it, with single slashes between names and none at the ends; "" is
// the share itself. Links are followed as long as they stay inside.
type Share struct{ root *os.Root }

// OpenShare opens the share below dir.
func OpenShare(dir string) (*Share, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the share: %w", err)
	}
	return &Share{root: root}, nil
}

// Close releases the share.
func (s *Share) Close() error { return s.root.Close() }

// Entry is a file or a folder of the share.
type Entry struct {
	Path  string // below the share
	Dir   bool
	Bytes int64 // of a file
	MTime int64 // µs since 1970
}

// Stat describes a file or folder, with the errors of Open.
func (s *Share) Stat(ctx context.Context, path string) (Entry, error) {
	if ctx.Err() != nil {
		return Entry{}, context.Cause(ctx)
	}
	name, err := clean(path)
	if err != nil {
		return Entry{}, err
	}
	info, err := s.root.Stat(name)
	if err != nil {
		return Entry{}, nameFailure(path, err)
	}
	e, ok := entryOf(path, info)
	if !ok {
		return Entry{}, gone(path, "it is not a plain file")
	}
	return e, nil
}

// entryOf turns info into an entry, unless it is neither file nor folder.
func entryOf(path string, info fs.FileInfo) (Entry, bool) {
	e := Entry{Path: path, Dir: info.IsDir(), MTime: info.ModTime().UnixMicro()}
	if !e.Dir {
		e.Bytes = info.Size()
	}
	return e, e.Dir || info.Mode().IsRegular()
}

// open opens a file and checks that it is the expected one.
func (s *Share) open(path string, stamp pipeline.Stamp) (*shareFile, error) {
	name, err := clean(path)
	if err != nil {
		return nil, err
	}
	// Not blocking, or a FIFO in the file's place would hang the worker.
	f, err := s.root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nameFailure(path, err)
	}
	sf := &shareFile{f: f, path: path, size: stamp.Bytes, mtime: stamp.MTime}
	if err := sf.check(); err != nil {
		f.Close()
		return nil, err
	}
	return sf, nil
}

// clean returns path as os.Root takes it. It refuses what no listing of the
// share shows; os.Root refuses what leaves it by a link.
func clean(path string) (string, error) {
	if path == "" {
		return ".", nil
	}
	if !fs.ValidPath(path) || strings.IndexByte(path, 0) >= 0 {
		return "", pipeline.Failf(pipeline.CodeUnsafePath, path, "%q is not a path below the share", path)
	}
	return path, nil
}

// shareFile is an open file of the share.
type shareFile struct {
	f     *os.File
	path  string
	size  int64 // expected, negative until the first check
	mtime int64 // expected, zero until the first check
	pos   int64
}

// check compares the open file with what is expected of it. What was not
// known before is expected from then on.
func (s *shareFile) check() error {
	info, err := s.f.Stat()
	if err != nil {
		return failure(s.path, err)
	}
	if !info.Mode().IsRegular() {
		return changed(s.path, "it is not a plain file")
	}
	if s.size >= 0 && info.Size() != s.size {
		return changed(s.path, "it has %d bytes, and had %d", info.Size(), s.size)
	}
	mtime := info.ModTime().UnixMicro()
	if s.mtime != 0 && mtime != s.mtime {
		return changed(s.path, "it was changed at %s", info.ModTime().UTC().Format("2006-01-02 15:04:05.000000"))
	}
	s.size, s.mtime = info.Size(), mtime
	return nil
}

// atEnd returns io.EOF if the file is still the one that was opened.
func (s *shareFile) atEnd() error {
	if err := s.check(); err != nil {
		return err
	}
	return io.EOF
}

// Size returns the size of the file.
func (s *shareFile) Size() int64 { return s.size }

// Read implements io.Reader.
func (s *shareFile) Read(p []byte) (int, error) {
	if s.pos >= s.size && len(p) > 0 {
		return 0, s.atEnd()
	}
	n, err := s.ReadAt(p[:min(int64(len(p)), max(s.size-s.pos, 0))], s.pos)
	s.pos += int64(n)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// ReadAt implements io.ReaderAt.
func (s *shareFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.f.ReadAt(p, off)
	switch {
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		return n, failure(s.path, err)
	case off+int64(n) < s.size:
		return n, changed(s.path, "it ends at byte %d, and had %d", off+int64(n), s.size)
	}
	return n, io.EOF
}

// Seek implements io.Seeker.
func (s *shareFile) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		off += s.pos
	case io.SeekEnd:
		off += s.size
	}
	if off < 0 || whence < io.SeekStart || whence > io.SeekEnd {
		return 0, fmt.Errorf("seek to %d from %d in a share file: out of range", off, whence)
	}
	s.pos = off
	return off, nil
}

// Close closes the file.
func (s *shareFile) Close() error { return s.f.Close() }

// nameFailure is failure for operations that look a name up. os.Root refuses
// to leave the share with the only error that has no number.
func nameFailure(path string, err error) error {
	errno, known := errors.AsType[syscall.Errno](err)
	if errno == unix.ELOOP || !known && !errors.Is(err, fs.ErrClosed) {
		return pipeline.Failf(pipeline.CodeUnsafePath, path, "%s leads out of the share", path).Because(err)
	}
	return failure(path, err)
}

// failure turns an error of the file system into one that names the file as
// the share knows it.
func failure(path string, err error) error {
	errno, _ := errors.AsType[syscall.Errno](err)
	switch {
	case errno == unix.ENOENT, errno == unix.ENOTDIR, errno == unix.EISDIR, errno == unix.ENAMETOOLONG:
		return gone(path, "there is no such file or folder on the share").Because(err)
	case errno == unix.EACCES, errno == unix.EPERM:
		return gone(path, "the server may not read it").Because(err)
	case lost(errno):
		return pipeline.Failf(pipeline.CodeUnavailable, path, "%s: the share does not answer", path).Because(err)
	}
	return fmt.Errorf("read the share: %w", err)
}

// lost reports whether errno means that the share is away, perhaps for a while.
func lost(errno syscall.Errno) bool {
	switch errno {
	case unix.EIO, unix.ESTALE, unix.ETIMEDOUT, unix.EHOSTDOWN, unix.EHOSTUNREACH, unix.ENOTCONN, unix.ENODEV, unix.ENXIO, unix.EREMOTEIO:
		return true
	}
	return false
}

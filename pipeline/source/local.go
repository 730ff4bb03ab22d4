package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"framemill/pipeline"
	"framemill/pipeline/blob"
)

// errNotLocal says that a source has no path on this host.
var errNotLocal = errors.New("the source is not a file on this host")

// Local is Open for programs that read the file themselves: it returns the
// file's absolute path, without links, on this host. The caller calls release
// when the program has ended.
func (o *Opener) Local(ctx context.Context, ref pipeline.Ref, stamp pipeline.Stamp) (path string, release func(), err error) {
	f, err := o.Open(ctx, ref, stamp)
	if err != nil {
		return "", nil, err
	}
	file := onDisk(f)
	if file == nil {
		return "", nil, errors.Join(fmt.Errorf("%s: %w", ref, errNotLocal), f.Close())
	}
	// The descriptor was checked; its name, as the kernel knows it, is the
	// file's own, whatever links led there.
	path, err = os.Readlink(fmt.Sprintf("/proc/self/fd/%d", file.Fd()))
	if err == nil && strings.HasSuffix(path, " (deleted)") {
		err = gone(string(ref), "it was removed while it was opened")
	}
	if err != nil {
		return "", nil, errors.Join(err, f.Close())
	}
	return path, func() { _ = f.Close() }, nil
}

// onDisk returns the descriptor behind an open source, nil if it has none of
// its own.
func onDisk(f File) *os.File {
	switch f := f.(type) {
	case *shareFile:
		return f.f
	case blob.OnDisk:
		return f.File()
	}
	return nil
}

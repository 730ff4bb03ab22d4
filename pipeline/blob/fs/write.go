package fs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"framemill/pipeline/blob"
)

// linkTries bounds how often Commit makes the folders of a key again because
// a deletion took them away in between.
const linkTries = 20

// writer writes to a file in tmp and links it to its key at the end.
type writer struct {
	b    *Bucket
	ctx  context.Context // of Create, for Write has none
	key  string
	mode blob.Durability
	f    *os.File // nil once the writer is done
	name string   // of f, below the root
}

// Create implements blob.Bucket.
func (b *Bucket) Create(ctx context.Context, key string, d blob.Durability) (blob.Writer, error) {
	if err := begin(ctx, key); err != nil {
		return nil, err
	}
	name := tmpDir + "/" + strings.ToLower(rand.Text())
	f, err := b.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return nil, failure("create", key, err)
	}
	return &writer{b: b, ctx: ctx, key: key, mode: d, f: f, name: name}, nil
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (int, error) {
	if w.f == nil {
		return 0, fmt.Errorf("write blob %q: %w", w.key, os.ErrClosed)
	}
	if w.ctx.Err() != nil {
		return 0, context.Cause(w.ctx)
	}
	n, err := w.f.Write(p)
	if err != nil {
		return n, failure("write", w.key, err)
	}
	return n, nil
}

// Abort implements blob.Writer.
func (w *writer) Abort() {
	if w.f == nil {
		return
	}
	w.f.Close()
	w.f = nil
	w.remove()
}

// Commit implements blob.Writer.
func (w *writer) Commit(ctx context.Context) error {
	if w.f == nil {
		return fmt.Errorf("commit blob %q: %w", w.key, os.ErrClosed)
	}
	defer w.remove()
	err := context.Cause(ctx)
	if err == nil {
		err = context.Cause(w.ctx)
	}
	if err == nil && w.mode == blob.Durable {
		err = w.f.Sync()
	}
	// The file is closed before it is published: a network file system may
	// report only now that it could not write.
	err = errors.Join(err, w.f.Close())
	w.f = nil
	if err != nil {
		return failure("commit", w.key, err)
	}
	return w.publish()
}

// publish links the written file to its key and, if it is to be durable,
// flushes the folders that lead there.
func (w *writer) publish() error {
	if err := w.link(); err != nil {
		return failure("commit", w.key, err)
	}
	if w.mode != blob.Durable {
		return nil
	}
	if err := w.b.syncFolders(w.key); err != nil {
		return failure("commit", w.key, errors.Join(err, w.b.root.Remove(pathOf(w.key))))
	}
	return nil
}

// link gives the written file its key, and makes the folders of the key if
// they are missing.
func (w *writer) link() error {
	target := pathOf(w.key)
	err := w.b.root.Link(w.name, target)
	for range linkTries {
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
		if _, gone := w.b.root.Lstat(w.name); gone != nil {
			return errors.New("the temporary file was swept away")
		}
		// Others may make or remove the same folders at this moment: then the
		// next try tells.
		err = w.b.root.MkdirAll(path.Dir(target), folderMode)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
			return err
		}
		err = w.b.root.Link(w.name, target)
	}
	switch {
	case !errors.Is(err, fs.ErrExist):
		return err
	case w.linked(target):
		return nil
	}
	return blob.ErrExists
}

// linked reports whether target is the written file. A network file system may
// repeat a link whose answer was lost, and then says that the key is taken: by
// ourselves.
func (w *writer) linked(target string) bool {
	ours, err1 := w.b.root.Lstat(w.name)
	theirs, err2 := w.b.root.Lstat(target)
	return err1 == nil && err2 == nil && os.SameFile(ours, theirs)
}

// remove takes the temporary name away. If that fails, Sweep does it later.
func (w *writer) remove() { _ = w.b.root.Remove(w.name) }

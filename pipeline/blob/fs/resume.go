package fs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"framemill/pipeline/blob"
)

var _ blob.Resumer = (*Bucket)(nil)

// maxName is how long a name may be on the file systems that matter.
const maxName = 255

// partialOf returns the file of a partial blob. The folders of the key become
// part of its name, which no key can be confused with: none has a plus.
func partialOf(key string) (string, error) {
	name := strings.ReplaceAll(key, "/", "+")
	if len(name) > maxName {
		return "", fmt.Errorf("the key %q is too long for a partial blob", key)
	}
	return partialDir + "/" + name, nil
}

// sitting writes to a partial blob at its own place, never at the end: a
// writer that was superseded cannot push the bytes of the other aside.
type sitting struct {
	key string
	f   *os.File
	at  int64
}

// Resume implements blob.Resumer.
func (b *Bucket) Resume(ctx context.Context, key string, offset int64) (blob.Sitting, error) {
	if err := begin(ctx, key); err != nil {
		return nil, err
	}
	name, err := partialOf(key)
	if err != nil {
		return nil, err
	}
	flags := os.O_WRONLY
	if offset == 0 {
		flags |= os.O_CREATE
	}
	f, err := b.root.OpenFile(name, flags, fileMode)
	if absent(err) {
		return nil, blob.Missing(key)
	}
	if err != nil {
		return nil, failure("resume", key, err)
	}
	info, err := f.Stat()
	if err == nil && info.Size() < offset {
		err = blob.Missing(key)
	}
	if err == nil && offset == 0 {
		err = syncFolder(b.root, partialDir)
	}
	if err != nil {
		return nil, failure("resume", key, errors.Join(err, f.Close()))
	}
	return &sitting{key: key, f: f, at: offset}, nil
}

// Write implements io.Writer.
func (s *sitting) Write(p []byte) (int, error) {
	n, err := s.f.WriteAt(p, s.at)
	s.at += int64(n)
	if err != nil {
		return n, failure("write", s.key, err)
	}
	return n, nil
}

// Sync implements blob.Sitting.
func (s *sitting) Sync() error {
	if err := s.f.Sync(); err != nil {
		return failure("flush", s.key, err)
	}
	return nil
}

// Close implements io.Closer.
func (s *sitting) Close() error { return s.f.Close() }

// Complete implements blob.Resumer.
func (b *Bucket) Complete(ctx context.Context, key string, bytes int64) error {
	if _, err := b.Stat(ctx, key); !errors.Is(err, blob.ErrNotExist) {
		return err
	}
	name, err := partialOf(key)
	if err != nil {
		return err
	}
	f, err := b.root.OpenFile(name, os.O_WRONLY, fileMode)
	if errors.Is(err, fs.ErrNotExist) {
		return b.completed(ctx, key, blob.Missing(key))
	}
	if err != nil {
		return failure("complete", key, err)
	}
	w := &writer{b: b, ctx: ctx, key: key, mode: blob.Durable, f: f, name: name}
	if err := errors.Join(w.cut(bytes), f.Close()); err != nil {
		return failure("complete", key, err)
	}
	if err := w.publish(); err != nil {
		return b.completed(ctx, key, err)
	}
	w.remove()
	return nil
}

// completed returns nil if somebody else has completed the blob meanwhile, else
// the error that we met.
func (b *Bucket) completed(ctx context.Context, key string, met error) error {
	if _, err := b.Stat(ctx, key); err == nil {
		return nil
	}
	return met
}

// cut drops what lies behind the bytes that count, which were sent in a sitting
// that was not heard to the end, and flushes the others.
func (w *writer) cut(bytes int64) error {
	info, err := w.f.Stat()
	if err != nil {
		return err
	}
	if info.Size() < bytes {
		return blob.Missing(w.key)
	}
	if err := w.f.Truncate(bytes); err != nil {
		return err
	}
	return w.f.Sync()
}

// Drop implements blob.Resumer.
func (b *Bucket) Drop(ctx context.Context, key string) error {
	if err := begin(ctx, key); err != nil {
		return err
	}
	name, err := partialOf(key)
	if err != nil {
		return err
	}
	if err := b.root.Remove(name); err != nil && !absent(err) {
		return failure("drop", key, err)
	}
	return nil
}

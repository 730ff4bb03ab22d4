// Package blob is the seam between the pipeline and whatever keeps its files: a
// folder, or an object store. A blob is a run of bytes under a key. It appears
// whole or not at all, and never changes afterwards, so whoever holds a key may
// cache what it found there for ever.
//
// # Keys
//
// A key is made of components of [a-z0-9._-] with single slashes between them,
// like "uploads/42/0190c7e0.bin"; CheckKey states the rule. Callers choose keys
// so that
//
//   - no key is used twice: put something unique to the attempt into it, such
//     as the fence of the claim, and two attempts can never collide;
//   - no key is a folder of another ("a" beside "a/b");
//   - a folder holds at most some thousands of keys: buckets list folder by
//     folder, and hold one folder's names at a time.
//
// # Order of writing
//
// Commit the blob first, then write the row that names its key; delete the row
// first, then the blob. A crash in between leaves garbage that no row names,
// never a row whose bytes are missing.
package blob

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"framemill/pipeline"
)

var (
	// ErrExists is matched by the error of Commit when the key is taken.
	ErrExists = errors.New("key exists already")
	// ErrNotExist is matched by the errors of Open and Stat when there is no
	// blob under the key. Those errors have the code not_found.
	ErrNotExist = errors.New("no such blob")
)

// Durability says what a committed blob must outlive.
type Durability uint8

const (
	// Durable blobs outlive a power cut once Commit has returned nil. Sources
	// and all that cannot be made again are durable.
	Durable Durability = iota
	// Rebuildable blobs outlive the process, but a power cut may take them or
	// leave them with wrong bytes: their row carries a checksum, and whoever
	// finds a mismatch makes them anew.
	Rebuildable
)

// Info describes one blob.
type Info struct {
	Key      string
	Bytes    int64
	Modified time.Time // when it was committed, by the clock of the bucket
}

// Bucket keeps blobs. Its methods may be called concurrently, from any number
// of processes over the same storage.
//
// Every method returns the cause of ctx if ctx is over before it begins.
// Errors are: those documented at the methods; Invalid for a malformed key;
// disk_full where there is no space; unavailable where the storage does not
// answer but may later; anything else is Internal.
type Bucket interface {
	// Create begins a blob. The key need not be free yet: Commit decides. The
	// writer is bound to ctx: once ctx is over, writes and Commit fail.
	Create(ctx context.Context, key string, d Durability) (Writer, error)
	// Open opens a blob for reading. A missing one is ErrNotExist. The object
	// stays readable although the blob be deleted meanwhile.
	Open(ctx context.Context, key string) (Object, error)
	// Stat describes a blob. A missing one is ErrNotExist.
	Stat(ctx context.Context, key string) (Info, error)
	// Delete removes a blob. That there is none is not an error, so a
	// deletion may be repeated.
	Delete(ctx context.Context, key string) error
	// List returns up to limit blobs whose keys begin with prefix and are
	// greater than after, in ascending order of their bytes. Fewer than limit
	// means that the listing is complete. Blobs that come or go during a
	// listing may be missed or shown; all others are listed exactly once.
	List(ctx context.Context, prefix, after string, limit int) ([]Info, error)
	// Free returns the free and the total space in bytes; both are -1 where
	// space has no known bound.
	Free(ctx context.Context) (free, total int64, err error)
	// Sweep removes what writers left behind that died before Commit or Abort
	// and were last heard of longer than olderThan ago, and returns how many
	// there were. Choose olderThan well above the longest pause between two
	// writes: a writer that is swept under way fails at Commit.
	Sweep(ctx context.Context, olderThan time.Duration) (int, error)
}

// Writer writes one blob. It belongs to one goroutine, which must call Commit
// or Abort; the usual shape is
//
//	w, err := b.Create(ctx, key, blob.Durable)
//	if err != nil {
//		return err
//	}
//	defer w.Abort()
//	… write …
//	return w.Commit(ctx)
//
// Writes are not buffered.
type Writer interface {
	io.Writer
	// Commit makes the blob visible under its key, whole, and with the
	// durability that was asked for. If the key is taken, by a blob or by
	// another writer that was faster, it returns ErrExists; of several writers
	// of one key exactly one wins. After any error nothing of this writer
	// stays behind, and the writer cannot be used again: the bytes must be
	// written anew, for after a failed flush nobody knows what the disk holds.
	Commit(ctx context.Context) error
	// Abort drops what was written. After Commit, or a second time, it does
	// nothing.
	Abort()
}

// Object is an open blob. ReadAt may be called concurrently; Read and Seek
// share one position and belong to one goroutine at a time.
type Object interface {
	io.Reader
	io.ReaderAt
	io.Seeker
	io.Closer
	Size() int64
	Modified() time.Time
}

// OnDisk is implemented by objects that are a local file. Handing the file to
// http.ServeContent or io.Copy lets the kernel send it without a copy. The
// file belongs to the object: read it, do not close it.
type OnDisk interface {
	File() *os.File
}

// maxKey bounds keys, and maxComponent their components, below what every
// file system and object store takes.
const (
	maxKey       = 512
	maxComponent = 200
)

// CheckKey returns an Invalid error unless key is well formed: components of 1
// to 200 bytes of [a-z0-9._-], none beginning with a dot, with single slashes
// between them, at most 512 bytes in all.
func CheckKey(key string) error {
	if len(key) > maxKey {
		return pipeline.Errorf(pipeline.Invalid, "blob key of %d bytes, at most %d are allowed", len(key), maxKey)
	}
	start := 0
	for i := 0; i <= len(key); i++ {
		if i < len(key) && key[i] != '/' {
			if !keyByte(key[i]) {
				return malformed(key)
			}
			continue
		}
		if i == start || i-start > maxComponent || key[start] == '.' {
			return malformed(key)
		}
		start = i + 1
	}
	return nil
}

// CheckPrefix returns an Invalid error unless some well-formed key begins with
// prefix. The empty prefix is well formed.
func CheckPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	if prefix[len(prefix)-1] == '/' {
		return CheckKey(prefix[:len(prefix)-1])
	}
	return CheckKey(prefix)
}

// Missing returns the error of a bucket that has no blob under key.
func Missing(key string) error {
	return pipeline.Failf(pipeline.CodeNotFound, "", "there is no blob %q", key).Because(ErrNotExist)
}

func malformed(key string) error {
	return pipeline.Errorf(pipeline.Invalid, "blob key %q is malformed", key)
}

func keyByte(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-'
}

// Package source opens the files that an ingest reads, wherever they lie: a
// blob of our own storage, a file on the mounted share, a member of a zip
// archive in either place, or an object of a cloud storage. It also lists the
// share.
//
// A file is never read as something that it no longer is: size and time, or the
// ETag of an object, are compared with what probing saw, when it is opened and
// again at its end, and a difference is an error, not wrong bytes.
package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"framemill/pipeline"
	"framemill/pipeline/blob"
)

// File is an open source file. It belongs to one goroutine.
//
// Files of blob: and share: references are also an io.ReaderAt, and so are
// stored members of archives: read archives through it. Files of cloud:
// references are Versioned.
type File interface {
	io.Reader
	io.Seeker
	io.Closer
	Size() int64
}

// Opener opens references. Its methods may be called concurrently.
type Opener struct {
	bucket    blob.Bucket
	share     *Share
	clouds    *clouds
	inflaters sync.Pool // of io.ReadCloser that is a flate.Resetter
}

// New returns an opener of the blobs of bucket, of the files of share, which
// is nil where no share is mounted, and of the objects of cloud storages, which
// is nil where none are read.
func New(bucket blob.Bucket, share *Share, storages storages) *Opener {
	return &Opener{bucket: bucket, share: share, clouds: newClouds(storages)}
}

// Open opens the file that ref points to, which must be of the version that
// the stamp tells, as far as it tells one. For a member of an archive the size
// is required, as the expanded one, and the time is the archive's.
//
// The errors of Open and of the file have the codes source_gone,
// source_changed, unsafe_path, bad_member, forbidden or storage_detached, or
// unavailable where another try may go well. They name the file by its key, or its path below the share.
func (o *Opener) Open(ctx context.Context, ref pipeline.Ref, stamp pipeline.Stamp) (File, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	switch scheme, rest := ref.Split(); scheme {
	case "zip":
		return o.openMember(ctx, rest, stamp)
	case "kitti":
		return o.openKITTI(ctx, rest, stamp)
	case "cloud":
		return o.clouds.stream(ctx, rest, stamp)
	}
	return o.openWhole(ctx, ref, stamp)
}

// Header is Open for those who read the header of a picture: of an object of a
// cloud storage only some kilobytes come.
func (o *Opener) Header(ctx context.Context, ref pipeline.Ref, stamp pipeline.Stamp) (File, error) {
	if scheme, rest := ref.Split(); scheme == "cloud" {
		return o.clouds.header(ctx, rest, stamp)
	}
	return o.Open(ctx, ref, stamp)
}

// Whole is Open for those who read a whole picture, in any order: an object of
// a cloud storage is in memory before Whole returns, unless it is very large.
func (o *Opener) Whole(ctx context.Context, ref pipeline.Ref, stamp pipeline.Stamp) (File, error) {
	if scheme, rest := ref.Split(); scheme == "cloud" {
		return o.clouds.whole(ctx, rest, stamp)
	}
	return o.Open(ctx, ref, stamp)
}

// whole is a file that is not a member of another.
type whole interface {
	File
	io.ReaderAt
}

func (o *Opener) openWhole(ctx context.Context, ref pipeline.Ref, stamp pipeline.Stamp) (whole, error) {
	switch scheme, name := ref.Split(); scheme {
	case "blob":
		return o.openBlob(ctx, name, stamp.Bytes)
	case "share":
		if o.share == nil {
			return nil, gone(name, "this server has no share")
		}
		return o.share.open(name, stamp)
	}
	return nil, fmt.Errorf("source reference %q is malformed", ref)
}

// openBlob needs no times: what is under a key never changes.
func (o *Opener) openBlob(ctx context.Context, key string, bytes int64) (blob.Object, error) {
	obj, err := o.bucket.Open(ctx, key)
	if errors.Is(err, blob.ErrNotExist) {
		return nil, gone(key, "it is no longer stored").Because(err)
	}
	if err != nil {
		return nil, fmt.Errorf("open source: %w", err)
	}
	if bytes >= 0 && obj.Size() != bytes {
		obj.Close()
		return nil, changed(key, "it has %d bytes, and had %d", obj.Size(), bytes)
	}
	return obj, nil
}

func gone(name, format string, args ...any) *pipeline.Error {
	return pipeline.Failf(pipeline.CodeSourceGone, name, "%s: %s", name, fmt.Sprintf(format, args...))
}

func changed(name, format string, args ...any) *pipeline.Error {
	return pipeline.Failf(pipeline.CodeSourceChanged, name, "%s: %s", name, fmt.Sprintf(format, args...))
}

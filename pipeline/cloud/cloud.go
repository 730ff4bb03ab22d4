// Package cloud is the seam between an ingest and the buckets of other people:
// object stores that a user names, and reads with credentials of the user's.
// Nothing is ever written to them.
//
// The objects of such a bucket change under our feet. Whoever reads one twice
// says which version was seen first, and gets the bytes of that version or an
// error, never some of each.
package cloud

import (
	"context"
	"io"
	"time"
)

// Object describes one object of a bucket.
type Object struct {
	Key      string
	Bytes    int64
	ETag     string // its version, opaque: an ETag without quotes, or the generation of GCS
	Modified time.Time
}

// Page is a part of a listing.
type Page struct {
	Objects []Object
	Folders []string // of a delimited listing: prefixes that end in a slash
	Next    string   // token of the next page, "" at the end
}

// Bucket reads the objects of one bucket. Its methods may be called
// concurrently.
//
// Errors are *pipeline.Error of the codes source_gone (no such bucket or
// object), source_changed, forbidden, unavailable (may go well later) and
// download_failed (an answer that makes no sense), or the cause of ctx. Their
// text holds no credentials, and nothing of what the other side answered.
type Bucket interface {
	// List returns up to limit objects and folders whose keys begin with
	// prefix, and at most MaxPage, in ascending order of the bytes of their
	// keys, each kind by itself. The first page has the token "", each further
	// one the Next of the page before. A page may have fewer than limit, and
	// none, without being the last: only an empty Next ends the listing.
	//
	// A delimited listing has what lies in the folder prefix itself: keys
	// without a slash behind prefix, and the folders one level below. Objects
	// that stand for a folder, whose keys end in a slash, are never listed.
	List(ctx context.Context, prefix, token string, limit int, delimited bool) (Page, error)
	// Stat describes an object.
	Stat(ctx context.Context, key string) (Object, error)
	// Open reads n bytes of an object from off on, or up to its end if n is
	// negative. Unless etag is "", the object must be of that version, else
	// the error is source_changed. The reader ends early only by an error, and
	// is bound to ctx. Object has the length of the whole object.
	Open(ctx context.Context, key, etag string, off, n int64) (io.ReadCloser, Object, error)
	// Check returns nil if the bucket is there and may be listed.
	Check(ctx context.Context) error
}

// MaxPage bounds the pages of a listing, as every provider does.
const MaxPage = 1000

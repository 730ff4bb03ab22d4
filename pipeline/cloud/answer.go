package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ValidBucket reports whether a text can be the name of a bucket or container
// of any provider. It becomes part of host names and paths.
func ValidBucket(name string) bool {
	return regexp.MustCompile(`^[A-Za-z0-9$_][A-Za-z0-9._-]{0,221}$`).MatchString(name) && !strings.Contains(name, "..")
}

// RangeHeader returns the Range of n bytes from off on, or of the rest if n is
// negative.
func RangeHeader(off, n int64) string {
	if n < 0 {
		return fmt.Sprintf("bytes=%d-", off)
	}
	return fmt.Sprintf("bytes=%d-%d", off, off+n-1)
}

// Answer is what a server sent for a range of an object.
type Answer struct {
	Key      string
	ETag     string
	Modified time.Time
	Length   int64  // of the body
	Range    string // Content-Range, "" for the whole object
	Body     io.ReadCloser
}

// Open returns the body and the object if the answer is what was asked for: a
// server need not know of ranges and conditions, and its answer is believed
// only as far as it fits the question.
func (a Answer) Open(ctx context.Context, etag string, off, n int64) (io.ReadCloser, Object, error) {
	o := Object{Key: a.Key, Bytes: a.Length, ETag: a.ETag, Modified: a.Modified}
	start := int64(0)
	if a.Range != "" {
		var ok bool
		if start, o.Bytes, ok = parseContentRange(a.Range); !ok {
			return a.refuse(Garbled(a.Key))
		}
	}
	switch {
	case etag != "" && a.ETag != etag:
		return a.refuse(Changed(a.Key))
	case start != off || a.Length != Length(o.Bytes, off, n):
		return a.refuse(Garbled(a.Key))
	}
	return Body(ctx, a.Key, a.Body, a.Length), o, nil
}

func (a Answer) refuse(err error) (io.ReadCloser, Object, error) {
	return nil, Object{}, errors.Join(err, a.Body.Close())
}

// parseContentRange reads "bytes 5-9/100".
func parseContentRange(s string) (start, size int64, ok bool) {
	span, total, ok := strings.Cut(strings.TrimPrefix(s, "bytes "), "/")
	first, last, dash := strings.Cut(span, "-")
	start, err1 := strconv.ParseInt(first, 10, 64)
	end, err2 := strconv.ParseInt(last, 10, 64)
	size, err3 := strconv.ParseInt(total, 10, 64)
	return start, size, ok && dash && err1 == nil && err2 == nil && err3 == nil && start >= 0 && start <= end && end < size
}

// Nothing is Open of no bytes: no provider has a range for them.
func Nothing(ctx context.Context, b Bucket, key, etag string) (io.ReadCloser, Object, error) {
	o, err := b.Stat(ctx, key)
	if err != nil {
		return nil, Object{}, err
	}
	if etag != "" && o.ETag != etag {
		return nil, Object{}, Changed(key)
	}
	return http.NoBody, o, nil
}

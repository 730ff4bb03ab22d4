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

// PageSize returns the size of a page for a limit.
func PageSize(limit int) int { return min(max(limit, 1), MaxPage) }

// Bare returns an ETag without the quotes that headers have and listings of
// some providers have not.
func Bare(etag string) string { return strings.Trim(etag, `"`) }

// Quoted returns a bare ETag as a header has it.
func Quoted(etag string) string { return `"` + etag + `"` }

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
	Start    int64 // where the body begins in the object
	Length   int64 // of the body
	Size     int64 // of the object
	Body     io.ReadCloser
}

// SetRange sets Start and Size by a Content-Range, if there is one. After an
// error the body is closed.
func (a *Answer) SetRange(header string) error {
	if header == "" {
		return nil
	}
	var ok bool
	if a.Start, a.Size, ok = parseContentRange(header); !ok {
		return errors.Join(Garbled(a.Key), a.Body.Close())
	}
	return nil
}

// Open returns the body and the object if the answer is what was asked for: a
// server need not know of ranges and conditions, and its answer is believed
// only as far as it fits the question.
func (a Answer) Open(ctx context.Context, etag string, off, n int64) (io.ReadCloser, Object, error) {
	var err error
	switch {
	case etag != "" && a.ETag != etag:
		err = Changed(a.Key)
	case a.Start != off || a.Length != length(a.Size, off, n):
		err = Garbled(a.Key)
	default:
		o := Object{Key: a.Key, Bytes: a.Size, ETag: a.ETag, Modified: a.Modified}
		return &body{ctx: ctx, key: a.Key, from: a.Body, left: a.Length}, o, nil
	}
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

package cloud

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"

	"framemill/pipeline"
)

// Failure is what an adapter knows of an answer that is not what it asked for.
type Failure struct {
	Key    string // of the object that was asked for, "" for the bucket itself
	Status int    // HTTP status of the answer, 0 if there was none
	Code   string // the provider's name of the failure, "" if unknown
	Err    error  // what went wrong before there was an answer
}

// Error returns what outsiders may know of the failure. Neither it nor its
// cause repeats what the other side wrote, nor an address: signatures are part
// of addresses.
func (f Failure) Error(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if e, ok := errors.AsType[*pipeline.Error](f.Err); ok {
		return e
	}
	e := f.known()
	if cause := network(f.Err); f.Status == 0 && cause != nil {
		return e.Because(cause)
	}
	return e
}

// known names the failure by the status of the answer.
func (f Failure) known() *pipeline.Error {
	if f.Code == "" || len(f.Code) > 60 || !plainName(f.Code) {
		f.Code = http.StatusText(f.Status)
	}
	fail := func(code pipeline.Code, text string) *pipeline.Error {
		return pipeline.Failf(code, f.Key, "%s%s", f.subject(), text)
	}
	switch {
	case f.Status == http.StatusNotFound:
		return fail(pipeline.CodeSourceGone, "it is not there")
	case f.Status == http.StatusPreconditionFailed, f.Status == http.StatusRequestedRangeNotSatisfiable:
		return fail(pipeline.CodeSourceChanged, "it is no longer the version that was seen first")
	case f.Status == http.StatusUnauthorized, f.Status == http.StatusForbidden:
		return fail(pipeline.CodeForbidden, "the credentials do not permit it ("+f.Code+")")
	case f.Status == 0:
		return fail(pipeline.CodeUnavailable, "the cloud storage could not be reached, or broke off")
	case f.Status == http.StatusTooManyRequests, f.Status == http.StatusRequestTimeout, f.Status >= 500:
		return fail(pipeline.CodeUnavailable, "the cloud storage does not answer it now ("+f.Code+")")
	}
	return fail(pipeline.CodeDownloadFailed, "the cloud storage does not answer it as such a storage should ("+f.Code+")")
}

func (f Failure) subject() string {
	if f.Key == "" {
		return ""
	}
	return f.Key + ": "
}

// plainName reports whether a text is a name as providers give them.
func plainName(s string) bool {
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9') {
			return false
		}
	}
	return true
}

// network returns the part of an error that tells of the network, without the
// address that was asked for.
func network(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[net.Error](err); ok {
		return e
	}
	return nil
}

// Changed returns the error for an object that is not of the version asked for.
func Changed(key string) error {
	return Failure{Key: key, Status: http.StatusPreconditionFailed}.known()
}

// Garbled returns the error for an answer that contradicts itself.
func Garbled(key string) error {
	return Failure{Key: key, Status: http.StatusOK, Code: "Garbled"}.known()
}

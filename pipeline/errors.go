package pipeline

import (
	"errors"
	"fmt"
)

// Kind says what sort of failure an error is. It decides the HTTP status of an
// answer and whether a unit is tried again; nothing else does.
type Kind uint8

// The kinds. Internal is the kind of every error that is not an *Error: its
// text is logged and never shown.
const (
	Internal        Kind = iota
	Invalid              // the request is wrong: 400
	Unauthenticated      // no or bad credentials: 401
	Forbidden            // not theirs: 403
	NotFound             // no such object: 404
	NotAllowed           // the method is not offered: 405
	Conflict             // the state does not permit it now: 409
	TooLarge             // over a limit: 413
	Unsupported          // a body of an unknown type: 415
	TooMany              // slow down, or not ready yet: 429
	NotOffered           // outside the scope of this server: 501
	Media                // the media themselves are at fault: a failed request, 400 when seen at once
	Transient            // may go well when tried again: 503
	NoSpace              // may go well once there is space again: 507
	OtherVersion         // the client speaks another version of a protocol: 412
)

// Code is the stable, machine-readable name of a failure. Codes never change
// their meaning; the table in codes.go says what each one asks of the reader.
type Code string

// Error is what outsiders may know of a failure. Text never contains paths of
// this host, secrets or stacks.
type Error struct {
	Kind  Kind
	Code  Code
	Field string // the request field at fault, "" if none
	File  string // the media file at fault, as the client named it, "" if none
	Text  string // a sentence for people
	cause error  // for the log only
}

// Error implements error.
func (e *Error) Error() string {
	s := string(e.Code) + ": " + e.Text
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

// Unwrap returns what caused the failure, for the log.
func (e *Error) Unwrap() error { return e.cause }

// Because returns a copy of e that remembers its cause for the log.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// Errorf returns an error of a kind with the kind's general code.
func Errorf(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Code: generalCode[k], Text: fmt.Sprintf(format, args...)}
}

// FieldErrorf returns an Invalid error that names the request field at fault.
func FieldErrorf(field, format string, args ...any) *Error {
	return &Error{Kind: Invalid, Code: CodeInvalid, Field: field, Text: fmt.Sprintf(format, args...)}
}

// Failf returns the error of a code from the table; file names the media file
// at fault as the client named it, or is "".
func Failf(code Code, file, format string, args ...any) *Error {
	return &Error{Kind: codes[code].Kind, Code: code, File: file, Text: fmt.Sprintf(format, args...)}
}

// KindOf returns the kind of err, Internal if it carries none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// CodeOf returns the code of err, CodeInternal if it carries none.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}

// Public returns what outsiders may know of err: itself if it is an *Error,
// else a bare internal error.
func Public(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Kind: Internal, Code: CodeInternal, Text: "internal error", cause: err}
}

// Retryable reports whether another attempt at a unit may go well: the kinds
// Transient, NoSpace and Internal do, every other is final.
func Retryable(err error) bool {
	k := KindOf(err)
	return k == Transient || k == NoSpace || k == Internal
}

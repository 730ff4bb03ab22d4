package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"framemill/pipeline"
	"framemill/producer/access"
)

// statusOf is the only place where kinds meet HTTP.
var statusOf = map[pipeline.Kind]int{
	pipeline.Internal:        http.StatusInternalServerError,
	pipeline.Invalid:         http.StatusBadRequest,
	pipeline.Unauthenticated: http.StatusUnauthorized,
	pipeline.Forbidden:       http.StatusForbidden,
	pipeline.NotFound:        http.StatusNotFound,
	pipeline.NotAllowed:      http.StatusMethodNotAllowed,
	pipeline.Conflict:        http.StatusConflict,
	pipeline.TooLarge:        http.StatusRequestEntityTooLarge,
	pipeline.Unsupported:     http.StatusUnsupportedMediaType,
	pipeline.TooMany:         http.StatusTooManyRequests,
	pipeline.NotOffered:      http.StatusNotImplemented,
	pipeline.Media:           http.StatusBadRequest,
	pipeline.Transient:       http.StatusServiceUnavailable,
	pipeline.NoSpace:         http.StatusInsufficientStorage,
	pipeline.OtherVersion:    http.StatusPreconditionFailed,
}

// CodeHeader carries the stable code of a failure.
const CodeHeader = "X-Error-Code"

// detail is the body of every error that is not about the request's content.
type detail struct {
	Detail string `json:"detail"`
}

// fail answers r with err. The full text of an internal error goes to the log
// only.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if big, ok := errors.AsType[*http.MaxBytesError](err); ok {
		err = pipeline.Errorf(pipeline.TooLarge, "the body is larger than %d bytes", big.Limit).Because(err)
	}
	e := pipeline.Public(err)
	t := traceOf(r.Context())
	t.code = e.Code
	s.logFailure(r.Context(), t, e.Kind, err)
	if t.started() {
		// The client has part of an answer: only a broken connection tells it
		// that the rest will not come.
		panic(http.ErrAbortHandler)
	}
	header := w.Header()
	header.Set(CodeHeader, string(e.Code))
	header.Set("Cache-Control", "no-store")
	for _, name := range []string{"Content-Encoding", "Content-Disposition", "Content-Range", "Etag", "Last-Modified"} {
		header.Del(name) // they were about the answer that is not given
	}
	switch e.Kind {
	case pipeline.Unauthenticated:
		header.Set("WWW-Authenticate", "Token") // "Basic" would make browsers ask
	case pipeline.TooMany:
		setRetryAfter(header, err)
	}
	body := bodyOf(e)
	if _, ok := errors.AsType[*bareError](err); ok {
		body = e.Text
	}
	if err := writeJSON(w, statusOf[e.Kind], body); err != nil {
		s.Log.DebugContext(r.Context(), "error not delivered", "request_id", t.id, "error", err)
	}
}

// bodyOf returns the answer's body in the shape that clients parse.
func bodyOf(e *pipeline.Error) any {
	switch e.Kind {
	case pipeline.Invalid, pipeline.Media:
		if e.Field != "" {
			return map[string][]string{e.Field: {e.Text}}
		}
		return []string{e.Text}
	case pipeline.Forbidden:
		if e.Field == "" {
			// One body for every object, so that it tells nothing about it.
			return detail{access.ErrDenied.Text}
		}
	case pipeline.Internal:
		return detail{"internal error"}
	}
	return detail{e.Text}
}

// Refusal returns the answer with a status to a request that no handler saw.
// The connection ends with it.
func Refusal(status int, e *pipeline.Error) *http.Response {
	body, err := json.Marshal(bodyOf(e))
	if err != nil {
		body = nil // texts can always be written as JSON
	}
	return &http.Response{
		StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Close: true,
		Header: http.Header{
			"Content-Type": {jsonType}, CodeHeader: {string(e.Code)}, "Cache-Control": {"no-store"},
			"X-Content-Type-Options": {"nosniff"},
		},
		ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
	}
}

// setRetryAfter says when to come back, unless the handler has said so.
func setRetryAfter(header http.Header, err error) {
	if header.Get("Retry-After") != "" {
		return
	}
	wait := time.Second
	if after, ok := errors.AsType[interface {
		error
		RetryAfter() time.Duration
	}](err); ok {
		wait = max(wait, after.RetryAfter())
	}
	header.Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
}

func (s *Server) logFailure(ctx context.Context, t *trace, k pipeline.Kind, err error) {
	level := slog.LevelDebug
	if (k == pipeline.Internal || k == pipeline.Transient) && ctx.Err() == nil {
		level = slog.LevelError
	}
	s.Log.Log(ctx, level, "request refused", "request_id", t.id, "error", err.Error())
}

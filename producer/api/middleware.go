package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/go-chi/chi/v5/middleware"
	"github.com/google/uuid"

	"framemill/pipeline"
)

// trace is what the log will say of one request.
type trace struct {
	id      string
	user    int64
	code    pipeline.Code
	started func() bool // whether part of the answer was sent
}

type traceKey struct{}

func traceOf(ctx context.Context) *trace {
	if t, ok := ctx.Value(traceKey{}).(*trace); ok {
		return t
	}
	return &trace{started: func() bool { return false }}
}

// observe gives a request its id, writes its one line of log and turns a panic
// into an error.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		t := &trace{id: uuid.NewString(), started: func() bool { return ww.Status() != 0 }}
		r = r.WithContext(context.WithValue(r.Context(), traceKey{}, t))
		ww.Header().Set("X-Request-Id", t.id)
		defer s.logRequest(r, ww, t, begin)
		defer s.rescue(ww, r)
		next.ServeHTTP(ww, r)
	})
}

func (s *Server) logRequest(r *http.Request, ww middleware.WrapResponseWriter, t *trace, begin time.Time) {
	took := time.Since(begin)
	s.Log.LogAttrs(r.Context(), levelOf(r.Method, ww.Status(), took), "request",
		slog.String("request_id", t.id), slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.Int("status", ww.Status()), slog.Int("bytes", ww.BytesWritten()), slog.String("code", string(t.code)),
		slog.Int64("user", t.user), slog.Duration("took", took))
}

// slowRequest is how long an answer takes that an administrator should know of.
const slowRequest = 5 * time.Second

// levelOf returns how loud the log is about a request. Clients poll, and the
// metrics count that; the log says who changed what, and what went wrong.
func levelOf(method string, status int, took time.Duration) slog.Level {
	reads := method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
	if reads && status < http.StatusBadRequest && took < slowRequest {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// rescue answers a panic as an internal error. The one panic that net/http
// knows goes on to it: that is how a started answer is broken off.
func (s *Server) rescue(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler {
		panic(v)
	}
	s.fail(w, r, fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
}

// harden sets the headers that every answer has; a handler may replace them.
func harden(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
		h.Set("Cache-Control", "private, no-cache")
		next.ServeHTTP(w, r)
	})
}

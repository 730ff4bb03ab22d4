package api

import (
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"framemill/pipeline"
	"framemill/producer/access"
)

// handler answers a request, or returns why not.
type handler func(w http.ResponseWriter, r *http.Request) error

// route is one operation.
type route struct {
	method  string
	pattern string // without a slash at its end; both spellings are served
	class   class
	handle  handler
}

// class says how far an operation is offered, and a few traits of it.
type class uint8

const (
	core     class = iota // full behaviour
	people                // organizations, and events about tasks
	notes                 // annotation data: reads find nothing, writes are refused
	answered              // outside the scope: reads find nothing, writes are refused
	ours                  // beside the contract

	personal class = 1 << 5 // changes accounts, so not with an access token
	open     class = 1 << 6 // for anonymous callers too
	stream   class = 1 << 7 // the handler bounds the body itself
)

// Handler returns the handler of everything below /api.
func (s *Server) Handler() http.Handler {
	r := chi.NewRouter()
	r.Use(s.observe, harden, oneSpelling, middleware.GetHead)
	r.NotFound(s.adapt(route{class: core | open, handle: func(http.ResponseWriter, *http.Request) error {
		return errNotFound()
	}}))
	r.MethodNotAllowed(s.adapt(route{class: core | open | stream, handle: refuseMethod}))
	for _, rt := range s.routes() {
		r.Method(rt.method, rt.pattern, s.adapt(rt))
	}
	return r
}

// oneSpelling routes /x/ as /x, and by the path as the client escaped it: an
// id may hold an escaped slash.
func oneSpelling(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.EscapedPath()
		if len(path) > 1 {
			path = strings.TrimSuffix(path, "/")
		}
		chi.RouteContext(r.Context()).RoutePath = path
		next.ServeHTTP(w, r)
	})
}

// adapt makes an http.HandlerFunc of a route: who is asking, how much they may
// send, and what becomes of an error.
func (s *Server) adapt(rt route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if rt.class&stream == 0 {
			r.Body = http.MaxBytesReader(w, r.Body, maxJSONBytes)
		}
		r, err := s.admit(rt, r)
		if err == nil {
			err = rt.handle(w, r)
		}
		if err != nil {
			s.fail(w, r, err)
		}
	}
}

// admit checks what holds for every route and returns the request with its
// principal.
func (s *Server) admit(rt route, r *http.Request) (*http.Request, error) {
	if err := checkAddress(r); err != nil {
		return r, err
	}
	if t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t == "application/x-www-form-urlencoded" && r.ContentLength != 0 {
		return r, pipeline.Errorf(pipeline.Unsupported, "send the body as application/json")
	}
	if rt.class&open != 0 {
		return r, nil
	}
	p, err := s.Access.Authenticate(r)
	if err != nil {
		return r, err
	}
	if p == nil {
		return r, pipeline.Errorf(pipeline.Unauthenticated, "Authentication credentials were not provided.")
	}
	traceOf(r.Context()).user = p.User.ID
	if err := checkScope(p, rt, r.Method); err != nil {
		return r, err
	}
	r = r.WithContext(access.With(r.Context(), p))
	return r, s.enter(r, p)
}

// checkAddress refuses what the databases cannot look for.
func checkAddress(r *http.Request) error {
	query, err := url.QueryUnescape(r.URL.RawQuery)
	if err != nil || !plainText(query) || !plainText(r.URL.Path) {
		return pipeline.Errorf(pipeline.Invalid, "the address is not valid UTF-8, or holds a null character")
	}
	return nil
}

func plainText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// refuseMethod answers a known path with an unknown method.
func refuseMethod(w http.ResponseWriter, r *http.Request) error {
	rctx := chi.RouteContext(r.Context())
	var allow []string
	for _, m := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		if rctx.Routes.Match(chi.NewRouteContext(), m, rctx.RoutePath) {
			allow = append(allow, m)
		}
	}
	w.Header().Set("Allow", strings.Join(allow, ", "))
	return pipeline.Errorf(pipeline.NotAllowed, "Method %q not allowed.", r.Method)
}

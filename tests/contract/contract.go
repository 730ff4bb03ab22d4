// Package contract holds answers of the server against the OpenAPI document
// that clients are generated from. A test wraps its handler in Check and goes
// on as before.
package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"framemill/pipeline"
	"framemill/producer/api"
)

// deviations are the answers that are not in the document on purpose, by
// operation and status, and why each is right.
var deviations = map[string]string{
	"POST /api/tasks/{id}/data/ 200":  "a batch of files was taken in; the document knows the last step only",
	"POST /api/tasks/{id}/data/ 201":  "a resumable upload was opened; the document lacks resumable uploads",
	"GET /api/tasks/{id}/preview 204": "newer clients ask for no content instead of an error",
	"GET /api/jobs/{id}/preview 204":  "newer clients ask for no content instead of an error",
	"GET /api/jobs/{id}/data 206":     "a part of a chunk; the document lacks ranges",
	"GET /api/tasks/{id}/data/ 206":   "a part of a chunk; the document lacks ranges",
}

// opaque are the operations whose answers are not JSON, although the document
// says so of some.
var opaque = map[string]bool{
	"GET /api/tasks/{id}/data/":      true,
	"GET /api/jobs/{id}/data":        true,
	"GET /api/tasks/{id}/preview":    true,
	"GET /api/jobs/{id}/preview":     true,
	"GET /api/projects/{id}/preview": true,
	"GET /api/schema/":               true,
}

// undocumented are the operations that the document lacks on purpose: those of
// resumable uploads.
var undocumented = regexp.MustCompile(`^(PATCH|OPTIONS) /api/tasks/\d+/data(/.*)?$`)

// document is the parsed contract and the router over it, the same for every
// test of a process.
var document = sync.OnceValues(func() (routers.Router, error) {
	text, err := api.Contract()
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	doc.Servers = nil // it holds for any host
	return gorillamux.NewRouter(doc)
})

// Document returns the contract, with our additions.
func Document(t testing.TB) *openapi3.T {
	t.Helper()
	text, err := api.Contract()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatalf("read the contract: %v", err)
	}
	return doc
}

// Check returns a handler that answers as h does, and fails t for every answer
// below /api/ that the contract does not allow.
func Check(t testing.TB, h http.Handler) http.Handler {
	t.Helper()
	r, err := document()
	if err != nil {
		t.Fatalf("read the contract: %v", err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, req)
		a := answer{status: rec.Code, header: rec.Header(), body: rec.Body.Bytes()}
		report(t, r, req, a)
		for name, values := range a.header {
			w.Header()[name] = values
		}
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body)
	})
}

// Transport returns a RoundTripper that sends requests by base, and fails t
// for every answer below /api/ that the contract does not allow.
func Transport(t testing.TB, base http.RoundTripper) http.RoundTripper {
	t.Helper()
	r, err := document()
	if err != nil {
		t.Fatalf("read the contract: %v", err)
	}
	return &transport{t: t, router: r, base: base}
}

type transport struct {
	t      testing.TB
	router routers.Router
	base   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (c *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	report(c.t, c.router, req, answer{status: resp.StatusCode, header: resp.Header, body: body})
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func report(t testing.TB, r routers.Router, req *http.Request, a answer) {
	t.Helper()
	if !strings.HasPrefix(req.URL.Path, "/api/") {
		return
	}
	if err := check(r, req, a); err != nil {
		t.Errorf("%s %s: answer %d breaks the contract: %v\nbody: %.2000s", req.Method, req.URL.RequestURI(), a.status, err, a.body)
	}
}

func check(r routers.Router, req *http.Request, a answer) error {
	if a.status >= 400 {
		return checkError(a)
	}
	if req.Method == http.MethodHead || a.status == http.StatusNotModified {
		return nil // there is no content to judge
	}
	route, params, err := find(r, req)
	if err != nil && undocumented.MatchString(req.Method+" "+req.URL.Path) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("an operation that the document lacks succeeded: %w", err)
	}
	op := req.Method + " " + route.Path
	if _, ok := deviations[fmt.Sprintf("%s %d", op, a.status)]; ok {
		return nil
	}
	if _, start := req.Header["Upload-Start"]; start && a.status == http.StatusAccepted && len(a.body) == 0 {
		return nil // the one step of an upload that the document does not describe
	}
	return openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route},
		Status:                 a.status,
		Header:                 a.header,
		Body:                   io.NopCloser(bytes.NewReader(a.body)),
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true,
			MultiError:            true,
			ExcludeResponseBody:   opaque[op] || a.header.Get("Content-Type") == "application/x-ndjson",
			AuthenticationFunc:    openapi3filter.NoopAuthenticationFunc,
		},
	})
}

// find returns the operation of a request. Both spellings of a path are
// served, and the document has one of them.
func find(r routers.Router, req *http.Request) (*routers.Route, map[string]string, error) {
	path := strings.TrimSuffix(req.URL.EscapedPath(), "/")
	var first error
	for _, spelling := range []string{path, path + "/"} {
		u := *req.URL
		u.RawPath = ""
		u.Path = spelling
		plain := req.Clone(req.Context())
		plain.URL = &u
		route, params, err := r.FindRoute(plain)
		if err == nil {
			return route, params, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, nil, first
}

// checkError holds a refusal against the shapes that clients parse.
func checkError(a answer) error {
	code := pipeline.Code(a.header.Get(api.CodeHeader))
	if _, ok := pipeline.Codes()[code]; !ok {
		return fmt.Errorf("%s is %q, which is not a known code", api.CodeHeader, code)
	}
	if t, _, _ := mime.ParseMediaType(a.header.Get("Content-Type")); len(a.body) > 0 && t != "application/vnd.cvat+json" {
		return fmt.Errorf("the refusal is of type %q", t)
	}
	if len(a.body) == 0 {
		return nil // an answer to HEAD
	}
	var v any
	if err := json.Unmarshal(a.body, &v); err != nil {
		return err
	}
	switch v := v.(type) {
	case string:
		if a.status == http.StatusBadRequest {
			return nil // clients show it as it is
		}
	case []any:
		if a.status == http.StatusBadRequest && allText(v) {
			return nil
		}
	case map[string]any:
		if _, ok := v["rq_id"].(string); ok && a.status == http.StatusConflict {
			return nil // the request that is in the way
		}
		if _, ok := v["detail"].(string); ok && len(v) == 1 {
			return nil
		}
		if a.status == http.StatusBadRequest && len(v) > 0 && fieldTexts(v) {
			return nil
		}
	}
	return fmt.Errorf("the refusal has none of the known shapes")
}

func fieldTexts(fields map[string]any) bool {
	for _, v := range fields {
		if list, ok := v.([]any); !ok || !allText(list) {
			return false
		}
	}
	return true
}

func allText(list []any) bool {
	for _, v := range list {
		if _, ok := v.(string); !ok {
			return false
		}
	}
	return len(list) > 0
}

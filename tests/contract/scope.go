package contract

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3filter"
)

// The classes of operations.
const (
	Core     = "core"     // full behaviour
	People   = "people"   // full behaviour: organizations, and events about tasks
	Notes    = "notes"    // annotation data: reads find nothing, writes are refused
	Answered = "answered" // outside the scope: reads find nothing, writes are refused
)

// classes says by words of their paths which operations are not core. The first
// line that fits counts.
var classes = []struct {
	class string
	words []string
}{
	{People, []string{"/api/organizations", "/api/memberships", "/api/invitations", "/api/webhooks"}},
	{Notes, []string{"/annotations", "/api/issues", "/api/comments", "/api/guides", "/api/assets"}},
	{Answered, []string{"/api/events", "/api/lambda", "/api/quality", "/api/consensus", "/dataset", "/backup",
		"/auth/register", "/auth/password/reset", "/auth/rules"}},
}

// Class returns how far an operation of the document is in scope.
func Class(op string) string {
	for _, c := range classes {
		for _, word := range c.words {
			if strings.Contains(op, word) {
				return c.class
			}
		}
	}
	return Core
}

// Operations returns the operations of the contract, as method and path, in
// order. Our additions are not among them.
func Operations(t testing.TB) []string {
	t.Helper()
	ops := map[string]bool{}
	for path, item := range Document(t).Paths.Map() {
		for method, op := range item.Operations() {
			if !slices.Contains(op.Tags, "framemill") {
				ops[method+" "+path] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(ops))
}

// Operation returns the operation of the document that a request is of, "" if
// there is none.
func Operation(t testing.TB, req *http.Request) string {
	t.Helper()
	r, err := document()
	if err != nil {
		t.Fatalf("read the contract: %v", err)
	}
	route, _, err := find(r, req)
	if err != nil {
		return ""
	}
	return req.Method + " " + route.Path
}

// CheckRequest fails t if the contract does not allow the request, whose body is
// given once more.
func CheckRequest(t testing.TB, req *http.Request, body string) {
	t.Helper()
	r, err := document()
	if err != nil {
		t.Fatalf("read the contract: %v", err)
	}
	route, params, err := find(r, req)
	if err != nil {
		t.Errorf("%s %s: %v", req.Method, req.URL, err)
		return
	}
	copied := req.Clone(req.Context())
	copied.Body = http.NoBody
	if body != "" {
		copied.Body = io.NopCloser(strings.NewReader(body))
	}
	err = openapi3filter.ValidateRequest(req.Context(), &openapi3filter.RequestValidationInput{
		Request: copied, PathParams: params, Route: route,
		Options: &openapi3filter.Options{MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	})
	if err != nil {
		t.Errorf("%s %s: the request breaks the contract: %v\nbody: %.2000s", req.Method, req.URL.RequestURI(), err, body)
	}
}

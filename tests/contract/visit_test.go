package contract_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"framemill/tests/contract"
	"framemill/tests/program"
)

// call is one request of the walk. Its path and its body may name by $name what
// was made before.
type call struct {
	path   string
	body   string // JSON
	as     string // a user, or nobody; "" is the administrator
	token  string // instead of a user
	status int    // of the answer
}

// Callers of the walk.
const (
	admin  = ""
	nobody = "-"   // without credentials
	ann    = "ann" // owns nothing
	bob    = "bob" // nor does he
	dan    = "dan" // changes the password
	eve    = "eve" // is removed
)

// by returns a call by a user.
func by(user, path string, status int, body ...string) call {
	return call{as: user, path: path, status: status, body: strings.Join(body, "")}
}

// visit is one operation of the document, tried once so that it succeeds and
// once so that it is refused.
type visit struct {
	op   string // method and path as in the document
	ok   call
	no   call   // made first
	keep string // names what ok has made, for later visits
}

// walk is a walk through the document: the server, what was made on the way, and
// which operations were tried.
type walk struct {
	server   *program.Server
	client   *http.Client
	made     map[string]string // by name: ids, and secrets of tokens
	accepted map[string]bool   // by operation
	refused  map[string]bool
}

// visit tries operations in their order.
func (w *walk) visit(t *testing.T, visits []visit) {
	t.Helper()
	for _, v := range visits {
		t.Run(v.op, func(t *testing.T) {
			method, _, _ := strings.Cut(v.op, " ")
			_, w.refused[v.op] = w.send(t, method, v.no, v.op)
			answer, ok := w.send(t, method, v.ok, v.op)
			if !ok {
				return
			}
			w.accepted[v.op] = true
			checkSuperset(t, v.op, answer)
			w.remember(t, v.keep, answer)
		})
	}
}

// send makes a call, and reports whether it was of the operation and got the
// status that it should. A call that should succeed is held against the
// document, too.
func (w *walk) send(t *testing.T, method string, c call, op string) (body []byte, ok bool) {
	t.Helper()
	path, content := w.expand(t, c.path), w.expand(t, c.body)
	req, err := http.NewRequestWithContext(t.Context(), method, w.server.URL+path, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if content != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	switch {
	case c.token != "":
		req.Header.Set("Authorization", "Bearer "+w.expand(t, c.token))
	case c.as == "":
		req.SetBasicAuth(program.Admin, program.Password)
	case c.as != nobody:
		req.SetBasicAuth(c.as, program.Password)
	}
	if got := contract.Operation(t, req); got != op {
		t.Fatalf("%s %s is a call of %q, want %q", method, path, got, op)
	}
	if c.status < 400 {
		contract.CheckRequest(t, req, content)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(resp.Body); err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if resp.StatusCode != c.status {
		t.Errorf("%s %s %s as %q: answer %d, want %d: %.500s", method, path, content, c.as, resp.StatusCode, c.status, body)
	}
	return body, resp.StatusCode == c.status
}

// expand replaces each $name by what was made under that name.
func (w *walk) expand(t *testing.T, text string) string {
	t.Helper()
	return os.Expand(text, func(name string) string {
		value, ok := w.made[name]
		if !ok {
			t.Errorf("%q names %s, which was not made", text, name)
		}
		return value
	})
}

// remember keeps under a name what later visits need of an answer: the id, or
// the key, of what was made or is listed first, and the secret of a token.
func (w *walk) remember(t *testing.T, name string, answer []byte) {
	t.Helper()
	if name == "" {
		return
	}
	var made struct {
		ID         json.Number
		Key, Value string
		Results    []json.RawMessage
	}
	if err := json.Unmarshal(answer, &made); err != nil {
		t.Fatalf("remember %s: %v", name, err)
	}
	if len(made.Results) > 0 {
		w.remember(t, name, made.Results[0])
		return
	}
	w.made[name] = cmp.Or(made.Key, made.ID.String())
	w.made[name+"_value"] = made.Value
}

// score counts the operations of a class that were both accepted and refused,
// and fails for each other one that is not left out on purpose.
func (w *walk) score(t *testing.T, class string) string {
	t.Helper()
	walked, all := 0, 0
	for _, op := range contract.Operations(t) {
		if contract.Class(op) != class {
			continue
		}
		all++
		if w.accepted[op] && w.refused[op] {
			walked++
		} else {
			t.Errorf("%s: succeeded %t, refused %t, want both", op, w.accepted[op], w.refused[op])
		}
	}
	return fmt.Sprintf("%s %d/%d", class, walked, all)
}

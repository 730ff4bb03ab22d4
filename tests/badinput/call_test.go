package badinput_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"framemill/tests/program"
)

const (
	asJSON = "application/json"
	asForm = "application/x-www-form-urlencoded"
)

// call is one HTTP request.
type call struct {
	method, path string
	as           string // user; "" is the administrator
	kind         string // content type
	header       map[string]string
	body         []byte
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
	took   time.Duration
	err    error // of reading the body
}

// code returns the stable code of a refusal.
func (a *answer) code() string { return a.header.Get("X-Error-Code") }

// send sends a call. The test fails if there is no answer at all.
func (b *bench) send(t *testing.T, c call) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, c.method, b.URL+c.path, bytes.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	switch c.as {
	case nobody:
	case "":
		req.SetBasicAuth(program.Admin, program.Password)
	default:
		req.SetBasicAuth(c.as, program.Password)
	}
	if c.kind != "" {
		req.Header.Set("Content-Type", c.kind)
	}
	for k, v := range c.header {
		req.Header[k] = []string{v}
	}
	begin := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%s %s: no answer: %v", c.method, c.path, err)
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	a.body, a.err = io.ReadAll(resp.Body)
	a.took = time.Since(begin)
	return a
}

// refusal is a call that the server must refuse at once.
type refusal struct {
	name   string
	call   call
	spec   map[string]any // of the fresh task, if the path names one
	status int
	code   string // "" for an answer that has none
	says   string // must be in the body, as the name of a field
}

// refuse makes the calls, and checks that a fresh task is as empty as before.
func (b *bench) refuse(t *testing.T, all []refusal) {
	t.Helper()
	for _, r := range all {
		t.Run(r.name, func(t *testing.T) {
			c := r.call
			var task int64
			c.path, task = b.at(t, c.path, r.spec)
			a := b.send(t, c)
			b.judge(t, r, a)
			if task != 0 {
				b.leavesNothing(t, task)
			}
		})
	}
}

// judge enters an answer into the ledger.
func (b *bench) judge(t *testing.T, r refusal, a answer) {
	t.Helper()
	why := shorten(a.body)
	ok := a.status == r.status && a.code() == r.code && bytes.Contains(a.body, []byte(r.says))
	switch {
	case a.took > prompt:
		ok, why = false, "it took "+a.took.String()
	case ok && a.header.Get("X-Content-Type-Options") != "nosniff":
		ok, why = false, "browsers may guess the content type"
	case ok && len(a.body) > 0 && !json.Valid(a.body) && a.status >= 400:
		ok, why = false, "the refusal is not JSON: "+why
	}
	b.ledger.add(t, strings.TrimSpace(fmt.Sprint(r.status, " ", r.code, " ", r.says)), fmt.Sprint(a.status, " ", a.code()), ok, why)
}

// shorten returns the beginning of a body for people.
func shorten(body []byte) string { return string(body[:min(len(body), 300)]) }

// post is a call that sends fields as JSON to a fresh task's data.
func post(fields string) call {
	return call{method: http.MethodPost, path: "/api/tasks/{fresh}/data", kind: asJSON, body: []byte(fields)}
}

// upload is a call that sends files and fields to a fresh task's data.
func upload(fields string, files ...file) call {
	kind, body := form(fields, files...)
	return call{method: http.MethodPost, path: "/api/tasks/{fresh}/data", kind: kind, body: body}
}

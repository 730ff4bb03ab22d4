package badinput_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// tryReading asks for frames and chunks that are not there.
func tryReading(t *testing.T, b *bench) {
	const task, job = "/api/tasks/{task}/data", "/api/jobs/{job}/data"
	read := func(path, query, says string) refusal {
		return refusal{name: strings.TrimPrefix(path, "/api/") + "?" + query, call: call{method: http.MethodGet, path: path + "?" + query}, status: 400, code: "invalid", says: says}
	}
	none := func(path string) refusal {
		return refusal{name: path, call: call{method: http.MethodGet, path: path}, status: 404, code: "not_found"}
	}
	b.refuse(t, []refusal{
		read(task, "", "Data type not specified or has wrong value"),
		read(task, "type=film", "Data type not specified or has wrong value"),
		read(task, "type=chunk", "Number is not specified"),
		read(task, "type=chunk&number=", "Number is not specified"),
		read(task, "type=chunk&number=x", "number"),
		read(task, "type=chunk&number=1.5", "number"),
		read(task, "type=chunk&number=-1", "[0, "),
		read(task, "type=chunk&number=1000", "[0, "),
		read(task, "type=chunk&number=9223372036854775807", "[0, "),
		read(task, "type=chunk&number=-9223372036854775808", "[0, "),
		read(task, "type=chunk&number=99999999999999999999", "number"),
		read(task, "type=chunk&number=0&quality=best", "Wrong quality value"),
		read(task, "type=frame", "Number is not specified"),
		read(task, "type=frame&number=6", "[0, 6] range"),
		read(task, "type=frame&number=-1", "[0, 6] range"),
		read(task, "type=frame&number=4294967296", "[0, 6] range"),
		read(task, "type=frame&number=%2B1e1", "number"),
		read(task, "type=context_image", "Number is not specified"),
		read(job, "type=chunk", "Number or Index is not specified"),
		read(job, "type=chunk&index=0&number=0", "Number and Index cannot be used together"),
		read(job, "type=chunk&index=x", "index"),
		read(job, "type=chunk&index=-1", "chunk"),
		read(job, "type=chunk&index=9223372036854775807", "chunk"),
		read(job, "type=chunk&number=-1", "chunk"),
		read(job, "type=chunk&number=9223372036854775807", "chunk"),
		read(job, "type=frame&number=3", "Incorrect requested frame number"),
		read(job, "type=frame&number=-1", "Incorrect requested frame number"),
		read(job, "type=frame", "Number is not specified"),
		read(job, "type=context_image", "Number is not specified"),
		none("/api/tasks/{fresh}/data?type=chunk&number=0"),
		none("/api/tasks/{fresh}/data?type=frame&number=0"),
		none("/api/tasks/{fresh}/data/meta"),
		none("/api/tasks/{fresh}/preview"),
		none("/api/tasks/99999/data?type=chunk&number=0"),
		none("/api/jobs/99999/data?type=chunk&index=0"),
		none("/api/jobs/99999/data/meta"),
		none("/api/tasks/{fresh}/data/../../../etc/passwd"),
		none("/api/requests/action=create%26target=task%26target_id=99999"),
		none("/api/requests/action=create%26target=task%26target_id=x"),
		none("/api/requests/%3Cscript%3E"),
		{name: "PUT of a task", call: call{method: http.MethodPut, path: "/api/tasks/{task}", kind: asJSON, body: []byte(`{}`)}, status: 405, code: "method_not_allowed"},
		{name: "PUT of data", call: call{method: http.MethodPut, path: task}, status: 405, code: "method_not_allowed"},
		{name: "DELETE of data", call: call{method: http.MethodDelete, path: task}, status: 405, code: "method_not_allowed"},
		{name: "PUT of a job", call: call{method: http.MethodPut, path: "/api/jobs/{job}"}, status: 405, code: "method_not_allowed"},
		{name: "PUT of a project", call: call{method: http.MethodPut, path: "/api/projects/{project}"}, status: 405, code: "method_not_allowed"},
		{name: "PUT of a label", call: call{method: http.MethodPut, path: "/api/labels/{label}"}, status: 405, code: "method_not_allowed"},
		{name: "PUT of an organization", call: call{method: http.MethodPut, path: "/api/organizations/{org}"}, status: 405, code: "method_not_allowed"},
		{name: "PUT of a user", call: call{method: http.MethodPut, path: "/api/users/1"}, status: 405, code: "method_not_allowed"},
		{name: "PUT of an access token", call: call{method: http.MethodPut, path: "/api/auth/access_tokens/1"}, status: 405, code: "method_not_allowed"},
		{name: "unknown method", call: call{method: "BREW", path: "/api/tasks"}, status: 405, code: "method_not_allowed"},
		{name: "HEAD without a type", call: call{method: http.MethodHead, path: task}, status: 400, code: "invalid"},
		{name: "HEAD of a frame too far", call: call{method: http.MethodHead, path: task + "?type=frame&number=6"}, status: 400, code: "invalid"},
	})
	tryHead(t, b)
}

// tryHead compares HEAD with GET: the same headers, and no body.
func tryHead(t *testing.T, b *bench) {
	for _, path := range []string{
		"/api/tasks/{task}/data?type=chunk&number=0", "/api/tasks/{task}/data?type=chunk&number=0&quality=original",
		"/api/tasks/{task}/data?type=frame&number=1", "/api/tasks/{task}/data?type=frame&number=1&quality=original",
		"/api/jobs/{job}/data?type=chunk&index=0", "/api/jobs/{job}/data?type=chunk&number=0&quality=original",
		"/api/tasks/{task}/data/meta", "/api/tasks/{task}/preview", "/api/tasks/{task}", "/api/requests/{rq}",
	} {
		t.Run("HEAD "+path, func(t *testing.T) {
			c := call{method: http.MethodGet}
			c.path, _ = b.at(t, path, nil)
			get := b.send(t, c)
			c.method = http.MethodHead
			head := b.send(t, c)
			ok := get.status == 200 && head.status == 200 && len(head.body) == 0 && len(get.body) > 0
			for _, name := range []string{"Content-Type", "Content-Length", "Etag", "X-Checksum"} {
				ok = ok && get.header.Get(name) == head.header.Get(name)
			}
			b.ledger.add(t, "200 as GET", fmt.Sprint(head.status), ok, fmt.Sprintf("GET: %d %v\nHEAD: %d %v", get.status, get.header, head.status, head.header))
		})
	}
}

// tryMarkup looks for markup in answers that a browser might run.
func tryMarkup(t *testing.T, b *bench) {
	const evil = `"><img src=x onerror=alert(1)>.jpg`
	task := b.fresh(t, map[string]any{"name": evil, "bug_tracker": ""})
	if got := b.run(t, task, ingest{files: []file{{evil, polyglot()}, {"2.jpg", append(photo(2), svg()...)}}}); got.Status != "finished" {
		t.Fatal(got.Message)
	}
	at := func(format string) string { return fmt.Sprintf(format, task) }
	for _, r := range []struct{ path, kind string }{
		{at("/api/tasks/%d"), "application/vnd.cvat+json"},
		{at("/api/tasks/%d/data/meta"), "application/vnd.cvat+json"},
		{at("/api/tasks/%d/data?type=frame&number=0&quality=original"), "image/jpeg"},
		{at("/api/tasks/%d/data?type=frame&number=0"), "image/jpeg"},
		{at("/api/tasks/%d/data?type=chunk&number=0&quality=original"), "application/zip"},
		{at("/api/tasks/%d/data?type=chunk&number=0"), "application/zip"},
		{at("/api/tasks/%d/preview"), "image/jpeg"},
		{"/api/requests/" + requestOf(task) + "/files", "application/vnd.cvat+json"},
		{"/api/requests/%3Cscript%3Ealert(1)%3C%2Fscript%3E", "application/vnd.cvat+json"},
		{"/api/tasks?search=%3Cscript%3E", "application/vnd.cvat+json"},
		{"/api/tasks?sort=%3Cscript%3E", "application/vnd.cvat+json"},
		{"/api/server/share?directory=%3Cscript%3E", "application/vnd.cvat+json"},
		{"/api/%3Cscript%3E", "application/vnd.cvat+json"},
		{"/api/tasks/1/%0d%0aSet-Cookie:%20x=1", "application/vnd.cvat+json"},
	} {
		t.Run(r.path, func(t *testing.T) {
			a := b.send(t, call{method: http.MethodGet, path: r.path, header: map[string]string{"Accept": "text/html"}})
			h := a.header
			ok := a.status < 500 && h.Get("Content-Type") == r.kind && h.Get("X-Content-Type-Options") == "nosniff" &&
				strings.Contains(h.Get("Content-Security-Policy"), "sandbox") && h.Get("Set-Cookie") == ""
			if strings.Contains(r.path, "type=frame&number=0&quality=original") {
				ok = ok && strings.HasPrefix(h.Get("Content-Disposition"), "attachment")
			}
			b.ledger.add(t, r.kind+" nosniff", fmt.Sprint(a.status, " ", h.Get("Content-Type")), ok, fmt.Sprint(h))
		})
	}
	if meta := b.send(t, call{method: http.MethodGet, path: at("/api/tasks/%d/data/meta")}); !bytes.Contains(meta.body, []byte(`\"><img src=x onerror=alert(1)>.jpg`)) {
		t.Errorf("the name did not come back as it was sent: %s", shorten(meta.body))
	}
	b.foreignPage(t)
}

// foreignPage plays a page of another site in the browser of somebody who is
// logged in: his cookie must not be enough to change anything.
func (b *bench) foreignPage(t *testing.T) {
	login := b.send(t, call{method: http.MethodPost, path: "/api/auth/login", kind: asJSON, as: nobody,
		body: []byte(fmt.Sprintf(`{"username":%q,"password":"correct-horse-7"}`, stranger))})
	var session string
	for _, c := range (&http.Response{Header: login.header}).Cookies() {
		if c.Name == "sessionid" {
			session = c.Name + "=" + url.QueryEscape(c.Value)
		}
	}
	if session == "" {
		t.Fatalf("the login gave no session: %d %s", login.status, login.body)
	}
	for _, method := range []string{http.MethodPost, http.MethodPatch, http.MethodDelete} {
		a := b.send(t, call{method: method, path: "/api/tasks/" + fmt.Sprint(b.task), as: nobody, kind: asJSON, body: []byte(`{}`),
			header: map[string]string{"Cookie": session, "Origin": "https://evil.example"}})
		b.ledger.add(t, "403", fmt.Sprint(a.status), a.status == 403 || method == http.MethodPost && a.status == 405, shorten(a.body))
	}
	a := b.send(t, call{method: http.MethodPost, path: "/api/tasks", as: nobody, kind: asJSON, body: []byte(`{"name":"csrf","labels":[]}`),
		header: map[string]string{"Cookie": session, "Origin": "null"}})
	b.ledger.add(t, "403", fmt.Sprint(a.status), a.status == 403, shorten(a.body))
}

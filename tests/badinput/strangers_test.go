package badinput_test

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"

	"framemill/producer/access"
	"framemill/tests/program"
)

// tryStrangers asks for what belongs to somebody else, and without credentials.
func tryStrangers(t *testing.T, b *bench) {
	operations := []struct{ method, path, body string }{
		{"GET", "/api/tasks/{task}", ""}, {"PATCH", "/api/tasks/{task}", `{"name":"mine"}`}, {"PATCH", "/api/tasks/{task}", `{}`},
		{"DELETE", "/api/tasks/{task}", ""}, {"GET", "/api/tasks/{task}/status", ""}, {"GET", "/api/tasks/{task}/preview", ""},
		{"GET", "/api/tasks/{task}/data?type=chunk&number=0", ""}, {"GET", "/api/tasks/{task}/data?type=frame&number=99", ""},
		{"GET", "/api/tasks/{task}/data/meta", ""}, {"PATCH", "/api/tasks/{task}/data/meta", `{"deleted_frames":[0]}`},
		{"POST", "/api/tasks/{task}/data", `{"image_quality":70}`}, {"GET", "/api/tasks/{task}/annotations", ""},
		{"GET", "/api/tasks/{task}/validation_layout", ""}, {"GET", "/api/jobs/{job}", ""}, {"PATCH", "/api/jobs/{job}", `{"state":"completed"}`},
		{"DELETE", "/api/jobs/{job}", ""}, {"GET", "/api/jobs/{job}/data?type=chunk&index=0", ""}, {"GET", "/api/jobs/{job}/data/meta", ""},
		{"PATCH", "/api/jobs/{job}/data/meta", `{"deleted_frames":[0]}`}, {"GET", "/api/jobs/{job}/preview", ""}, {"GET", "/api/jobs/{job}/annotations", ""},
		{"GET", "/api/requests/{rq}", ""}, {"POST", "/api/requests/{rq}/cancel", ""}, {"GET", "/api/requests/{rq}/files", ""},
		{"GET", "/api/labels?task_id={task}", ""},
	}
	for _, o := range operations {
		c := call{method: o.method, body: []byte(o.body)}
		if o.body != "" {
			c.kind = asJSON
		}
		t.Run(o.method+" "+o.path, func(t *testing.T) {
			c.path, _ = b.at(t, o.path, nil)
			c.as = nobody
			b.judge(t, refusal{status: 401, code: "unauthenticated"}, b.send(t, c))
			c.as = stranger
			a := b.send(t, c)
			b.judge(t, refusal{status: 403, code: "forbidden", says: `"detail":`}, a)
			if constant := fmt.Sprintf(`{"detail":%q}`, access.ErrDenied.Text); string(a.body) != constant {
				t.Errorf("the refusal is %s, want %s for whatever object", a.body, constant)
			}
		})
	}
	for _, list := range []string{"/api/tasks", "/api/jobs", "/api/requests", "/api/projects", "/api/jobs?task_id=" + fmt.Sprint(b.task)} {
		a := b.send(t, call{method: http.MethodGet, path: list, as: stranger})
		b.ledger.add(t, "an empty page", shorten(a.body), a.status == 200 && bytes.Contains(a.body, []byte(`"count":0`)), list)
	}
	tryRoles(t, b)
	tryTokens(t, b)
}

// tryRoles does what the group of a user does not permit. What is refused is
// refused in the same words, whatever it is.
func tryRoles(t *testing.T, b *bench) {
	constant := fmt.Sprintf(`{"detail":%q}`, access.ErrDenied.Text)
	self := fmt.Sprintf("/api/users/%d", b.idOf(t, stranger))
	for _, r := range []struct{ as, method, path, body string }{
		{worker, "POST", "/api/tasks", `{"name":"x","labels":[]}`}, {worker, "POST", "/api/projects", `{"name":"x"}`},
		{worker, "GET", "/api/server/share", ""}, {worker, "POST", "/api/jobs", fmt.Sprintf(`{"task_id":%d,"type":"ground_truth","frame_count":1}`, b.task)},
		{stranger, "PATCH", "/api/users/1", `{"first_name":"x"}`}, {stranger, "DELETE", "/api/users/1", ""},
		{stranger, "PATCH", self, `{"is_superuser":true}`}, {stranger, "PATCH", self, `{"groups":["admin"]}`}, {worker, "PATCH", self, `{"first_name":"x"}`}, {worker, "DELETE", self, ""},
	} {
		t.Run(r.as+" "+r.method+" "+r.path+" "+r.body, func(t *testing.T) {
			c := call{method: r.method, path: r.path, as: r.as, body: []byte(r.body)}
			if r.body != "" {
				c.kind = asJSON
			}
			b.judge(t, refusal{status: 403, code: "forbidden", says: constant}, b.send(t, c))
		})
	}
}

// idOf returns the id of a user.
func (b *bench) idOf(t *testing.T, name string) int64 {
	t.Helper()
	var found struct{ Results []struct{ ID int64 } }
	b.JSON(t, http.MethodGet, "/api/users?username="+name, nil, &found)
	return found.Results[0].ID
}

// tryPasswords guesses a password a thousand times: the guesser is slowed down,
// and the one who knows it is not.
func tryPasswords(t *testing.T, b *bench) {
	seen := map[int]int{}
	for i := range 1000 {
		body := fmt.Sprintf(`{"username":%q,"password":"guess-%d"}`, stranger, i)
		a := b.send(t, call{method: http.MethodPost, path: "/api/auth/login", as: nobody, kind: asJSON, body: []byte(body)})
		seen[a.status]++
		if a.status == http.StatusTooManyRequests && a.header.Get("Retry-After") == "" {
			t.Fatal("a refusal to look at a password does not say when to come back")
		}
	}
	ok := seen[http.StatusTooManyRequests] > 900 && seen[http.StatusTooManyRequests]+seen[http.StatusUnauthorized]+seen[http.StatusBadRequest] == 1000
	b.ledger.add(t, "429 after a few", fmt.Sprint(seen), ok, "wrong passwords by status")
	status, _, err := b.Do(http.MethodGet, "/api/tasks", nil)
	b.ledger.add(t, "200 for "+program.Admin, fmt.Sprint(status, " ", err), status == 200, "another user from the same address is locked out")
}

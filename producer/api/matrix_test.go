package api_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"framemill/pipeline"
	"framemill/pipeline/store"
	"framemill/producer/api"
)

// The columns of the matrix. The objects lie in an organization of which owner,
// maintainer, supervisor and worker are members, and so is staff, a worker to
// whom the task and the project are assigned. Foreign owns another organization,
// other is in none, and revoked shows a token of the owner that holds no more.
var columns = strings.Fields("anonymous revoked other foreign worker staff supervisor maintainer owner admin")

// TestMatrix asks for every route as everybody. A route without a row fails,
// and so does a row without a route.
func TestMatrix(t *testing.T) {
	t.Parallel()
	rows := matrixRows(t)
	w := newWorld(t)
	routes := api.Classes(w.server)
	for _, row := range rows {
		if _, ok := routes[row.route()]; !ok {
			t.Errorf("the row %s has no route", row.route())
			continue
		}
		path := ""
		for i, column := range columns {
			if path == "" || row.consuming() {
				path = w.fill(row)
			}
			r := w.as(column, row, path)
			if r.StatusCode != row.want[i] {
				t.Errorf("%s %s as %s: answer %d, want %d\n%.300s", row.method, path, column, r.StatusCode, row.want[i], r.body)
			}
		}
	}
	for route := range routes {
		if !slices.ContainsFunc(rows, func(r matrixRow) bool { return r.route() == route }) {
			t.Errorf("%s has no row: say in the matrix what everybody may do there", route)
		}
	}
}

// matrixRow is one line of the matrix.
type matrixRow struct {
	method, pattern, query, body string
	want                         []int // by column
}

func (r matrixRow) route() string { return r.method + " " + r.pattern }

// consuming reports whether the request may leave nothing for the next one.
func (r matrixRow) consuming() bool { return r.method == "DELETE" || r.method == "POST" }

func matrixRows(t *testing.T) []matrixRow {
	t.Helper()
	var rows []matrixRow
	for line := range strings.Lines(matrix) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		if len(f) != 3+len(columns) {
			t.Fatalf("the line %q has %d columns, want %d", line, len(f), 3+len(columns))
		}
		row := matrixRow{method: f[0], body: f[2]}
		row.pattern, row.query, _ = strings.Cut(f[1], "?")
		for _, status := range f[3:] {
			n, err := strconv.Atoi(status)
			if err != nil {
				t.Fatalf("the line %q: %v", line, err)
			}
			row.want = append(row.want, n)
		}
		rows = append(rows, row)
	}
	return rows
}

// world is what the matrix asks about.
type world struct {
	*bundle
	org     object
	revoked []string // the headers of the token
	task    int64    // of five pictures
	job     int64    // of the task
	made    int      // counts what was made in it
	bucket  string   // the address of a server of buckets
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{bundle: setup(t), bucket: s3Server(t, nil)}
	for _, name := range []string{"owner", "other", "foreign"} {
		w.addUser(name, pipeline.GroupUser)
	}
	// Pictures come from the person who is named user.
	task, jobs := w.gallery(map[string]any{"labels": []object{{"name": "car"}}})
	w.org = w.organization("owner", "acme")
	w.organization("foreign", "rival")
	w.member("owner", "acme", "maintainer", pipeline.RoleMaintainer)
	w.member("owner", "acme", "supervisor", pipeline.RoleSupervisor)
	w.member("owner", "acme", "worker", pipeline.RoleWorker)
	w.member("owner", "acme", "staff", pipeline.RoleWorker)
	org := idOf(w.org)
	if err := w.db.TransferTask(t.Context(), task, &store.Transfer{OrgID: &org, OwnerID: w.users["owner"].ID}); err != nil {
		t.Fatal(err)
	}
	w.want(200, "PATCH", fmt.Sprintf("/api/tasks/%d", task), "owner", object{"assignee_id": w.users["staff"].ID})
	token, headers := w.accessToken("owner", object{"name": "gone"})
	w.want(204, "DELETE", at("/api/auth/access_tokens", token), "owner", nil)
	w.task, w.job, w.revoked = task, jobs[0], headers
	w.warm()
	return w
}

// warm has everything built that readers of the task wait for, and sends the
// consumer home: no row needs one.
func (w *world) warm() {
	w.t.Helper()
	for _, path := range []string{
		fmt.Sprintf("/api/tasks/%d/preview", w.task), fmt.Sprintf("/api/jobs/%d/preview", w.job),
		dataPath(w.task) + "?type=chunk&number=0", fmt.Sprintf("/api/jobs/%d/data?type=chunk&index=0", w.job),
	} {
		w.want(200, "GET", path, "owner", nil)
	}
	w.work = nil
}

// as sends the request of a row as somebody.
func (w *world) as(column string, row matrixRow, path string) reply {
	w.t.Helper()
	var body any
	if row.body != "-" {
		body = strings.ReplaceAll(row.body, "FRESH", w.fresh())
	}
	if row.query != "" {
		path += "?" + row.query
	}
	switch column {
	case "anonymous":
		return w.send(row.method, path, "", body)
	case "revoked":
		return w.send(row.method, path, "", body, w.revoked...)
	}
	return w.send(row.method, path, column, body)
}

// fresh returns a name that nothing has yet.
func (w *world) fresh() string {
	w.made++
	return "n" + strconv.Itoa(w.made)
}

// fill puts the id of an object into the pattern of a row: of one that is there
// for it alone, where the request may change it.
func (w *world) fill(row matrixRow) string {
	w.t.Helper()
	id := "1"
	what, rest, _ := strings.Cut(strings.TrimPrefix(row.pattern, "/api/"), "/")
	alone := rest == "{id}" && row.method == "DELETE"
	switch {
	case what == "tasks" && alone:
		id = w.idOfNew("/api/tasks?org=acme", object{"name": "t", "assignee_id": w.users["staff"].ID})
	case what == "tasks" && rest == "{id}/data" && row.method == "POST":
		id = w.idOfNew("/api/tasks?org=acme", object{"name": "t", "assignee_id": w.users["staff"].ID})
	case what == "tasks":
		id = strconv.FormatInt(w.task, 10)
	case what == "jobs":
		id = strconv.FormatInt(w.job, 10)
	case what == "projects":
		id = w.idOfNew("/api/projects?org=acme", object{"name": "p", "assignee_id": w.users["staff"].ID})
	case what == "labels":
		id = w.label()
	case what == "requests":
		id = w.request()
	case what == "users":
		id = strconv.FormatInt(w.newUser(w.fresh()).ID, 10)
	case what == "organizations" && alone:
		id = w.likeAcme(w.fresh())
	case what == "organizations":
		id = strconv.FormatInt(idOf(w.org), 10)
	case what == "memberships":
		id = w.guest()
	case what == "webhooks" && strings.HasPrefix(rest, "{id}"):
		project := w.want(201, "POST", "/api/projects?org=acme", "owner", object{"name": "p", "assignee_id": w.users["staff"].ID}).json(w.t)
		id = w.idOfNew("/api/webhooks", object{
			"type": "project", "project_id": project["id"], "target_url": "http://example.org/", "events": []string{"update:task"},
		})
	case what == "cloudstorages" && strings.Contains(rest, "{id}"):
		org := idOf(w.org)
		id = strconv.FormatInt(w.addCloud("owner", &org, pipeline.CloudStorage{Name: "c", Attributes: "endpoint_url=" + w.bucket}), 10)
	case what == "auth" && strings.Contains(rest, "{id}"):
		token, _ := w.accessToken("owner", object{"name": "ci"})
		id = strconv.FormatInt(idOf(token), 10)
	}
	path := strings.Replace(row.pattern, "{id}", id, 1)
	if what == "invitations" && strings.Contains(row.pattern, "{key}") {
		path = strings.Replace(path, "{key}", w.invite("owner", "acme", w.newUser(w.fresh()).Name, pipeline.RoleWorker)["key"].(string), 1)
	}
	return strings.NewReplacer("{uuid}", "1", "{func_id}", "1", "{delivery_id}", "1", "{key}", "1", "{upload}", "1").Replace(path)
}

// idOfNew makes an object of the owner and returns its id.
func (w *world) idOfNew(path string, fields object) string {
	w.t.Helper()
	return strconv.FormatInt(idOf(w.want(201, "POST", path, "owner", fields).json(w.t)), 10)
}

// label makes a label of a task that is assigned to staff.
func (w *world) label() string {
	w.t.Helper()
	task := w.idOfNew("/api/tasks?org=acme", object{"name": "t", "assignee_id": w.users["staff"].ID, "labels": []object{{"name": "car"}}})
	labels := results(w.t, w.want(200, "GET", "/api/labels?task_id="+task, "owner", nil).json(w.t))
	return strconv.FormatInt(idOf(labels[0]), 10)
}

// request makes a task of the owner that waits for its data to be worked on.
func (w *world) request() string {
	w.t.Helper()
	task := w.want(201, "POST", "/api/tasks?org=acme", "owner", object{"name": "t", "assignee_id": w.users["staff"].ID}).json(w.t)
	return w.accept(task).RQID
}

// newUser adds a user who does not log in.
func (w *world) newUser(name string) pipeline.User {
	w.t.Helper()
	u, err := w.db.CreateUser(w.t.Context(), pipeline.User{Name: name, Group: pipeline.GroupUser, Active: true})
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

// guest makes somebody a worker of the organization and returns the membership.
func (w *world) guest() string {
	w.t.Helper()
	u := w.newUser(w.fresh())
	w.join(idOf(w.org), u.ID, pipeline.RoleWorker)
	page := w.want(200, "GET", "/api/memberships?org=acme&user="+u.Name, "owner", nil).json(w.t)
	return strconv.FormatInt(idOf(results(w.t, page)[0]), 10)
}

// likeAcme makes an organization with the same members and returns its id.
func (w *world) likeAcme(slug string) string {
	w.t.Helper()
	org := w.organization("owner", slug)
	for name, role := range map[string]pipeline.Role{
		"maintainer": pipeline.RoleMaintainer, "supervisor": pipeline.RoleSupervisor,
		"worker": pipeline.RoleWorker, "staff": pipeline.RoleWorker,
	} {
		w.join(idOf(org), w.users[name].ID, role)
	}
	return strconv.FormatInt(idOf(org), 10)
}

func (w *world) join(org, user int64, role pipeline.Role) {
	w.t.Helper()
	ctx, key := context.WithoutCancel(w.t.Context()), pipeline.NewID()
	err := w.db.Invite(ctx, pipeline.Membership{OrgID: org, UserID: user, Role: role}, key, w.users["owner"].ID)
	if err == nil {
		err = w.db.AcceptInvitation(ctx, key)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

package api_test

import (
	"fmt"
	"strings"
	"testing"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// TestShared makes a project, a task and jobs in an organization, and looks at
// them from different workspaces.
func TestShared(t *testing.T) {
	t.Parallel()
	b := setup(t)
	org := b.organization("user", "acme")["id"]
	b.member("user", "acme", "hand", pipeline.RoleWorker)
	b.member("user", "acme", "boss", pipeline.RoleMaintainer)
	project := b.want(201, "POST", fmt.Sprintf("/api/projects?org_id=%v", org), "user", object{"name": "p", "labels": []object{{"name": "car"}}}).json(t)
	task := b.want(201, "POST", "/api/tasks", "user", object{"name": "t", "project_id": project["id"], "assignee_id": b.users["hand"].ID},
		"X-Organization", "acme").json(t)
	for _, made := range []object{project, task} {
		if made["organization"] != org || made["organization_id"] != org {
			t.Errorf("what was made has the organization %v and %v, want %v", made["organization"], made["organization_id"], org)
		}
	}
	b.publish(task)
	for _, list := range []string{"tasks", "projects", "jobs", "labels", "requests"} {
		for query, want := range map[string]bool{"": true, "org=acme": true, fmt.Sprintf("org_id=%v", org): true, "org=": false, "org_id=": false} {
			page := b.want(200, "GET", "/api/"+list+"?"+query, "user", nil).json(t)
			if got := page["count"] != 0.0; got != want {
				t.Errorf("GET /api/%s?%s counts %v, want some: %v", list, query, page["count"], want)
			}
		}
	}
	// The members see what they are to do with; who oversees all names the place.
	for user, want := range map[string][2]float64{"hand": {1, 1}, "boss": {0, 1}, "admin": {1, 1}} {
		for i, query := range []string{"", "?org=acme"} {
			if n := b.want(200, "GET", "/api/tasks"+query, user, nil).json(t)["count"]; n != want[i] {
				t.Errorf("GET /api/tasks%s as %s counts %v, want %v", query, user, n, want[i])
			}
		}
	}
	job := b.jobs("user", task)[0]
	if job["organization"] != org {
		t.Errorf("the job has the organization %v, want %v", job["organization"], org)
	}
	request := operations(t, b.want(200, "GET", "/api/requests", "user", nil).json(t))[0]
	if request["org_id"] != org {
		t.Errorf("the operation has the organization %v, want %v", request["org_id"], org)
	}
	// Another workspace is no obstacle on the way to a single object.
	b.want(200, "GET", at("/api/tasks", task)+"?org=", "hand", nil)
	if r := b.want(400, "POST", "/api/tasks?org=", "user", object{"name": "t", "project_id": project["id"]}); !strings.Contains(r.body, "same organization") {
		t.Errorf("a personal task in a project of an organization is refused by %s", r.body)
	}
	b.want(400, "PATCH", at("/api/tasks", task), "user", object{"assignee_id": b.users["worker"].ID})
	b.want(400, "PATCH", at("/api/jobs", job), "user", object{"assignee": b.users["worker"].ID})
	b.want(200, "PATCH", at("/api/jobs", job), "user", object{"assignee": b.users["admin"].ID})
	own := results(t, b.want(200, "GET", "/api/memberships", "hand", nil).json(t))[0]
	b.want(204, "DELETE", at("/api/memberships", own), "hand", nil)
	b.want(403, "GET", at("/api/tasks", task), "hand", nil)
	if n := b.want(200, "GET", "/api/tasks", "hand", nil).json(t)["count"]; n != 0.0 {
		t.Errorf("who left the organization still sees %v of its tasks", n)
	}
}

// TestListedIsReadable compares, for everybody and every workspace, what is
// listed there with what can be read one by one.
func TestListedIsReadable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.organization("user", "acme")
	people := []string{"boss", "lead", "hand", "user", "worker", "admin"}
	for name, role := range map[string]pipeline.Role{"boss": pipeline.RoleMaintainer, "lead": pipeline.RoleSupervisor, "hand": pipeline.RoleWorker, "worker": pipeline.RoleMaintainer} {
		b.member("user", "acme", name, role)
	}
	b.addUser("out", pipeline.GroupUser)
	for _, org := range []string{"acme", ""} {
		for _, who := range people {
			id := b.users[who].ID
			task := b.want(201, "POST", "/api/tasks?org="+org, "admin", object{"name": "t", "owner_id": id}).json(t)
			claim := b.publish(task)
			b.fenced(claim, func(tx *store.Tx) error { return tx.EndUnit(t.Context(), claim) })
			project := b.want(201, "POST", "/api/projects?org="+org, "admin", object{"name": "p", "assignee_id": id}).json(t)
			b.want(201, "POST", "/api/tasks?org="+org, "admin", object{"name": "t", "project_id": project["id"]})
			b.want(200, "PATCH", at("/api/jobs", b.jobs("admin", task)[0]), "admin", object{"assignee": b.users["hand"].ID})
		}
	}
	for _, list := range []string{"tasks", "projects", "jobs"} {
		every := results(t, b.want(200, "GET", "/api/"+list+"?page_size=all", "admin", nil).json(t))
		for _, who := range append(people, "out") {
			for _, org := range []string{"acme", ""} {
				b.compareList(list, org, who, every)
			}
		}
	}
}

// compareList compares a list with what can be read of everything there is.
func (b *bundle) compareList(list, org, who string, every []object) {
	b.t.Helper()
	r := b.send("GET", "/api/"+list+"?page_size=all&org="+org, who, nil)
	listed := map[int64]bool{}
	if r.StatusCode == 200 {
		for _, o := range results(b.t, r.json(b.t)) {
			listed[idOf(o)] = true
		}
	}
	for _, o := range every {
		readable := b.send("GET", at("/api/"+list, o), who, nil).StatusCode == 200 && (o["organization"] == nil) == (org == "")
		if readable != listed[idOf(o)] {
			b.t.Errorf("%s %d in the workspace %q of %s: readable %v, listed %v", list, idOf(o), org, who, readable, listed[idOf(o)])
		}
	}
}

func TestTransfer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	org := b.organization("user", "acme")["id"]
	b.member("user", "acme", "hand", pipeline.RoleWorker)
	lead := b.member("user", "acme", "lead", pipeline.RoleSupervisor)
	task := b.create("user", object{"assignee_id": b.users["worker"].ID, "source_storage": object{"location": "local"}})
	path := at("/api/tasks", task)
	got := b.want(200, "PATCH", path, "user", object{"organization_id": org, "target_storage": object{"location": "local"}}).json(t)
	if got["organization_id"] != org || got["assignee"] != nil || got["assignee_updated_date"] == nil || got["target_storage"] == nil || got["source_storage"] == nil {
		t.Errorf("the transferred task is %v", got)
	}
	b.want(403, "GET", path, "worker", nil)
	project := b.project("lead", object{"labels": []object{{"name": "car"}}})
	inside := b.create("lead", object{"project_id": project["id"]})
	got = b.want(200, "PATCH", at("/api/projects", project), "lead", object{"organization_id": org}).json(t)
	if got["organization"] != org || got["owner"].(object)["username"] != "lead" {
		t.Errorf("the transferred project is %v", got)
	}
	if got = b.want(200, "GET", at("/api/tasks", inside), "user", nil).json(t); got["organization"] != org {
		t.Errorf("the task of the transferred project is in %v", got["organization"])
	}
	got = b.want(200, "PATCH", at("/api/projects", project), "user", object{"organization_id": nil}).json(t)
	if got["organization"] != nil || got["owner"].(object)["username"] != "user" {
		t.Errorf("the project that was taken home is %v", got)
	}
	b.want(403, "GET", at("/api/tasks", inside), "lead", nil)
	busy := b.want(201, "POST", "/api/tasks?org=acme", "lead", object{"name": "t"}).json(t)
	b.accept(busy)
	tests := []struct {
		method, path, user string
		body               any
		status             int
		text               string
	}{
		{"PATCH", path, "user", object{"organization_id": org, "name": "same"}, 200, `"name":"same"`},
		{"PATCH", path, "user", object{"organization_id": nil, "name": "x"}, 400, "name"},
		{"PATCH", path, "user", object{"organization_id": 99}, 400, "organization_id"},
		{"PATCH", path, "user", object{"organization_id": 2147483648}, 400, "organization_id"},
		{"PATCH", path, "user", object{"organization_id": "x"}, 400, "organization_id"},
		{"PATCH", path, "lead", object{"organization_id": nil}, 403, "permission"},
		{"PATCH", at("/api/tasks", inside), "user", object{"organization_id": org}, 400, "project"},
		{"PATCH", at("/api/projects", project), "user", object{"organization_id": org, "bug_tracker": ""}, 400, "bug_tracker"},
		{"PATCH", at("/api/tasks", b.create("hand", nil)), "hand", object{"organization_id": org}, 403, "permission"},
		{"PATCH", at("/api/tasks", busy), "lead", object{"organization_id": nil}, 409, "right now"},
		{"DELETE", at("/api/memberships", lead), "user", nil, 204, ""},
		{"PATCH", at("/api/tasks", b.create("lead", nil)), "lead", object{"organization_id": org}, 403, "permission"},
	}
	for _, tt := range tests {
		if r := b.want(tt.status, tt.method, tt.path, tt.user, tt.body); !strings.Contains(r.body, tt.text) {
			t.Errorf("%s %s %v: answer %s, want %q in it", tt.method, tt.path, tt.body, r.body, tt.text)
		}
	}
}

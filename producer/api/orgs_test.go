package api_test

import (
	"strings"
	"testing"

	"framemill/pipeline"
)

// organization creates an organization and returns it.
func (b *bundle) organization(user, slug string) object {
	b.t.Helper()
	return b.want(201, "POST", "/api/organizations", user, object{"slug": slug}).json(b.t)
}

// invite invites a user by name and returns the invitation.
func (b *bundle) invite(by, slug, name string, role pipeline.Role) object {
	b.t.Helper()
	return b.want(201, "POST", "/api/invitations?org="+slug, by, object{"email": name, "role": role}).json(b.t)
}

// member makes a user, who is added if need be, a member of an organization and
// returns the membership.
func (b *bundle) member(by, slug, name string, role pipeline.Role) object {
	b.t.Helper()
	if _, known := b.users[name]; !known {
		b.addUser(name, pipeline.GroupUser)
	}
	key := b.invite(by, slug, name, role)["key"].(string)
	b.want(200, "POST", "/api/invitations/"+key+"/accept", name, nil)
	page := b.want(200, "GET", "/api/memberships?user="+name+"&org="+slug, name, nil).json(b.t)
	return results(b.t, page)[0]
}

func TestOrganization(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.want(201, "POST", "/api/organizations", "user", object{
		"slug": "acme", "description": " <b> ", "contact": object{"email": "x@example.org"}, "owner": 99,
	}).json(t)
	if made["name"] != "acme" || made["description"] != "<b>" || made["owner"].(object)["username"] != "user" ||
		made["contact"].(object)["email"] != "x@example.org" {
		t.Errorf("the organization is %v", made)
	}
	path := at("/api/organizations", made)
	got := b.want(200, "PATCH", path, "user", object{"name": "Acme", "slug": "acme-2", "contact": object{}}).json(t)
	if got["name"] != "Acme" || got["slug"] != "acme-2" || len(got["contact"].(object)) != 0 {
		t.Errorf("after the change it is %v", got)
	}
	for user, want := range map[string]int{"user": 1, "worker": 0, "admin": 1} {
		list := results(t, b.want(200, "GET", "/api/organizations?page_size=10&sort=slug", user, nil).json(t))
		if len(list) != want {
			t.Errorf("%s sees %d organizations, want %d", user, len(list), want)
		}
	}
	for _, query := range []string{"slug=acme-2", "name=Acme", "owner=user", "search=ACME", `filter={"==":[{"var":"slug"},"acme-2"]}`} {
		if n := len(results(t, b.want(200, "GET", "/api/organizations?"+query, "admin", nil).json(t))); n != 1 {
			t.Errorf("%s finds %d organizations, want 1", query, n)
		}
	}
	b.want(204, "DELETE", path, "user", nil)
	b.want(404, "GET", path, "user", nil)
	b.want(404, "GET", "/api/tasks?org=acme-2", "user", nil)
}

func TestOrganizationRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.organization("user", "acme")
	const path = "/api/organizations/1"
	tests := []struct {
		method, path, user string
		body               any
		status             int
		text               string
	}{
		{"POST", "/api/organizations", "worker", object{"slug": "w"}, 403, "permission"},
		{"POST", "/api/organizations", "user", object{}, 400, `"slug":["This field is required`},
		{"POST", "/api/organizations", "user", object{"slug": "acme"}, 400, "already exists"},
		{"POST", "/api/organizations", "user", object{"slug": "a b"}, 400, "valid"},
		{"POST", "/api/organizations", "user", object{"slug": " "}, 400, "blank"},
		{"POST", "/api/organizations", "user", object{"slug": strings.Repeat("a", 17)}, 400, "16"},
		{"POST", "/api/organizations", "user", object{"slug": 5}, 400, "slug"},
		{"POST", "/api/organizations", "user", `{"slug":"a\u0000"}`, 400, "Null characters"},
		{"POST", "/api/organizations", "user", object{"slug": "b", "name": strings.Repeat("a", 65)}, 400, "64"},
		{"POST", "/api/organizations", "user", object{"slug": "b", "contact": nil}, 400, "contact"},
		{"POST", "/api/organizations", "user", object{"slug": "b", "contact": []int{1}}, 400, "contact"},
		{"POST", "/api/organizations", "user", object{"slug": "b", "contact": object{"a": strings.Repeat("a", 10_000)}}, 400, "contact"},
		{"GET", path, "worker", nil, 403, "permission"},
		{"GET", "/api/organizations/99", "worker", nil, 404, "Not found."},
		{"GET", "/api/organizations/99999999999999999999", "worker", nil, 404, "Not found."},
		{"PATCH", path, "user", object{"owner": 5}, 403, "unknown field"},
		{"PATCH", path, "worker", object{"name": "x"}, 403, "permission"},
		{"PATCH", path, "user", object{"slug": nil}, 400, "null"},
		{"PUT", path, "user", object{"name": "x"}, 405, "not allowed"},
		{"DELETE", path, "worker", nil, 403, "permission"},
		{"GET", "/api/organizations?sort=contact", "user", nil, 400, "sort"},
		{"GET", "/api/organizations?filter={\"var\":\"password\"}", "user", nil, 400, "password"},
	}
	for _, tt := range tests {
		if r := b.want(tt.status, tt.method, tt.path, tt.user, tt.body); !strings.Contains(r.body, tt.text) {
			t.Errorf("%s %s %v: answer %s, want %q in it", tt.method, tt.path, tt.body, r.body, tt.text)
		}
	}
}

// TestJoin invites a user, who finds the invitation, accepts it and leaves.
func TestJoin(t *testing.T) {
	t.Parallel()
	b := setup(t)
	org := b.organization("user", "acme")
	asked := b.invite("user", "acme", "WORKER@example.org", pipeline.RoleSupervisor)
	if asked["accepted"] != false || asked["expired"] != false || asked["owner"].(object)["username"] != "user" ||
		asked["organization_info"].(object)["slug"] != "acme" {
		t.Errorf("the invitation is %v", asked)
	}
	path := "/api/invitations/" + asked["key"].(string)
	b.want(403, "GET", "/api/tasks?org=acme", "worker", nil)
	const mine = `/api/invitations?filter={"and":[{"==":[{"var":"accepted"},false]},{"==":[{"var":"user_id"},3]}]}`
	if found := field(results(t, b.want(200, "GET", mine, "worker", nil).json(t)), "key"); len(found) != 1 || found[0] != asked["key"] {
		t.Errorf("the invited finds %v, want the invitation", found)
	}
	b.want(200, "GET", path, "worker", nil)
	if got := b.want(200, "POST", path+"/accept", "worker", nil).json(t); got["organization_slug"] != "acme" {
		t.Errorf("accepting answers %v", got)
	}
	b.want(400, "POST", path+"/accept", "worker", nil)
	b.want(400, "POST", path+"/decline", "worker", nil)
	b.want(400, "POST", path+"/resend", "user", nil)
	own := results(t, b.want(200, "GET", "/api/memberships", "worker", nil).json(t))
	if len(own) != 1 || own[0]["role"] != "supervisor" || own[0]["is_active"] != true || own[0]["joined_date"] == nil ||
		own[0]["organization"] != org["id"] || own[0]["invitation"] != asked["key"] {
		t.Fatalf("the memberships of the new member are %v", own)
	}
	if all := results(t, b.want(200, "GET", "/api/memberships?org=acme&sort=user", "worker", nil).json(t)); len(all) != 2 {
		t.Errorf("a member sees %d members, want 2", len(all))
	}
	if users := results(t, b.want(200, "GET", "/api/users?org=acme", "worker", nil).json(t)); len(users) != 2 {
		t.Errorf("%d users are in the organization, want 2", len(users))
	}
	b.want(204, "DELETE", at("/api/memberships", own[0]), "worker", nil)
	b.want(403, "GET", "/api/tasks?org=acme", "worker", nil)
	again := b.invite("user", "acme", "worker", pipeline.RoleWorker)
	b.want(204, "POST", "/api/invitations/"+again["key"].(string)+"/decline", "worker", nil)
	b.want(404, "GET", "/api/invitations/"+again["key"].(string), "worker", nil)
}

func TestInvitationRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.organization("user", "acme")
	b.member("user", "acme", "boss", pipeline.RoleMaintainer)
	b.member("user", "acme", "hand", pipeline.RoleSupervisor)
	b.addUser("guest", pipeline.GroupUser)
	open := "/api/invitations/" + b.invite("boss", "acme", "guest", pipeline.RoleWorker)["key"].(string)
	tests := []struct {
		method, path, user string
		body               any
		status             int
		text               string
	}{
		{"POST", "/api/invitations", "user", object{"email": "worker", "role": "worker"}, 400, "X-Organization"},
		{"POST", "/api/invitations?org=", "user", object{"email": "worker", "role": "worker"}, 400, "X-Organization"},
		{"POST", "/api/invitations?org=acme", "worker", object{"email": "worker", "role": "worker"}, 403, "permission"},
		{"POST", "/api/invitations?org=acme", "hand", object{"email": "worker", "role": "worker"}, 403, "permission"},
		{"POST", "/api/invitations?org=acme", "boss", object{"email": "worker", "role": "maintainer"}, 403, "permission"},
		{"POST", "/api/invitations?org=acme", "user", object{"email": "worker", "role": "owner"}, 400, "one owner"},
		{"POST", "/api/invitations?org=acme", "user", object{"email": "worker", "role": "king"}, 400, "choice"},
		{"POST", "/api/invitations?org=acme", "user", object{"email": "worker"}, 400, `"role":["This field is required`},
		{"POST", "/api/invitations?org=acme", "user", object{"role": "worker"}, 400, `"email":["This field is required`},
		{"POST", "/api/invitations?org=acme", "user", object{"email": "no@example.org", "role": "worker"}, 400, "No user"},
		{"POST", "/api/invitations?org=acme", "user", object{"email": "guest@example.org", "role": "worker"}, 400, "already"},
		{"POST", "/api/invitations?org=acme", "user", object{"email": "hand", "role": "worker"}, 400, "already"},
		{"POST", "/api/invitations?org=acme", "user", object{"email": "user", "role": "worker"}, 400, "already"},
		{"POST", "/api/invitations?org=nope", "user", object{"email": "worker", "role": "worker"}, 404, "does not exist"},
		{"POST", "/api/invitations?org_id=2147483648", "user", object{"email": "worker", "role": "worker"}, 404, "does not exist"},
		{"POST", "/api/invitations?org_id=x", "user", object{"email": "worker", "role": "worker"}, 400, "org_id"},
		{"POST", open + "/accept", "worker", nil, 403, "permission"},
		{"POST", open + "/accept", "boss", nil, 403, "permission"},
		{"POST", open + "/accept", "admin", nil, 403, "permission"},
		{"POST", open + "/decline", "admin", nil, 403, "permission"},
		{"POST", "/api/invitations/nope/accept", "guest", nil, 404, "Not found."},
		{"GET", open, "worker", nil, 403, "permission"},
		{"GET", open, "hand", nil, 403, "permission"},
		{"PATCH", open, "guest", object{"role": "maintainer"}, 403, "permission"},
		{"PATCH", open, "boss", object{"role": "maintainer"}, 403, "permission"},
		{"PATCH", open, "boss", object{"user": 5}, 403, "unknown field"},
		{"PATCH", open, "boss", object{"email": "worker"}, 400, "email"},
		{"PATCH", open, "boss", object{"email": "guest@example.org", "role": "supervisor"}, 200, `"role":"supervisor"`},
		{"PATCH", open, "guest", object{}, 200, `"role":"supervisor"`},
		{"PUT", open, "boss", object{}, 405, "not allowed"},
		{"POST", open + "/resend", "guest", nil, 403, "permission"},
		{"POST", open + "/resend", "user", nil, 204, ""},
		{"DELETE", open, "guest", nil, 403, "permission"},
		{"DELETE", open, "user", nil, 204, ""},
		{"DELETE", open, "user", nil, 404, "Not found."},
	}
	for _, tt := range tests {
		if r := b.want(tt.status, tt.method, tt.path, tt.user, tt.body); !strings.Contains(r.body, tt.text) {
			t.Errorf("%s %s %v: answer %s, want %q in it", tt.method, tt.path, tt.body, r.body, tt.text)
		}
	}
}

func TestMembershipRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.organization("user", "acme")
	owner := at("/api/memberships", results(t, b.want(200, "GET", "/api/memberships", "user", nil).json(t))[0])
	boss := at("/api/memberships", b.member("user", "acme", "boss", pipeline.RoleMaintainer))
	hand := at("/api/memberships", b.member("user", "acme", "hand", pipeline.RoleWorker))
	tests := []struct {
		method, path, user string
		body               any
		status             int
		text               string
	}{
		{"GET", hand, "worker", nil, 403, "permission"},
		{"GET", "/api/memberships/99", "worker", nil, 404, "Not found."},
		{"GET", hand, "boss", nil, 200, `"invitation":"`},
		{"GET", boss, "hand", nil, 200, `"invitation":null`},
		{"PATCH", hand, "hand", object{"role": "supervisor"}, 403, "permission"},
		{"PATCH", boss, "boss", object{"role": "worker"}, 403, "permission"},
		{"PATCH", owner, "user", object{"role": "worker"}, 403, "permission"},
		{"PATCH", owner, "boss", object{"role": "worker"}, 403, "permission"},
		{"PATCH", owner, "admin", object{"role": "worker"}, 409, "owner"},
		{"PATCH", hand, "boss", object{"role": "maintainer"}, 403, "permission"},
		{"PATCH", hand, "boss", object{"role": "owner"}, 400, "one owner"},
		{"PATCH", hand, "user", object{"role": "owner"}, 400, "one owner"},
		{"PATCH", hand, "boss", object{"role": nil}, 400, "null"},
		{"PATCH", hand, "boss", object{"role": 2147483648}, 400, "role"},
		{"PATCH", hand, "boss", object{"is_active": false}, 403, "unknown field"},
		{"PATCH", hand, "boss", object{"role": "supervisor"}, 200, `"role":"supervisor"`},
		{"PATCH", hand, "worker", object{"role": "worker"}, 403, "permission"},
		{"PATCH", hand, "boss", object{}, 200, `"role":"supervisor"`},
		{"PUT", hand, "boss", object{}, 405, "not allowed"},
		{"DELETE", owner, "user", nil, 409, "owner"},
		{"DELETE", owner, "boss", nil, 403, "permission"},
		{"DELETE", owner, "admin", nil, 409, "owner"},
		{"DELETE", boss, "hand", nil, 403, "permission"},
		{"DELETE", hand, "worker", nil, 403, "permission"},
		{"DELETE", hand, "boss", nil, 204, ""},
		{"DELETE", boss, "boss", nil, 204, ""},
		{"GET", boss, "boss", nil, 404, "Not found."},
	}
	for _, tt := range tests {
		if r := b.want(tt.status, tt.method, tt.path, tt.user, tt.body); !strings.Contains(r.body, tt.text) {
			t.Errorf("%s %s %v: answer %s, want %q in it", tt.method, tt.path, tt.body, r.body, tt.text)
		}
	}
}

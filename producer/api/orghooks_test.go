package api_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
)

func TestWebhookOfAnOrganization(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addUser("stranger", pipeline.GroupUser)
	org := b.organization("user", "acme")
	b.member("user", "acme", "keeper", pipeline.RoleMaintainer)
	b.member("user", "acme", "helper", pipeline.RoleSupervisor)
	body := object{
		"type": "organization", "target_url": "https://hook.example/",
		"events": pipeline.WebhookEvents(pipeline.WebhookOrganization),
	}
	b.want(403, "POST", "/api/webhooks?org=acme", "helper", body)
	b.want(400, "POST", "/api/webhooks", "keeper", body) // of no organization
	made := b.want(201, "POST", "/api/webhooks?org=acme", "keeper", body).json(t)
	if made["organization"] != org["id"] || made["project_id"] != nil {
		t.Errorf("the webhook is %v", made)
	}
	path := at("/api/webhooks", made)
	for user, status := range map[string]int{"user": 200, "keeper": 200, "admin": 200, "helper": 403, "stranger": 403} {
		b.want(status, "GET", path, user, nil)
	}
	for user, count := range map[string]float64{"user": 1, "keeper": 1, "helper": 0} {
		if got := b.want(200, "GET", "/api/webhooks?org=acme", user, nil).json(t)["count"]; got != count {
			t.Errorf("%s sees %v webhooks, want %v", user, got, count)
		}
	}
	late := b.member("user", "acme", "late", pipeline.RoleWorker)
	b.want(200, "PATCH", at("/api/memberships", late), "user", object{"role": "supervisor"})
	b.want(204, "DELETE", at("/api/memberships", late), "user", nil)
	project := b.want(201, "POST", "/api/projects?org=acme", "helper", object{"name": "roads"}).json(t)
	b.want(201, "POST", "/api/tasks?org=acme", "helper", object{"name": "bus", "project_id": idOf(project)})
	b.want(200, "PATCH", at("/api/organizations", org), "user", object{"name": "Acme"})
	list := results(t, b.want(200, "GET", path+"/deliveries?page_size=100", "user", nil).json(t))
	slices.Reverse(list)
	want := []any{
		"create:membership", "create:invitation", "update:membership", "update:membership", "delete:membership",
		"delete:invitation", "create:project", "create:task", "update:organization",
	}
	if diff := cmp.Diff(want, field(list, "event")); diff != "" {
		t.Fatalf("events differ (-want +got):\n%s", diff)
	}
	for i, kind := range []string{"membership", "invitation", "membership", "membership", "membership", "invitation", "project", "task", "organization"} {
		if _, there := list[i]["request"].(object)[kind]; !there {
			t.Errorf("%v has no %s: %v", want[i], kind, list[i]["request"])
		}
	}
	b.want(204, "DELETE", at("/api/organizations", org), "user", nil)
	b.want(404, "GET", path, "user", nil)
}

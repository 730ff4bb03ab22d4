package api_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/producer/api"
	"framemill/tests/contract"
)

// everyList are the parameters that every list has, and where they are tested.
var everyList = map[string]string{
	"page":      "TestListUsers and TestTasksArePaged",
	"page_size": "TestListUsers and TestTasksArePaged",
	"filter":    "here, field by field, and TestFilters",
	"sort":      "here, field by field",
	"search":    "here, field by field",
	"org":       "TestWorkspace and TestShared",
	"org_id":    "TestWorkspace and TestShared",
}

// unlisted are the lists of the document that have no rows in filterRows, and
// why. One that begins to refuse a sort by nonsense must get its rows there.
var unlisted = map[string]string{
	"/api/webhooks/{id}/deliveries": "it has pages only, which TestRedelivery turns",
}

// filterRow is one parameter of one list: what it finds of the objects in
// filterWorld, by name.
type filterRow struct {
	list, param, value string
	want               []any
}

func filterRows() []filterRow {
	two, one, none := []any{"tram", "bus"}, []any{"bus"}, []any{}
	all := []any{8, 7, 6, 5, 4, 3, 2, 1} // jobs
	return []filterRow{
		{"/api/tasks", "name", "bus", one}, {"/api/tasks", "owner", "user", two},
		{"/api/tasks", "owner", "nobody", none}, {"/api/tasks", "assignee", "worker", one},
		{"/api/tasks", "status", "annotation", two}, {"/api/tasks", "status", "completed", none},
		{"/api/tasks", "subset", "train", one}, {"/api/tasks", "tracker_link", "http://bugs", one},
		{"/api/tasks", "project_id", "1", one}, {"/api/tasks", "project_name", "roads", one},
		{"/api/tasks", "mode", "annotation", two}, {"/api/tasks", "mode", "interpolation", none},
		{"/api/tasks", "media_type", "image", two}, {"/api/tasks", "media_type", "point_cloud", none},
		{"/api/tasks", "dimension", "2d", two}, {"/api/tasks", "dimension", "3d", none},
		{"/api/tasks", "validation_mode", "gt", none},

		{"/api/jobs", "task_id", "1", []any{2, 1}}, {"/api/jobs", "task_name", "tram", []any{8, 7, 6, 5, 4, 3}},
		{"/api/jobs", "project_id", "1", []any{2, 1}}, {"/api/jobs", "project_name", "roads", []any{2, 1}},
		{"/api/jobs", "assignee", "worker", []any{1}}, {"/api/jobs", "stage", "validation", []any{1}},
		{"/api/jobs", "state", "completed", []any{1}}, {"/api/jobs", "dimension", "2d", all},
		{"/api/jobs", "type", "consensus_replica", []any{8, 7, 5, 4}}, {"/api/jobs", "type", "replica", []any{8, 7, 5, 4}},
		{"/api/jobs", "parent_job_id", "3", []any{5, 4}}, {"/api/jobs", "mode", "annotation", all},
		{"/api/jobs", "mode", "interpolation", none}, {"/api/jobs", "media_type", "image", all},
		{"/api/jobs", "media_type", "audio", none},

		{"/api/projects", "name", "roads", []any{"roads"}}, {"/api/projects", "owner", "user", []any{"rails", "roads"}},
		{"/api/projects", "assignee", "worker", []any{"rails"}}, {"/api/projects", "status", "annotation", []any{"rails", "roads"}},
		{"/api/projects", "status", "completed", none},

		{"/api/labels", "name", "car", []any{"car"}}, {"/api/labels", "type", "rectangle", []any{"van"}},
		{"/api/labels", "color", "#00ff00", []any{"van"}}, {"/api/labels", "parent", "car", none},
		{"/api/labels", "parent_id", "1", none}, {"/api/labels", "task_id", "1", []any{"car"}},
		{"/api/labels", "job_id", "3", []any{"van"}}, {"/api/labels", "project_id", "1", []any{"car"}},

		{"/api/requests", "status", "started", []any{1, 2}}, {"/api/requests", "status", "finished", none},
		{"/api/requests", "project_id", "1", []any{1}}, {"/api/requests", "task_id", "2", []any{2}},
		{"/api/requests", "job_id", "1", none}, {"/api/requests", "action", "create", []any{1, 2}},
		{"/api/requests", "action", "export", none}, {"/api/requests", "target", "task", []any{1, 2}},
		{"/api/requests", "target", "job", none}, {"/api/requests", "subresource", "backup", none},
		{"/api/requests", "format", "COCO 1.0", none},

		{"/api/users", "username", "worker", []any{"worker"}}, {"/api/users", "first_name", "USER", []any{"user"}},
		{"/api/users", "last_name", "Nobody", none}, {"/api/users", "is_active", "true", []any{"admin", "user", "worker"}},
		{"/api/users", "is_active", "0", none},

		{"/api/organizations", "name", "acme", []any{"acme"}}, {"/api/organizations", "owner", "user", []any{"acme"}},
		{"/api/organizations", "slug", "acme", []any{"acme"}}, {"/api/organizations", "slug", "other", none},

		{"/api/memberships", "user", "user", []any{"owner"}}, {"/api/memberships", "user", "nobody", none},
		{"/api/memberships", "role", "owner", []any{"owner"}}, {"/api/memberships", "role", "worker", none},

		{"/api/invitations", "owner", "user", []any{"worker"}}, {"/api/invitations", "owner", "nobody", none},

		{"/api/auth/access_tokens", "name", "ci", []any{"ci"}}, {"/api/auth/access_tokens", "name", "cd", none},

		{"/api/cloudstorages", "name", "first", []any{"first"}}, {"/api/cloudstorages", "name", "other", none},
		{"/api/cloudstorages", "provider_type", "AWS_S3_BUCKET", []any{"first"}},
		{"/api/cloudstorages", "provider_type", "AZURE_CONTAINER", none},
		{"/api/cloudstorages", "resource", "media", []any{"first"}}, {"/api/cloudstorages", "resource", "x", none},
		{"/api/cloudstorages", "credentials_type", "ANONYMOUS_ACCESS", []any{"first"}},
		{"/api/cloudstorages", "owner", "user", []any{"first"}}, {"/api/cloudstorages", "owner", "admin", none},

		{"/api/webhooks", "target_url", "https://a.example/x", []any{"first"}},
		{"/api/webhooks", "owner", "user", []any{"second", "first"}}, {"/api/webhooks", "owner", "admin", none},
		{"/api/webhooks", "project_id", "2", []any{"second"}}, {"/api/webhooks", "type", "project", []any{"second", "first"}},
		{"/api/webhooks", "type", "organization", none},
	}
}

// filterWorld makes the objects of filterRows.
func filterWorld(t *testing.T) *bundle {
	t.Helper()
	b := setup(t)
	b.project("user", object{"name": "roads", "labels": []any{object{"name": "car"}}})
	b.project("user", object{"name": "rails", "assignee_id": b.users["worker"].ID})
	bus := b.create("user", object{"name": "bus", "project_id": 1, "subset": "train", "bug_tracker": "http://bugs",
		"assignee_id": b.users["worker"].ID})
	tram := b.create("user", object{"name": "tram", "segment_size": 0, "consensus_replicas": 2,
		"labels": []any{object{"name": "van", "type": "rectangle", "color": "#00ff00"}}})
	b.publish(bus)
	b.publish(tram)
	b.want(200, "PATCH", "/api/jobs/1", "user", object{"assignee": b.users["worker"].ID, "stage": "validation"})
	b.want(200, "PATCH", "/api/jobs/1", "user", object{"state": "completed"})
	b.accessToken("user", object{"name": "ci"})
	b.organization("user", "acme")
	b.invite("user", "acme", "worker", pipeline.RoleWorker)
	b.webhook("user", 1, object{"description": "first", "target_url": "https://a.example/x"})
	b.webhook("user", 2, object{"description": "second"})
	b.addCloud("user", nil, pipeline.CloudStorage{Name: "first", Description: "d"})
	return b
}

// TestEveryListParameter walks the lists of the document: every parameter has
// a row, and every field that one may search, sort and filter by is known.
func TestEveryListParameter(t *testing.T) {
	t.Parallel()
	b := filterWorld(t)
	classes := api.Classes(b.server)
	tested := map[string]map[string]bool{}
	for _, row := range filterRows() {
		if tested[row.list] == nil {
			tested[row.list] = map[string]bool{}
		}
		tested[row.list][row.param] = true
	}
	for path, item := range contract.Document(t).Paths.Map() {
		class := classes["GET "+strings.TrimSuffix(path, "/")]
		if item.Get == nil || item.Get.Parameters.GetByInAndName("query", "page") == nil || class != "core" && class != "people" {
			continue
		}
		if why := unlisted[path]; why != "" {
			if strings.Contains(path, "{") {
				continue
			}
			if r := b.send("GET", path+"?sort=nonsense", "admin", nil); r.StatusCode == http.StatusBadRequest {
				t.Errorf("GET %s is there by now: give its parameters rows in filterRows (it was left out because %s)", path, why)
			}
			continue
		}
		b.checkFields(item.Get, path)
		for _, p := range item.Get.Parameters {
			if _, ok := everyList[p.Value.Name]; p.Value.In == "query" && !ok && !tested[path][p.Value.Name] {
				t.Errorf("GET %s: the parameter %s has no row", path, p.Value.Name)
			}
		}
	}
}

// namedFields finds the fields that a description of the document lists.
var namedFields = regexp.MustCompile(`Available (filter|search|ordering)_fields: [\[(]([^\])]*)[\])]`)

// checkFields sorts and filters a list by every field that its description
// names, and by one that it does not.
func (b *bundle) checkFields(op *openapi3.Operation, path string) {
	b.t.Helper()
	fields := map[string]bool{}
	for _, p := range op.Parameters {
		found := namedFields.FindStringSubmatch(p.Value.Description)
		if found == nil {
			continue
		}
		for name := range strings.SplitSeq(found[2], ",") {
			if name = strings.Trim(name, "' "); name != "" {
				fields[name] = true
			}
		}
	}
	if len(fields) < 3 {
		b.t.Errorf("GET %s: the document names only %v", path, fields)
	}
	ids := func(query string) []any {
		return field(results(b.t, b.want(200, "GET", path+"?"+query, "user", nil).json(b.t)), "id")
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		up, down := ids("sort="+name), ids("sort=-"+name)
		slices.Reverse(down)
		if diff := cmp.Diff(up, down); diff != "" {
			b.t.Errorf("GET %s sorted by %s, up and down (-up +down):\n%s", path, name, diff)
		}
		set := ids("filter=" + url.QueryEscape(fmt.Sprintf(`{"var":%q}`, name)))
		unset := ids("filter=" + url.QueryEscape(fmt.Sprintf(`{"!":{"var":%q}}`, name)))
		if len(set)+len(unset) != len(up) {
			b.t.Errorf("GET %s: %d have %s and %d do not, of %d", path, len(set), name, len(unset), len(up))
		}
	}
	for _, query := range []string{"sort=nonsense", "sort=-nonsense", `filter={"var":"nonsense"}`} {
		if r := b.want(400, "GET", path+"?"+url.PathEscape(query), "user", nil); !strings.Contains(r.body, "nonsense") {
			b.t.Errorf("GET %s?%s: the answer %s does not name the field", path, query, r.body)
		}
	}
}

func TestListParameters(t *testing.T) {
	t.Parallel()
	b := filterWorld(t)
	label := map[string]string{
		"/api/jobs": "id", "/api/users": "username", "/api/memberships": "role", "/api/invitations": "role",
		"/api/webhooks": "description", "/api/cloudstorages": "display_name",
	}
	for _, row := range filterRows() {
		name := "name"
		if l := label[row.list]; l != "" {
			name = l
		}
		page := b.want(200, "GET", row.list+"?"+row.param+"="+url.QueryEscape(row.value), "user", nil).json(t)
		got := field(results(t, page), name)
		if row.list == "/api/requests" {
			got = field(operations(t, page), "task_id")
			slices.SortFunc(got, func(a, b any) int { return int(a.(float64) - b.(float64)) })
		}
		if diff := cmp.Diff(numbers(row.want), got); diff != "" {
			t.Errorf("GET %s?%s=%s (-want +got):\n%s", row.list, row.param, row.value, diff)
		}
		if page["count"] != float64(len(row.want)) {
			t.Errorf("GET %s?%s=%s counts %v, want %d", row.list, row.param, row.value, page["count"], len(row.want))
		}
	}
}

// operations returns what the requests of a page do.
func operations(t *testing.T, page object) []object {
	t.Helper()
	list := results(t, page)
	for i := range list {
		list[i] = list[i]["operation"].(object)
	}
	return list
}

// numbers returns a list with its numbers as JSON has them.
func numbers(list []any) []any {
	out := []any{}
	for _, v := range list {
		if n, ok := v.(int); ok {
			v = float64(n)
		}
		out = append(out, v)
	}
	return out
}

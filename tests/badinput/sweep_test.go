package badinput_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// oddValues are tried in every field of every body.
var oddValues = []string{
	`null`, `true`, `-1`, `0`, `1.5`, `2147483648`, `9223372036854775808`, `1e400`, `""`, `" "`, `"x"`, `"\u0000"`, `"\ud800"`, `"'; DROP TABLE tasks; --"`,
	`[]`, `[null]`, `[[]]`, `[{}]`, `[1,1]`, `["x","x"]`, `{}`, `{"id":1}`, `{"id":"x","deleted":true}`, `[{"id":1,"name":null}]`, `[{"id":-1}]`,
	`{"location":"cloud_storage","cloud_storage_id":9}`, `[{"name":"a","attributes":[{"name":null}]}]`, `[{"name":"a","type":"skeleton","sublabels":[{"name":"b"}]}]`,
}

// oddQueries are tried in every parameter of every list.
var oddQueries = []string{
	"", "x", "-1", "0", "1.5", "2147483648", "9223372036854775808", "null", "'", "%25_%25", "a,b", "-", "true", "[]", "{}", `{"and":[]}`, `{"!":[]}`,
	`{"==":[{"var":"id"},{}]}`, `{"in":["x",{"var":"name"}]}`, `{"<=":[1,{"var":"id"},"x"]}`, `{"==":[{"var":"id"},1e400]}`, `{"or":[{"==":[{"var":"owner"},null]}]}`,
}

// operation is a route and the fields that its body has.
type operation struct{ method, path, fields string }

// operations are those that take a body.
var operations = []operation{
	{"POST", "/api/tasks", "name labels project_id owner_id assignee_id bug_tracker subset segment_size overlap consensus_replicas source_storage target_storage organization_id"},
	{"PATCH", "/api/tasks/{fresh}", "name labels project_id owner_id assignee_id bug_tracker subset source_storage target_storage organization_id"},
	{"POST", "/api/projects", "name labels owner_id assignee_id bug_tracker source_storage target_storage"},
	{"POST", "/api/tasks/{fresh}/data", "image_quality chunk_size start_frame stop_frame frame_filter server_files server_files_exclude remote_files use_zip_chunks " +
		"use_cache copy_data storage_method sorting_method cloud_storage_id filename_pattern job_file_mapping upload_file_order validation_params on_error"},
	{"PATCH", "/api/tasks/{task}/data/meta", "cloud_storage_id"},
	{"PATCH", "/api/tasks/{fresh}/validation_layout", "disabled_frames frame_selection_method honeypot_real_frames"},
	{"PATCH", "/api/jobs/{job}", "assignee stage state"},
	{"PATCH", "/api/jobs/{job}/data/meta", "deleted_frames"},
	{"POST", "/api/jobs", "task_id type frame_selection_method frame_count frame_share frames_per_job_count frames_per_job_share random_seed frames assignee"},
	{"PATCH", "/api/projects/{project}", "name labels owner_id assignee_id bug_tracker source_storage target_storage organization_id"},
	{"PATCH", "/api/labels/{label}", "name color type attributes parent sublabels svg deleted"},
	{"POST", "/api/organizations", "slug name description contact"},
	{"PATCH", "/api/organizations/{org}", "slug name description contact"},
	{"POST", "/api/invitations?org_id={org}", "role email"},
	{"PATCH", "/api/memberships/{membership}", "role"},
	{"PATCH", "/api/users/2", "first_name last_name email groups"},
	{"POST", "/api/auth/password/change", "old_password new_password1 new_password2"},
	{"POST", "/api/auth/access_tokens", "name expiry_date read_only"},
	{"POST", "/api/webhooks", "type project_id target_url events content_type secret description is_active enable_ssl"},
	{"PATCH", "/api/webhooks/{webhook}", "target_url events content_type secret description is_active enable_ssl"},
	{"POST", "/api/events", "events timestamp"},
}

// lists are the routes that take parameters.
var lists = []operation{
	{"GET", "/api/tasks", "page page_size sort filter search name owner assignee status subset mode project_id project_name dimension tracker_link org org_id"},
	{"GET", "/api/jobs", "page page_size sort filter search task_id state stage assignee type project_id dimension parent_job_id"},
	{"GET", "/api/projects", "page page_size sort filter search name owner assignee status"},
	{"GET", "/api/labels", "page page_size sort filter search task_id project_id job_id name type color parent"},
	{"GET", "/api/requests", "page page_size sort filter status task_id project_id job_id action target subresource format"},
	{"GET", "/api/users", "page page_size sort filter search id is_self is_active username"},
	{"GET", "/api/requests/{rq}/files", "page page_size after outcome"},
	{"GET", "/api/server/share", "directory search"},
	{"GET", "/api/tasks/{task}/data", "type quality number index"},
	{"GET", "/api/auth/access_tokens", "page page_size sort filter search name read_only"},
	{"GET", "/api/webhooks", "page page_size sort filter search owner project_id target_url type org org_id"},
	{"GET", "/api/organizations", "page page_size sort filter search name owner slug"},
	{"GET", "/api/memberships", "page page_size sort filter search user role org org_id"},
	{"GET", "/api/invitations", "page page_size sort filter search owner user_id accepted org org_id"},
	{"GET", "/api/issues", "page page_size sort filter job_id task_id"},
}

// trySweep puts every odd value into every field: none may be the server's
// fault.
func trySweep(t *testing.T, b *bench) {
	for _, o := range operations {
		t.Run(o.method+" "+o.path, func(t *testing.T) {
			path, _ := b.at(t, o.path, nil)
			var faults []string
			tried := 0
			for field := range strings.FieldsSeq(o.fields) {
				for _, v := range oddValues {
					body := fmt.Sprintf(`{"name":"swept",%q:%s}`, field, v)
					if o.method == http.MethodPatch {
						body = fmt.Sprintf(`{%q:%s}`, field, v)
					}
					faults = append(faults, b.fault(t, call{method: o.method, path: path, kind: asJSON, body: []byte(body)})...)
					tried++
				}
			}
			b.sum(t, tried, faults)
		})
	}
	for _, o := range lists {
		t.Run(o.method+" "+o.path, func(t *testing.T) {
			path, _ := b.at(t, o.path, nil)
			var faults []string
			tried := 0
			for name := range strings.FieldsSeq(o.fields) {
				for _, v := range oddQueries {
					faults = append(faults, b.fault(t, call{method: o.method, path: path + "?" + name + "=" + url.QueryEscape(v)})...)
					tried++
				}
			}
			b.sum(t, tried, faults)
		})
	}
	b.deleteSwept(t)
}

// fault makes a call and says what is wrong with the answer, if anything is.
func (b *bench) fault(t *testing.T, c call) []string {
	t.Helper()
	a := b.send(t, c)
	switch {
	case a.status >= 500 && a.status != http.StatusNotImplemented, a.took > prompt, a.status >= 400 && a.code() == "":
		return []string{fmt.Sprintf("%s %s %s: %d %q after %s: %s", c.method, c.path, c.body, a.status, a.code(), a.took, shorten(a.body))}
	}
	return nil
}

func (b *bench) sum(t *testing.T, tried int, faults []string) {
	t.Helper()
	b.ledger.add(t, fmt.Sprintf("%d answers, no fault", tried), fmt.Sprintf("%d faults", len(faults)), len(faults) == 0, strings.Join(faults, "\n"))
}

// deleteSwept removes the tasks and projects that were made after all.
func (b *bench) deleteSwept(t *testing.T) {
	t.Helper()
	for _, kind := range []string{"tasks", "projects"} {
		var list struct {
			Results []struct {
				ID   int64
				Name string
			}
		}
		b.JSON(t, http.MethodGet, "/api/"+kind+"?page_size=500", nil, &list)
		for _, o := range list.Results {
			if !b.live[o.ID] || kind == "projects" {
				b.JSON(t, http.MethodDelete, fmt.Sprintf("/api/%s/%d", kind, o.ID), nil, nil)
			}
		}
	}
}

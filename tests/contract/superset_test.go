package contract_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
)

// superset are the fields, beyond those that the document requires, without
// which clients at one end or the other of the range break, by operation. Those
// with a ! may not be null, those without may.
var superset = map[string]string{
	"GET /api/tasks/{id}": "organization organization_id project_name media_type! initial_replicas! consensus_enabled! consensus_replicas! " +
		"jobs.count! jobs.url! labels.url! data! size! image_quality!",
	"GET /api/tasks":                   "count! next previous results.0.organization results.0.project_name results.0.media_type!",
	"GET /api/jobs/{id}":               "organization organization_id project_name task_name! media_type! replicas_count! consensus_replicas! parent_job_id issues.url! labels.url!",
	"GET /api/jobs":                    "count! next previous results.0.organization results.0.task_name!",
	"GET /api/projects/{id}":           "organization organization_id dimension tasks.count! labels.url! task_subsets!",
	"GET /api/projects":                "count! next previous results.0.organization",
	"GET /api/labels":                  "count! next previous results.0.color! results.0.attributes! results.0.sublabels! results.0.has_parent!",
	"GET /api/requests":                "count! next previous results.0.message! results.0.owner.username!",
	"GET /api/requests/{id}":           "message! progress owner.username! operation.task_id",
	"GET /api/users":                   "count! next previous results.0.username!",
	"GET /api/users/self":              "has_analytics_access! groups! email! last_login",
	"GET /api/tasks/{id}/data/meta":    "image_quality! frames.0.width! frames.0.height! frames.0.related_files! chunks_updated_date! deleted_frames! frame_filter! included_frames",
	"GET /api/jobs/{id}/data/meta":     "image_quality! frames.0.width! frames.0.height! frames.0.related_files! chunks_updated_date! deleted_frames! frame_filter! included_frames",
	"GET /api/organizations/{id}":      "contact! owner slug! name!",
	"GET /api/organizations":           "count! next previous results.0.contact!",
	"GET /api/memberships":             "count! next previous results.0.role!",
	"GET /api/invitations/{key}":       "accepted! organization_info.slug! user.username!",
	"GET /api/invitations":             "count! next previous results.0.accepted!",
	"GET /api/server/plugins":          "ANALYTICS! GIT_INTEGRATION! MODELS! PREDICT!",
	"GET /api/tasks/{id}/annotations/": "version! tags! shapes! tracks! intervals!",
	"GET /api/jobs/{id}/annotations/":  "version! tags! shapes! tracks! intervals!",
	"GET /api/issues":                  "count! next previous results!",
	"GET /api/comments":                "count! next previous results!",
	"GET /api/quality/reports":         "count! next previous results!",
}

// checkSuperset fails for each field of the table that an answer lacks.
func checkSuperset(t *testing.T, op string, answer []byte) {
	t.Helper()
	if superset[op] == "" {
		return
	}
	var v any
	if err := json.Unmarshal(answer, &v); err != nil {
		t.Fatal(err)
	}
	for field := range strings.FieldsSeq(superset[op]) {
		path, notNull := strings.CutSuffix(field, "!")
		got, ok := dig(v, strings.Split(path, "."))
		if !ok || notNull && got == nil {
			t.Errorf("%s of the answer is %v, there %t: some client needs it\n%s", path, got, ok, answer)
		}
	}
}

// dig returns what lies at a path of names and indices.
func dig(v any, path []string) (any, bool) {
	if len(path) == 0 {
		return v, true
	}
	switch v := v.(type) {
	case map[string]any:
		inner, ok := v[path[0]]
		if ok {
			return dig(inner, path[1:])
		}
	case []any:
		if i, err := strconv.Atoi(path[0]); err == nil && i < len(v) {
			return dig(v[i], path[1:])
		}
	}
	return nil, false
}

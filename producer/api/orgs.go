package api

import (
	"net/http"

	"framemill/pipeline"
)

// checkOrganization reads which workspace a client means. An empty name is the
// personal one, and so far there is no other.
func checkOrganization(r *http.Request) error {
	q := r.URL.Query()
	var named []string
	if v, ok := r.Header["X-Organization"]; ok {
		named = append(named, v...)
	}
	named = append(named, q["org"]...)
	slugs := len(named)
	named = append(named, q["org_id"]...)
	for i, v := range named {
		if i < slugs && v != named[0] || slugs > 0 && i >= slugs && (v == "") != (named[0] == "") {
			return pipeline.Errorf(pipeline.Invalid, "the organization is named twice, and not the same")
		}
	}
	for _, v := range named {
		if v != "" {
			return pipeline.Errorf(pipeline.NotFound, "%q organization does not exist.", v)
		}
	}
	return nil
}

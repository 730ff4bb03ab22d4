package api

import (
	"net/http"
	"strings"

	"framemill/pipeline"
	"framemill/pipeline/store"
	"framemill/producer/access"
)

// maxSortKeys bounds a sort.
const maxSortKeys = 8

// readQuery reads what a client asks of a list: its page, search, sort and
// filter, and the named parameters that are simple filters.
func readQuery(r *http.Request, simple ...string) (store.Query, pageQuery, error) {
	p, err := readPage(r)
	if err != nil {
		return store.Query{}, p, err
	}
	params := r.URL.Query()
	q := store.Query{Search: params.Get("search"), Offset: p.offset(), Limit: p.limit()}
	for _, name := range simple {
		if v := params.Get(name); v != "" {
			q.Where = append(q.Where, store.Is(name, v))
		}
	}
	if s := params.Get("filter"); s != "" {
		c, err := parseFilter(s)
		if err != nil {
			return q, p, err
		}
		q.Where = append(q.Where, c)
	}
	q.Sort, err = parseSort(params.Get("sort"))
	return q, p, err
}

// parseSort reads names of fields, each after a minus if it descends.
func parseSort(text string) ([]store.Order, error) {
	if text == "" {
		return nil, nil
	}
	keys := strings.Split(text, ",")
	if len(keys) > maxSortKeys {
		return nil, pipeline.FieldErrorf("sort", "at most %d fields can be sorted by", maxSortKeys)
	}
	var out []store.Order
	for _, k := range keys {
		name, desc := strings.CutPrefix(strings.TrimSpace(k), "-")
		out = append(out, store.Order{Field: name, Desc: desc})
	}
	return out, nil
}

// viewer is the caller, where they work, as the store's lists know them.
func viewer(r *http.Request) store.Viewer {
	p := access.From(r.Context())
	all := p.Admin() || p.In.OrgID != nil && p.Oversees(*p.In.OrgID)
	return store.Viewer{UserID: p.User.ID, All: all, In: p.In}
}

// check returns ErrDenied unless the caller may do a.
func check(r *http.Request, a access.Action, f access.Facts) error {
	return access.Check(access.From(r.Context()), a, f)
}

// here are the facts of the workspace that the caller works in.
func here(r *http.Request) access.Facts {
	return access.Facts{Org: access.From(r.Context()).In.OrgID}
}

// orNotFound gives an object that is not there the answer that clients know.
func orNotFound(err error) error {
	if pipeline.KindOf(err) == pipeline.NotFound {
		return errNotFound()
	}
	return err
}

// mapEach returns the results of f for each element.
func mapEach[A, B any](list []A, f func(*A) B) []B {
	out := make([]B, len(list))
	for i := range list {
		out[i] = f(&list[i])
	}
	return out
}

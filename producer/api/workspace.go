package api

import (
	"net/http"
	"slices"
	"strconv"

	"framemill/pipeline"
	"framemill/producer/access"
)

// enter finds out where a client works, and what roles they have wherever they
// are members. Nobody enters an organization who is not a member of it.
func (s *Server) enter(r *http.Request, p *access.Principal) (err error) {
	if p.Roles, err = s.DB.Roles(r.Context(), p.User.ID); err != nil {
		return err
	}
	if p.In, err = s.workspace(r); err != nil || p.In.OrgID == nil {
		return err
	}
	return access.Check(p, access.ViewOrganization, access.Facts{Org: p.In.OrgID})
}

// workspace reads which workspace a client means: by the slug of an
// organization, in a header or in the query, or by its id. An empty name is the
// personal workspace, and none at all is everywhere.
func (s *Server) workspace(r *http.Request) (pipeline.Workspace, error) {
	q := r.URL.Query()
	slug, bySlug, err := onlyName(slices.Concat(r.Header["X-Organization"], q["org"]))
	if err != nil {
		return pipeline.Workspace{}, err
	}
	id, byID, err := onlyName(q["org_id"])
	switch {
	case err != nil:
		return pipeline.Workspace{}, err
	case !bySlug && !byID:
		return pipeline.Workspace{}, nil
	case slug == "" && id == "":
		return pipeline.Workspace{Named: true}, nil
	case bySlug && byID && (slug == "" || id == ""):
		return pipeline.Workspace{}, errTwoOrganizations()
	}
	return s.namedOrganization(r, slug, id)
}

// onlyName returns the name that is given any number of times, if it is given
// at all.
func onlyName(names []string) (name string, given bool, err error) {
	for _, n := range names {
		if n != names[0] {
			return "", true, errTwoOrganizations()
		}
	}
	if len(names) == 0 {
		return "", false, nil
	}
	return names[0], true, nil
}

func errTwoOrganizations() error {
	return pipeline.Errorf(pipeline.Invalid, "the organization is named twice, and not the same")
}

// namedOrganization returns the workspace of the organization with a slug, an
// id, or both.
func (s *Server) namedOrganization(r *http.Request, slug, id string) (pipeline.Workspace, error) {
	var number int64
	if id != "" {
		var err error
		if number, err = strconv.ParseInt(id, 10, 64); err != nil {
			return pipeline.Workspace{}, pipeline.FieldErrorf("org_id", "Enter a number.")
		}
	}
	if !plainText(slug) {
		return pipeline.Workspace{}, errNoOrganization(slug)
	}
	var o *pipeline.Organization
	var err error
	if slug != "" {
		o, err = s.DB.OrganizationBySlug(r.Context(), slug)
	} else {
		o, err = s.DB.Organization(r.Context(), number)
	}
	switch {
	case pipeline.KindOf(err) == pipeline.NotFound:
		return pipeline.Workspace{}, errNoOrganization(slug + id)
	case err != nil:
		return pipeline.Workspace{}, err
	case id != "" && o.ID != number:
		return pipeline.Workspace{}, errTwoOrganizations()
	}
	return o.Workspace(), nil
}

func errNoOrganization(name string) error {
	return pipeline.Errorf(pipeline.NotFound, "%q organization does not exist.", clip(name))
}

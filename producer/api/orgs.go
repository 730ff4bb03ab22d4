package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"

	"framemill/pipeline"
	"framemill/pipeline/store"
	"framemill/producer/access"
)

// organization is an organization as clients read it.
type organization struct {
	ID          int64           `json:"id"`
	Slug        string          `json:"slug"`
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Created     string          `json:"created_date"`
	Updated     string          `json:"updated_date"`
	Contact     json.RawMessage `json:"contact"` // never null
	Owner       *basicUser      `json:"owner"`
}

func organizationOf(r *http.Request, v *store.OrganizationView) organization {
	return organization{
		ID: v.ID, Slug: v.Slug, Name: v.Name, Description: v.Description, Created: iso(v.Created),
		Updated: iso(v.Updated), Contact: json.RawMessage(v.Contact), Owner: userOrNull(r, v.Owner),
	}
}

func (s *Server) listOrganizations(w http.ResponseWriter, r *http.Request) error {
	q, p, err := readQuery(r, "name", "owner", "slug")
	if err != nil {
		return err
	}
	who := viewer(r)
	who.All = access.From(r.Context()).Admin() // whoever oversees one organization sees no more of them
	views, count, err := s.DB.Organizations(r.Context(), who, q)
	if err != nil {
		return err
	}
	return writePage(w, r, p, count, mapEach(views, func(v *store.OrganizationView) organization { return organizationOf(r, v) }))
}

func (s *Server) readOrganization(w http.ResponseWriter, r *http.Request) error {
	id, err := s.organizationInPath(r, access.ViewOrganization)
	if err != nil {
		return err
	}
	return s.writeOrganization(w, r, http.StatusOK, id)
}

// organizationInPath returns the id of the organization that the path names, if
// the caller may do a.
func (s *Server) organizationInPath(r *http.Request, a access.Action) (int64, error) {
	id, err := idParam(r)
	if err != nil {
		return 0, err
	}
	if _, err := s.DB.Organization(r.Context(), id); err != nil {
		return 0, orNotFound(err)
	}
	return id, check(r, a, access.Facts{Org: &id})
}

func (s *Server) writeOrganization(w http.ResponseWriter, r *http.Request, status int, id int64) error {
	v, err := s.DB.OrganizationView(r.Context(), id)
	if err != nil {
		return orNotFound(err)
	}
	return writeJSON(w, status, organizationOf(r, v))
}

// organizationInput is the body of a new organization, and of a change of one.
type organizationInput struct {
	Slug        optional[string]          `json:"slug"`
	Name        optional[string]          `json:"name"`
	Description optional[string]          `json:"description"`
	Contact     optional[json.RawMessage] `json:"contact"`
}

// The texts of organizations.
var (
	slugRule        = textRule{field: "slug", max: 16}
	orgNameRule     = textRule{field: "name", max: 64, blank: true}
	descriptionRule = textRule{field: "description", max: 10_000, blank: true}
	slugShape       = regexp.MustCompile(`^[-a-zA-Z0-9_]+$`)
)

// maxContactBytes bounds the contact of an organization, as it is kept.
const maxContactBytes = 10_000

func (s *Server) createOrganization(w http.ResponseWriter, r *http.Request) error {
	if err := check(r, access.CreateOrganization, access.Facts{}); err != nil {
		return err
	}
	var in organizationInput
	if err := decode(r, &in); err != nil {
		return err
	}
	if _, err := slugRule.required(in.Slug); err != nil {
		return err
	}
	ch, err := in.change()
	if err != nil {
		return err
	}
	o := &pipeline.Organization{
		Slug: ch.Slug.To, Name: ch.Name.To, Description: ch.Description.To, Contact: ch.Contact.To,
		OwnerID: &access.From(r.Context()).User.ID,
	}
	if !ch.Name.Set {
		o.Name = o.Slug
	}
	if !ch.Contact.Set {
		o.Contact = "{}"
	}
	id, err := s.DB.CreateOrganization(r.Context(), o)
	if err != nil {
		return err
	}
	return s.writeOrganization(w, r, http.StatusCreated, id)
}

func (in *organizationInput) change() (*store.OrganizationChange, error) {
	ch := new(store.OrganizationChange)
	var err error
	if ch.Slug, err = slugRule.change(in.Slug); err != nil {
		return nil, err
	}
	if ch.Slug.Set && !slugShape.MatchString(ch.Slug.To) {
		return nil, pipeline.FieldErrorf("slug", "Enter a valid “slug” consisting of letters, numbers, underscores or hyphens.")
	}
	if ch.Name, err = orgNameRule.change(in.Name); err != nil {
		return nil, err
	}
	if ch.Description, err = descriptionRule.change(in.Description); err != nil {
		return nil, err
	}
	ch.Contact, err = contactChange(in.Contact)
	return ch, err
}

// contactChange returns the contact that was sent, without space in it.
func contactChange(o optional[json.RawMessage]) (store.Change[string], error) {
	if !o.Set {
		return store.Change[string]{}, nil
	}
	var text bytes.Buffer
	if o.Value == nil || (*o.Value)[0] != '{' || json.Compact(&text, *o.Value) != nil {
		return store.Change[string]{}, pipeline.FieldErrorf("contact", "Value must be a JSON object.")
	}
	if text.Len() > maxContactBytes {
		return store.Change[string]{}, pipeline.FieldErrorf("contact", "Ensure this field has no more than %d bytes.", maxContactBytes)
	}
	return store.To(text.String()), nil
}

func (s *Server) updateOrganization(w http.ResponseWriter, r *http.Request) error {
	id, err := s.organizationInPath(r, access.ViewOrganization)
	if err != nil {
		return err
	}
	var in organizationInput
	if err := decodePatch(r, &in); err != nil {
		return err
	}
	if in == (organizationInput{}) {
		return s.writeOrganization(w, r, http.StatusOK, id)
	}
	if err := check(r, access.EditOrganization, access.Facts{Org: &id}); err != nil {
		return err
	}
	ch, err := in.change()
	if err != nil {
		return err
	}
	if err := s.DB.UpdateOrganization(r.Context(), id, ch); err != nil {
		return orNotFound(err)
	}
	return s.writeOrganization(w, r, http.StatusOK, id)
}

// deleteOrganization ends an organization. What was made in it goes back to who
// owns it.
func (s *Server) deleteOrganization(w http.ResponseWriter, r *http.Request) error {
	id, err := s.organizationInPath(r, access.DeleteOrganization)
	if err != nil {
		return err
	}
	if err := s.DB.DeleteOrganization(r.Context(), id); err != nil {
		return orNotFound(err)
	}
	return noContent(w)
}

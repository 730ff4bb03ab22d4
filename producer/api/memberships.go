package api

import (
	"net/http"

	"framemill/pipeline"
	"framemill/pipeline/store"
	"framemill/producer/access"
)

// membership is one person's place in an organization as clients read it.
type membership struct {
	ID           int64         `json:"id"`
	User         basicUser     `json:"user"`
	Organization int64         `json:"organization"`
	Active       bool          `json:"is_active"`
	Joined       *string       `json:"joined_date"`
	Role         pipeline.Role `json:"role"`
	Invitation   *string       `json:"invitation"` // its key
}

func membershipOf(r *http.Request, v *store.MembershipView) membership {
	m := membership{
		ID: v.ID, User: basicUserOf(r, *v.User), Organization: v.OrgID, Active: v.Active,
		Joined: isoOrNull(v.Joined), Role: v.Role,
	}
	// The key is for who invites and who is invited.
	p := access.From(r.Context())
	if v.Invitation != nil && (v.UserID == p.User.ID || access.Can(p, access.EditMember, access.Member(&v.Membership))) {
		m.Invitation = v.Invitation
	}
	return m
}

func (s *Server) listMemberships(w http.ResponseWriter, r *http.Request) error {
	q, p, err := readQuery(r, "user", "role")
	if err != nil {
		return err
	}
	views, count, err := s.DB.Memberships(r.Context(), viewer(r), q)
	if err != nil {
		return err
	}
	return writePage(w, r, p, count, mapEach(views, func(v *store.MembershipView) membership { return membershipOf(r, v) }))
}

func (s *Server) readMembership(w http.ResponseWriter, r *http.Request) error {
	v, err := s.membershipInPath(r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, membershipOf(r, v))
}

// membershipInPath returns the membership that the path names, if it is the
// caller's own or they are in the organization.
func (s *Server) membershipInPath(r *http.Request) (*store.MembershipView, error) {
	id, err := idParam(r)
	if err != nil {
		return nil, err
	}
	v, err := s.DB.Membership(r.Context(), id)
	if err != nil {
		return nil, orNotFound(err)
	}
	if v.UserID == access.From(r.Context()).User.ID {
		return v, nil
	}
	return v, check(r, access.ViewMember, access.Member(&v.Membership))
}

// membershipPatch is the body of a change of a membership.
type membershipPatch struct {
	Role optional[string] `json:"role"`
}

func (s *Server) updateMembership(w http.ResponseWriter, r *http.Request) error {
	v, err := s.membershipInPath(r)
	if err != nil {
		return err
	}
	var in membershipPatch
	if err := decodePatch(r, &in); err != nil {
		return err
	}
	if !in.Role.Set {
		return writeJSON(w, http.StatusOK, membershipOf(r, v))
	}
	// Who may change a member stands above the old role, and above the new one.
	if err := check(r, access.EditMember, access.Member(&v.Membership)); err != nil {
		return err
	}
	role, err := grantable(in.Role)
	if err != nil {
		return err
	}
	if err := check(r, access.EditMember, access.Facts{Org: &v.OrgID, Role: role}); err != nil {
		return err
	}
	if err := s.DB.SetRole(r.Context(), v.ID, role); err != nil {
		return orNotFound(err)
	}
	if v, err = s.DB.Membership(r.Context(), v.ID); err != nil {
		return orNotFound(err)
	}
	return writeJSON(w, http.StatusOK, membershipOf(r, v))
}

// grantable returns a role that was sent, if it is one that can be given.
func grantable(o optional[string]) (pipeline.Role, error) {
	if !o.Set {
		return "", pipeline.FieldErrorf("role", "This field is required.")
	}
	c, err := choice("role", o, string(pipeline.RoleWorker), string(pipeline.RoleSupervisor),
		string(pipeline.RoleMaintainer), string(pipeline.RoleOwner))
	if err == nil && c.To == string(pipeline.RoleOwner) {
		err = pipeline.FieldErrorf("role", "An organization has one owner, who stays.")
	}
	return pipeline.Role(c.To), err
}

// deleteMembership removes somebody from an organization, or lets the caller
// leave it.
func (s *Server) deleteMembership(w http.ResponseWriter, r *http.Request) error {
	v, err := s.membershipInPath(r)
	if err != nil {
		return err
	}
	p, f := access.From(r.Context()), access.Member(&v.Membership)
	if !access.Can(p, access.Leave, f) && !access.Can(p, access.EditMember, f) {
		return access.ErrDenied
	}
	if err := s.DB.DeleteMembership(r.Context(), v.ID); err != nil {
		return orNotFound(err)
	}
	return noContent(w)
}

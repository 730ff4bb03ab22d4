package api

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"

	"framemill/pipeline"
	"framemill/pipeline/store"
	"framemill/producer/access"
)

// invitation is an invitation to an organization as clients read it.
type invitation struct {
	Key          string           `json:"key"`
	Created      string           `json:"created_date"`
	Owner        *basicUser       `json:"owner"` // who invites
	Role         pipeline.Role    `json:"role"`
	User         basicUser        `json:"user"` // who is invited
	Organization int64            `json:"organization"`
	Expired      bool             `json:"expired"`
	Accepted     bool             `json:"accepted"`
	Info         organizationInfo `json:"organization_info"`
}

type organizationInfo struct {
	ID   int64  `json:"id"`
	Slug string `json:"slug"`
}

func invitationOf(r *http.Request, v *store.InvitationView) invitation {
	return invitation{
		Key: v.Key, Created: iso(v.Created), Owner: userOrNull(r, v.Owner), Role: v.Membership.Role,
		User: basicUserOf(r, *v.User), Organization: v.Org.ID, Expired: v.Expired && !v.Membership.Active,
		Accepted: v.Membership.Active, Info: organizationInfo{v.Org.ID, v.Org.Slug},
	}
}

func (s *Server) listInvitations(w http.ResponseWriter, r *http.Request) error {
	q, p, err := readQuery(r, "owner", "user_id", "accepted")
	if err != nil {
		return err
	}
	views, count, err := s.DB.Invitations(r.Context(), viewer(r), q)
	if err != nil {
		return err
	}
	return writePage(w, r, p, count, mapEach(views, func(v *store.InvitationView) invitation { return invitationOf(r, v) }))
}

func (s *Server) readInvitation(w http.ResponseWriter, r *http.Request) error {
	v, err := s.invitationInPath(r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, invitationOf(r, v))
}

// invitationInPath returns the invitation that the path names, if it is to the
// caller or they may change it.
func (s *Server) invitationInPath(r *http.Request) (*store.InvitationView, error) {
	v, err := s.DB.Invitation(r.Context(), param(r, "key"))
	if err != nil {
		return nil, orNotFound(err)
	}
	if access.Can(access.From(r.Context()), access.AnswerInvitation, access.Invited(v.Membership)) {
		return v, nil
	}
	return v, check(r, access.EditInvitation, access.Invitation(&v.Invitation, v.Membership))
}

// invitationInput is the body of a new invitation, and of a change of one.
type invitationInput struct {
	Role  optional[string] `json:"role"`
	Email optional[string] `json:"email"` // or the username
}

var inviteeRule = textRule{field: "email", max: 254}

// createInvitation invites a user to the organization in which the caller
// works. Nothing is sent to them: they find the invitation when they log in.
func (s *Server) createInvitation(w http.ResponseWriter, r *http.Request) error {
	p := access.From(r.Context())
	if p.In.OrgID == nil {
		return pipeline.Errorf(pipeline.Invalid, "Name the organization to invite to, by its slug in the header X-Organization or the parameter org.")
	}
	// Who may not even invite a worker learns nothing of the rest.
	if err := check(r, access.Invite, access.Facts{Org: p.In.OrgID, Role: pipeline.RoleWorker}); err != nil {
		return err
	}
	var in invitationInput
	if err := decode(r, &in); err != nil {
		return err
	}
	role, err := s.invitingRole(r, *p.In.OrgID, in.Role)
	if err != nil {
		return err
	}
	u, err := s.invitee(r.Context(), in.Email)
	if err != nil {
		return err
	}
	key := strings.ToLower(rand.Text())
	m := pipeline.Membership{OrgID: *p.In.OrgID, UserID: u.ID, Role: role}
	if err := s.DB.Invite(r.Context(), m, key, p.User.ID); err != nil {
		return orNotFound(err)
	}
	v, err := s.DB.Invitation(r.Context(), key)
	if err != nil {
		return orNotFound(err)
	}
	return writeJSON(w, http.StatusCreated, invitationOf(r, v))
}

// invitingRole returns the role that was sent, if the caller may invite to it.
func (s *Server) invitingRole(r *http.Request, org int64, o optional[string]) (pipeline.Role, error) {
	role, err := grantable(o)
	if err != nil {
		return role, err
	}
	return role, check(r, access.Invite, access.Facts{Org: &org, Role: role})
}

// invitee returns the active user with an email, else with a name.
func (s *Server) invitee(ctx context.Context, o optional[string]) (pipeline.User, error) {
	name, err := inviteeRule.required(o)
	if err != nil {
		return pipeline.User{}, err
	}
	u, err := s.DB.UserByEmail(ctx, name)
	if pipeline.KindOf(err) == pipeline.NotFound {
		u, err = s.DB.UserByName(ctx, name)
	}
	if pipeline.KindOf(err) == pipeline.NotFound || err == nil && !u.Active {
		return u, pipeline.FieldErrorf("email", "No user has this email or name. An administrator can add one.")
	}
	return u, err
}

// updateInvitation changes the role that an open invitation is for, and makes
// it last from now on.
func (s *Server) updateInvitation(w http.ResponseWriter, r *http.Request) error {
	v, err := s.invitationInPath(r)
	if err != nil {
		return err
	}
	var in invitationInput
	if err := decodePatch(r, &in); err != nil {
		return err
	}
	if !in.Role.Set && !in.Email.Set {
		return writeJSON(w, http.StatusOK, invitationOf(r, v))
	}
	if err := check(r, access.EditInvitation, access.Invitation(&v.Invitation, v.Membership)); err != nil {
		return err
	}
	if in.Email.Set {
		u, err := s.invitee(r.Context(), in.Email)
		if err != nil {
			return err
		}
		if u.ID != v.User.ID {
			return pipeline.FieldErrorf("email", "Whom an invitation is for cannot be changed: withdraw it, and invite anew.")
		}
	}
	var role store.Change[pipeline.Role]
	if in.Role.Set {
		to, err := s.invitingRole(r, v.Org.ID, in.Role)
		if err != nil {
			return err
		}
		role = store.To(to)
	}
	if err := s.DB.RenewInvitation(r.Context(), v.Key, role); err != nil {
		return orNotFound(err)
	}
	if v, err = s.DB.Invitation(r.Context(), v.Key); err != nil {
		return orNotFound(err)
	}
	return writeJSON(w, http.StatusOK, invitationOf(r, v))
}

// deleteInvitation withdraws an invitation.
func (s *Server) deleteInvitation(w http.ResponseWriter, r *http.Request) error {
	return s.changeInvitation(w, r, s.DB.DeleteInvitation)
}

// resendInvitation makes an open invitation last from now on.
func (s *Server) resendInvitation(w http.ResponseWriter, r *http.Request) error {
	return s.changeInvitation(w, r, func(ctx context.Context, key string) error {
		return s.DB.RenewInvitation(ctx, key, store.Change[pipeline.Role]{})
	})
}

// changeInvitation does to an invitation what its inviter may do, with nothing to
// answer.
func (s *Server) changeInvitation(w http.ResponseWriter, r *http.Request, do func(context.Context, string) error) error {
	v, err := s.invitationInPath(r)
	if err != nil {
		return err
	}
	if err := check(r, access.EditInvitation, access.Invitation(&v.Invitation, v.Membership)); err != nil {
		return err
	}
	if err := do(r.Context(), v.Key); err != nil {
		return orNotFound(err)
	}
	return noContent(w)
}

// accepted tells who has accepted an invitation where they are now.
type accepted struct {
	Slug string `json:"organization_slug"`
}

func (s *Server) acceptInvitation(w http.ResponseWriter, r *http.Request) error {
	v, err := s.ownInvitation(r)
	if err != nil {
		return err
	}
	if err := s.DB.AcceptInvitation(r.Context(), v.Key); err != nil {
		return orNotFound(err)
	}
	return writeJSON(w, http.StatusOK, accepted{v.Org.Slug})
}

func (s *Server) declineInvitation(w http.ResponseWriter, r *http.Request) error {
	v, err := s.ownInvitation(r)
	if err != nil {
		return err
	}
	if err := s.DB.DeclineInvitation(r.Context(), v.Key); err != nil {
		return orNotFound(err)
	}
	return noContent(w)
}

// ownInvitation returns the invitation that the path names, if it is to the
// caller. Nobody answers for somebody else, administrators included.
func (s *Server) ownInvitation(r *http.Request) (*store.InvitationView, error) {
	v, err := s.invitationInPath(r)
	if err == nil && v.User.ID != access.From(r.Context()).User.ID {
		err = access.ErrDenied
	}
	return v, err
}

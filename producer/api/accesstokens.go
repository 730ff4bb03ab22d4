package api

import (
	"net/http"

	"framemill/pipeline"
	"framemill/pipeline/store"
	"framemill/producer/access"
)

// accessToken is a personal access token as clients read it. Its value is there
// once, in the answer to its creation.
type accessToken struct {
	ID       int64     `json:"id"`
	Name     string    `json:"name"`
	Created  string    `json:"created_date"`
	Updated  string    `json:"updated_date"`
	Expires  *string   `json:"expiry_date"`
	Used     *string   `json:"last_used_date"`
	ReadOnly bool      `json:"read_only"`
	Owner    basicUser `json:"owner"`
	Value    string    `json:"value,omitempty"`
}

func accessTokenOf(r *http.Request, t *pipeline.AccessToken, owner pipeline.User) accessToken {
	return accessToken{
		ID: t.ID, Name: t.Name, Created: iso(t.Created), Updated: iso(t.Updated),
		Expires: isoOrNull(t.Expires), Used: isoOrNull(t.Used), ReadOnly: t.ReadOnly, Owner: basicUserOf(r, owner),
	}
}

// checkScope refuses what the access token of p, if any, does not permit: to
// write, if it is for reading, and to take over the account whatever it is for.
func checkScope(p *access.Principal, rt route, method string) error {
	if p.Token == nil || method == http.MethodGet || method == http.MethodHead {
		return nil
	}
	text := ""
	switch {
	case rt.class&personal != 0:
		text = "an access token cannot change accounts or access tokens: log in with the password"
	case p.Token.ReadOnly:
		text = "this access token is for reading only"
	default:
		return nil
	}
	return &pipeline.Error{Kind: pipeline.Forbidden, Code: pipeline.CodeForbidden, Field: "Authorization", Text: text}
}

// listAccessTokens lists the caller's own, an admin's too.
func (s *Server) listAccessTokens(w http.ResponseWriter, r *http.Request) error {
	q, p, err := readQuery(r, "name")
	if err != nil {
		return err
	}
	me := access.From(r.Context()).User
	tokens, count, err := s.DB.AccessTokens(r.Context(), me.ID, q)
	if err != nil {
		return err
	}
	return writePage(w, r, p, count, mapEach(tokens, func(t *pipeline.AccessToken) accessToken {
		return accessTokenOf(r, t, me)
	}))
}

// accessTokenInput is the body of a new access token, or of a change of one.
type accessTokenInput struct {
	Name     optional[string] `json:"name"`
	Expires  optional[moment] `json:"expiry_date"`
	ReadOnly optional[bool]   `json:"read_only"`
}

var accessTokenName = textRule{field: "name", max: 50}

func (in *accessTokenInput) change() (ch store.AccessTokenChange, err error) {
	if ch.Name, err = accessTokenName.change(in.Name); err != nil {
		return ch, err
	}
	if in.ReadOnly.Set {
		if in.ReadOnly.Value == nil {
			return ch, pipeline.FieldErrorf("read_only", "This field may not be null.")
		}
		ch.ReadOnly = store.To(*in.ReadOnly.Value)
	}
	if in.Expires.Set {
		ch.Expires = store.To(in.Expires.Value.micros())
	}
	return ch, nil
}

// createAccessToken makes a token for the caller. Unless asked otherwise it is
// for reading only.
func (s *Server) createAccessToken(w http.ResponseWriter, r *http.Request) error {
	var in accessTokenInput
	if err := decode(r, &in); err != nil {
		return err
	}
	if _, err := accessTokenName.required(in.Name); err != nil {
		return err
	}
	ch, err := in.change()
	if err != nil {
		return err
	}
	me := access.From(r.Context()).User
	if err := check(r, access.ManageAccessTokens, access.Facts{User: &me.ID}); err != nil {
		return err
	}
	key, hash := access.NewAccessKey()
	t, err := s.DB.CreateAccessToken(r.Context(), pipeline.AccessToken{
		UserID: me.ID, Hash: hash, Name: ch.Name.To, ReadOnly: !ch.ReadOnly.Set || ch.ReadOnly.To, Expires: ch.Expires.To,
	})
	if err != nil {
		return err
	}
	out := accessTokenOf(r, &t, me)
	out.Value = key
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", address(r, "/api/auth/access_tokens/%d", t.ID))
	return writeJSON(w, http.StatusCreated, out)
}

// accessTokenInPath returns the token that the path names and its user, if the
// caller may have to do with it.
func (s *Server) accessTokenInPath(r *http.Request) (t pipeline.AccessToken, owner pipeline.User, err error) {
	id, err := idParam(r)
	if err != nil {
		return t, owner, err
	}
	if t, err = s.DB.AccessToken(r.Context(), id); err != nil {
		return t, owner, orNotFound(err)
	}
	if err := check(r, access.ManageAccessTokens, access.Facts{User: &t.UserID}); err != nil {
		return t, owner, err
	}
	owner, err = s.DB.User(r.Context(), t.UserID)
	return t, owner, orNotFound(err)
}

func (s *Server) readAccessToken(w http.ResponseWriter, r *http.Request) error {
	t, owner, err := s.accessTokenInPath(r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, accessTokenOf(r, &t, owner))
}

// readOwnAccessToken answers a program that asks about the token it has.
func (s *Server) readOwnAccessToken(w http.ResponseWriter, r *http.Request) error {
	p := access.From(r.Context())
	if p.Token == nil {
		return pipeline.Errorf(pipeline.Unauthenticated, "the request did not come with an access token")
	}
	return writeJSON(w, http.StatusOK, accessTokenOf(r, p.Token, p.User))
}

func (s *Server) updateAccessToken(w http.ResponseWriter, r *http.Request) error {
	t, owner, err := s.accessTokenInPath(r)
	if err != nil {
		return err
	}
	var in accessTokenInput
	if err := decodePatch(r, &in); err != nil {
		return err
	}
	ch, err := in.change()
	if err != nil {
		return err
	}
	if t, err = s.DB.UpdateAccessToken(r.Context(), t.ID, ch); err != nil {
		return orNotFound(err)
	}
	return writeJSON(w, http.StatusOK, accessTokenOf(r, &t, owner))
}

func (s *Server) revokeAccessToken(w http.ResponseWriter, r *http.Request) error {
	t, _, err := s.accessTokenInPath(r)
	if err != nil {
		return err
	}
	if err := s.DB.RevokeAccessToken(r.Context(), t.ID); err != nil {
		return err
	}
	return noContent(w)
}

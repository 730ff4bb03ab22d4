package api

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"framemill/pipeline"
	"framemill/producer/access"
)

// basicUser is what anybody may know of a user.
type basicUser struct {
	URL       string `json:"url"`
	ID        int64  `json:"id"`
	Name      string `json:"username"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
}

// fullUser is what users see of themselves, and admins of everybody.
type fullUser struct {
	basicUser
	Email     string   `json:"email"`
	Groups    []string `json:"groups"`
	Staff     bool     `json:"is_staff"`
	Superuser bool     `json:"is_superuser"`
	Active    bool     `json:"is_active"`
	LastLogin *string  `json:"last_login"`
	Joined    string   `json:"date_joined"`
	Analytics bool     `json:"has_analytics_access"`
}

// basicUserOf returns the public face of a user.
func basicUserOf(r *http.Request, u pipeline.User) basicUser {
	return basicUser{
		URL: address(r, "/api/users/%d", u.ID), ID: u.ID,
		Name: u.Name, FirstName: u.FirstName, LastName: u.LastName,
	}
}

func fullUserOf(r *http.Request, u pipeline.User) fullUser {
	admin := u.Group == pipeline.GroupAdmin
	return fullUser{
		basicUser: basicUserOf(r, u), Email: u.Email, Groups: []string{u.Group},
		Staff: admin, Superuser: admin, Active: u.Active,
		LastLogin: isoOrNull(u.LastLogin), Joined: iso(u.Joined),
	}
}

// userFor returns as much of u as the caller may see.
func userFor(r *http.Request, u pipeline.User) any {
	if p := access.From(r.Context()); p.Admin() || p.User.ID == u.ID {
		return fullUserOf(r, u)
	}
	return basicUserOf(r, u)
}

func (s *Server) listUsers(w http.ResponseWriter, r *http.Request) error {
	if err := access.Check(access.From(r.Context()), access.ListUsers, here(r)); err != nil {
		return err
	}
	q, p, err := readQuery(r, "username", "first_name", "last_name", "is_active")
	if err != nil {
		return err
	}
	users, count, err := s.DB.Users(r.Context(), access.From(r.Context()).In.OrgID, q)
	if err != nil {
		return err
	}
	out := make([]any, len(users))
	for i, u := range users {
		out[i] = userFor(r, u)
	}
	return writePage(w, r, p, count, out)
}

func (s *Server) self(w http.ResponseWriter, r *http.Request) error {
	return writeJSON(w, http.StatusOK, fullUserOf(r, access.From(r.Context()).User))
}

func (s *Server) readUser(w http.ResponseWriter, r *http.Request) error {
	u, err := s.userInPath(r, access.ViewUser)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, userFor(r, u))
}

// userInPath returns the user that the path names, if the caller may do a.
func (s *Server) userInPath(r *http.Request, a access.Action) (pipeline.User, error) {
	id, err := idParam(r)
	if err != nil {
		return pipeline.User{}, err
	}
	u, err := s.DB.User(r.Context(), id)
	if pipeline.KindOf(err) == pipeline.NotFound {
		return u, errNotFound()
	}
	if err != nil {
		return u, err
	}
	return u, access.Check(access.From(r.Context()), a, access.Facts{User: &id})
}

// userInput is the body of a PATCH of a user. The lower half is for admins.
type userInput struct {
	Name      *string `json:"username"`
	FirstName *string `json:"first_name"`
	LastName  *string `json:"last_name"`
	Email     *string `json:"email"`

	Groups    *[]string `json:"groups"`
	Staff     *bool     `json:"is_staff"`
	Superuser *bool     `json:"is_superuser"`
	Active    *bool     `json:"is_active"`
}

// privileged reports whether the input changes what a user may do.
func (in *userInput) privileged() bool {
	return in.Groups != nil || in.Staff != nil || in.Superuser != nil || in.Active != nil
}

func (s *Server) updateUser(w http.ResponseWriter, r *http.Request) error {
	u, err := s.userInPath(r, access.EditUser)
	if err != nil {
		return err
	}
	var in userInput
	if err := decodePatch(r, &in); err != nil {
		return err
	}
	p := access.From(r.Context())
	if in.privileged() && !p.Admin() {
		return access.ErrDenied
	}
	if u, err = s.DB.UpdateUser(r.Context(), u.ID, in.apply); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, userFor(r, u))
}

var (
	userNameShape = regexp.MustCompile(`^[\pL\pN_.@+-]+$`)
	emailShape    = regexp.MustCompile(`^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$`)
)

// apply changes u as asked.
func (in *userInput) apply(u *pipeline.User) error {
	wasAdmin := u.Group == pipeline.GroupAdmin && u.Active
	texts := []struct {
		field string
		from  *string
		to    *string
		max   int
	}{
		{"username", in.Name, &u.Name, 150},
		{"first_name", in.FirstName, &u.FirstName, 150},
		{"last_name", in.LastName, &u.LastName, 150},
		{"email", in.Email, &u.Email, 254},
	}
	for _, t := range texts {
		if t.from == nil {
			continue
		}
		if utf8.RuneCountInString(*t.from) > t.max {
			return pipeline.FieldErrorf(t.field, "Ensure this field has no more than %d characters.", t.max)
		}
		*t.to = strings.TrimSpace(*t.from)
	}
	if !userNameShape.MatchString(u.Name) {
		return pipeline.FieldErrorf("username", "Enter a valid username: letters, digits and @ . + - _ only.")
	}
	if u.Email != "" && !emailShape.MatchString(u.Email) {
		return pipeline.FieldErrorf("email", "Enter a valid email address.")
	}
	if err := in.applyRights(u); err != nil {
		return err
	}
	if wasAdmin && (u.Group != pipeline.GroupAdmin || !u.Active) {
		return pipeline.Errorf(pipeline.Conflict, "an administrator can only be demoted on the server's command line")
	}
	return nil
}

// userGroups are those that a user may be in, the highest first.
var userGroups = []string{pipeline.GroupAdmin, pipeline.GroupUser, pipeline.GroupWorker}

// applyRights changes what the user may do. A user has one group here, the
// highest of those named; staff and superusers are those of the group admin.
func (in *userInput) applyRights(u *pipeline.User) error {
	if in.Groups != nil {
		group, err := highest(*in.Groups)
		if err != nil {
			return err
		}
		u.Group = group
	}
	says := func(value bool) bool {
		return in.Superuser != nil && *in.Superuser == value || in.Staff != nil && *in.Staff == value
	}
	switch {
	case says(true):
		u.Group = pipeline.GroupAdmin
	case says(false) && in.Groups == nil && u.Group == pipeline.GroupAdmin:
		u.Group = pipeline.GroupUser
	}
	if in.Active != nil {
		u.Active = *in.Active
	}
	return nil
}

// highest returns the highest of some groups.
func highest(named []string) (string, error) {
	place := len(userGroups)
	for _, g := range named {
		i := slices.Index(userGroups, g)
		if i < 0 {
			return "", pipeline.FieldErrorf("groups", "there is no group %q; name one of admin, user, worker", clip(g))
		}
		place = min(place, i)
	}
	if place == len(userGroups) {
		return "", pipeline.FieldErrorf("groups", "Name one of admin, user, worker.")
	}
	return userGroups[place], nil
}

func (s *Server) deleteUser(w http.ResponseWriter, r *http.Request) error {
	u, err := s.userInPath(r, access.EditUser)
	if err != nil {
		return err
	}
	if u.Group == pipeline.GroupAdmin {
		return pipeline.Errorf(pipeline.Conflict, "an administrator can only be removed on the server's command line")
	}
	if err := s.DB.DeleteUser(r.Context(), u.ID); err != nil {
		return err
	}
	return noContent(w)
}

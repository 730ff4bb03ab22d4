package api

import (
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"framemill/pipeline"
	"framemill/producer/access"
)

// loginInput is the body of a login: a name or an email, and a password.
type loginInput struct {
	Name     string  `json:"username"`
	Email    string  `json:"email"`
	Password *string `json:"password"`
}

// maxLoginBody bounds what anybody may make the server read.
const maxLoginBody = 16 << 10

// login opens a session. The answer serves every kind of client: a key for the
// Authorization header, and the cookies of a session.
func (s *Server) login(w http.ResponseWriter, r *http.Request) error {
	if err := access.CheckOrigin(r); err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxLoginBody)
	var in loginInput
	if err := decode(r, &in); err != nil {
		return err
	}
	if in.Password == nil {
		return pipeline.FieldErrorf("password", "This field is required.")
	}
	login := in.Name
	if login == "" {
		login = in.Email
	}
	session, err := s.Access.Login(r, login, *in.Password)
	if pipeline.KindOf(err) == pipeline.Unauthenticated {
		return pipeline.FieldErrorf("non_field_errors", "Unable to log in with provided credentials.")
	}
	if err != nil {
		return err
	}
	setSessionCookies(w, r, session)
	return writeJSON(w, http.StatusOK, struct {
		Key string `json:"key"`
	}{session.Key})
}

// setSessionCookies sets both cookies of a session. Their order and their
// SameSite matter: stock clients join the two headers and parse them with a
// parser that gives up when the first ends in a bare word such as HttpOnly.
func setSessionCookies(w http.ResponseWriter, r *http.Request, session access.Session) {
	age := int(session.TTL / time.Second)
	setCookie(w, r, http.Cookie{Name: access.CSRFCookie, Value: session.CSRF, MaxAge: age})
	setCookie(w, r, http.Cookie{Name: access.SessionCookie, Value: session.Key, MaxAge: age, HttpOnly: true})
}

func setCookie(w http.ResponseWriter, r *http.Request, c http.Cookie) {
	c.Path = "/"
	c.SameSite = http.SameSiteLaxMode
	c.Secure = schemeOf(r) == "https"
	http.SetCookie(w, &c)
}

// logout ends the session or token that the request came with. Who has none is
// logged out already.
func (s *Server) logout(w http.ResponseWriter, r *http.Request) error {
	_, err := s.Access.Authenticate(r)
	if err != nil && pipeline.KindOf(err) != pipeline.Unauthenticated {
		return err
	}
	if err := s.Access.Logout(r); err != nil {
		return err
	}
	setCookie(w, r, http.Cookie{Name: access.CSRFCookie, MaxAge: -1})
	setCookie(w, r, http.Cookie{Name: access.SessionCookie, MaxAge: -1, HttpOnly: true})
	return writeJSON(w, http.StatusOK, detail{"Successfully logged out."})
}

// passwordInput is the body of a change of password.
type passwordInput struct {
	Old  string `json:"old_password"`
	New1 string `json:"new_password1"`
	New2 string `json:"new_password2"`
}

func (in passwordInput) validate() error {
	for _, f := range [][2]string{{"old_password", in.Old}, {"new_password1", in.New1}, {"new_password2", in.New2}} {
		if f[1] == "" {
			return pipeline.FieldErrorf(f[0], "This field is required.")
		}
	}
	if in.New1 != in.New2 {
		return pipeline.FieldErrorf("new_password2", "The two password fields didn’t match.")
	}
	return checkPassword(in.New1)
}

// Lengths of a new password.
const minPassword, maxPassword = 8, 128

func checkPassword(password string) error {
	n := utf8.RuneCountInString(password)
	if n < minPassword || n > maxPassword {
		return pipeline.FieldErrorf("new_password2", "A password has %d to %d characters.", minPassword, maxPassword)
	}
	if strings.IndexFunc(password, func(c rune) bool { return !unicode.IsDigit(c) }) < 0 {
		return pipeline.FieldErrorf("new_password2", "This password is entirely numeric.")
	}
	return nil
}

// changePassword ends all other logins of the caller. An access token is not
// proof enough for it.
func (s *Server) changePassword(w http.ResponseWriter, r *http.Request) error {
	if access.From(r.Context()).Token != nil {
		return pipeline.Errorf(pipeline.Unauthenticated, "an access token cannot change the password: log in with it")
	}
	var in passwordInput
	if err := decode(r, &in); err != nil {
		return err
	}
	if err := in.validate(); err != nil {
		return err
	}
	err := s.Access.ChangePassword(r, access.From(r.Context()).User.ID, in.Old, in.New1)
	if pipeline.KindOf(err) == pipeline.Unauthenticated {
		return pipeline.FieldErrorf("old_password", "Your old password was entered incorrectly. Please enter it again.")
	}
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, detail{"New password has been saved."})
}

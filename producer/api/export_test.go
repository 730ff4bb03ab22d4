package api

import "net/http"

// The strict reader of bodies, for tests of its own.

// Strict is a body with every kind of field.
type Strict struct {
	Count    integer           `json:"count"`
	Maybe    *integer          `json:"maybe"`
	Assignee optional[integer] `json:"assignee"`
	Name     string            `json:"name"`
	Frames   []integer         `json:"frames"`
}

// Decode reads a body as handlers do; patch refuses unknown fields.
func Decode(r *http.Request, patch bool) (Strict, error) {
	var s Strict
	if patch {
		return s, decodePatch(r, &s)
	}
	return s, decode(r, &s)
}

// LevelOf is how loud the log is about a request.
var LevelOf = levelOf

// ISO spells a time.
var ISO = iso

// StatusOf is the table of statuses.
var StatusOf = statusOf

// ClassNames names the classes of operations.
var ClassNames = map[class]string{core: "core", people: "people", notes: "notes", answered: "answered", ours: "ours"}

// Classes returns the class of every route, by method and path.
func Classes(s *Server) map[string]string {
	out := make(map[string]string)
	for _, rt := range s.routes() {
		out[rt.method+" "+rt.pattern] = ClassNames[rt.class&^(personal|open|stream)]
	}
	return out
}

package store

// Query is what a caller asks of a list. Fields are named as clients name
// them; each list has a table of those it knows, and nothing that a caller
// sends becomes SQL text.
type Query struct {
	Where  []Cond // all must hold
	Search string // a part of any searchable field, "" = everything
	Sort   []Order
	Offset int64
	Limit  int64 // 0 = no limit
}

// all returns the condition that q makes, with a search in some fields.
func (q Query) all(searchable []string) Cond {
	conds := q.Where
	if q.Search != "" {
		anywhere := Cond{Op: Or}
		for _, f := range searchable {
			anywhere.Conds = append(anywhere.Conds, Cond{Op: Contains, Field: f, Values: []any{q.Search}})
		}
		conds = append(conds[:len(conds):len(conds)], anywhere)
	}
	return Cond{Op: And, Conds: conds}
}

// Order is one key of a sort.
type Order struct {
	Field string
	Desc  bool
}

// Op is what a condition does.
type Op string

// The operations of conditions.
const (
	And      Op = "and" // of Conds
	Or       Op = "or"  // of Conds
	Not      Op = "!"   // of the one in Conds
	Equal    Op = "=="
	Less     Op = "<"
	AtMost   Op = "<="
	More     Op = ">"
	AtLeast  Op = ">="
	In       Op = "in"       // one of Values
	Contains Op = "contains" // Values[0] is a part of the field, in either case
	IsSet    Op = "set"      // neither null, empty nor false
)

// Cond is a condition on the rows of a list: a comparison of a field, or a
// combination of conditions. A value is a string, a number, a bool, or nil.
type Cond struct {
	Op     Op
	Conds  []Cond
	Field  string
	Values []any
}

// Is returns the condition that a field equals a value.
func Is(field string, value any) Cond {
	return Cond{Op: Equal, Field: field, Values: []any{value}}
}

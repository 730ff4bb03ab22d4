package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"framemill/pipeline"
)

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
	IsSet    Op = "set"      // neither null nor empty
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

// fieldType decides how values are compared with a field.
type fieldType uint8

const (
	text fieldType = iota
	number
	date
)

// field is one field of a list: its SQL, and what values it takes.
type field struct {
	expr  string
	typ   fieldType
	alias map[string]string // other spellings of values
}

// listing is what can be listed of one noun.
type listing struct {
	columns string
	from    string // with the joins that fields need, and WHERE
	id      string
	fields  map[string]field
	search  []string
	oldest  bool // without a sort the oldest come first, else the newest
}

// list fills dest, a pointer to a slice, with one page of l and returns how
// many rows there are in all. scope is SQL that narrows the list, its
// arguments args.
func (c conn) list(ctx context.Context, dest any, l *listing, q Query, scope string, args ...any) (int64, error) {
	where, more, err := l.where(q)
	if err != nil {
		return 0, err
	}
	order, err := l.order(q.Sort)
	if err != nil {
		return 0, err
	}
	tail, args, err := sqlx.In(l.from+" AND "+scope+" AND "+where, append(args, more...)...)
	if err != nil {
		return 0, fmt.Errorf("expand list query: %w", err)
	}
	var total int64
	if err := c.get(ctx, &total, "SELECT COUNT(*) "+tail, args...); err != nil {
		return 0, fmt.Errorf("count list: %w", err)
	}
	page := ""
	if q.Limit > 0 {
		page, args = " LIMIT ? OFFSET ?", append(args, q.Limit, q.Offset)
	}
	if err := c.all(ctx, dest, "SELECT "+l.columns+" "+tail+order+page, args...); err != nil {
		return 0, fmt.Errorf("read list: %w", err)
	}
	return total, nil
}

// where returns the SQL of everything that q narrows a list by.
func (l *listing) where(q Query) (string, []any, error) {
	conds := q.Where
	if q.Search != "" {
		anywhere := Cond{Op: Or}
		for _, f := range l.search {
			anywhere.Conds = append(anywhere.Conds, Cond{Op: Contains, Field: f, Values: []any{q.Search}})
		}
		conds = append(conds[:len(conds):len(conds)], anywhere)
	}
	return l.cond(Cond{Op: And, Conds: conds})
}

func (l *listing) cond(c Cond) (string, []any, error) {
	switch c.Op {
	case And:
		return l.join(c.Conds, " AND ", "1 = 1")
	case Or:
		return l.join(c.Conds, " OR ", "1 = 0")
	case Not:
		// A comparison with NULL is neither true nor false; its negation is true.
		sql, args, err := l.join(c.Conds, " AND ", "1 = 1")
		return "NOT COALESCE(" + sql + ", FALSE)", args, err
	}
	f, ok := l.fields[c.Field]
	if !ok {
		return "", nil, pipeline.FieldErrorf(c.Field, "there is no field %q to filter by", c.Field)
	}
	return f.compare(c)
}

func (l *listing) join(conds []Cond, with, empty string) (string, []any, error) {
	if len(conds) == 0 {
		return empty, nil, nil
	}
	var parts []string
	var args []any
	for _, c := range conds {
		sql, more, err := l.cond(c)
		if err != nil {
			return "", nil, err
		}
		parts, args = append(parts, sql), append(args, more...)
	}
	return "(" + strings.Join(parts, with) + ")", args, nil
}

// compare returns the SQL of a comparison of the field.
func (f field) compare(c Cond) (string, []any, error) {
	if c.Op == IsSet {
		if f.typ == text {
			return "(COALESCE(" + f.expr + ", '') <> '')", nil, nil
		}
		return "(" + f.expr + " IS NOT NULL)", nil, nil
	}
	values := make([]any, 0, len(c.Values))
	for _, v := range c.Values {
		to, err := f.value(c.Field, v)
		if err != nil {
			return "", nil, err
		}
		values = append(values, to)
	}
	switch {
	case c.Op == In && len(values) == 0:
		return "(1 = 0)", nil, nil
	case c.Op == In:
		return "(" + f.expr + " IN (?))", []any{values}, nil
	case len(values) != 1:
		return "", nil, pipeline.FieldErrorf(c.Field, "%q takes one value", c.Op)
	case c.Op == Contains:
		return f.contains(c.Field, values[0])
	case values[0] == nil && c.Op == Equal:
		return "(" + f.expr + " IS NULL)", nil, nil
	}
	op, ok := comparisons[c.Op]
	if !ok || values[0] == nil {
		return "", nil, pipeline.FieldErrorf(c.Field, "%q cannot compare %s", c.Op, c.Field)
	}
	return "(" + f.expr + " " + op + " ?)", values, nil
}

var comparisons = map[Op]string{Equal: "=", Less: "<", AtMost: "<=", More: ">", AtLeast: ">="}

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

func (f field) contains(name string, value any) (string, []any, error) {
	s, ok := value.(string)
	if f.typ != text || !ok {
		return "", nil, pipeline.FieldErrorf(name, "%q looks into text only", Contains)
	}
	// LOWER of SQLite leaves all but ASCII alone, so the value as it came is
	// tried too.
	s = "%" + likeEscaper.Replace(s) + "%"
	return `(LOWER(` + f.expr + `) LIKE ? ESCAPE '\' OR ` + f.expr + ` LIKE ? ESCAPE '\')`,
		[]any{strings.ToLower(s), s}, nil
}

// value turns what a client sent into what the field's column holds.
func (f field) value(name string, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	s := ""
	switch v := v.(type) {
	case string:
		s = v
	case int64:
		s = strconv.FormatInt(v, 10)
	case json.Number:
		s = v.String()
	case bool:
		s = strconv.FormatBool(v)
	default:
		return nil, pipeline.FieldErrorf(name, "%s cannot be compared with this value", name)
	}
	switch f.typ {
	case number:
		return wholeNumber(name, s)
	case date:
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return nil, pipeline.FieldErrorf(name, "%q is not a date like 2006-01-02T15:04:05Z", s)
		}
		return t.UnixMicro(), nil
	}
	if strings.ContainsRune(s, 0) {
		return nil, pipeline.FieldErrorf(name, "%s must not hold a NUL character", name)
	}
	if to, ok := f.alias[s]; ok {
		return to, nil
	}
	return s, nil
}

// wholeNumber reads 5 and, because some clients make every number a float, 5.0.
func wholeNumber(name, s string) (any, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, nil
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || n != math.Trunc(n) || math.Abs(n) > 1<<53 {
		return nil, pipeline.FieldErrorf(name, "%q is not a whole number", s)
	}
	return int64(n), nil
}

// order returns the ORDER BY of a sort, which always ends with the id, so that
// pages neither repeat nor lose rows.
func (l *listing) order(sort []Order) (string, error) {
	var keys []string
	for _, o := range sort {
		f, ok := l.fields[o.Field]
		if !ok {
			return "", pipeline.FieldErrorf("sort", "there is no field %q to sort by", o.Field)
		}
		keys = append(keys, f.expr+direction(o.Desc))
	}
	last := !l.oldest
	if len(sort) > 0 {
		last = sort[len(sort)-1].Desc
	}
	keys = append(keys, l.id+direction(last))
	return " ORDER BY " + strings.Join(keys, ", "), nil
}

func direction(desc bool) string {
	if desc {
		return " DESC"
	}
	return ""
}

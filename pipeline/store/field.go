package store

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"framemill/pipeline"
)

// fieldType decides how values are compared with a field.
type fieldType uint8

const (
	text fieldType = iota
	number
	date
	truth
)

// nothing is the SQL of a condition that no row fulfils.
const nothing = "(1 = 0)"

// field is one field of a list: its SQL, and what values it takes.
type field struct {
	expr  string
	typ   fieldType
	walks bool              // whether an index has all rows in the order of the field
	joins string            // the names of the joins that expr needs, apart by spaces
	alias map[string]string // other spellings of values
	of    []string          // every value there is, where that is known
	// lookup finds the rows that a text or a part of it selects by ids instead of a
	// join: it is "column IN query", with %s for a condition on the field's own
	// column.
	lookup string
	column string
	words  words
}

// words is where a database that cannot look into text by an index of the table
// has the words of a column: in the table of words, by the id of the row.
type words struct{ row, column string }

// compare returns the SQL of a comparison of the field.
func (f field) compare(d dialect, c Cond) (string, []any, error) {
	if c.Op == IsSet {
		switch f.typ {
		case text:
			return "(COALESCE(" + f.expr + ", '') <> '')", nil, nil
		case truth:
			return "(" + f.expr + ")", nil, nil
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
		return nothing, nil, nil
	case c.Op == In:
		return "(" + f.expr + " IN (?))", []any{values}, nil
	case len(values) != 1:
		return "", nil, pipeline.FieldErrorf(c.Field, "%q takes one value", c.Op)
	case c.Op == Contains:
		return f.contains(d, c.Field, values[0])
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

func (f field) contains(d dialect, name string, value any) (string, []any, error) {
	s, ok := value.(string)
	if f.typ != text || !ok {
		return "", nil, pipeline.FieldErrorf(name, "%q looks into text only", Contains)
	}
	if f.of != nil {
		return f.oneOf(s)
	}
	if f.words != (words{}) {
		if sql, arg, ok := d.containing(f.words, s); ok {
			return sql, []any{arg}, nil
		}
	}
	pattern := "%" + likeEscaper.Replace(s) + "%"
	lower := `LOWER(` + f.expr + `) LIKE ? ESCAPE '\'`
	if !slices.ContainsFunc([]rune(s), func(r rune) bool { return r > unicode.MaxASCII }) {
		return "(" + lower + ")", []any{strings.ToLower(pattern)}, nil
	}
	// LOWER of SQLite leaves all but ASCII alone, so the value as it came is
	// tried too.
	return "(" + lower + ` OR ` + f.expr + ` LIKE ? ESCAPE '\')`, []any{strings.ToLower(pattern), pattern}, nil
}

// oneOf returns the SQL of being one of the known values that a text is a part
// of.
func (f field) oneOf(part string) (string, []any, error) {
	var some []any
	for _, v := range f.of {
		if strings.Contains(v, strings.ToLower(part)) {
			some = append(some, v)
		}
	}
	if some == nil {
		return nothing, nil, nil
	}
	return "(" + f.expr + " IN (?))", []any{some}, nil
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
			return nil, pipeline.FieldErrorf(name, "%q is not a date like 2006-01-02T15:04:05Z", clip(s))
		}
		return t.UnixMicro(), nil
	case truth:
		v, err := strconv.ParseBool(s)
		if err != nil {
			return nil, pipeline.FieldErrorf(name, "%q is neither true nor false", clip(s))
		}
		return v, nil
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
		return nil, pipeline.FieldErrorf(name, "%q is not a whole number", clip(s))
	}
	return int64(n), nil
}

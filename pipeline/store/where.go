package store

import (
	"strings"

	"framemill/pipeline"
)

// compiler turns conditions into SQL, and notes which joins that needs.
type compiler struct {
	*listing
	d     dialect
	needs map[string]bool
	// looked reports that rows are selected by the text of another table.
	looked bool
	known  func(query clause) (is clause, found bool, err error)
}

// need notes joins, by their names.
func (c *compiler) need(joins string) {
	for _, name := range strings.Fields(joins) {
		c.needs[name] = true
	}
}

// joined returns the joins that are needed.
func (c *compiler) joined() string {
	var sql strings.Builder
	for _, j := range c.joins {
		if c.needs[j.name] {
			sql.WriteString(" " + j.sql)
		}
	}
	return sql.String()
}

// cond returns the SQL of a condition and its arguments.
func (c *compiler) cond(cond Cond) (string, []any, error) {
	switch cond.Op {
	case And:
		return c.combine(cond.Conds, " AND ", everything)
	case Or:
		return c.combine(cond.Conds, " OR ", nothing)
	case Not:
		// A comparison with NULL is neither true nor false; its negation is true.
		sql, args, err := c.combine(cond.Conds, " AND ", everything)
		return "NOT COALESCE(" + sql + ", FALSE)", args, err
	}
	f, ok := c.fields[cond.Field]
	if !ok {
		return "", nil, pipeline.FieldErrorf("filter", "there is no field %q to filter by", clip(cond.Field))
	}
	if f.lookup != "" && (cond.Op == Contains || cond.Op == Equal && len(cond.Values) == 1 && cond.Values[0] != nil) {
		return c.lookUp(f, cond)
	}
	c.need(f.joins)
	return f.compare(c.d, cond)
}

// lookUp returns the SQL of a comparison with the text of another table.
func (c *compiler) lookUp(f field, cond Cond) (string, []any, error) {
	own := field{expr: f.column, words: f.words}
	sql, args, err := own.compare(c.d, cond)
	if err != nil {
		return "", nil, err
	}
	c.looked = true
	column, query, _ := strings.Cut(f.lookup, " IN ")
	is, found, err := c.known(clause{strings.Replace(query, "%s", sql, 1), args})
	if err != nil || !found {
		return nothing, nil, err
	}
	return "(" + column + " " + is.sql + ")", is.args, nil
}

func (c *compiler) combine(conds []Cond, with, empty string) (string, []any, error) {
	if len(conds) == 0 {
		return empty, nil, nil
	}
	var parts []string
	var args []any
	for _, cond := range conds {
		sql, more, err := c.cond(cond)
		if err != nil {
			return "", nil, err
		}
		if sql == nothing && with == " OR " {
			continue // it would keep the others from their indexes
		}
		parts, args = append(parts, sql), append(args, more...)
	}
	if len(parts) == 0 {
		return nothing, nil, nil
	}
	return "(" + strings.Join(parts, with) + ")", args, nil
}

// clip shortens what a caller sent for an error.
func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

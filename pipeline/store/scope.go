package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// clause is a condition in SQL, or a part of one, and its arguments.
type clause struct {
	sql  string
	args []any
}

// and returns the clause that is true where both are.
func (c clause) and(sql string, args ...any) clause {
	return clause{c.sql + " AND " + sql, append(c.args[:len(c.args):len(c.args)], args...)}
}

// scope is what a list is narrowed to before a caller's own conditions.
type scope struct {
	clause
	// walk is the same SQL without a column that has an index, "" = none: a
	// database that is given it walks through the rows in their order.
	walk string
	// plus are conditions of which no row fulfils two, minus others of the same
	// kind that each imply one of plus: what is in scope fulfils one of plus and
	// none of minus. Each can be counted by an index of its own. Without plus,
	// the clause itself is counted.
	plus, minus []clause
}

// only is the scope of rows that fulfil a condition.
func only(sql string, args ...any) scope { return scope{clause: clause{sql, args}} }

// without returns the scope less the rows that fulfil a condition.
func (s scope) without(gone clause) scope {
	if len(s.plus) == 0 {
		s.plus = []clause{s.clause}
	}
	minus := s.minus[:len(s.minus):len(s.minus)]
	for _, p := range s.plus {
		minus = append(minus, p.and(gone.sql, gone.args...))
	}
	s.minus = minus
	return s
}

// counted returns the query of how many rows are in the scope and were asked
// for: a sum of numbers, each of which an index may tell without a look at rows.
func (s scope) counted(from string, asked clause) clause {
	plus := s.plus
	if len(plus) == 0 {
		plus = []clause{s.clause}
	}
	var sum clause
	add := func(sign string, parts []clause) {
		for _, part := range parts {
			rows := part.and(asked.sql, asked.args...)
			sum.sql += sign + "(SELECT COUNT(*) FROM " + from + " WHERE " + rows.sql + ")"
			sum.args = append(sum.args, rows.args...)
		}
	}
	add(" + ", plus)
	add(" - ", s.minus)
	sum.sql = "SELECT" + strings.TrimPrefix(sum.sql, " +")
	return sum
}

// everything is the condition of a list that is not narrowed.
const everything = "1 = 1"

// maxListed is how many ids stand in a query themselves. A database that knows
// them sees whether it is sooner to look for each of them, or to walk through
// all rows until a page is full; of many more it would only read the list.
const maxListed = 20_000

// known returns what makes a column one of the ids that a query finds, and
// whether it finds any.
func (db *DB) known(ctx context.Context, query clause) (is clause, found bool, err error) {
	var ids []int64
	if err := db.all(ctx, &ids, query.sql+fmt.Sprintf(" LIMIT %d", maxListed+1), query.args...); err != nil {
		return clause{}, false, fmt.Errorf("look up ids: %w", err)
	}
	if len(ids) > maxListed {
		return clause{"IN (" + query.sql + ")", query.args}, true, nil
	}
	sql, arg := db.d.listed(ids)
	return clause{sql, []any{arg}}, len(ids) > 0, nil
}

// goneOf returns the condition that a column names a task that was deleted and
// is still there, and whether there are such tasks at all.
func (db *DB) goneOf(ctx context.Context, column string) (gone clause, found bool, err error) {
	is, found, err := db.known(ctx, clause{sql: "SELECT id FROM tasks WHERE deleted IS NOT NULL"})
	return clause{"(" + column + " IS NOT NULL AND " + column + " " + is.sql + ")", is.args}, found, err
}

// joinIDs writes ids one after the other, with commas between them.
func joinIDs(ids []int64) string {
	var out strings.Builder
	for i, id := range ids {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString(strconv.FormatInt(id, 10))
	}
	return out.String()
}

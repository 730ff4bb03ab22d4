package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"framemill/pipeline"
)

// join adds a table to a list. It comes after those that its SQL needs.
type join struct{ name, sql string }

// listing is what can be listed of one noun.
type listing struct {
	columns string
	from    string // the table, and its name in the columns
	joins   []join // what some fields need beside it
	where   string // what holds for every row that is listed
	task    string // the column of the task that takes the rows with it when it is deleted, "" = none
	id      string
	fields  map[string]field
	search  []string
	revised bool // whether every change of what is listed and asked for makes a revision
	oldest  bool // without a sort the oldest come first, else the newest
}

// list returns one page of l and how many rows there are in all. id tells the id
// of a row. The ids of the page are looked up first: that may take an index,
// where rows that are only skipped would have to be read.
func list[T any](ctx context.Context, db *DB, l *listing, q Query, id func(*T) int64, seen scope) ([]T, int64, error) {
	s, err := db.selection(ctx, l, q, seen)
	if err != nil {
		return nil, 0, err
	}
	if err := db.plan(ctx, l, q, s); err != nil {
		return nil, 0, fmt.Errorf("plan list: %w", err)
	}
	ids, more, err := s.page(ctx, db.conn, q.Offset, q.Limit)
	if err != nil {
		return nil, 0, fmt.Errorf("read list: %w", err)
	}
	total := q.Offset + int64(len(ids))
	if more || len(ids) == 0 && q.Offset > 0 {
		if total, err = db.total(ctx, s, total, more); err != nil {
			return nil, 0, fmt.Errorf("count list: %w", err)
		}
	}
	wanted := idSet{}
	for i := range ids {
		wanted.add(&ids[i])
	}
	rows, err := rowsBy(ctx, db.conn, wanted, "SELECT "+l.columns+" FROM "+l.from+" WHERE "+l.id+" IN (?)", id)
	if err != nil {
		return nil, 0, fmt.Errorf("read rows of list: %w", err)
	}
	out := make([]T, 0, len(ids))
	for _, n := range ids {
		if row := rows[n]; row != nil { // else it went away in the meantime
			out = append(out, *row)
		}
	}
	return out, total, nil
}

// selection is a query of a list, ready to run.
type selection struct {
	id    string
	rows  clause // FROM … WHERE …
	walk  clause // the same for a walk through all rows, "" = none
	total clause // the query of their number
	order string
	desc  bool // of the id, which is the last key of the order

	revised bool
}

// selection returns the query of everything that q and a scope narrow a list by.
func (db *DB) selection(ctx context.Context, l *listing, q Query, seen scope) (*selection, error) {
	c := compiler{listing: l, d: db.d, needs: map[string]bool{}, known: func(query clause) (clause, bool, error) { return db.known(ctx, query) }}
	sql, args, err := c.cond(q.all(l.search))
	if err != nil {
		return nil, err
	}
	if sql, args, err = sqlx.In(sql, args...); err != nil {
		return nil, fmt.Errorf("expand list query: %w", err)
	}
	asked := clause{sql, args}
	s := &selection{id: l.id, revised: l.revised}
	rest := asked.and(l.where)
	if l.task != "" {
		gone, found, err := db.goneOf(ctx, l.task)
		if err != nil {
			return nil, err
		}
		if found {
			seen = seen.without(gone)
			rest = rest.and("NOT "+gone.sql, gone.args...)
		}
	}
	s.total = seen.counted(l.from+c.joined(), asked.and(l.where))
	if s.order, s.desc, err = c.order(q.Sort); err != nil {
		return nil, err
	}
	from := l.from + c.joined() + " WHERE "
	s.rows = clause{from + seen.sql, seen.args}.and(rest.sql, rest.args...)
	if seen.walk != "" && c.joined() == "" && !c.looked { // a condition on another table leaves few rows
		s.walk = clause{from + seen.walk, seen.args}.and(rest.sql, rest.args...)
	}
	return s, nil
}

// plan says how a page is found where a database would choose badly. Rows that
// are few among all are gathered and sorted; to find a page of many it is sooner
// to walk through all in their order.
func (db *DB) plan(ctx context.Context, l *listing, q Query, s *selection) error {
	search := q.Search != "" && len(q.Sort) == 0
	walks := s.walk.sql != "" && db.d.guesses() && q.Limit > 0 && l.walks(q.Sort)
	if !search && !walks {
		return nil
	}
	n, err := db.count(ctx, s)
	if err != nil {
		return err
	}
	if walks {
		var last int64
		if err := db.get(ctx, &last, "SELECT COALESCE(MAX("+l.id+"), 0) FROM "+l.from); err != nil {
			return err
		}
		if passed := float64(q.Offset+q.Limit) * float64(last); passed <= float64(n)*float64(n) {
			s.rows = s.walk
			return nil
		}
	}
	if search && n <= fewRows {
		s.order = " ORDER BY +" + s.id + direction(s.desc) // an expression has no index
	}
	return nil
}

// walks reports whether an index has all rows in the order of a sort.
func (l *listing) walks(sort []Order) bool {
	return len(sort) == 0 || len(sort) == 1 && l.fields[sort[0].Field].walks
}

// page returns the ids of one page, and whether there are rows behind it. A
// limit of 0 is none.
func (s *selection) page(ctx context.Context, c conn, offset, limit int64) (ids []int64, more bool, err error) {
	query, args := "SELECT "+s.id+" FROM "+s.rows.sql+s.order, s.rows.args
	if limit > 0 {
		query += " LIMIT ? OFFSET ?"
		args = append(args[:len(args):len(args)], limit+1, offset)
	}
	if err := c.all(ctx, &ids, query, args...); err != nil {
		return nil, false, err
	}
	if limit > 0 && int64(len(ids)) > limit {
		return ids[:limit], true, nil
	}
	return ids, false, nil
}

// order returns the ORDER BY of a sort, which always ends with the id, so that
// pages neither repeat nor lose rows, and whether the id descends.
func (c *compiler) order(sort []Order) (sql string, desc bool, err error) {
	desc = !c.oldest
	var keys []string
	for _, o := range sort {
		f, ok := c.fields[o.Field]
		if !ok {
			return "", false, pipeline.FieldErrorf("sort", "there is no field %q to sort by", clip(o.Field))
		}
		c.need(f.joins)
		keys = append(keys, f.expr+direction(o.Desc))
		desc = o.Desc
	}
	keys = append(keys, c.id+direction(desc))
	return " ORDER BY " + strings.Join(keys, ", "), desc, nil
}

func direction(desc bool) string {
	if desc {
		return " DESC"
	}
	return ""
}

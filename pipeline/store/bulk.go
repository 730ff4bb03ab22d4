package store

import "context"

// bulk is an insert of many rows, column by column.
type bulk struct {
	ctx    context.Context
	table  string
	rows   int
	cols   []column
	suffix string // such as " ON CONFLICT DO NOTHING"
}

// column is one column of a bulk insert: a slice with a value for every row.
type column struct {
	name   string
	values any // []int64, []*int64, []string, []*string or []float64
	at     func(i int) any
}

// col returns the column of a value that every row has.
func col[R any, V any](name string, rows []R, value func(*R) V) column {
	vs := make([]V, len(rows))
	for i := range rows {
		vs[i] = value(&rows[i])
	}
	return column{name: name, values: vs, at: func(i int) any { return vs[i] }}
}

// pgType is the Postgres type of the column's elements.
func (c column) pgType() string {
	switch c.values.(type) {
	case []int64, []*int64:
		return "bigint"
	case []float64:
		return "float8"
	}
	return "text"
}

// insert runs a bulk insert of rows into table.
func (t *Tx) insert(ctx context.Context, table string, rows int, suffix string, cols ...column) error {
	if rows == 0 {
		return nil
	}
	return t.d.bulk(t, bulk{ctx: ctx, table: table, rows: rows, cols: cols, suffix: suffix})
}

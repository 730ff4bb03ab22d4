package store

// Change is a new value for a column, or none.
type Change[T any] struct {
	Set bool
	To  T
}

// To returns the change to a value.
func To[T any](value T) Change[T] { return Change[T]{Set: true, To: value} }

// assignments are the columns that an UPDATE sets.
type assignments struct {
	columns string // a = ?, b = ?
	args    []any
}

func (a *assignments) empty() bool { return a.columns == "" }

func (a *assignments) set(column string, value any) {
	a.add(column + " = ?")
	a.args = append(a.args, value)
}

// now sets a column to the database's clock.
func (a *assignments) now(column string) { a.add(column + " = {now}") }

func (a *assignments) add(assignment string) {
	if a.columns != "" {
		a.columns += ", "
	}
	a.columns += assignment
}

// assign adds a column if it changes.
func assign[T any](a *assignments, column string, c Change[T]) {
	if c.Set {
		a.set(column, c.To)
	}
}

// assignAssignee adds the assignee, and the time if it is another than before.
func assignAssignee(a *assignments, old *int64, c Change[*int64]) {
	assign(a, "assignee_id", c)
	if c.Set && !equalID(old, c.To) {
		a.now("assignee_updated")
	}
}

func equalID(a, b *int64) bool {
	return a == b || a != nil && b != nil && *a == *b
}

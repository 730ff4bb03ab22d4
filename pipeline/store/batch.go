package store

import (
	"context"
	"maps"
	"slices"

	"framemill/pipeline"
)

// maxIDs is how many ids one statement asks for.
const maxIDs = 1000

// idSet collects the ids of rows to load together.
type idSet map[int64]struct{}

func (s idSet) add(ids ...*int64) {
	for _, id := range ids {
		if id != nil {
			s[*id] = struct{}{}
		}
	}
}

// inPages calls fn with the ids of s in ascending runs of at most maxIDs.
func (s idSet) inPages(fn func(ids []int64) error) error {
	for page := range slices.Chunk(slices.Sorted(maps.Keys(s)), maxIDs) {
		if err := fn(page); err != nil {
			return err
		}
	}
	return nil
}

// rowsBy loads rows in a few statements however many ids there are. The query
// has one IN (?) for the ids; key says which id a row belongs to.
func rowsBy[T any](ctx context.Context, c conn, ids idSet, query string, key func(*T) int64) (map[int64]*T, error) {
	out := make(map[int64]*T, len(ids))
	err := ids.inPages(func(page []int64) error {
		var rows []T
		if err := c.allIn(ctx, &rows, query, page); err != nil {
			return err
		}
		for i := range rows {
			out[key(&rows[i])] = &rows[i]
		}
		return nil
	})
	return out, err
}

// find returns the row of an id that may be nil.
func find[T any](rows map[int64]*T, id *int64) *T {
	if id == nil {
		return nil
	}
	return rows[*id]
}

// people loads what is public of users.
func (c conn) people(ctx context.Context, ids idSet) (map[int64]*pipeline.User, error) {
	return rowsBy(ctx, c, ids, `SELECT id, username, first_name, last_name FROM users WHERE id IN (?)`,
		func(u *pipeline.User) int64 { return u.ID })
}

func (c conn) projectRows(ctx context.Context, ids idSet) (map[int64]*pipeline.Project, error) {
	return rowsBy(ctx, c, ids, `SELECT `+projectColumns+` FROM projects p WHERE p.id IN (?)`,
		func(p *pipeline.Project) int64 { return p.ID })
}

func (c conn) storageRows(ctx context.Context, ids idSet) (map[int64]*pipeline.Storage, error) {
	return rowsBy(ctx, c, ids, `SELECT id, location, cloud_storage_id FROM storages WHERE id IN (?)`,
		func(s *pipeline.Storage) int64 { return s.ID })
}

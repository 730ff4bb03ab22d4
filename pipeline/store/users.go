package store

import (
	"context"
	"fmt"
	"slices"

	"framemill/pipeline"
)

const userColumns = `id, username, email, first_name, last_name, password, grp, active, joined, last_login`

// CreateUser adds a user and returns it with its id. A name or an email that
// somebody has already is an error of kind Invalid that names the field.
func (db *DB) CreateUser(ctx context.Context, u pipeline.User) (pipeline.User, error) {
	var out pipeline.User
	err := db.tx(ctx, func(t *Tx) error {
		if err := t.freeUser(ctx, 0, u); err != nil {
			return err
		}
		err := t.get(ctx, &out, `
			INSERT INTO users (username, email, first_name, last_name, password, grp, active, joined)
			VALUES (?, ?, ?, ?, ?, ?, ?, {now})
			ON CONFLICT DO NOTHING
			RETURNING `+userColumns,
			u.Name, u.Email, u.FirstName, u.LastName, u.Password, u.Group, u.Active)
		if pipeline.KindOf(err) == pipeline.NotFound { // somebody was faster
			return pipeline.FieldErrorf("username", "A user with that username already exists.")
		}
		return err
	})
	return out, err
}

// freeUser checks that no user but id has the name or the email of u.
func (t *Tx) freeUser(ctx context.Context, id int64, u pipeline.User) error {
	var taken []pipeline.User
	err := t.all(ctx, &taken, `
		SELECT `+userColumns+` FROM users
		WHERE id <> ? AND (username = ? OR (email <> '' AND LOWER(email) = LOWER(?)))`,
		id, u.Name, u.Email)
	if err != nil || len(taken) == 0 {
		return err
	}
	if slices.ContainsFunc(taken, func(other pipeline.User) bool { return other.Name == u.Name }) {
		return pipeline.FieldErrorf("username", "A user with that username already exists.")
	}
	return pipeline.FieldErrorf("email", "A user with that email already exists.")
}

// User returns the user with an id.
func (db *DB) User(ctx context.Context, id int64) (pipeline.User, error) {
	var u pipeline.User
	err := db.get(ctx, &u, `SELECT `+userColumns+` FROM users WHERE id = ?`, id)
	return u, err
}

// UserByName returns the user with a name.
func (db *DB) UserByName(ctx context.Context, name string) (pipeline.User, error) {
	var u pipeline.User
	err := db.get(ctx, &u, `SELECT `+userColumns+` FROM users WHERE username = ?`, name)
	return u, err
}

// UserByEmail returns the user with an email, whatever its case.
func (db *DB) UserByEmail(ctx context.Context, email string) (pipeline.User, error) {
	var u pipeline.User
	err := db.get(ctx, &u, `
		SELECT `+userColumns+` FROM users
		WHERE email <> '' AND LOWER(email) = LOWER(?)`, email)
	return u, err
}

// UsersByID returns those of the users that exist, by id. Nil ids are skipped,
// so that the owners and assignees of a list may be passed as they are.
func (db *DB) UsersByID(ctx context.Context, ids ...*int64) (map[int64]pipeline.User, error) {
	seen := make(map[int64]pipeline.User)
	var wanted []int64
	for _, id := range ids {
		if id == nil {
			continue
		}
		if _, ok := seen[*id]; !ok {
			seen[*id] = pipeline.User{}
			wanted = append(wanted, *id)
		}
	}
	clear(seen)
	for lo := 0; lo < len(wanted); lo += idsAtOnce {
		var page []pipeline.User
		err := db.allIn(ctx, &page, `SELECT `+userColumns+` FROM users WHERE id IN (?)`,
			wanted[lo:min(lo+idsAtOnce, len(wanted))])
		if err != nil {
			return nil, fmt.Errorf("read users: %w", err)
		}
		for _, u := range page {
			seen[u.ID] = u
		}
	}
	return seen, nil
}

// idsAtOnce bounds the ids in one query.
const idsAtOnce = 1000

// users lists accounts.
func users() *listing {
	return &listing{
		columns: userColumns,
		from:    `users`,
		where:   everything,
		id:      "id",
		fields: map[string]field{
			"id":         {expr: "id", typ: number},
			"username":   {expr: "username"},
			"first_name": {expr: "first_name"},
			"last_name":  {expr: "last_name"},
			"is_active":  {expr: "active", typ: truth},
		},
		search: []string{"username", "first_name", "last_name"},
		oldest: true,
	}
}

// Users lists users, of one organization or, for nil, all, and counts all that
// match.
func (db *DB) Users(ctx context.Context, orgID *int64, q Query) ([]pipeline.User, int64, error) {
	scope, args := everything, []any(nil)
	if orgID != nil {
		scope, args = `id IN (SELECT user_id FROM memberships WHERE org_id = ? AND active)`, []any{*orgID}
	}
	return list(ctx, db, users(), q, func(u *pipeline.User) int64 { return u.ID }, only(scope, args...))
}

// UpdateUser reads a user, lets change edit it and writes it back; the id, the
// password and the times stay.
func (db *DB) UpdateUser(ctx context.Context, id int64, change func(*pipeline.User) error) (pipeline.User, error) {
	var u pipeline.User
	err := db.tx(ctx, func(t *Tx) error {
		u = pipeline.User{}
		if err := t.get(ctx, &u, `SELECT `+userColumns+` FROM users WHERE id = ?`+t.d.forUpdate(), id); err != nil {
			return err
		}
		if err := change(&u); err != nil {
			return err
		}
		if err := t.freeUser(ctx, id, u); err != nil {
			return err
		}
		_, err := t.exec(ctx, `
			UPDATE users SET username = ?, email = ?, first_name = ?, last_name = ?, grp = ?, active = ?
			WHERE id = ?`, u.Name, u.Email, u.FirstName, u.LastName, u.Group, u.Active, id)
		return err
	})
	return u, err
}

// SetPassword replaces the password hash of a user and ends all their logins
// but the one whose token hash is kept, which may be "". Personal access tokens
// stay: each is revoked by itself.
func (db *DB) SetPassword(ctx context.Context, id int64, password, kept string) error {
	return db.tx(ctx, func(t *Tx) error {
		n, err := t.exec(ctx, `UPDATE users SET password = ? WHERE id = ?`, password, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return pipeline.Errorf(pipeline.NotFound, "no such user")
		}
		_, err = t.exec(ctx, `DELETE FROM tokens WHERE user_id = ? AND hash <> ?`, id, kept)
		return err
	})
}

// DeleteUser removes a user. What they own stays, and belongs to nobody.
func (db *DB) DeleteUser(ctx context.Context, id int64) error {
	return db.tx(ctx, func(t *Tx) error {
		n, err := t.exec(ctx, `DELETE FROM users WHERE id = ?`, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return pipeline.Errorf(pipeline.NotFound, "no such user")
		}
		for _, query := range []string{
			`DELETE FROM tokens WHERE user_id = ?`,
			`DELETE FROM invitations WHERE membership_id IN (SELECT id FROM memberships WHERE user_id = ?)`,
			`DELETE FROM memberships WHERE user_id = ?`,
			`UPDATE invitations SET owner_id = NULL WHERE owner_id = ?`,
			`UPDATE organizations SET owner_id = NULL WHERE owner_id = ?`,
			`DELETE FROM access_tokens WHERE user_id = ?`,
			`UPDATE tasks SET owner_id = NULL WHERE owner_id = ?`,
			`UPDATE tasks SET assignee_id = NULL WHERE assignee_id = ?`,
			`UPDATE projects SET owner_id = NULL WHERE owner_id = ?`,
			`UPDATE projects SET assignee_id = NULL WHERE assignee_id = ?`,
			`UPDATE jobs SET assignee_id = NULL WHERE assignee_id = ?`,
		} {
			if _, err := t.exec(ctx, query, id); err != nil {
				return err
			}
		}
		return nil
	})
}

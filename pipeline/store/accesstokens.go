package store

import (
	"context"
	"fmt"
	"time"

	"framemill/pipeline"
)

const (
	// maxAccessTokens bounds the personal access tokens of one user.
	maxAccessTokens = 50
	// accessTokenIdle is how long a personal access token lives without being
	// used.
	accessTokenIdle = 180 * 24 * time.Hour
)

const accessTokenColumns = `id, user_id, hash, name, read_only, created, updated, used, expires`

// accessTokenLives is true of the tokens that may be used; its argument is
// accessTokenIdle.
const accessTokenLives = `((expires IS NULL OR expires > {now}) AND COALESCE(used, created) > {now} - ?)`

// accessTokens lists the tokens that may be used.
func accessTokens() *listing {
	return &listing{
		columns: accessTokenColumns,
		from:    `access_tokens`,
		where:   everything,
		id:      "id",
		fields: map[string]field{
			"id":             {expr: "id", typ: number},
			"name":           {expr: "name"},
			"created_date":   {expr: "created", typ: date},
			"updated_date":   {expr: "updated", typ: date},
			"expiry_date":    {expr: "expires", typ: date},
			"last_used_date": {expr: "used", typ: date},
			"read_only":      {expr: "read_only", typ: truth},
		},
		search: []string{"name"},
	}
}

// AccessTokens lists the personal access tokens of a user that may be used, and
// counts all that match.
func (db *DB) AccessTokens(ctx context.Context, userID int64, q Query) ([]pipeline.AccessToken, int64, error) {
	return list(ctx, db, accessTokens(), q, func(t *pipeline.AccessToken) int64 { return t.ID },
		only("user_id = ? AND "+accessTokenLives, userID, accessTokenIdle.Microseconds()))
}

// AccessToken returns a personal access token that may be used.
func (db *DB) AccessToken(ctx context.Context, id int64) (pipeline.AccessToken, error) {
	var row pipeline.AccessToken
	err := db.get(ctx, &row, `
		SELECT `+accessTokenColumns+` FROM access_tokens t
		WHERE id = ? AND `+accessTokenLives, id, accessTokenIdle.Microseconds())
	return row, err
}

// CreateAccessToken keeps a new personal access token by its hash and returns
// it with its id. A user who has too many is an error of kind Invalid.
func (db *DB) CreateAccessToken(ctx context.Context, n pipeline.AccessToken) (pipeline.AccessToken, error) {
	var row pipeline.AccessToken
	err := db.tx(ctx, func(t *Tx) error {
		var one, count int64
		// The lock makes creations by one user wait for each other.
		if err := t.get(ctx, &one, `SELECT 1 FROM users WHERE id = ?`+t.d.forUpdate(), n.UserID); err != nil {
			return err
		}
		if err := t.get(ctx, &count, `
			SELECT COUNT(*) FROM access_tokens WHERE user_id = ? AND `+accessTokenLives,
			n.UserID, accessTokenIdle.Microseconds()); err != nil {
			return err
		}
		if count >= maxAccessTokens {
			return pipeline.Errorf(pipeline.Invalid,
				"You have reached the maximum allowed number of Personal Access Tokens for a user: %d", maxAccessTokens)
		}
		return t.get(ctx, &row, `
			INSERT INTO access_tokens (user_id, hash, name, read_only, created, updated, expires)
			VALUES (?, ?, ?, ?, {now}, {now}, ?) RETURNING `+accessTokenColumns,
			n.UserID, n.Hash, n.Name, n.ReadOnly, n.Expires)
	})
	if err != nil {
		return row, fmt.Errorf("create an access token of user %d: %w", n.UserID, err)
	}
	return row, nil
}

// AccessTokenChange is what to change of a personal access token.
type AccessTokenChange struct {
	Name     Change[string]
	ReadOnly Change[bool]
	Expires  Change[*pipeline.Micros]
}

// UpdateAccessToken changes a personal access token that may be used, and
// returns it as it is now.
func (db *DB) UpdateAccessToken(ctx context.Context, id int64, ch AccessTokenChange) (pipeline.AccessToken, error) {
	var set assignments
	assign(&set, "name", ch.Name)
	assign(&set, "read_only", ch.ReadOnly)
	assign(&set, "expires", ch.Expires)
	set.now("updated")
	var row pipeline.AccessToken
	err := db.tx(ctx, func(t *Tx) error {
		return t.get(ctx, &row, `
			UPDATE access_tokens SET `+set.columns+` WHERE id = ? AND `+accessTokenLives+`
			RETURNING `+accessTokenColumns, append(set.args, id, accessTokenIdle.Microseconds())...)
	})
	if err != nil {
		return row, fmt.Errorf("update access token %d: %w", id, err)
	}
	return row, nil
}

// RevokeAccessToken ends a personal access token.
func (db *DB) RevokeAccessToken(ctx context.Context, id int64) error {
	return db.tx(ctx, func(t *Tx) error {
		_, err := t.exec(ctx, `DELETE FROM access_tokens WHERE id = ?`, id)
		return err
	})
}

// UseAccessToken returns the personal access token with a hash and its user,
// and remembers the use. One that is unknown or over is an error of kind
// NotFound.
func (db *DB) UseAccessToken(ctx context.Context, hash string) (pipeline.AccessToken, pipeline.User, error) {
	var row struct {
		pipeline.AccessToken
		Stale bool `db:"stale"`
	}
	err := db.get(ctx, &row, `
		SELECT `+accessTokenColumns+`, CASE WHEN COALESCE(used, 0) < {now} - ? THEN TRUE ELSE FALSE END AS stale
		FROM access_tokens WHERE hash = ? AND `+accessTokenLives,
		touchEvery.Microseconds(), hash, accessTokenIdle.Microseconds())
	if err != nil {
		return row.AccessToken, pipeline.User{}, err
	}
	u, err := db.User(ctx, row.UserID)
	if err != nil || !row.Stale {
		return row.AccessToken, u, err
	}
	return row.AccessToken, u, db.tx(ctx, func(t *Tx) error {
		_, err := t.exec(ctx, `UPDATE access_tokens SET used = {now} WHERE id = ?`, row.ID)
		return err
	})
}

package store

import (
	"context"
	"time"

	"framemill/pipeline"
)

// maxTokensPerUser bounds the logins of one user; the least recently used one
// makes room for the next.
const maxTokensPerUser = 100

// Login keeps a token by its hash, valid for ttl, and notes that the user
// logged in.
func (db *DB) Login(ctx context.Context, t pipeline.Token, ttl time.Duration) error {
	return db.tx(ctx, func(tx *Tx) error {
		if _, err := tx.exec(ctx, `
			INSERT INTO tokens (hash, user_id, kind, created, used, expires)
			VALUES (?, ?, ?, {now}, {now}, {now} + ?)`,
			t.Hash, t.UserID, t.Kind, ttl.Microseconds()); err != nil {
			return err
		}
		if _, err := tx.exec(ctx, `UPDATE users SET last_login = {now} WHERE id = ?`, t.UserID); err != nil {
			return err
		}
		_, err := tx.exec(ctx, `
			DELETE FROM tokens WHERE user_id = ? AND kind = ? AND hash NOT IN (
				SELECT hash FROM tokens WHERE user_id = ? AND kind = ?
				ORDER BY used DESC, created DESC LIMIT ?)`,
			t.UserID, t.Kind, t.UserID, t.Kind, maxTokensPerUser)
		return err
	})
}

// touchEvery is how exact the time of a token's last use is: not every request
// is worth a write.
const touchEvery = time.Minute

// TokenUser returns who holds the token with a hash, and remembers its use: it
// stays valid for ttl from now. A token that is unknown or over is an error of
// kind NotFound.
func (db *DB) TokenUser(ctx context.Context, hash string, ttl time.Duration) (pipeline.User, error) {
	var row struct {
		pipeline.User
		Stale bool `db:"stale"`
	}
	err := db.get(ctx, &row, `
		SELECT u.id, u.username, u.email, u.first_name, u.last_name, u.password, u.grp, u.active, u.joined,
			u.last_login, CASE WHEN t.used < {now} - ? THEN TRUE ELSE FALSE END AS stale
		FROM tokens t JOIN users u ON u.id = t.user_id
		WHERE t.hash = ? AND (t.expires IS NULL OR t.expires > {now})`,
		touchEvery.Microseconds(), hash)
	if err != nil || !row.Stale {
		return row.User, err
	}
	return row.User, db.tx(ctx, func(t *Tx) error {
		_, err := t.exec(ctx, `
			UPDATE tokens SET used = {now}, expires = CASE WHEN expires IS NULL THEN NULL ELSE {now} + ? END
			WHERE hash = ?`, ttl.Microseconds(), hash)
		return err
	})
}

// Logout forgets a token; one that is not there is fine.
func (db *DB) Logout(ctx context.Context, hash string) error {
	return db.tx(ctx, func(t *Tx) error {
		_, err := t.exec(ctx, `DELETE FROM tokens WHERE hash = ?`, hash)
		return err
	})
}

// SweepTokens forgets the tokens of both sorts that are over and returns how
// many there were.
func (db *DB) SweepTokens(ctx context.Context) (n int64, err error) {
	err = db.tx(ctx, func(t *Tx) error {
		logins, err := t.exec(ctx, `DELETE FROM tokens WHERE expires <= {now}`)
		if err != nil {
			return err
		}
		personal, err := t.exec(ctx, `
			DELETE FROM access_tokens WHERE NOT `+accessTokenLives,
			accessTokenIdle.Microseconds())
		n = logins + personal
		return err
	})
	return n, err
}

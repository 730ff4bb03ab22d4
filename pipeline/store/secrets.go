package store

import (
	"context"
	"fmt"

	"framemill/pipeline"
)

// Sealer returns a secret as it is kept in the row of an id: sealed, or "" for
// none.
type Sealer func(id int64) (string, error)

// seal writes the secret of a new row, which it is sealed for.
func (t *Tx) seal(ctx context.Context, update string, id int64, secret Sealer) error {
	sealed, err := secret(id)
	if err != nil || sealed == "" {
		return err
	}
	_, err = t.exec(ctx, update, sealed, id)
	return err
}

// Sealed is a secret in the database, and what it was sealed for.
type Sealed struct {
	Purpose string `db:"purpose"`
	ID      int64  `db:"id"`
	Secret  string `db:"secret"`
}

// NewestSecrets returns the newest secret of each purpose: whoever can open them
// has the key of this database.
func (db *DB) NewestSecrets(ctx context.Context) ([]Sealed, error) {
	var out []Sealed
	for _, kind := range []struct{ purpose, table, column string }{
		{pipeline.SealCloudStorage, "cloud_storages", "credentials"},
		{pipeline.SealWebhook, "webhooks", "secret"},
	} {
		var rows []Sealed
		if err := db.all(ctx, &rows, `
			SELECT '`+kind.purpose+`' AS purpose, id, `+kind.column+` AS secret FROM `+kind.table+`
			WHERE `+kind.column+` <> '' ORDER BY id DESC LIMIT 1`); err != nil {
			return nil, fmt.Errorf("look for secrets: %w", err)
		}
		out = append(out, rows...)
	}
	return out, nil
}

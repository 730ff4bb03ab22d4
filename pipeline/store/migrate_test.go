package store_test

import (
	"testing"

	"golang.org/x/sync/errgroup"

	"framemill/pipeline/store"
)

func TestManyMayMigrateAtOnce(t *testing.T) {
	t.Parallel()
	url := "sqlite:" + t.TempDir() + "/db"
	var g errgroup.Group
	for range 6 {
		g.Go(func() error {
			db, err := store.OpenBeside(t.Context(), url)
			if err != nil {
				return err
			}
			defer db.Close()
			return db.Migrate(t.Context())
		})
	}
	if err := g.Wait(); err != nil {
		t.Errorf("migrating from several connections at once: %v", err)
	}
}

package store_test

import (
	"context"
	"path/filepath"
	"testing"

	"framemill/pipeline/store"
)

func TestOnlyTheProcessThatLocksIsAlone(t *testing.T) {
	t.Parallel()
	file := "sqlite:" + filepath.Join(t.TempDir(), "db")
	for _, tt := range []struct {
		name string
		open func(context.Context, string) (*store.DB, error)
		url  string
		want bool
	}{
		{"a server on SQLite", store.Open, file, true},
		{"a command beside it", store.OpenBeside, file, false},
		{"a server on Postgres", store.Open, postgresURL(t), false},
	} {
		db, err := tt.open(t.Context(), tt.url)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		t.Cleanup(func() { _ = db.Close() })
		if got := db.Alone(); got != tt.want {
			t.Errorf("%s is alone: %v, want %v", tt.name, got, tt.want)
		}
	}
}

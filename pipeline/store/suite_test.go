package store_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"framemill/pipeline"
	"framemill/pipeline/store"
	"framemill/tests/services"
)

// eachDatabase runs a test on an empty database of each kind.
func eachDatabase(t *testing.T, test func(t *testing.T, db *store.DB)) {
	t.Helper()
	urls := map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "db") },
		"postgres": postgresURL,
	}
	for name, url := range urls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, url(t))
			if err := db.Migrate(t.Context()); err != nil {
				t.Fatalf("migrate: %v", err)
			}
			test(t, db)
		})
	}
}

// postgresURL returns the address of an empty database with our tables.
func postgresURL(t *testing.T) string {
	t.Helper()
	return services.PostgresFrom(t, "store", func(url string) error {
		db, err := store.Open(context.Background(), url)
		if err != nil {
			return err
		}
		defer db.Close()
		return db.Migrate(context.Background())
	})
}

func open(t *testing.T, url string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// ptr returns a pointer to a value.
func ptr[T any](v T) *T { return &v }

// tick waits until the database's clock, which SQLite keeps in milliseconds,
// shows another time.
func tick(t *testing.T, db *store.DB) {
	t.Helper()
	first, err := db.Now(t.Context())
	for now := first; err == nil && now == first; {
		now, err = db.Now(t.Context())
	}
	if err != nil {
		t.Fatalf("read the clock: %v", err)
	}
}

// fine is no kind of error: there was none.
const fine pipeline.Kind = 255

// atOnce does n things at the same time, and counts the kinds of their errors.
func atOnce(n int, do func(i int) error) map[pipeline.Kind]int {
	var mu sync.Mutex
	var group sync.WaitGroup
	kinds := map[pipeline.Kind]int{}
	for i := range n {
		group.Go(func() {
			kind := fine
			if err := do(i); err != nil {
				kind = pipeline.KindOf(err)
			}
			mu.Lock()
			defer mu.Unlock()
			kinds[kind]++
		})
	}
	group.Wait()
	return kinds
}

// everyone sees all.
var everyone = store.Viewer{All: true}

// newTask creates a task and returns its id.
func newTask(t *testing.T, db *store.DB, n store.NewTask) int64 {
	t.Helper()
	if n.Name == "" {
		n.Name = "task"
	}
	if n.OwnerID == nil {
		n.OwnerID = ptr[int64](1)
	}
	n.Tenant = pipeline.TenantOf(nil, *n.OwnerID)
	n.Dimension = "2d"
	id, err := db.CreateTask(t.Context(), &n)
	if err != nil {
		t.Fatalf("create task %q: %v", n.Name, err)
	}
	return id
}

// wantKind fails the test unless err has the kind.
func wantKind(t *testing.T, err error, want pipeline.Kind, doing string) {
	t.Helper()
	if err == nil || pipeline.KindOf(err) != want {
		t.Errorf("%s: error %v, want one of kind %d", doing, err, want)
	}
}

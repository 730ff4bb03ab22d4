package services_test

import (
	"context"
	"database/sql"
	"net"
	"testing"

	"framemill/tests/services"
)

func open(t *testing.T, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestPostgresFromClonesTheTemplate(t *testing.T) {
	t.Parallel()
	migrations := 0
	migrate := func(url string) error {
		migrations++
		db, err := sql.Open("pgx", url)
		if err != nil {
			return err
		}
		defer db.Close()
		_, err = db.Exec("CREATE TABLE seeds (n int); INSERT INTO seeds VALUES (1)")
		return err
	}
	for i := range 3 {
		db := open(t, services.PostgresFrom(t, "seeds", migrate))
		var rows int
		if err := db.QueryRow("SELECT count(*) FROM seeds").Scan(&rows); err != nil {
			t.Fatal(err)
		}
		if rows != 1 {
			t.Errorf("clone %d has %d rows, want the template's one: clones are not apart", i, rows)
		}
		if _, err := db.Exec("INSERT INTO seeds VALUES (2)"); err != nil {
			t.Fatal(err)
		}
	}
	if migrations != 1 {
		t.Errorf("migrated %d times, want once", migrations)
	}
}

func TestPostgresIsEmpty(t *testing.T) {
	t.Parallel()
	db := open(t, services.Postgres(t))
	var tables int
	err := db.QueryRow("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").Scan(&tables)
	if err != nil || tables != 0 {
		t.Errorf("a fresh database has %d tables and error %v, want none", tables, err)
	}
}

func TestRedisIsOnesOwn(t *testing.T) {
	t.Parallel()
	a, b := services.Redis(t), services.Redis(t)
	if a == b {
		t.Errorf("two tests share the Redis on %s", a)
	}
}

func TestStopEndsTheServer(t *testing.T) {
	t.Parallel()
	s, err := services.StartRedis()
	if err != nil {
		t.Fatal(err)
	}
	s.Stop()
	conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", s.Addr())
	if err == nil {
		conn.Close()
		t.Errorf("redis on %s still answers after Stop", s.Addr())
	}
}

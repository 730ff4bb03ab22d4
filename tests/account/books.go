// Package account checks, row by row and byte by byte, that ingests are whole:
// everything that was accepted is there once, nothing is there twice, and what
// the rows name lies in the blobs as they say. It reads the database and the
// folder of the blobs themselves, not what the server says about them.
package account

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"framemill/pipeline/blob/fs"
)

// Books are the database and the blobs of a server.
type Books struct {
	DB     *sql.DB
	bucket *fs.Bucket
}

// Open opens the books of a server with its state in a data folder and, unless
// it is empty, in a Postgres. They are closed with the test.
func Open(t testing.TB, data, databaseURL string) *Books {
	t.Helper()
	driver, dsn := "pgx", databaseURL
	if databaseURL == "" {
		driver, dsn = "sqlite", SQLite(filepath.Join(data, "framemill.db"))
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatalf("open the database: %v", err)
	}
	bucket, err := fs.New(fs.Config{Dir: filepath.Join(data, "blobs"), MustExist: true})
	if err != nil {
		t.Fatalf("open the blobs: %v", err)
	}
	t.Cleanup(func() {
		if err := errors.Join(db.Close(), bucket.Close()); err != nil {
			t.Errorf("close the books: %v", err)
		}
	})
	return &Books{DB: db, bucket: bucket}
}

// SQLite returns the name by which the driver opens a file for reading only.
func SQLite(path string) string {
	return "file:" + path + "?_pragma=busy_timeout(10000)&_pragma=query_only(1)"
}

// rows reads all rows of a query; scan is called for each.
func (b *Books) rows(ctx context.Context, query string, scan func(*sql.Rows) error) error {
	rows, err := b.DB.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("%w in %s", err, query)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// SHA256 reads a whole blob and returns its checksum in hexadecimal digits. The
// test fails if it cannot.
func (b *Books) SHA256(t testing.TB, key string) string {
	t.Helper()
	o, err := b.bucket.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, o); err != nil {
		t.Fatalf("read the blob %s: %v", key, err)
	}
	return fmt.Sprintf("%x", hash.Sum(nil))
}

// Int reads one number. The test fails if it cannot.
func (b *Books) Int(t testing.TB, query string) int64 {
	t.Helper()
	var n int64
	if err := b.DB.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

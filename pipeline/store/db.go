package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"

	"framemill/pipeline"
)

// DB is the database. Its methods may be called by any number of goroutines.
type DB struct {
	conn       // reads outside transactions
	write      *sqlx.DB
	alone      bool // no other process may have the database
	close      func() error
	lockSchema func() (unlock func(), err error) // while migrating
	relayMu    sync.Mutex                        // one relay round at a time on SQLite
	counts     counts
	commits    atomic.Int64
	beats      atomic.Int64 // of the commits
}

// Open connects to the database that url names and does not migrate it.
// "postgres://…" is Postgres; "sqlite:PATH" is one file, which Open locks so
// that a second process is refused with a sentence.
func Open(ctx context.Context, url string) (*DB, error) {
	switch {
	case isPostgres(url):
		return openPostgres(ctx, url)
	case isSQLite(url):
		return openSQLite(ctx, url, true)
	}
	return nil, errUnknownURL(url)
}

// OpenBeside is Open for a short command that may run while a server has the
// database: it does not ask to be the only process.
func OpenBeside(ctx context.Context, url string) (*DB, error) {
	if isSQLite(url) {
		return openSQLite(ctx, url, false)
	}
	return Open(ctx, url)
}

func errUnknownURL(url string) error {
	return fmt.Errorf("database url %q is neither postgres://… nor sqlite:PATH", redact(url))
}

// Close ends all connections.
func (db *DB) Close() error { return db.close() }

// Alone reports whether this process is the only one that may work on the
// database. Others may still look at it, or run a short command.
func (db *DB) Alone() bool { return db.alone }

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	var one int
	return db.get(ctx, &one, `SELECT 1`)
}

// Commits returns how many transactions this process has committed, without
// the beats of its workers, which come by the clock and not with the work.
func (db *DB) Commits() int64 { return db.commits.Load() - db.beats.Load() }

// Now returns the database's clock.
func (db *DB) Now(ctx context.Context) (pipeline.Micros, error) {
	var now pipeline.Micros
	err := db.get(ctx, &now, `SELECT {now}`)
	return now, err
}

// Tx is an open transaction.
type Tx struct{ conn }

// conn runs queries, in a transaction or outside.
type conn struct {
	ext sqlx.ExtContext
	d   dialect
}

// get scans one row into dest; no row is an error of kind NotFound.
func (c conn) get(ctx context.Context, dest any, query string, args ...any) error {
	err := sqlx.GetContext(ctx, c.ext, dest, c.d.text(query), args...)
	if errors.Is(err, sql.ErrNoRows) {
		return pipeline.Errorf(pipeline.NotFound, "no such object").Because(err)
	}
	return err
}

// all scans every row into dest, a pointer to a slice.
func (c conn) all(ctx context.Context, dest any, query string, args ...any) error {
	return sqlx.SelectContext(ctx, c.ext, dest, c.d.text(query), args...)
}

// exec runs a statement and returns how many rows it changed.
func (c conn) exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := c.ext.ExecContext(ctx, c.d.text(query), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// allIn is all for a query with slices among its arguments, each of which
// fills one (?).
func (c conn) allIn(ctx context.Context, dest any, query string, args ...any) error {
	q, flat, err := sqlx.In(query, args...)
	if err != nil {
		return err
	}
	return c.all(ctx, dest, q, flat...)
}

// execIn is exec for a query with slices among its arguments.
func (c conn) execIn(ctx context.Context, query string, args ...any) (int64, error) {
	q, flat, err := sqlx.In(query, args...)
	if err != nil {
		return 0, err
	}
	return c.exec(ctx, q, flat...)
}

// maxTries bounds how often one transaction is begun anew after the database
// refused it for a passing reason.
const maxTries = 6

// tx runs fn in a transaction and commits it. After a passing failure (a
// deadlock, a lost connection before the commit) fn runs again, so it must not
// have effects outside. A commit whose outcome is unknown is errUnknownCommit.
func (db *DB) tx(ctx context.Context, fn func(*Tx) error) error {
	for try := 1; ; try++ {
		err := db.once(ctx, fn)
		if err == nil || try == maxTries || errors.Is(err, errUnknownCommit) || !db.d.passing(err) {
			return err
		}
		pause := time.Duration(rand.Int64N(int64(5*time.Millisecond) << try))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		}
	}
}

// errUnknownCommit says that a commit was sent and its answer lost: the caller
// re-reads by key to learn what became of it.
var errUnknownCommit = errors.New("the outcome of the commit is unknown")

func (db *DB) once(ctx context.Context, fn func(*Tx) error) error {
	t, err := db.write.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback() //nolint:errcheck // after a commit this is a no-op
	x := &Tx{conn{t, db.d}}
	if err := db.d.begun(ctx, x); err != nil {
		return err
	}
	if err := fn(x); err != nil {
		return err
	}
	if err := t.Commit(); err != nil {
		if db.d.passing(err) && !db.d.lost(err) {
			return err
		}
		return fmt.Errorf("%w: %w", errUnknownCommit, err)
	}
	db.commits.Add(1)
	return nil
}

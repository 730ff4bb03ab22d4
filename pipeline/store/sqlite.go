package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const sqlitePrefix = "sqlite:"

// maxSQLiteReaders bounds the pool of reading connections beside the one writer.
const maxSQLiteReaders = 4

func isSQLite(url string) bool { return strings.HasPrefix(url, sqlitePrefix) }

func openSQLite(ctx context.Context, url string, alone bool) (*DB, error) {
	path, err := filepath.Abs(strings.TrimPrefix(url, sqlitePrefix))
	if err != nil {
		return nil, err
	}
	release := func() error { return nil }
	if alone {
		lock, err := lockFile(path)
		if err != nil {
			return nil, err
		}
		release = lock.Close
	}
	// Immediate transactions: a deferred one that reads and then writes fails
	// at once when another writes, whatever the busy timeout.
	dsn := "file:" + path + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)" +
		"&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=cache_size(-8000)"
	write, err := sqlx.ConnectContext(ctx, "sqlite", dsn+"&_txlock=immediate")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), release())
	}
	write.SetMaxOpenConns(1)
	read, err := sqlx.ConnectContext(ctx, "sqlite", dsn+"&_pragma=query_only(1)")
	if err != nil {
		return nil, errors.Join(err, write.Close(), release())
	}
	read.SetMaxOpenConns(maxSQLiteReaders)
	read.SetMaxIdleConns(maxSQLiteReaders)
	return &DB{
		conn:       conn{read, newSQLite()},
		write:      write,
		alone:      alone,
		lockSchema: func() (func(), error) { return lockSchema(path) },
		close:      func() error { return errors.Join(read.Close(), write.Close(), release()) },
	}, nil
}

// lockSchema waits until no other process migrates the database: a command may
// do so beside the very first start of a server.
func lockSchema(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path+".schema", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the schema lock of %s: %w", path, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the schema of %s: %w", path, err), f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// lockFile takes the lock that keeps a second process away: two would each
// believe to be the only writer and to own the embedded queue.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of %s: %w", path, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%s is in use by another process: SQLite serves one process only; "+
			"stop the other one, or give --database-url postgres://… to run several", path)
	}
	return f, nil
}

type sqliteDialect struct{ rewriter }

func newSQLite() *sqliteDialect {
	return &sqliteDialect{rewriter{
		now:  "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
		bind: sqlx.QUESTION,
	}}
}

// begun has nothing to say: the locks of SQLite end with their process, and a
// process that is frozen keeps nobody waiting but itself.
func (s *sqliteDialect) begun(context.Context, *Tx) error { return nil }

// forUpdate is empty: an immediate transaction has the only write lock.
func (s *sqliteDialect) forUpdate() string { return "" }

func (s *sqliteDialect) listed(ids []int64) (sql string, arg any) {
	return "IN (SELECT value FROM json_each(?))", "[" + joinIDs(ids) + "]"
}

func (s *sqliteDialect) guesses() bool { return true }

// minIndexed is the shortest text that the index of words finds: it is one of
// every three characters that stand together.
const minIndexed = 3

func (s *sqliteDialect) containing(w words, part string) (sql string, arg any, ok bool) {
	if utf8.RuneCountInString(part) < minIndexed {
		return "", nil, false
	}
	return "(" + w.row + " IN (SELECT rowid FROM tasks_words WHERE tasks_words MATCH ?))",
		w.column + ` : "` + strings.ReplaceAll(part, `"`, `""`) + `"`, true
}

func (s *sqliteDialect) passing(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code()&0xff == sqlite3.SQLITE_BUSY || e.Code()&0xff == sqlite3.SQLITE_LOCKED)
}

func (s *sqliteDialect) lost(error) bool { return false }

// maxSQLiteParams is below SQLite's limit of parameters in one statement.
const maxSQLiteParams = 8000

// bulk sends statements of many rows each.
func (s *sqliteDialect) bulk(t *Tx, b bulk) error {
	var names []string
	for _, c := range b.cols {
		names = append(names, c.name)
	}
	row := "(" + strings.TrimSuffix(strings.Repeat("?, ", len(b.cols)), ", ") + ")"
	head := fmt.Sprintf("INSERT INTO %s (%s) VALUES ", b.table, strings.Join(names, ", "))
	page := maxSQLiteParams / len(b.cols)
	args := make([]any, 0, page*len(b.cols))
	for lo := 0; lo < b.rows; lo += page {
		hi := min(lo+page, b.rows)
		args = args[:0]
		for i := lo; i < hi; i++ {
			for _, c := range b.cols {
				args = append(args, c.at(i))
			}
		}
		query := head + strings.TrimSuffix(strings.Repeat(row+", ", hi-lo), ", ") + b.suffix
		if _, err := t.exec(b.ctx, query, args...); err != nil {
			return err
		}
	}
	return nil
}

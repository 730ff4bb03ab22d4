package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"

	"framemill/pipeline"
)

// maxPostgresConns is small on purpose: many processes share one server.
const maxPostgresConns = 8

func isPostgres(url string) bool {
	return strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://")
}

func openPostgres(ctx context.Context, url string) (*DB, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database url %q: %w", redact(url), errors.Unwrap(err))
	}
	// No prepared statements by name, so that a pooler in transaction mode works.
	cfg.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	raw := stdlib.OpenDB(*cfg)
	raw.SetMaxOpenConns(maxPostgresConns)
	raw.SetMaxIdleConns(maxPostgresConns)
	raw.SetConnMaxIdleTime(time.Minute)
	x := sqlx.NewDb(raw, "pgx")
	db := &DB{conn: conn{x, newPostgres()}, write: x, close: x.Close, lockSchema: noLock}
	if err := db.Ping(ctx); err != nil {
		_ = x.Close()
		return nil, fmt.Errorf("connect to %s: %w", redact(url), err)
	}
	return db, nil
}

// noLock stands for the lock that goose itself takes on Postgres.
func noLock() (func(), error) { return func() {}, nil }

type postgres struct{ rewriter }

func newPostgres() *postgres {
	return &postgres{rewriter{
		now:  "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT",
		bind: sqlx.DOLLAR,
	}}
}

// maxSilence is how long a transaction may say nothing before Postgres ends it.
// A host that freezes or loses its network in the middle of one would otherwise
// keep its locks, the one of the relay among them, and with them everybody
// else. It is well below the lease, so that the reaper finds the rows free.
const maxSilence = pipeline.LeaseTime / 2

// begun sets the limit for this transaction only: a pooler may lend the
// connection to others.
func (p *postgres) begun(ctx context.Context, t *Tx) error {
	_, err := t.exec(ctx, fmt.Sprintf(`SET LOCAL idle_in_transaction_session_timeout = %d`, maxSilence.Milliseconds()))
	return err
}

func (p *postgres) forUpdate() string { return " FOR UPDATE" }

func (p *postgres) listed(ids []int64) (sql string, arg any) {
	return "= ANY (?::bigint[])", "{" + joinIDs(ids) + "}"
}

// guesses is false: the ids in a query and the statistics of columns tell.
func (p *postgres) guesses() bool { return false }

// containing is not needed: the table itself has such an index.
func (p *postgres) containing(words, string) (sql string, arg any, ok bool) { return "", nil, false }

func (p *postgres) passing(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pg.Code {
		case "40001", "40P01", "55P03", "53300", "57P01", "57P02", "57P03", "25P03":
			return true
		case "23505": // somebody was faster with the same key; the next try sees theirs
			return true
		}
		return strings.HasPrefix(pg.Code, "08")
	}
	return p.lost(err)
}

func (p *postgres) lost(err error) bool {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// bulk sends whole columns: one parse and one round trip for any number of rows.
func (p *postgres) bulk(t *Tx, b bulk) error {
	var names, casts []string
	var args []any
	for _, c := range b.cols {
		names = append(names, c.name)
		casts = append(casts, "?::"+c.pgType()+"[]")
		args = append(args, c.values)
	}
	_, err := t.exec(b.ctx, fmt.Sprintf("INSERT INTO %s (%s) SELECT * FROM unnest(%s)%s",
		b.table, strings.Join(names, ", "), strings.Join(casts, ", "), b.suffix), args...)
	return err
}

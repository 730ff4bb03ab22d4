package store

import (
	"context"
	"net/url"
	"strings"
	"sync"

	"github.com/jmoiron/sqlx"
)

// dialect is what differs between the databases.
type dialect interface {
	// text turns a query of ours into the database's own.
	text(query string) string
	// passing reports whether err may vanish when the transaction is retried.
	passing(err error) bool
	// lost reports whether err means that the connection broke.
	lost(err error) bool
	// begun says what has to be said first in a transaction.
	begun(ctx context.Context, t *Tx) error
	// forUpdate is appended to a SELECT whose rows stay locked.
	forUpdate() string
	// listed is what makes a column one of some ids, and its argument.
	listed(ids []int64) (sql string, arg any)
	// guesses reports whether the database guesses how many rows a condition
	// leaves, so that it has to be told how to find them.
	guesses() bool
	// containing is the SQL of words that contain a part, and its argument, if
	// the database keeps words apart.
	containing(w words, part string) (sql string, arg any, ok bool)
	// bulk inserts many rows at once.
	bulk(t *Tx, b bulk) error
}

// rewriter caches the texts of queries: each is rewritten once.
type rewriter struct {
	now   string
	bind  int
	cache sync.Map // query → text
}

func (r *rewriter) text(query string) string {
	if s, ok := r.cache.Load(query); ok {
		return s.(string)
	}
	s := sqlx.Rebind(r.bind, strings.ReplaceAll(query, "{now}", r.now))
	if len(query) < 4096 { // longer ones have a varying number of parameters
		r.cache.Store(query, s)
	}
	return s
}

// redact hides the password of a database url.
func redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(malformed)"
	}
	return u.Redacted()
}

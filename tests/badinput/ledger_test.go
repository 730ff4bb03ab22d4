package badinput_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// ledger is the table of everything that was tried.
type ledger struct {
	mu   sync.Mutex
	rows []row
}

// row is one attempt: what was tried, what had to come of it, and what did.
type row struct {
	tried, want, got string
	ok               bool
}

// add enters an attempt, and fails the test if it went wrong.
func (l *ledger) add(t *testing.T, want, got string, ok bool, why string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rows = append(l.rows, row{strings.TrimPrefix(t.Name(), "TestBadInput/"), want, got, ok})
	if !ok {
		t.Errorf("want %s, got %s: %s", want, got, why)
	}
}

// show logs the table and its totals.
func (l *ledger) show(t *testing.T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var table strings.Builder
	good := 0
	for _, r := range l.rows {
		mark := "ok  "
		if r.ok {
			good++
		} else {
			mark = "FAIL"
		}
		fmt.Fprintf(&table, "%s  %-60s  want %-36s  got %s\n", mark, r.tried, r.want, r.got)
	}
	t.Logf("tried %d, of which %d were met as they should be\n%s", len(l.rows), good, table.String())
}

// Package uploads_test sends large files in pieces over lines that break, to
// servers that are killed, with the clients that people use. What arrives must
// be what was sent, and little of it may be sent twice.
package uploads_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"framemill/tests/account"
	"framemill/tests/program"
)

// buffer is how much a server may have written and want once more: what it
// writes between two times that it makes its disk safe.
const buffer = 8<<20 + 256<<10

// fileSize is how long the files are, in bytes: longer for the proof.
func fileSize() int64 {
	if program.Proving() {
		return 1 << 30
	}
	return 32 << 20
}

// plan spreads faults over a file of a size: connections that break, and
// servers that are killed.
func plan(size int64, kills ...bool) []fault {
	faults := make([]fault, len(kills))
	for i, kill := range kills {
		faults[i] = fault{at: size * int64(2*i+1) / int64(2*len(kills)), kill: kill}
	}
	return faults
}

func TestResumableUploads(t *testing.T) {
	t.Parallel()
	const breaks, kill = false, true
	clients := []struct {
		name   string
		send   sender
		faults []bool
	}{
		{"rests of files", pieces(1 << 40), []bool{breaks, kill}},
		{"pieces", pieces(5_000_000), []bool{breaks, kill, breaks, kill, kill, breaks}},
		{"cvat-sdk", sdk, []bool{breaks, kill}}, // it gives up at the third fault
		{"tus-js-client", tusJS, []bool{breaks, kill, breaks, kill, kill, breaks}},
	}
	t.Run("two producers", func(t *testing.T) {
		t.Parallel()
		f := program.StartFleet(t, program.Config{}, 2, 0)
		books := account.Open(t, f.Config.Data, f.Config.DatabaseURL)
		for _, c := range clients {
			t.Run(c.name, func(t *testing.T) { try(t, f.Producers, books, c.send, plan(fileSize(), c.faults...)) })
		}
	})
	t.Run("one process", func(t *testing.T) {
		t.Parallel()
		server := program.Up(t, program.Config{})
		books := account.Open(t, server.Config.Data, "")
		for _, c := range clients[:2] {
			t.Run(c.name, func(t *testing.T) { try(t, []*program.Server{server}, books, c.send, plan(fileSize(), c.faults...)) })
		}
	})
}

// try sends one file over a line with faults, and holds what arrived against
// what was sent. The servers are replaced by those that were started again.
func try(t *testing.T, servers []*program.Server, books *account.Books, send sender, faults []fault) {
	file, sum := random(t, fileSize())
	l := newLine(t, servers, faults)
	var made struct{ ID int64 }
	servers[0].JSON(t, http.MethodPost, "/api/tasks", map[string]any{"name": t.Name(), "labels": []any{}}, &made)
	var name string
	err := l.run(func() (err error) {
		name, err = send(t.Context(), l.URL, made.ID, file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		name, sum, key string
		length         int64
	}
	err = books.DB.QueryRowContext(t.Context(), fmt.Sprintf(`SELECT name, length, sha256, store_key FROM uploads WHERE task_id = %d`, made.ID)).
		Scan(&got.name, &got.length, &got.sum, &got.key)
	if err != nil {
		t.Fatalf("the upload of task %d: %v", made.ID, err)
	}
	if got.name != name || got.length != fileSize() || got.sum != sum {
		t.Errorf("the upload is %q of %d bytes with the checksum %s, want %q, %d, %s", got.name, got.length, got.sum, name, fileSize(), sum)
	}
	if stored := books.SHA256(t, got.key); stored != sum {
		t.Errorf("the stored bytes have the checksum %s, want %s", stored, sum)
	}
	l.check(t)
}

// check fails unless the line had all its faults, every server took pieces, and
// little was lost by the faults.
func (l *line) check(t *testing.T) {
	t.Helper()
	t.Logf("%d bytes went over the line for %d; at most %d had been written and were sent again; pieces by server: %v",
		l.sent, fileSize(), l.lost, l.patched)
	if len(l.faults) > 0 {
		t.Errorf("the faults %+v did not happen", l.faults)
	}
	for n, pieces := range l.patched {
		if pieces == 0 {
			t.Errorf("server %d took no piece", n)
		}
	}
	if l.looked == 0 || l.lost > buffer {
		t.Errorf("%d bytes were written and sent again, in %d looks; want at most %d", l.lost, l.looked, buffer)
	}
}

// random writes a file of random bytes, and returns its name and its checksum.
func random(t *testing.T, size int64) (file, sum string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "large.mp4")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	hash := sha256.New()
	source := rand.NewChaCha8([32]byte([]byte(fmt.Sprintf("%-32.32s", t.Name()))))
	if _, err := io.CopyN(io.MultiWriter(f, hash), source, size); err != nil {
		t.Fatal(err)
	}
	return file, fmt.Sprintf("%x", hash.Sum(nil))
}

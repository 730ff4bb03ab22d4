package badinput_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// tryWire sends bytes that are hardly HTTP.
func tryWire(t *testing.T, b *bench) {
	const host = "Host: x\r\n"
	for _, w := range []struct {
		name, send string
		status     int
		code       string
	}{
		{"not HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "invalid"},
		{"no host", "GET /api/tasks HTTP/1.1\r\n\r\n", 400, "invalid"},
		{"two hosts", "GET /api/tasks HTTP/1.1\r\n" + host + host + "\r\n", 400, "invalid"},
		{"two lengths", "POST /api/tasks HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400, "invalid"},
		{"negative length", "POST /api/tasks HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n", 400, "invalid"},
		{"length that is a word", "POST /api/tasks HTTP/1.1\r\n" + host + "Content-Length: x\r\n\r\n", 400, "invalid"},
		{"unknown coding", "POST /api/tasks HTTP/1.1\r\n" + host + "Transfer-Encoding: identity\r\n\r\n", 501, "not_offered"},
		{"space before a colon", "GET /api/tasks HTTP/1.1\r\n" + host + "X : y\r\n\r\n", 400, "invalid"},
		{"null character in a header", "GET /api/tasks HTTP/1.1\r\n" + host + "X: \x00\r\n\r\n", 400, "invalid"},
		{"headers of 2 MiB", "GET /api/tasks HTTP/1.1\r\n" + host + strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", 2100) + "\r\n", 431, "too_large"},
		{"path of 100 kB", "GET /api/" + strings.Repeat("x", 100<<10) + " HTTP/1.1\r\n" + host + "\r\n", 404, "not_found"},
		{"filter of 1 MB", "GET /api/tasks?filter=" + strings.Repeat("1", 1_000_000) + " HTTP/1.1\r\n" + host + "\r\n", 431, "too_large"},
		{"filter of 1 MB, percent-encoded", "GET /api/tasks?filter=" + strings.Repeat("%5B", 1_000_000) + " HTTP/1.1\r\n" + host + "\r\n", 431, "too_large"},
		{"other version", "GET /api/tasks HTTP/9.9\r\n" + host + "\r\n", 505, "invalid"},
	} {
		t.Run(w.name, func(t *testing.T) {
			b.judge(t, refusal{status: w.status, code: w.code}, b.raw(t, w.send))
		})
	}
	t.Run("body that breaks off", func(t *testing.T) {
		c := upload(quality, file{"1.jpg", photoOf(1, 800, 600)})
		var task int64
		c.path, task = b.at(t, c.path, nil)
		head := fmt.Sprintf("POST %s HTTP/1.1\r\n%sAuthorization: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
			c.path, host, basic(), c.kind, len(c.body))
		b.hangUp(t, head+string(c.body[:len(c.body)/2]))
		b.leavesNothing(t, task)
		b.ledger.add(t, "nothing", "nothing", true, "")
	})
}

func basic() string {
	r, _ := http.NewRequest(http.MethodGet, "/", nil)
	r.SetBasicAuth("admin", "correct-horse-7")
	return r.Header.Get("Authorization")
}

// raw sends bytes and returns the answer.
func (b *bench) raw(t *testing.T, text string) answer {
	t.Helper()
	conn := b.dial(t)
	defer conn.Close()
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Errorf("the server hung up on who was sending: %v", err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{status: resp.StatusCode, header: resp.Header, body: body, err: err}
}

// hangUp sends bytes and closes the connection.
func (b *bench) hangUp(t *testing.T, text string) {
	t.Helper()
	conn := b.dial(t)
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(b.URL, "http://"), prompt)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(prompt)); err != nil {
		t.Fatal(err)
	}
	return conn
}

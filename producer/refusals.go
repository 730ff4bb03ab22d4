package producer

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"framemill/pipeline"
	"framemill/producer/api"
)

// net/http answers a request that it cannot read by itself, in plain text: its
// headers are too large, say. What follows turns these answers into refusals
// like all others. Only the connection sees them; so that it takes nothing that
// a handler writes for one, it is told when a handler is at work.

const (
	maxHeaderBytes = 128 << 10
	// plainHeader is what net/http's own answers have behind the first line.
	// Those of handlers have a date, too.
	plainHeader = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
	// A client that is still sending must read the answer before the connection
	// is torn down, so the rest is taken, and thrown away, within reason.
	maxRest  = 16 << 20
	restTime = 2 * time.Second
)

// refuseAlike makes srv, which is to serve l, refuse all requests alike. It
// returns the listener to serve instead.
func refuseAlike(srv *http.Server, l net.Listener) net.Listener {
	handler := srv.Handler
	srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(clientKey{}).(*client); ok {
			c.answered.Store(true)
		}
		handler.ServeHTTP(w, r)
	})
	srv.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, clientKey{}, c)
	}
	srv.ConnState = func(conn net.Conn, state http.ConnState) {
		if c, ok := conn.(*client); ok && state == http.StateIdle {
			c.answered.Store(false)
		}
	}
	return clients{l}
}

type clientKey struct{}

// clients accepts connections of clients.
type clients struct{ net.Listener }

// Accept implements net.Listener.
func (l clients) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok {
		return &client{TCPConn: tcp}, err
	}
	return conn, err
}

// client is the connection of a client. What net/http wants of a connection to
// send files without copying them is the embedded one's.
type client struct {
	*net.TCPConn
	answered atomic.Bool // by a handler, since the last answer
}

// Write implements net.Conn.
func (c *client) Write(p []byte) (int, error) {
	if c.answered.Load() || !bytes.HasPrefix(p, []byte("HTTP/1.1 ")) {
		return c.TCPConn.Write(p)
	}
	head, text, plain := bytes.Cut(p, []byte(plainHeader))
	status, err := strconv.Atoi(string(head[9:min(12, len(head))]))
	if !plain || err != nil {
		return c.TCPConn.Write(p)
	}
	if err := api.Refusal(status, unreadable(status, string(text))).Write(c.TCPConn); err != nil {
		return 0, err
	}
	c.takeRest()
	return len(p), nil
}

// unreadable says why a request was not read.
func unreadable(status int, text string) *pipeline.Error {
	switch status {
	case http.StatusRequestHeaderFieldsTooLarge:
		return pipeline.Errorf(pipeline.TooLarge, "The address and the headers of the request are larger than %d KiB", maxHeaderBytes>>10)
	case http.StatusNotImplemented:
		return pipeline.Errorf(pipeline.NotOffered, "%s", text)
	}
	return pipeline.Errorf(pipeline.Invalid, "The request is not HTTP as this server understands it: %s", text)
}

// takeRest reads what a client that was refused is still sending.
func (c *client) takeRest() {
	_ = c.TCPConn.CloseWrite()
	_ = c.TCPConn.SetReadDeadline(time.Now().Add(restTime))
	_, _ = io.Copy(io.Discard, io.LimitReader(c.TCPConn, maxRest))
}

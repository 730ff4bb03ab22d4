package uploads_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"framemill/tests/program"
)

// sliced is how much of each connection goes to the server byte by byte.
const sliced = 600

// errLine is the end of a connection.
var errLine = errors.New("the line is broken")

// fault is what happens when so many bytes have gone over a line: the
// connection breaks, and with kill the server dies that hears them.
type fault struct {
	at   int64
	kill bool
}

// line is a bad line between a client and servers of the same data: it gives
// the requests of each method to the servers in turns, sends the beginning of
// every connection byte by byte, and has faults.
type line struct {
	URL    string
	data   string // folder of the servers
	ended  context.Context
	killed chan *program.Server // to be killed, and started again
	again  chan *program.Server // was started again

	mu      sync.Mutex
	servers []*program.Server
	turn    map[string]int // by method
	sent    int64
	faults  []fault // to come, in order
	patched []int   // pieces, by server
	looked  int     // how often lost was measured
	lost    int64   // the most bytes that a server had written and wanted once more
}

// newLine puts a line before servers.
func newLine(t *testing.T, servers []*program.Server, faults []fault) *line {
	t.Helper()
	l := &line{
		data: servers[0].Config.Data, ended: t.Context(),
		killed: make(chan *program.Server), again: make(chan *program.Server),
		servers: servers, turn: map[string]int{}, faults: faults, patched: make([]int, len(servers)),
	}
	quiet := log.New(io.Discard, "", 0)
	proxy := httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Rewrite:   l.route,
		Transport: &http.Transport{DialContext: l.dial, DisableKeepAlives: true},
		// The client sees what the proxy does: a connection that breaks.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:     quiet,
	})
	proxy.Config.ErrorLog = quiet
	proxy.Start()
	t.Cleanup(proxy.Close)
	l.URL = proxy.URL
	return l
}

// route gives a request to the server whose turn it is.
func (l *line) route(r *httputil.ProxyRequest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.turn[r.In.Method] % len(l.servers)
	l.turn[r.In.Method]++
	target, err := url.Parse(l.servers[n].URL)
	if err != nil {
		panic(err)
	}
	r.SetURL(target)
	r.Out.Host = r.In.Host
	if r.In.Method == http.MethodPatch {
		l.patched[n]++
		l.measure(r.In)
	}
}

// measure compares where a piece begins with what the servers have written of
// its file. They count only what is safe on disk.
func (l *line) measure(r *http.Request) {
	_, id, _ := strings.Cut(path.Base(r.URL.Path), "_")
	offset, err := strconv.ParseInt(r.Header.Get("Upload-Offset"), 10, 64)
	if err != nil {
		return
	}
	found, _ := filepath.Glob(filepath.Join(l.data, "blobs", "partial", "*+"+id))
	for _, name := range found {
		if info, err := os.Stat(name); err == nil {
			l.looked++
			l.lost = max(l.lost, info.Size()-offset)
		}
	}
}

// dial opens a connection to a server.
func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &wire{Conn: conn, line: l, slices: sliced}, nil
}

// wire is a connection to a server.
type wire struct {
	net.Conn
	line   *line
	slices int // bytes that still go one by one
}

// Write implements net.Conn.
func (w *wire) Write(p []byte) (n int, err error) {
	for n < len(p) {
		size := len(p) - n
		if w.slices > 0 {
			size = 1
			w.slices--
		}
		size, broken := w.line.pass(size)
		m, err := w.Conn.Write(p[n : n+size])
		n += m
		if broken != nil {
			w.line.breaks(w, broken.kill)
			err = errLine
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// pass counts bytes that go over the line, up to the next fault.
func (l *line) pass(size int) (int, *fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.faults) == 0 || l.sent+int64(size) < l.faults[0].at {
		l.sent += int64(size)
		return size, nil
	}
	f := l.faults[0]
	l.faults = l.faults[1:]
	size = int(f.at - l.sent)
	l.sent = f.at
	return size, &f
}

// breaks resets a connection or kills the server at its end, and returns when
// that answers again.
func (l *line) breaks(w *wire, kill bool) {
	if !kill {
		_ = w.Conn.(*net.TCPConn).SetLinger(0)
		_ = w.Conn.Close()
		return
	}
	l.mu.Lock()
	n := 0
	for n < len(l.servers)-1 && l.servers[n].URL != "http://"+w.RemoteAddr().String() {
		n++
	}
	server := l.servers[n]
	l.mu.Unlock()
	select {
	case l.killed <- server:
	case <-l.ended.Done():
		return
	}
	server = <-l.again
	l.mu.Lock()
	l.servers[n] = server
	l.mu.Unlock()
}

// run runs a client to its end, and kills servers as the faults of the line
// want it.
func (l *line) run(client func() error) error {
	ended := make(chan error, 1)
	go func() { ended <- client() }()
	for {
		select {
		case server := <-l.killed:
			server.Kill()
			l.again <- server.Restart()
		case err := <-ended:
			return err
		}
	}
}

package metrics_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5/middleware"

	"framemill/metrics"
)

func TestMiddlewareCounts(t *testing.T) {
	t.Parallel()
	m := metrics.New("1", time.Now, metrics.Sources{})
	h := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Errorf("read the body: %v", err)
		}
		w.WriteHeader(http.StatusAccepted)
		if _, err := io.WriteString(w, "hello"); err != nil {
			t.Errorf("write the answer: %v", err)
		}
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/api/tasks/7/data", strings.NewReader("0123456789")))
	s := scrape(t, m)
	for series, want := range map[string]float64{
		`framemill_http_bytes_total{direction="in"}`:               10,
		`framemill_http_bytes_total{direction="out"}`:              5,
		`framemill_http_requests_total{route="data",status="2xx"}`: 1,
		`framemill_http_in_flight`:                                 0,
	} {
		if got := s.value(t, series); got != want {
			t.Errorf("%s = %v, want %v", series, got, want)
		}
	}
}

func TestMiddlewareRoutes(t *testing.T) {
	t.Parallel()
	tests := []struct{ path, route string }{
		{"/api/tasks", "tasks"},
		{"/api/tasks/7", "tasks"},
		{"/api/tasks/7/data", "data"},
		{"/api/tasks/7/data/", "data"},
		{"/api/jobs/7/data/meta", "meta"},
		{"/api/jobs/7/preview", "preview"},
		{"/api/requests/action=create&target=task&target_id=7", "requests"},
		{"/api/server/about", "server"},
		{"/api/labels", "other"},
		{"/assets/app.js", "other"},
		{"/api/" + strings.Repeat("x/", 4000), "other"},
	}
	for _, tt := range tests {
		t.Run(tt.path[:min(len(tt.path), 60)], func(t *testing.T) {
			t.Parallel()
			m := metrics.New("1", time.Now, metrics.Sources{})
			serve(m, http.MethodGet, tt.path, http.StatusOK)
			if got := scrape(t, m).value(t, `framemill_http_requests_total{route="`+tt.route+`",status="2xx"}`); got != 1 {
				t.Errorf("%s is not counted as %s", tt.path, tt.route)
			}
		})
	}
}

func TestMiddlewareCountsBrokenAnswersAsErrors(t *testing.T) {
	t.Parallel()
	m := metrics.New("1", time.Now, metrics.Sources{})
	h := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		panic(http.ErrAbortHandler)
	}))
	func() {
		defer func() {
			if v := recover(); v != http.ErrAbortHandler {
				t.Errorf("the panic became %v, want it to pass through", v)
			}
		}()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/api/tasks", nil))
	}()
	if got := scrape(t, m).value(t, `framemill_http_requests_total{route="tasks",status="5xx"}`); got != 1 {
		t.Errorf("a broken answer is counted %v times as 5xx, want once", got)
	}
}

// sendfileConn tells when the server hands a file to the connection as a
// whole, which is what lets the kernel send it.
type sendfileConn struct {
	net.Conn
	got chan<- bool
}

// ReadFrom implements io.ReaderFrom.
func (c sendfileConn) ReadFrom(r io.Reader) (int64, error) {
	limited, ok := r.(*io.LimitedReader)
	if ok {
		_, ok = limited.R.(*os.File)
	}
	select {
	case c.got <- ok:
	default:
	}
	return io.Copy(c.Conn, r)
}

type sendfileListener struct {
	net.Listener
	got chan<- bool
}

func (l sendfileListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return sendfileConn{c, l.got}, err
}

func TestMiddlewareKeepsSendfile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "chunk.bin")
	if err := os.WriteFile(file, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	m := metrics.New("1", time.Now, metrics.Sources{})
	got := make(chan bool, 1)
	server := httptest.NewUnstartedServer(m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A wrapper below ours passes files on only if ours can.
		http.ServeFile(middleware.NewWrapResponseWriter(w, r.ProtoMajor), r, file)
	})))
	server.Listener = sendfileListener{server.Listener, got}
	server.Start()
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/api/jobs/1/data", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil || n != 1<<20 {
		t.Fatalf("read %d bytes and %v, want %d", n, err, 1<<20)
	}
	select {
	case asFile := <-got:
		if !asFile {
			t.Error("the connection was not handed the file itself")
		}
	default:
		t.Error("the connection was never handed a reader: the file went through a buffer")
	}
	server.Close() // waits for the handler
	if got := scrape(t, m).value(t, `framemill_http_bytes_total{direction="out"}`); got != 1<<20 {
		t.Errorf("counted %v bytes, want %d", got, 1<<20)
	}
}

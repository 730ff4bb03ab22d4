package metrics

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Request counts one answered request. The route is one of a closed set, which
// Middleware takes from the path.
func (m *Registry) Request(route string, status int, took time.Duration, in, out int64) {
	route = routes.label(route)
	m.requests.WithLabelValues(route, statusClass(status)).Inc()
	m.answerTime.WithLabelValues(route).Observe(took.Seconds())
	m.bytesIn.Add(float64(in))
	m.bytesOut.Add(float64(out))
}

// Middleware measures every request that next answers. An answer that was
// broken off counts as a server error, whatever its status line said.
func (m *Registry) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin, aborted := m.now(), true
		out := &meter{ResponseWriter: w}
		in := &countedBody{ReadCloser: r.Body}
		if r.Body != nil && r.Body != http.NoBody {
			r = r.WithContext(r.Context()) // the caller's request stays as it is
			r.Body = in
		}
		m.inFlight.Inc()
		defer func() {
			m.inFlight.Dec()
			status := out.status
			switch {
			case aborted:
				status = http.StatusInternalServerError
			case status == 0:
				status = http.StatusOK
			}
			m.Request(routeOf(r.URL.Path), status, m.now().Sub(begin), in.n, out.n)
		}()
		next.ServeHTTP(out, r)
		aborted = false
	})
}

// routes are the groups that requests are counted in.
var routes = setOf("tasks", "jobs", "data", "meta", "preview", "requests", "auth", "users", "server", other)

// routeOf returns the group of a path.
func routeOf(path string) string {
	rest, ok := strings.CutPrefix(path, "/api/")
	if !ok {
		return other
	}
	// The collection, the id of a member, and what of it is meant.
	part := strings.SplitN(rest, "/", 5)
	of := func(i int) string {
		if i < len(part) {
			return part[i]
		}
		return ""
	}
	switch {
	case of(2) == "data" && of(3) == "meta":
		return "meta"
	case of(2) == "data" || of(2) == "preview":
		return of(2)
	}
	return routes.label(part[0])
}

// statusClass returns 2xx for 200 and so on.
func statusClass(status int) string {
	switch class := status / 100; class {
	case 2, 3, 4:
		return strconv.Itoa(class) + "xx"
	case 1: // only a connection that changes its protocol ends like this
		return "2xx"
	}
	return "5xx"
}

// countedBody counts what is read of a request.
type countedBody struct {
	io.ReadCloser
	n int64
}

// Read implements io.Reader.
func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n += int64(n)
	return n, err
}

// meter counts what is written of an answer. It passes through everything that
// a server's own writer can do, ReadFrom above all: without it the kernel could
// not send files on its own.
type meter struct {
	http.ResponseWriter
	status int
	n      int64
}

// Unwrap serves http.ResponseController.
func (w *meter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w *meter) WriteHeader(status int) {
	if w.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *meter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.count(int64(n))
	return n, err
}

// ReadFrom implements io.ReaderFrom by the server's own writer.
func (w *meter) ReadFrom(src io.Reader) (int64, error) {
	to, ok := w.ResponseWriter.(io.ReaderFrom)
	if !ok {
		return io.Copy(struct{ io.Writer }{w}, src) // counts by Write
	}
	n, err := to.ReadFrom(src)
	w.count(n)
	return n, err
}

// Flush implements http.Flusher.
func (w *meter) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// Hijack implements http.Hijacker.
func (w *meter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

func (w *meter) count(n int64) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	w.n += n
}

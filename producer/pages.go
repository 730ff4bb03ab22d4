package producer

import (
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"

	"framemill/producer/access"
)

// consoleRoot is where administrators watch the queues.
const consoleRoot = "/admin/queues"

// guardConsole lets administrators in, and no request that another site made
// their browsers send: the console has no protection of its own.
func guardConsole(guard *access.Guard, console http.Handler) http.Handler {
	safe := http.NewCrossOriginProtection().Handler(console)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := guard.Authenticate(r)
		switch {
		case err != nil || p == nil:
			w.Header().Set("WWW-Authenticate", `Basic realm="framemill"`)
			http.Error(w, "log in as an administrator", http.StatusUnauthorized)
			return
		case !p.Admin():
			http.Error(w, "only administrators may see the queues", http.StatusForbidden)
			return
		}
		// Its page asks a public host for fonts; it works without them.
		w.Header().Set("Content-Security-Policy",
			"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'")
		safe.ServeHTTP(w, r)
	})
}

// webClient serves the files of a web client. Its own addresses are those of
// no file and get the start page, as a single-page application wants it.
func webClient(dir string) http.Handler {
	if dir == "" {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = w.Write([]byte("Framemill serves the API below /api/. Give --ui-dir to serve a web client here.\n"))
		})
	}
	files := os.DirFS(dir)
	serve := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
		w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
		w.Header().Set("Cross-Origin-Embedder-Policy", "credentialless")
		if info, err := fs.Stat(files, name); err != nil || info.IsDir() {
			w.Header().Set("Cache-Control", "no-cache")
			http.ServeFileFS(w, r, files, "index.html")
			return
		}
		if strings.HasPrefix(name, "assets/") {
			w.Header().Set("Cache-Control", "public, max-age=31536000")
			w.Header().Set("Cross-Origin-Embedder-Policy", "require-corp")
		}
		serve.ServeHTTP(w, r)
	})
}

package fetch_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/blob/blobtest"
	"framemill/pipeline/blob/fs"
	"framemill/pipeline/outgoing"
	"framemill/pipeline/plan"
	"framemill/stages/fetch"
)

// quick is a configuration that waits for little.
var quick = fetch.Config{Pause: time.Millisecond, MaxPause: 5 * time.Millisecond, Silence: 300 * time.Millisecond, MaxBytes: 1 << 20}

// world is a bucket and what was fetched into it.
type world struct {
	bucket *fs.Bucket
	got    map[int64]pipeline.Upload
}

// run fetches the URLs. Addresses of this machine are allowed unless strict.
func run(t *testing.T, cfg fetch.Config, strict bool, urls ...string) (*world, error) {
	t.Helper()
	bucket, err := fs.New(fs.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	out := outgoing.Config{Redirects: 4, Allow: "127.0.0.1"}
	if strict {
		out.Allow = ""
	}
	client, err := outgoing.New(out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdle)
	w := &world{bucket: bucket, got: make(map[int64]pipeline.Upload)}
	in := fetch.Input{URLs: urls, Names: plan.RemoteNames(urls)}
	for i := range urls {
		in.Places = append(in.Places, int64(i))
	}
	return w, fetch.New(cfg, client, bucket).Run(t.Context(), in, fetch.Attempt{
		Key:      func(place int64) string { return fmt.Sprintf("fetched/%d", place) },
		Progress: func() {},
		Done: func(_ context.Context, f pipeline.Upload) error {
			w.got[f.Ord] = f // Done is called by one goroutine at a time
			return nil
		},
	})
}

// content is a file of n bytes that a JPEG could begin with.
func content(n int) []byte {
	b := bytes.Repeat([]byte("0123456789abcdef"), n/16+1)[:n]
	copy(b, "\xff\xd8\xff\xe0")
	return b
}

// serve answers as h says, until the test ends.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestFetch(t *testing.T) {
	t.Parallel()
	file := content(300_000)
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(file) })
	w, err := run(t, quick, false, url+"/a/one.jpg", url+"/b/one.jpg", url+"/two")
	if err != nil {
		t.Fatal(err)
	}
	for place, name := range map[int64]string{0: "one.jpg", 1: "one_1.jpg", 2: "two.jpg"} {
		f := w.got[place]
		if f.Name != name || f.Code != "" || f.Length != int64(len(file)) || f.SHA256 != fmt.Sprintf("%x", sha256.Sum256(file)) {
			t.Errorf("file %d is %+v, want %s", place, f, name)
		}
		if got := blobtest.Read(t, w.bucket, f.Key); !bytes.Equal(got, file) {
			t.Errorf("the blob of file %d holds %d bytes and not what was served", place, len(got))
		}
	}
}

// TestOneOfManyIsGone reports the file that cannot be had and takes the others.
func TestOneOfManyIsGone(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/gone.jpg" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(content(100))
	})
	w, err := run(t, quick, false, url+"/a.jpg", url+"/gone.jpg")
	if err != nil {
		t.Fatal(err)
	}
	gone := w.got[1]
	if gone.Code != pipeline.CodeDownloadFailed || !strings.Contains(gone.Text, "HTTP error 404") || gone.Key != "" {
		t.Errorf("the file that is gone: %+v, want download_failed", gone)
	}
	if w.got[0].Code != "" {
		t.Errorf("the other file: %+v, want it there", w.got[0])
	}
}

// origin serves one file with ranges, and breaks off after some bytes of the
// first answers.
type origin struct {
	file   []byte
	tag    func(try int) string
	breaks int // answers that break off
	after  int // bytes of these
	mu     sync.Mutex
	tries  int
	sent   int
	wanted []string // Range headers
}

func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tries++
	o.wanted = append(o.wanted, r.Header.Get("Range"))
	tag := o.tag(o.tries)
	w.Header().Set("Etag", tag)
	from := 0
	if n, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); n == 1 && err == nil && r.Header.Get("If-Range") == tag {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(o.file)-1, len(o.file)))
		w.Header().Set("Content-Length", fmt.Sprint(len(o.file)-from))
		w.WriteHeader(http.StatusPartialContent)
	} else {
		from = 0
		w.Header().Set("Content-Length", fmt.Sprint(len(o.file)))
	}
	end := len(o.file)
	if o.tries <= o.breaks {
		end = min(from+o.after, end)
	}
	n, _ := w.Write(o.file[from:end])
	o.sent += n
	if end < len(o.file) {
		panic(http.ErrAbortHandler)
	}
}

func TestBrokenDownloadGoesOn(t *testing.T) {
	t.Parallel()
	o := &origin{file: content(400_000), tag: func(int) string { return `"v1"` }, breaks: 2, after: 150_000}
	w, err := run(t, quick, false, serve(t, o.ServeHTTP)+"/a.jpg")
	if err != nil {
		t.Fatal(err)
	}
	if f := w.got[0]; f.Code != "" || !bytes.Equal(blobtest.Read(t, w.bucket, f.Key), o.file) {
		t.Errorf("the file is %+v and not what was served", f)
	}
	if o.tries != 3 || o.wanted[1] == "" {
		t.Errorf("the ranges asked for are %q, want three with two that go on", o.wanted)
	}
}

// TestChangedFileIsNeverSpliced changes the file between two answers: what came
// of the old one is forgotten.
func TestChangedFileIsNeverSpliced(t *testing.T) {
	t.Parallel()
	o := &origin{file: content(400_000), tag: func(try int) string { return fmt.Sprintf(`"v%d"`, try) }, breaks: 2, after: 150_000}
	w, err := run(t, quick, false, serve(t, o.ServeHTTP)+"/a.jpg")
	if err != nil {
		t.Fatal(err)
	}
	if f := w.got[0]; f.Code != "" || f.Length != int64(len(o.file)) || !bytes.Equal(blobtest.Read(t, w.bucket, f.Key), o.file) {
		t.Errorf("the file is %+v, want that of the last answer", f)
	}
}

func TestBusyOriginIsAskedAgain(t *testing.T) {
	t.Parallel()
	var tries atomic.Int64
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if tries.Add(1) < 3 {
			w.Header().Set("Retry-After", "86400")
			http.Error(w, "busy", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write(content(100))
	})
	w, err := run(t, quick, false, url+"/a.jpg")
	if err != nil || w.got[0].Code != "" || tries.Load() != 3 {
		t.Errorf("after %d tries the file is %+v, %v, want it there after 3", tries.Load(), w.got[0], err)
	}
}

func TestHopeless(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	trap := serve(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	var loops atomic.Int64
	tests := []struct {
		name   string
		answer http.HandlerFunc
		says   string
	}{
		{"always busy", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "x", http.StatusServiceUnavailable) }, "HTTP error 503, also after 4 tries"},
		{"forbidden", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "x", http.StatusForbidden) }, "HTTP error 403"},
		{"announced too long", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "2000000") }, "over the limit"},
		{"endless", func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(content(64 << 10)); err != nil {
					return
				}
			}
		}, "over the limit"},
		{"packed", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write([]byte("x"))
		}, "packs the file"},
		{"silent", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "10")
			_, _ = w.Write([]byte("x"))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, "broke off, also after"},
		{"loop", func(w http.ResponseWriter, r *http.Request) {
			loops.Add(1)
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		}, "redirects"},
		{"to a file", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		}, "scheme"},
		{"inside", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, strings.Replace(trap, "127.0.0.1", "127.0.0.2", 1), http.StatusTemporaryRedirect)
		}, "public"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, err := run(t, quick, false, serve(t, tt.answer)+"/a.jpg")
			if err != nil {
				t.Fatalf("run: %v, want a report of the file", err)
			}
			f := w.got[0]
			if f.Code != pipeline.CodeDownloadFailed || !strings.Contains(f.Text, tt.says) {
				t.Errorf("the file is reported %q %q, want download_failed and %q", f.Code, f.Text, tt.says)
			}
			if keys, err := w.bucket.List(t.Context(), "", "", 10); err != nil || len(keys) != 0 {
				t.Errorf("blobs stay behind: %v, %v", keys, err)
			}
		})
	}
	t.Cleanup(func() {
		if asked.Load() != 0 {
			t.Errorf("an address inside was asked %d times", asked.Load())
		}
		if n := loops.Load(); n > 5 {
			t.Errorf("a loop of redirects was followed %d times, want at most 5", n)
		}
	})
}

func TestInsideIsRefused(t *testing.T) {
	t.Parallel()
	trap := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("an address inside was asked") })
	w, err := run(t, quick, true, trap+"/a.jpg")
	if err != nil || w.got[0].Code != pipeline.CodeDownloadFailed {
		t.Errorf("the file is %+v, %v, want download_failed", w.got[0], err)
	}
}

func TestCancelledFetch(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{})
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
	})
	client, err := outgoing.New(outgoing.Config{Allow: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := fs.New(fs.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	go func() { <-begun; cancel(stop) }()
	err = fetch.New(fetch.Config{}, client, bucket).Run(ctx,
		fetch.Input{URLs: []string{url + "/a.jpg"}, Names: []string{"a.jpg"}, Places: []int64{0}},
		fetch.Attempt{Key: func(int64) string { return "k" }, Progress: func() {}, Done: func(context.Context, pipeline.Upload) error { return nil }})
	if err == nil {
		t.Error("a cancelled fetch ends well")
	}
}

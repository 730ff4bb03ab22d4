package receive_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/blob/fs"
	"framemill/pipeline/store"
	"framemill/producer/receive"
)

// ledger is a store of uploads in memory.
type ledger struct {
	*store.DB // what these tests do not reach

	mu    sync.Mutex
	files []pipeline.Upload
	calls int
	err   error // of Uploadable
	lost  error // of SaveUploads

	dropped []string // by DropUploads
}

func (l *ledger) Uploadable(context.Context, int64) error { return l.err }

func (l *ledger) SaveUploads(_ context.Context, _ int64, files []pipeline.Upload) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	if l.lost != nil {
		return nil, l.lost
	}
	l.files = append(l.files, files...)
	return nil, nil
}

func (l *ledger) DropUploads(context.Context, int64) ([]string, error) { return l.dropped, nil }

func (l *ledger) names() (names []string) {
	for _, f := range l.files {
		names = append(names, f.Name)
	}
	return names
}

// bench is a receiver with everything around it.
type bench struct {
	*receive.Receiver
	bucket *crowded
	db     *ledger
}

// crowded is a folder of blobs that says of itself how full it is.
type crowded struct {
	*fs.Bucket
	free, total int64
}

func (c *crowded) Free(context.Context) (int64, int64, error) { return c.free, c.total, nil }

func setup(t testing.TB, change func(*receive.Config)) *bench {
	t.Helper()
	folder, err := fs.New(fs.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { folder.Close() })
	b := &bench{bucket: &crowded{folder, 1 << 39, 1 << 40}, db: &ledger{}}
	cfg := receive.Defaults()
	if change != nil {
		change(&cfg)
	}
	b.Receiver, err = receive.New(cfg, b.bucket, b.db, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// blobs lists every key in the bucket.
func (b *bench) blobs(t testing.TB) []string {
	t.Helper()
	list, err := b.bucket.List(t.Context(), "", "", 100_000)
	if err != nil {
		t.Fatal(err)
	}
	keys := make([]string, len(list))
	for i := range list {
		keys[i] = list[i].Key
	}
	return keys
}

// part is one part of a body that a test sends; a file if it has a name.
type part struct{ field, name, content string }

const boundary = "a-boundary-of-the-tests"

// body writes parts the way clients do, without checking any of them.
func body(parts ...part) string {
	var s strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&s, "--%s\r\nContent-Disposition: form-data; name=%q", boundary, p.field)
		if p.name != "" {
			fmt.Fprintf(&s, "; filename=\"%s\"\r\nContent-Type: image/jpeg", p.name)
		}
		fmt.Fprintf(&s, "\r\n\r\n%s\r\n", p.content)
	}
	return s.String() + "--" + boundary + "--\r\n"
}

func post(content string) *http.Request {
	r := httptest.NewRequest("POST", "/", strings.NewReader(content))
	r.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
	return r
}

var owner = receive.Owner{TaskID: 7, UserID: 3}

func fieldsOf(t *testing.T, b *receive.Batch) any {
	t.Helper()
	var v any
	if err := json.NewDecoder(b.Fields).Decode(&v); err != nil {
		t.Fatalf("fields are not JSON: %v", err)
	}
	return v
}

func TestMultipart(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	batch, err := b.Read(t.Context(), post(body(
		part{field: "image_quality", content: "70"},
		part{field: "client_files[1]", name: "/home/me/b.png", content: "bbb"},
		part{field: "client_files[0]", name: `C:\photos\a.jpg`, content: "a"},
		part{field: "use_cache", content: "True"},
		part{field: "client_files", name: "last.jpg", content: ""},
		part{field: "server_files[10]", content: "y"},
		part{field: "server_files[2]", content: "x"},
		part{field: "tags", content: "1"},
		part{field: "tags", content: "2"},
		part{field: "validation_params.mode", content: "gt"},
		part{field: "validation_params.frames[0]", content: "5"},
	)), owner)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"image_quality": "70", "use_cache": "True", "server_files": []any{"x", "y"}, "tags": []any{"1", "2"},
		"validation_params": map[string]any{"mode": "gt", "frames": []any{"5"}},
	}
	if diff := cmp.Diff(want, fieldsOf(t, batch)); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	if len(b.db.files) != 0 {
		t.Errorf("rows were written before Save: %v", b.db.names())
	}
	if err := batch.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a.jpg", "b.png", "last.jpg"}, b.db.names()); diff != "" {
		t.Errorf("files in the order of their fields (-want +got):\n%s", diff)
	}
	for i, content := range []string{"a", "bbb", ""} {
		b.check(t, b.db.files[i], content)
	}
}

// check compares a row and its blob with what was sent.
func (b *bench) check(t *testing.T, f pipeline.Upload, content string) {
	t.Helper()
	o, err := b.bucket.Open(t.Context(), f.Key)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	got, err := io.ReadAll(o)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(content))
	want := pipeline.Upload{
		ID: f.ID, TaskID: owner.TaskID, UserID: owner.UserID, Name: f.Name, Key: f.Key,
		Length: int64(len(content)), SHA256: hex.EncodeToString(sum[:]), CRC32: int64(crc32.ChecksumIEEE([]byte(content))),
	}
	if diff := cmp.Diff(want, f); diff != "" || string(got) != content {
		t.Errorf("%s: blob holds %q, want %q; row (-want +got):\n%s", f.Name, got, content, diff)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	small := func(c *receive.Config) {
		*c = receive.Config{MaxParts: 3, MaxHeader: 8 << 10, MaxFields: 100, MaxJSON: 50, MaxFile: 1000, MaxRequest: 1 << 20, Commits: 2, MinFreeShare: 0.1}
	}
	good := part{"client_files[0]", "a.jpg", "aaa"}
	file := func(name string) string { return body(good, part{"client_files[1]", name, "x"}) }
	whole := body(good, part{"client_files[1]", "b.jpg", "bbb"})
	tests := []struct {
		name string
		body string
		kind pipeline.Kind
		text string // in the message
	}{
		{"climbs", file("../../etc/cron.d/x"), pipeline.Invalid, "is not allowed"},
		{"climbs on Windows", file(`..\\..\\x`), pipeline.Invalid, "is not allowed"},
		{"climbs, encoded", file("%2e%2e%2fx"), pipeline.Invalid, "is not allowed"},
		{"no name", "--" + boundary + "\r\nContent-Disposition: form-data; name=\"client_files[0]\"; filename=\"\"\r\n\r\nx\r\n--" + boundary + "--", pipeline.Invalid, "is not allowed"},
		{"folder", file("photos/"), pipeline.Invalid, "is not allowed"},
		{"dot", file("."), pipeline.Invalid, "is not allowed"},
		{"NUL", file("a\x00.jpg"), pipeline.Invalid, ""},
		{"bidi", file("a\u202egpj.exe"), pipeline.Invalid, "is not allowed"},
		{"invalid UTF-8", file("a\xff.jpg"), pipeline.Invalid, ""},
		{"long", file(strings.Repeat("a", 256)), pipeline.Invalid, "is not allowed"},
		{"other file field", body(good, part{"avatar", "b.jpg", "x"}), pipeline.Invalid, "does not take a file"},
		{"sub-field", body(good, part{"client_files[0].x", "b.jpg", "x"}), pipeline.Invalid, "does not take a file"},
		{"not a file", body(good, part{field: "client_files[1]", content: "x"}), pipeline.Invalid, "not a file"},
		{"malformed field", body(good, part{field: "a[", content: "x"}), pipeline.Invalid, "malformed"},
		{"deep field", body(good, part{field: "a[0][0][0][0][0]", content: "x"}), pipeline.Invalid, "malformed"},
		{"same name", body(good, part{"client_files[1]", "/other/a.jpg", "bbb"}), pipeline.Conflict, `"/other/a.jpg"`},
		{"file too large", body(good, part{"client_files[1]", "b.jpg", strings.Repeat("x", 1001)}), pipeline.TooLarge, "b.jpg"},
		{"fields too large", body(good, part{field: "a", content: strings.Repeat("x", 60)}, part{field: "b", content: strings.Repeat("x", 60)}), pipeline.TooLarge, "fields"},
		{"body too large", body(good, part{field: "a", content: strings.Repeat("x", 1<<20)}), pipeline.TooLarge, "body"},
		{"too many parts", body(good, good, good, good), pipeline.TooLarge, "3 parts"},
		{"huge header", "--" + boundary + "\r\nX: " + strings.Repeat("x", 200<<10) + "\r\n\r\n", pipeline.Invalid, "headers"},
		{"preamble", strings.Repeat("x\r\n", 100<<10) + whole, pipeline.Invalid, "headers"},
		{"no disposition", "--" + boundary + "\r\n\r\nx\r\n--" + boundary + "--", pipeline.Invalid, "Content-Disposition"},
		{"cut in a file", whole[:len(whole)-len(boundary)-12], pipeline.Invalid, "ends early"},
		{"cut in a header", whole[:strings.LastIndex(whole, "filename")+3], pipeline.Invalid, "ends early"},
		{"cut in the last boundary", whole[:len(whole)-5], pipeline.Invalid, "ends early"},
		{"empty", "", pipeline.Invalid, "ends early"},
		{"other boundary", strings.ReplaceAll(whole, boundary, "other"), pipeline.Invalid, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, small)
			_, err := b.Read(t.Context(), post(tt.body), owner)
			if pipeline.KindOf(err) != tt.kind || !strings.Contains(pipeline.Public(err).Text, tt.text) {
				t.Errorf("error %v of kind %d, want kind %d and %q", err, pipeline.KindOf(err), tt.kind, tt.text)
			}
			if left := b.blobs(t); len(left) != 0 {
				t.Errorf("blobs stay behind: %v", left)
			}
			if n, err := b.bucket.Sweep(t.Context(), 0); err != nil || n != 0 {
				t.Errorf("%d half-written files stay behind (%v)", n, err)
			}
		})
	}
}

func TestContentTypes(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("b", 1000)
	tests := []struct {
		contentType, body string
		kind              pipeline.Kind // Internal means that there is no error
	}{
		{"application/json", `{"a":1}`, pipeline.Internal},
		{"application/json", ``, pipeline.Internal},
		{"application/vnd.cvat+json; version=2.0", `{}`, pipeline.Internal},
		{"", ``, pipeline.Internal},
		{"text/plain", `{}`, pipeline.Unsupported},
		{"application/x-www-form-urlencoded", `a=1`, pipeline.Unsupported},
		{"multipart/mixed; boundary=x", ``, pipeline.Unsupported},
		{"multipart/form-data", ``, pipeline.Invalid},
		{"multipart/form-data; boundary=" + long, "--" + long + "--", pipeline.Invalid},
		{";;", ``, pipeline.Unsupported},
		{"application/json", `{"a":"` + strings.Repeat("x", 101<<20) + `"}`, pipeline.TooLarge},
	}
	for _, tt := range tests {
		b := setup(t, nil)
		r := httptest.NewRequest("POST", "/", strings.NewReader(tt.body))
		r.Header.Set("Content-Type", tt.contentType)
		batch, err := b.Read(t.Context(), r, owner)
		if err == nil {
			_, err = io.Copy(io.Discard, batch.Fields)
		}
		if (err == nil) != (tt.kind == pipeline.Internal) || pipeline.KindOf(err) != tt.kind {
			t.Errorf("%q with %d bytes: %v, want kind %d", tt.contentType, len(tt.body), err, tt.kind)
		}
	}
}

// TestJSONLimit hides the length of the body, so that only reading finds it.
func TestJSONLimit(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *receive.Config) { c.MaxJSON = 10 })
	for size, ok := range map[int]bool{10: true, 11: false} {
		r := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader(strings.Repeat(" ", size))))
		r.Header.Set("Content-Type", "application/json")
		batch, err := b.Read(t.Context(), r, owner)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.ReadAll(batch.Fields)
		if (err == nil) != ok || err != nil && pipeline.KindOf(err) != pipeline.TooLarge {
			t.Errorf("a body of %d bytes: %v, want success = %t", size, err, ok)
		}
	}
}

func TestSameFileTwice(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	batch, err := b.Read(t.Context(), post(body(
		part{"client_files[0]", "a.jpg", "same"}, part{"client_files[1]", "x/a.jpg", "same"})), owner)
	if err != nil {
		t.Fatal(err)
	}
	if err := batch.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(b.db.files) != 1 || len(b.blobs(t)) != 1 {
		t.Errorf("%d rows and %d blobs of a file that was sent twice, want 1", len(b.db.files), len(b.blobs(t)))
	}
}

func TestDiscard(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	batch, err := b.Read(ctx, post(body(part{"client_files[0]", "a.jpg", "a"})), owner)
	if err != nil {
		t.Fatal(err)
	}
	cancel() // the client is gone, and yet nothing may stay
	batch.Discard(ctx)
	if left := b.blobs(t); len(left) != 0 || b.db.calls != 0 {
		t.Errorf("after Discard %v and %d writes stay", left, b.db.calls)
	}
}

// TestSaveFails saves a file in vain. A refusal leaves nothing; after a loss
// the rows may be there all the same, and a row without its blob is a lost file.
func TestSaveFails(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		err   error
		blobs int
	}{
		{name: "refused", err: pipeline.Errorf(pipeline.Conflict, "the task has data"), blobs: 0},
		{name: "lost", err: errors.New("no database"), blobs: 1},
		{name: "not now", err: pipeline.Errorf(pipeline.Transient, "the database is busy"), blobs: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			b.db.lost = tt.err
			batch, err := b.Read(t.Context(), post(body(part{"client_files[0]", "a.jpg", "a"})), owner)
			if err != nil {
				t.Fatal(err)
			}
			if err := batch.Save(t.Context()); !errors.Is(err, tt.err) {
				t.Errorf("Save: %v, want the store's error", err)
			}
			batch.Discard(t.Context()) // whatever was to go has gone
			if left := b.blobs(t); len(left) != tt.blobs {
				t.Errorf("the blobs %v stay, want %d", left, tt.blobs)
			}
		})
	}
}

func TestNotUploadable(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.db.err = pipeline.Errorf(pipeline.Conflict, "busy")
	r := post(body(part{"client_files[0]", "a.jpg", "a"}))
	if _, err := b.Read(t.Context(), r, owner); pipeline.KindOf(err) != pipeline.Conflict {
		t.Errorf("Read: %v, want the store's conflict", err)
	}
	if rest, _ := io.ReadAll(r.Body); len(rest) == 0 {
		t.Error("the body was read although nobody wanted it")
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		free, total int64
		announced   bool
		full        bool
	}{
		{"space", 1 << 20, 2 << 20, true, false},
		{"at the watermark", 10, 100, false, false},
		{"below", 9, 100, false, true},
		{"below after this body", 1000, 2000, true, true},
		{"unknown", -1, -1, true, false},
	}
	for _, tt := range tests {
		b := setup(t, nil)
		b.bucket.free, b.bucket.total = tt.free, tt.total
		r := post(body(part{"client_files[0]", "a.jpg", strings.Repeat("a", 900)}))
		if !tt.announced {
			r.ContentLength = -1
		}
		_, err := b.Read(t.Context(), r, owner)
		if full := pipeline.CodeOf(err) == pipeline.CodeDiskFull; (err != nil) != tt.full || full != tt.full {
			t.Errorf("%s: %v, want disk_full = %t", tt.name, err, tt.full)
		}
	}
}

// TestManySmallFiles sends what a client sends in a batch, times many.
func TestManySmallFiles(t *testing.T) {
	t.Parallel()
	const n = 10_000
	b := setup(t, nil)
	r, w := io.Pipe()
	mw := multipart.NewWriter(w)
	go func() {
		for i := range n {
			p, err := mw.CreateFormFile(fmt.Sprintf("client_files[%d]", n-1-i), fmt.Sprintf("%05d.jpg", n-1-i))
			if err == nil {
				_, err = p.Write(bytes.Repeat([]byte{byte(i)}, 100))
			}
			if err != nil {
				w.CloseWithError(err)
				return
			}
		}
		w.CloseWithError(mw.Close())
	}()
	req := httptest.NewRequest("POST", "/", r)
	req.Header.Set("Content-Type", mw.FormDataContentType())
	batch, err := b.Read(t.Context(), req, owner)
	if err != nil {
		t.Fatal(err)
	}
	if err := batch.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(b.db.files) != n || b.db.calls != 1 || b.db.files[17].Name != "00017.jpg" {
		t.Errorf("%d rows in %d transactions, the 18th is %q; want %d in 1 and 00017.jpg",
			len(b.db.files), b.db.calls, b.db.files[17].Name, n)
	}
	if got := len(b.blobs(t)); got != n {
		t.Errorf("%d blobs, want %d", got, n)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	if _, err := receive.New(receive.Config{MinFreeShare: 1}, nil, nil, nil); err == nil || !strings.Contains(err.Error(), "parts") ||
		!strings.Contains(err.Error(), "keep free") {
		t.Errorf("an empty configuration gives %v, want every mistake at once", err)
	}
}

var _ blob.Bucket = (*crowded)(nil)

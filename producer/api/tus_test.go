package api_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/blob/blobtest"
)

// metadata is what a client says of a file that is to come in pieces.
func metadata(name string) string {
	return "filetype dmlkZW8=,filename " + base64.StdEncoding.EncodeToString([]byte(name))
}

// begin begins a file and returns its path.
func (b *bundle) begin(task int64, name string, length int) string {
	b.t.Helper()
	r := b.want(http.StatusCreated, "POST", dataPath(task)+"/", "user", "",
		"Upload-Length", fmt.Sprint(length), "Upload-Metadata", metadata(name), "Tus-Resumable", "1.0.0")
	if got := r.Header.Get("Upload-Filename"); got != name {
		b.t.Errorf("Upload-Filename is %q, want %q", got, name)
	}
	path, ok := strings.CutPrefix(r.Header.Get("Location"), b.url)
	if !ok {
		b.t.Fatalf("Location %q is not below %s", r.Header.Get("Location"), b.url)
	}
	return path
}

// piece sends a piece from an offset on.
func (b *bundle) piece(status int, path string, offset int, content string, headers ...string) reply {
	b.t.Helper()
	return b.want(status, "PATCH", path, "user", content,
		append([]string{"Content-Type", "application/offset+octet-stream", "Upload-Offset", fmt.Sprint(offset)}, headers...)...)
}

// wantOffset fails unless an answer says that so much is there.
func wantOffset(t *testing.T, what string, r reply, want int) {
	t.Helper()
	if got := r.Header.Get("Upload-Offset"); got != fmt.Sprint(want) {
		t.Errorf("%s: Upload-Offset is %q, want %d", what, got, want)
	}
}

// TestResumableUpload sends a file as stock clients do.
func TestResumableUpload(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task := b.newTask("user", nil)
	content := strings.Repeat("0123456789", 200_000)
	path := b.begin(task, "clips/a.mp4", len(content))
	for at := 0; at < len(content); at += 700_000 {
		wantOffset(t, "before a piece", b.want(http.StatusOK, "HEAD", path, "user", nil), at)
		end := min(at+700_000, len(content))
		wantOffset(t, "a piece", b.piece(http.StatusNoContent, path, at, content[at:end]), end)
	}
	// The answer to the last piece may have been lost.
	wantOffset(t, "after the last piece", b.want(http.StatusOK, "HEAD", path, "user", nil), len(content))
	uploads, err := b.db.Uploads(t.Context(), task, -1, 10)
	if err != nil || len(uploads) != 1 {
		t.Fatalf("the task has the uploads %v, %v, want one", uploads, err)
	}
	u := uploads[0]
	if got := blobtest.Read(t, b.bucket, u.Key); string(got) != content {
		t.Errorf("the blob holds %d bytes and not what was sent", len(got))
	}
	sha := fmt.Sprintf("%x", sha256.Sum256([]byte(content)))
	if crc := int64(crc32.ChecksumIEEE([]byte(content))); u.SHA256 != sha || u.CRC32 != crc {
		t.Errorf("the checksums are %s and %d, want %s and %d", u.SHA256, u.CRC32, sha, crc)
	}
	if u.Name != "clips/a.mp4" || u.Length != int64(len(content)) {
		t.Errorf("the upload is %q of %d bytes", u.Name, u.Length)
	}
	b.want(http.StatusAccepted, "POST", dataPath(task)+"/", "user", `{"image_quality":70}`, "Upload-Finish", "")
}

func TestResumableUploadRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task := b.newTask("user", nil)
	open := b.begin(task, "open.mp4", 10)
	b.piece(http.StatusNoContent, open, 0, "0123")
	b.upload(http.StatusOK, task, "Upload-Multiple", map[string]string{"image_quality": "70"}, "there.jpg", "x")
	create := func(length, meta string) []string { return []string{"Upload-Length", length, "Upload-Metadata", meta} }
	patch := func(offset string) []string {
		return []string{"Content-Type", "application/offset+octet-stream", "Upload-Offset", offset}
	}
	data, unknown := dataPath(task)+"/", open[:len(open)-1]+"?"
	tests := []struct {
		name, method, path, user string
		body                     string
		headers                  []string
		status                   int
	}{
		{"no length", "POST", data, "user", "", create("", metadata("a")), 400},
		{"odd length", "POST", data, "user", "", create("abc", metadata("a")), 400},
		{"negative length", "POST", data, "user", "", create("-1", metadata("a")), 400},
		{"over every number", "POST", data, "user", "", create("9223372036854775808", metadata("a")), 400},
		{"too long", "POST", data, "user", "", create("9223372036854775807", metadata("a")), 413},
		{"a byte too long", "POST", data, "user", "", create(fmt.Sprint(25<<30+1), metadata("a")), 413},
		{"no metadata", "POST", data, "user", "", create("1", ""), 400},
		{"no name", "POST", data, "user", "", create("1", "filetype YQ=="), 400},
		{"not base64", "POST", data, "user", "", create("1", "filename ?"), 400},
		{"huge metadata", "POST", data, "user", "", create("1", metadata(strings.Repeat("x", 60_000))), 413},
		{"climbs", "POST", data, "user", "", create("1", metadata("../x")), 400},
		{"absolute", "POST", data, "user", "", create("1", metadata("/etc/passwd")), 400},
		{"two slashes", "POST", data, "user", "", create("1", metadata("a//b")), 400},
		{"backslash", "POST", data, "user", "", create("1", metadata(`C:\x`)), 400},
		{"null character", "POST", data, "user", "", create("1", metadata("a\x00")), 400},
		{"there already", "POST", data, "user", "", create("1", metadata("there.jpg")), 409},
		{"other version", "POST", data, "user", "", append(create("1", metadata("a")), "Tus-Resumable", "0.2.2"), 412},
		{"not ours", "POST", data, "worker", "", create("1", metadata("a")), 403},
		{"unknown upload", "HEAD", unknown, "user", "", nil, 404},
		{"nobody", "HEAD", open, "", "", nil, 401},
		{"somebody else's", "HEAD", open, "admin", "", nil, 403},
		{"behind", "PATCH", open, "user", "x", patch("3"), 409},
		{"ahead", "PATCH", open, "user", "x", patch("5"), 409},
		{"negative offset", "PATCH", open, "user", "x", patch("-4"), 400},
		{"odd offset", "PATCH", open, "user", "x", patch("four"), 400},
		{"over the end", "PATCH", open, "user", "0123456", patch("4"), 413},
		{"other type", "PATCH", open, "user", "x", []string{"Upload-Offset", "4"}, 415},
		{"other version of a piece", "PATCH", open, "user", "x", append(patch("4"), "Tus-Resumable", "2"), 412},
		{"piece of somebody else", "PATCH", open, "admin", "x", patch("4"), 403},
		{"not finished", "POST", data, "user", `{"image_quality":70}`, []string{"Upload-Finish", ""}, 409},
	}
	for _, tt := range tests {
		r := b.send(tt.method, tt.path, tt.user, tt.body, tt.headers...)
		if r.StatusCode != tt.status {
			t.Errorf("%s: answer %d, want %d\n%s", tt.name, r.StatusCode, tt.status, r.body)
		}
	}
	wantOffset(t, "after all that", b.want(http.StatusOK, "HEAD", open, "user", nil), 4)
}

func TestResumableUploadWithoutLength(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := b.begin(b.newTask("user", nil), "a.mp4", 10)
	req, err := http.NewRequestWithContext(t.Context(), "PATCH", b.url+path, struct{ io.Reader }{strings.NewReader("0123")})
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Content-Type": {"application/offset+octet-stream"}, "Upload-Offset": {"0"}}
	req.SetBasicAuth("user", password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a chunked piece: answer %d, want 400", resp.StatusCode)
	}
}

func TestEmptyResumableUpload(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task := b.newTask("user", nil)
	wantOffset(t, "an empty file", b.want(http.StatusOK, "HEAD", b.begin(task, "empty.jpg", 0), "user", nil), 0)
	if got := b.uploads(task); len(got) != 1 || got[0] != "empty.jpg" {
		t.Errorf("the task has the uploads %v, want the empty one", got)
	}
}

func TestDescribeTus(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.want(http.StatusNoContent, "OPTIONS", dataPath(b.newTask("user", nil))+"/", "", nil)
	for name, want := range map[string]string{
		"Tus-Version": "1.0.0", "Tus-Resumable": "1.0.0", "Tus-Max-Size": "26843545600", "Tus-Extension": "", "Cache-Control": "no-store",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// half sends the head of a piece of ten bytes and four of them to a server of
// its own, and returns the open connection.
func (b *bundle) half(path string) net.Conn {
	b.t.Helper()
	server := httptest.NewServer(b.server.Handler())
	b.t.Cleanup(server.Close)
	conn, err := new(net.Dialer).DialContext(b.t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { conn.Close() })
	login := base64.StdEncoding.EncodeToString([]byte("user:" + password))
	_, err = fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\nContent-Length: 10\r\n"+
		"Content-Type: application/offset+octet-stream\r\nUpload-Offset: 0\r\n\r\n0123", path, login)
	if err != nil {
		b.t.Fatal(err)
	}
	return conn
}

// waitFor asks for the offset until it is as wanted.
func (b *bundle) waitFor(path string, want int) {
	b.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		got := b.want(http.StatusOK, "HEAD", path, "user", nil).Header.Get("Upload-Offset")
		switch {
		case got == fmt.Sprint(want):
			return
		case time.Now().After(deadline):
			b.t.Fatalf("Upload-Offset is %q, want %d", got, want)
		}
	}
}

func TestBrokenPieceCounts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := b.begin(b.newTask("user", nil), "a.mp4", 10)
	b.half(path).Close()
	b.waitFor(path, 4)
	wantOffset(t, "the rest", b.piece(http.StatusNoContent, path, 4, "456789"), 10)
}

// TestHungPieceIsCutOff leaves a connection open in the middle of a piece. Who
// asks has the answer soon, and the hung one hears that it is over.
func TestHungPieceIsCutOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := b.begin(b.newTask("user", nil), "a.mp4", 10)
	hung := b.half(path)
	b.waitFor(path, 4)
	resp, err := http.ReadResponse(bufio.NewReader(hung), nil)
	if err != nil {
		t.Fatalf("the hung connection: %v", err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusConflict || resp.Header.Get("Upload-Offset") != "4" {
		t.Errorf("the hung connection hears %d and offset %q, want 409 and 4", resp.StatusCode, resp.Header.Get("Upload-Offset"))
	}
	wantOffset(t, "the rest", b.piece(http.StatusNoContent, path, 4, "456789"), 10)
}

// TestOneSenderAtATime sends the same piece on many connections.
func TestOneSenderAtATime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	content := bytes.Repeat([]byte("x"), 1<<20)
	task := b.newTask("user", nil)
	path := b.begin(task, "a.mp4", len(content))
	var (
		mu   sync.Mutex
		seen = make(map[int]int)
		all  sync.WaitGroup
	)
	for range 20 {
		all.Go(func() {
			r := b.send("PATCH", path, "user", string(content), "Content-Type", "application/offset+octet-stream", "Upload-Offset", "0")
			mu.Lock()
			defer mu.Unlock()
			seen[r.StatusCode]++
		})
	}
	all.Wait()
	if seen[204] != 1 || seen[404]+seen[409] != 19 {
		t.Errorf("the answers are %v, want one 204 and 19 refusals", seen)
	}
	uploads, err := b.db.Uploads(t.Context(), task, -1, 10)
	if err != nil || len(uploads) != 1 {
		t.Fatalf("the task has the uploads %v, %v, want one", uploads, err)
	}
	if got := blobtest.Read(t, b.bucket, uploads[0].Key); !bytes.Equal(got, content) {
		t.Errorf("the blob holds %d bytes and not what was sent", len(got))
	}
}

// TestResumableUploadOfALostDisk begins anew when the bytes are gone.
func TestResumableUploadOfALostDisk(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task := b.newTask("user", nil)
	path := b.begin(task, "a.mp4", 10)
	b.piece(http.StatusNoContent, path, 0, "0123")
	open, err := b.db.UnfinishedPartials(t.Context(), task, 1)
	if err != nil || len(open) != 1 {
		t.Fatalf("unfinished: %v, %v", open, err)
	}
	if err := b.bucket.Drop(t.Context(), open[0].Key); err != nil {
		t.Fatal(err)
	}
	r := b.piece(http.StatusNotFound, path, 4, "456789")
	if code := r.Header.Get("X-Error-Code"); code != string(pipeline.CodeNotFound) {
		t.Errorf("the code is %q, want not_found", code)
	}
	b.piece(http.StatusNoContent, b.begin(task, "a.mp4", 10), 0, "0123456789")
}

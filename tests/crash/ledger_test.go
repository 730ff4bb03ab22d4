package crash_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"framemill/tests/account"
	"framemill/tests/program"
	"framemill/tests/sample"
)

const picturesPerUpload = 3

// ledger is what the clients were told. A 202 is an acknowledgement; when an
// answer was lost, the client asks again until it knows.
type ledger struct {
	t    *testing.T
	url  string
	http http.Client

	mu      sync.Mutex
	next    int
	acked   map[int]int64 // upload → its task
	unknown int           // answers that were lost
	learned int           // acknowledged by the refusal of a second try
}

func newLedger(t *testing.T, url string) *ledger {
	return &ledger{t: t, url: url, acked: map[int]int64{}, http: http.Client{Timeout: 20 * time.Second}}
}

func (l *ledger) uploads() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// await returns when so many uploads are acknowledged: the others are on their
// way, and the last of these are at work.
func (l *ledger) await(n int) {
	for deadline := time.Now().Add(settleTime); l.uploads() < n; {
		if time.Now().After(deadline) {
			l.t.Fatalf("%d uploads are not acknowledged within %s", n, settleTime)
		}
		time.Sleep(time.Millisecond)
	}
}

// upload does one upload for every value of let.
func (l *ledger) upload(ctx context.Context, let <-chan struct{}) {
	for range let {
		l.mu.Lock()
		n := l.next
		l.next++
		l.mu.Unlock()
		if n >= killUpload {
			continue
		}
		if err := l.one(ctx, n); err != nil {
			l.t.Errorf("upload %d: %v", n, err)
		}
	}
}

// one makes a task and uploads pictures to it, in one request or in three.
func (l *ledger) one(ctx context.Context, n int) error {
	spec := fmt.Sprintf(`{"name": %q, "labels": [{"name": "car"}]}`, name(n))
	var made struct{ ID int64 }
	err := l.try(ctx, "/api/tasks", "", "application/json", []byte(spec), func(status int, body []byte) error {
		if status != http.StatusCreated {
			return fmt.Errorf("create: status %d: %s", status, body)
		}
		return json.Unmarshal(body, &made)
	})
	if err != nil {
		return err
	}
	kind, body, err := form(n)
	if err != nil {
		return err
	}
	data := fmt.Sprintf("/api/tasks/%d/data", made.ID)
	if n%2 == 1 {
		for _, step := range []struct{ header, kind, body string }{
			{"Upload-Start", "application/json", ""}, {"Upload-Multiple", kind, string(body)},
		} {
			err := l.try(ctx, data, step.header, step.kind, []byte(step.body), func(status int, body []byte) error {
				if status/100 != 2 {
					return fmt.Errorf("%s: status %d: %s", step.header, status, body)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		kind, body = "application/json", []byte(`{"image_quality": 70, "use_cache": false}`)
	}
	finish := ""
	if n%2 == 1 {
		finish = "Upload-Finish"
	}
	return l.try(ctx, data, finish, kind, body, func(status int, body []byte) error { return l.accepted(n, made.ID, status, body) })
}

// accepted writes an acknowledgement down. A second try is refused when the
// first was accepted and only its answer was lost.
func (l *ledger) accepted(n int, task int64, status int, body []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case status == http.StatusAccepted:
	case status == http.StatusConflict, status == http.StatusBadRequest && strings.Contains(string(body), "Adding more data"):
		l.learned++
	default:
		return fmt.Errorf("finish: status %d: %s", status, body)
	}
	l.acked[n] = task
	return nil
}

// try sends a request until it is answered.
func (l *ledger) try(ctx context.Context, path, header, kind string, body []byte, answer func(int, []byte) error) error {
	for {
		status, got, err := l.send(ctx, path, header, kind, body)
		if err == nil && status < 500 {
			return answer(status, got)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil && status != http.StatusServiceUnavailable {
			return fmt.Errorf("%s %s: status %d: %s", header, path, status, got)
		}
		l.mu.Lock()
		l.unknown++
		l.mu.Unlock()
		time.Sleep(30 * time.Millisecond)
	}
}

func (l *ledger) send(ctx context.Context, path, header, kind string, body []byte) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.SetBasicAuth(program.Admin, program.Password)
	req.Header.Set("Content-Type", kind)
	if header != "" {
		req.Header.Set(header, "")
	}
	resp, err := l.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return resp.StatusCode, got, err
}

// form is the body with the pictures of an upload.
func form(n int) (kind string, body []byte, err error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for name, value := range map[string]string{"image_quality": "70", "use_cache": "false"} {
		if err := w.WriteField(name, value); err != nil {
			return "", nil, err
		}
	}
	for k := range picturesPerUpload {
		part, err := w.CreateFormFile(fmt.Sprintf("client_files[%d]", k), fmt.Sprintf("picture-%d.jpg", k))
		if err != nil {
			return "", nil, err
		}
		if err := jpeg.Encode(part, sample.Paint(320, 240, picture(n, k)), nil); err != nil {
			return "", nil, err
		}
	}
	err = w.Close()
	return w.FormDataContentType(), b.Bytes(), err
}

// picture is the number in picture k of an upload: no two have the same.
func picture(n, k int) int { return n*picturesPerUpload + k }

// check holds the ledger against the books: what was acknowledged is there and
// whole, and nothing else was ingested.
func (l *ledger) check(t *testing.T, books *account.Books) {
	t.Helper()
	tasks := map[int64]bool{}
	lost := 0
	for _, n := range slices.Sorted(maps.Keys(l.acked)) {
		tasks[l.acked[n]] = true
		err := books.Task(context.WithoutCancel(t.Context()), l.acked[n], account.Want{
			Frames: picturesPerUpload, SegmentSize: picturesPerUpload,
			Picture: func(frame int64) int { return picture(n, int(frame)) },
		})
		if err != nil {
			lost++
			t.Errorf("upload %d, task %d: %v", n, l.acked[n], err)
		}
	}
	rows := books.Int(t, `SELECT COUNT(DISTINCT task_id) FROM requests`)
	requests := books.Int(t, `SELECT COUNT(*) FROM requests`)
	ends := books.Int(t, `SELECT COUNT(*) FROM events WHERE new IN ('done', 'failed', 'cancelled')`)
	t.Logf("%d uploads acknowledged (%d of them learned from a refused second try, %d answers lost on the way), "+
		"%d not whole; %d requests of %d tasks, %d ends", len(l.acked), l.learned, l.unknown, lost, requests, rows, ends)
	if len(l.acked) != killUpload || int(rows) != len(tasks) || requests != rows || ends != requests {
		t.Errorf("%d uploads acknowledged, %d requests of %d tasks with %d ends; want %d of each",
			len(l.acked), requests, rows, ends, killUpload)
	}
}

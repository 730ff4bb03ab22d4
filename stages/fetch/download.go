package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/outgoing"
)

// download is one file on its way. Its writer stays open between tries, so that
// what has come need not come again.
type download struct {
	stage    *Stage
	url      string
	file     *pipeline.Upload
	progress func()

	dst  blob.Writer
	sha  hash.Hash
	crc  hash.Hash32
	got  int64  // bytes so far
	head []byte // the first of them
	// version is the entity tag, or else the time of the last change, of the
	// file that the bytes so far belong to; "" if the origin tells neither.
	version string
}

// headBytes is how much of a file tells its format.
const headBytes = 512

// run tries until the file is there or another try is of no use.
func (d *download) run(ctx context.Context) error {
	pause := d.stage.cfg.Pause
	for try := 1; ; try++ {
		err := d.once(ctx)
		if err == nil {
			return d.keep(ctx)
		}
		again, ok := errors.AsType[*againError](err)
		if !ok || ctx.Err() != nil {
			return err
		}
		if try == d.stage.cfg.Tries {
			return d.failure("%v, also after %d tries", again.cause, try)
		}
		if err := d.wait(ctx, max(pause, min(again.after, d.stage.cfg.MaxPause))); err != nil {
			return err
		}
		pause *= 2
	}
}

// againError says that another try may go well, at the earliest after a time.
type againError struct {
	cause error
	after time.Duration
}

func (e *againError) Error() string { return e.cause.Error() }

// failure is the end of a download. The address is the user's own, and is named.
func (d *download) failure(format string, args ...any) error {
	return pipeline.Failf(pipeline.CodeDownloadFailed, d.file.Name, "Failed to download %.200s: %s", d.url, fmt.Sprintf(format, args...))
}

// wait pauses. That an origin is slow is no lack of progress here.
func (d *download) wait(ctx context.Context, pause time.Duration) error {
	d.progress()
	select {
	case <-time.After(pause):
		d.progress()
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// once asks for what is missing and takes it.
func (d *download) once(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	silent := time.AfterFunc(d.stage.cfg.Silence, cancel)
	defer silent.Stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url, nil)
	if err != nil {
		return d.failure("the address is malformed")
	}
	req.Header.Set("Accept-Encoding", "identity")
	if d.got > 0 && d.version != "" {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", d.got))
		req.Header.Set("If-Range", d.version)
	}
	resp, err := d.stage.client.Do(req)
	if err != nil {
		return d.unreachable(err)
	}
	defer resp.Body.Close()
	if err := d.judge(ctx, resp); err != nil {
		return err
	}
	return d.take(resp, func() { silent.Reset(d.stage.cfg.Silence); d.progress() })
}

// unreachable tells an address that may not be reached from one that does not
// answer.
func (d *download) unreachable(err error) error {
	if known, ok := errors.AsType[*pipeline.Error](err); ok {
		return d.failure("%s", known.Text)
	}
	for _, final := range []error{outgoing.ErrRefused, outgoing.ErrRedirects} {
		if errors.Is(err, final) {
			return d.failure("%v", final)
		}
	}
	return &againError{cause: errors.New("the server does not answer")}
}

// judge decides by the head of an answer whether its body is what is missing.
func (d *download) judge(ctx context.Context, resp *http.Response) error {
	switch {
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500:
		return &againError{cause: fmt.Errorf("HTTP error %d", resp.StatusCode), after: retryAfter(resp.Header)}
	case resp.StatusCode == http.StatusPartialContent && d.continues(resp):
		return nil
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && d.got > 0:
		d.version = "" // the file is shorter now: begin anew
		return &againError{cause: errors.New("the file has changed")}
	case resp.StatusCode != http.StatusOK:
		return d.failure("HTTP error %d", resp.StatusCode)
	case resp.Header.Get("Content-Encoding") != "" && resp.Header.Get("Content-Encoding") != "identity":
		return d.failure("the server packs the file (%.40q) although it was asked not to", resp.Header.Get("Content-Encoding"))
	case resp.ContentLength > d.stage.cfg.MaxBytes:
		return d.tooLarge()
	}
	return d.begin(ctx, resp.Header)
}

// continues reports whether a partial answer begins where we stopped, in the
// same version.
func (d *download) continues(resp *http.Response) bool {
	return d.got > 0 && versionOf(resp.Header) == d.version &&
		strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", d.got))
}

// begin begins the file from its first byte, and forgets what came of another
// version.
func (d *download) begin(ctx context.Context, h http.Header) error {
	d.abort()
	w, err := d.stage.blobs.Create(context.WithoutCancel(ctx), d.file.Key, blob.Durable)
	if err != nil {
		return fmt.Errorf("create the blob %q: %w", d.file.Key, err)
	}
	d.dst, d.sha, d.crc, d.got, d.head = w, sha256.New(), crc32.NewIEEE(), 0, nil
	d.version = versionOf(h)
	return nil
}

// versionOf returns what tells two versions of a file apart. A weak tag does
// not.
func versionOf(h http.Header) string {
	if tag := h.Get("Etag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		return tag
	}
	return h.Get("Last-Modified")
}

// take writes the body.
func (d *download) take(resp *http.Response, heard func()) error {
	buf := make([]byte, 128<<10)
	for {
		n, err := resp.Body.Read(buf)
		if n > 0 {
			heard()
			if d.got+int64(n) > d.stage.cfg.MaxBytes {
				return d.tooLarge()
			}
			if err := d.write(buf[:n]); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return &againError{cause: errors.New("the download broke off")}
		}
	}
}

func (d *download) write(p []byte) error {
	if _, err := d.dst.Write(p); err != nil {
		return fmt.Errorf("write the blob %q: %w", d.file.Key, err)
	}
	d.sha.Write(p)
	d.crc.Write(p)
	d.got += int64(len(p))
	if missing := headBytes - len(d.head); missing > 0 {
		d.head = append(d.head, p[:min(missing, len(p))]...)
	}
	return nil
}

func (d *download) tooLarge() error {
	return pipeline.Failf(pipeline.CodeDownloadFailed, d.file.Name,
		"Failed to download %.200s: the file is over the limit of %d bytes", d.url, d.stage.cfg.MaxBytes)
}

// keep makes the bytes a blob and notes what they are.
func (d *download) keep(ctx context.Context) error {
	if err := d.dst.Commit(ctx); err != nil {
		return fmt.Errorf("commit the blob %q: %w", d.file.Key, err)
	}
	d.file.Length, d.file.SHA256, d.file.CRC32 = d.got, hex.EncodeToString(d.sha.Sum(nil)), int64(d.crc.Sum32())
	return nil
}

// abort drops what was written, unless it was kept.
func (d *download) abort() {
	if d.dst != nil {
		d.dst.Abort()
	}
}

// retryAfter is how long an origin asks to wait, in seconds or until a time.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if n, err := strconv.Atoi(v); err == nil && n > 0 {
		return time.Duration(min(n, 86_400)) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return time.Until(at)
	}
	return 0
}

// extensionOf returns the extension of a file by its first bytes, "" if they
// tell nothing that we use.
func extensionOf(head []byte) string {
	return map[string]string{
		"image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "image/webp": ".webp", "image/bmp": ".bmp",
		"video/mp4": ".mp4", "video/webm": ".webm", "video/avi": ".avi", "application/zip": ".zip",
	}[http.DetectContentType(head)]
}

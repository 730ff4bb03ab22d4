package uploads_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"framemill/tests/program"
)

// sender uploads a file to a task, over a bad line, and returns the name that
// the file has on the server.
type sender func(ctx context.Context, url string, task int64, file string) (name string, err error)

// errFaults is what a client says that has seen too many faults.
var errFaults = errors.New("the upload does not get on")

// pieces returns a plain client of tus, whose pieces are of a size. Each goes
// over a connection of its own, so that servers take them in turns.
func pieces(size int64) sender {
	return func(ctx context.Context, url string, task int64, path string) (string, error) {
		file, err := os.Open(path)
		if err != nil {
			return "", err
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil {
			return "", err
		}
		name := "clips/day 1/" + filepath.Base(path)
		resp, err := call(ctx, http.MethodPost, fmt.Sprintf("%s/api/tasks/%d/data/", url, task), nil, map[string]string{
			"Upload-Length":   fmt.Sprint(info.Size()),
			"Upload-Metadata": "filename " + base64.StdEncoding.EncodeToString([]byte(name)),
		})
		if err != nil {
			return "", err
		}
		upload := resp.Header.Get("Location")
		for at, faults := int64(0), 0; at < info.Size(); {
			var failed error
			if at, failed, err = piece(ctx, upload, io.NewSectionReader(file, at, min(size, info.Size()-at)), at); err != nil {
				return "", err
			}
			if failed != nil {
				faults++
			}
			if faults > 100 {
				return "", errors.Join(errFaults, failed)
			}
		}
		return name, nil
	}
}

// piece sends a piece that begins at an offset, and returns where the next one
// begins, and what went wrong with this one.
func piece(ctx context.Context, upload string, content *io.SectionReader, at int64) (next int64, failed, err error) {
	resp, failed := call(ctx, http.MethodPatch, upload, content, map[string]string{
		"Content-Type": "application/offset+octet-stream", "Upload-Offset": fmt.Sprint(at),
	})
	if failed != nil {
		if resp, err = call(ctx, http.MethodHead, upload, nil, nil); err != nil {
			return at, errors.Join(failed, err), nil
		}
	}
	next, err = strconv.ParseInt(resp.Header.Get("Upload-Offset"), 10, 64)
	return next, failed, err
}

// call sends a request over a connection of its own, and returns the header of
// the answer if that is a success.
func call(ctx context.Context, method, url string, body *io.SectionReader, header map[string]string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Body, req.ContentLength = io.NopCloser(body), body.Size()
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	req.Close = true
	req.SetBasicAuth(program.Admin, program.Password)
	resp, err := (&http.Client{Timeout: 10 * time.Minute}).Do(req)
	if err != nil {
		return nil, err
	}
	_ = resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s %s: %s", method, url, resp.Status)
	}
	return resp, nil
}

// sdk sends a file with cvat-sdk.
func sdk(ctx context.Context, url string, task int64, file string) (string, error) {
	return filepath.Base(file), script(ctx, "../../.venv-newest/bin/python3", "python", "upload.py", url, fmt.Sprint(task), file)
}

// tusJS sends a file with tus-js-client.
func tusJS(ctx context.Context, url string, task int64, file string) (string, error) {
	name := "clips/day 2/" + filepath.Base(file)
	if _, err := os.Stat("node_modules/tus-js-client"); err != nil {
		return "", errors.New("tus-js-client is not installed: run tools/install node")
	}
	return name, script(ctx, "node", "node", "upload.mjs", url, fmt.Sprint(task), file, name)
}

// script runs a script of a client, whose group of tools/install is named.
func script(ctx context.Context, interpreter, group string, args ...string) error {
	path, err := exec.LookPath(interpreter)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return fmt.Errorf("run tools/install %s: %w", group, err)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "FRAMEMILL_USER="+program.Admin, "FRAMEMILL_PASSWORD="+program.Password)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(args[:1], " "), err, out)
	}
	return nil
}

package client

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// DataParams say what the server makes of the files. What is left out is up to
// the server.
type DataParams struct {
	ImageQuality int64      `json:"image_quality"` // 0..100
	ChunkSize    int64      `json:"chunk_size,omitempty"`
	StartFrame   int64      `json:"start_frame,omitempty"`
	StopFrame    *int64     `json:"stop_frame,omitempty"`
	FrameFilter  string     `json:"frame_filter,omitempty"` // step=N
	Sorting      string     `json:"sorting_method,omitempty"`
	UseCache     bool       `json:"use_cache,omitempty"`
	UseZipChunks bool       `json:"use_zip_chunks,omitempty"`
	CopyData     bool       `json:"copy_data,omitempty"`
	FileOrder    []string   `json:"upload_file_order,omitempty"`
	FileMapping  [][]string `json:"job_file_mapping,omitempty"`
	ServerFiles  []string   `json:"server_files,omitempty"`
	ServerExcl   []string   `json:"server_files_exclude,omitempty"`
}

// Limits of one multipart request: servers and the proxies before them refuse
// larger ones. A file that alone is larger travels alone.
const (
	maxBatchBytes = 100 << 20
	maxBatchFiles = 1000
)

// Upload sends local files to a task and starts its ingest; it returns the id
// of the request to wait for. The files are known to the server by their base
// names, which must differ. progress, which may be nil, hears how many bytes
// were sent; it is never called by two goroutines at once, nor after Upload
// has returned.
func (c *Client) Upload(ctx context.Context, taskID int64, paths []string, params DataParams, progress func(sent, total int64)) (rqID string, err error) {
	files, total, err := examine(paths)
	if err != nil {
		return "", err
	}
	var sent int64
	count := func(n int64) {
		if sent += n; progress != nil {
			progress(sent, total)
		}
	}
	path := fmt.Sprintf("tasks/%d/data", taskID)
	start := call{method: http.MethodPost, path: path, header: http.Header{"Upload-Start": {"true"}}, body: strings.NewReader("")}
	if err := c.json(ctx, start, nil); err != nil {
		return "", fmt.Errorf("begin the upload: %w", err)
	}
	for len(files) > 0 {
		n := batchSize(files)
		if err := c.sendBatch(ctx, path, files[:n], params.ImageQuality, count); err != nil {
			return "", fmt.Errorf("upload %q and %d more: %w", files[0].name, n-1, err)
		}
		files = files[n:]
	}
	return c.startIngest(ctx, path, params, http.Header{"Upload-Finish": {"true"}})
}

// UploadShare starts the ingest of files that lie on the server's share, and
// returns the id of the request to wait for.
func (c *Client) UploadShare(ctx context.Context, taskID int64, serverFiles []string, params DataParams) (rqID string, err error) {
	params.ServerFiles = serverFiles
	return c.startIngest(ctx, fmt.Sprintf("tasks/%d/data", taskID), params, nil)
}

// startIngest sends the parameters, which ends the upload.
func (c *Client) startIngest(ctx context.Context, path string, params DataParams, header http.Header) (string, error) {
	k, err := post(path, params)
	if err != nil {
		return "", err
	}
	for name, values := range header {
		k.header[name] = values
	}
	var answer struct {
		RQID string `json:"rq_id"`
	}
	if err := c.json(ctx, k, &answer); err != nil {
		return "", fmt.Errorf("start the ingest: %w", err)
	}
	return answer.RQID, nil
}

// sendBatch sends some files in one request.
func (c *Client) sendBatch(ctx context.Context, path string, files []localFile, quality int64, sent func(int64)) error {
	body, contentType, length, err := newBody(files, quality, sent)
	if err != nil {
		return err
	}
	// The transport may go on reading after an early answer: not after this.
	defer body.Close()
	resp, err := c.do(ctx, call{
		method: http.MethodPost, path: path, body: body, length: length,
		header: http.Header{"Upload-Multiple": {"true"}, "Content-Type": {contentType}},
	})
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// batchSize returns how many of the files, at least one, go into one request.
func batchSize(files []localFile) int {
	var sum int64
	for i, f := range files {
		if sum += f.size; i == maxBatchFiles || i > 0 && sum > maxBatchBytes {
			return i
		}
	}
	return len(files)
}

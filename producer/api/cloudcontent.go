package api

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"framemill/pipeline"
	"framemill/pipeline/cloud"
	"framemill/pipeline/plan"
	"framemill/pipeline/store"
	"framemill/producer/access"
)

// Limits of what is shown of a bucket.
const (
	maxContentPage = 500
	maxToken       = 4096
	maxPreview     = 16 << 20 // bytes of a picture that is sent as it is
)

// cloudBucket returns the bucket of the storage in the path, if the caller may
// look into it, with a context in which it has to answer.
func (s *Server) cloudBucket(r *http.Request) (*store.CloudStorageView, cloud.Bucket, context.Context, context.CancelFunc, error) {
	v, err := s.cloudInPath(r, access.ViewCloudStorage)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	bucket, err := s.Clouds.Bucket(r.Context(), v.ID)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), cloudTime)
	return v, bucket, ctx, cancel, nil
}

// readCloudStatus says whether the bucket can be read at the moment.
func (s *Server) readCloudStatus(w http.ResponseWriter, r *http.Request) error {
	_, bucket, ctx, cancel, err := s.cloudBucket(r)
	if err != nil {
		return err
	}
	defer cancel()
	status := "AVAILABLE"
	if err := bucket.Check(ctx); err != nil {
		status = "NOT_FOUND"
		if pipeline.CodeOf(err) == pipeline.CodeForbidden {
			status = "FORBIDDEN"
		}
	}
	return writeJSON(w, http.StatusOK, status)
}

// readCloudActions says what is done with buckets: they are read.
func (s *Server) readCloudActions(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.cloudInPath(r, access.ViewCloudStorage); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, "GET")
}

// cloudContent is a page of a folder of a bucket.
type cloudContent struct {
	Next    *string    `json:"next"`
	Content []fileInfo `json:"content"`
}

// readCloudContent lists a folder of a bucket, folders first.
func (s *Server) readCloudContent(w http.ResponseWriter, r *http.Request) error {
	v, bucket, ctx, cancel, err := s.cloudBucket(r)
	if err != nil {
		return err
	}
	defer cancel()
	q := r.URL.Query()
	size, err := contentPageSize(q)
	if err != nil {
		return err
	}
	if q.Get("manifest_path") != "" {
		return pipeline.FieldErrorf("manifest_path", "this server lists the bucket itself: leave the manifest out")
	}
	out := cloudContent{Content: []fileInfo{}}
	prefix, inside := withinPrefix(v, strings.TrimPrefix(q.Get("prefix"), "/"))
	if !inside {
		return writeJSON(w, http.StatusOK, out)
	}
	page, err := bucket.List(ctx, prefix, q.Get("next_token"), size, true)
	if err != nil {
		return foreign(err)
	}
	for _, folder := range page.Folders {
		out.Content = append(out.Content, infoOf(path.Base(folder), true))
	}
	for _, o := range page.Objects {
		out.Content = append(out.Content, infoOf(path.Base(o.Key), false))
	}
	if page.Next != "" {
		out.Next = &page.Next
	}
	return writeJSON(w, http.StatusOK, out)
}

func contentPageSize(q url.Values) (int, error) {
	if len(q.Get("next_token")) > maxToken {
		return 0, pipeline.FieldErrorf("next_token", "it is no token of a listing")
	}
	text := q.Get("page_size")
	if text == "" {
		return maxContentPage, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, pipeline.FieldErrorf("page_size", "Wrong value for page_size was found")
	}
	return min(n, maxContentPage), nil
}

// withinPrefix returns the prefix to list by, if the storage shows anything
// below the one that was asked for.
func withinPrefix(v *store.CloudStorageView, asked string) (string, bool) {
	attributes, _ := url.ParseQuery(v.Attributes) // checked when it was stored
	only := attributes.Get("prefix")
	switch {
	case strings.HasPrefix(asked, only):
		return asked, true
	case strings.HasPrefix(only, asked):
		return only, true
	}
	return "", false
}

// readCloudPreview answers with the first picture of the bucket, as it is.
func (s *Server) readCloudPreview(w http.ResponseWriter, r *http.Request) error {
	v, bucket, ctx, cancel, err := s.cloudBucket(r)
	if err != nil {
		return err
	}
	defer cancel()
	prefix, _ := withinPrefix(v, "")
	page, err := bucket.List(ctx, prefix, "", cloud.MaxPage, false)
	if err != nil {
		return foreign(err)
	}
	for _, o := range page.Objects {
		if plan.ClassOf(o.Key) == plan.Image && o.Bytes > 0 && o.Bytes <= maxPreview {
			return sendPicture(ctx, w, bucket, o)
		}
	}
	return errNoCloudPreview()
}

func errNoCloudPreview() error {
	return pipeline.Errorf(pipeline.NotFound, "Cloud Storage preview not found")
}

// sendPicture sends an object that browsers show as a picture and as nothing
// else.
func sendPicture(ctx context.Context, w http.ResponseWriter, bucket cloud.Bucket, o cloud.Object) error {
	body, _, err := bucket.Open(ctx, o.Key, o.ETag, 0, -1)
	if err != nil {
		return foreign(err)
	}
	defer body.Close()
	content, err := io.ReadAll(io.LimitReader(body, maxPreview))
	if err != nil {
		return foreign(err)
	}
	kind := http.DetectContentType(content)
	switch kind {
	case "image/jpeg", "image/png", "image/gif", "image/webp":
	default:
		return errNoCloudPreview()
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	w.Header().Set("Cache-Control", "private, no-cache")
	_, err = w.Write(content)
	return err
}

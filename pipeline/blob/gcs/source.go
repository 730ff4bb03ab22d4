// Package gcs reads buckets of Google Cloud Storage. It is the one door to the
// SDK.
package gcs

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"

	"framemill/pipeline"
	"framemill/pipeline/cloud"
)

// SourceConfig names a bucket and says how to get in.
type SourceConfig struct {
	Bucket   string
	Endpoint string       // "" for Google's
	KeyFile  string       // content of the key file of a service account; "" for anonymous access
	Client   *http.Client // that refuses what must not be reached
}

type source struct{ bucket *storage.BucketHandle }

// OpenSource returns a bucket. It does not look whether it is there.
//
// Credentials are those of the config and no others: the SDK's own search in
// the environment, in files and in the metadata service never begins.
func OpenSource(cfg SourceConfig) (cloud.Bucket, error) {
	if !cloud.ValidBucket(cfg.Bucket) {
		return nil, pipeline.FieldErrorf("resource", "it is not the name of a bucket")
	}
	client := cfg.Client
	if cfg.KeyFile != "" {
		var err error
		if client, err = signed(cfg.Client, cfg.KeyFile); err != nil {
			return nil, err
		}
	}
	options := []option.ClientOption{option.WithHTTPClient(client), storage.WithJSONReads()}
	if cfg.Endpoint != "" {
		options = append(options, option.WithEndpoint(strings.TrimSuffix(cfg.Endpoint, "/")+"/storage/v1/"))
	}
	api, err := storage.NewClient(context.Background(), options...)
	if err != nil {
		return nil, pipeline.FieldErrorf("specific_attributes", "endpoint_url: Enter a valid URL.")
	}
	api.SetRetry(storage.WithPolicy(storage.RetryNever)) // cloud.Retry does, for every provider alike
	return cloud.Retry(&source{bucket: api.Bucket(cfg.Bucket)}), nil
}

// List implements cloud.Bucket.
func (s *source) List(ctx context.Context, prefix, token string, limit int, delimited bool) (cloud.Page, error) {
	q := &storage.Query{Prefix: prefix, Projection: storage.ProjectionNoACL}
	if delimited {
		q.Delimiter = "/"
	}
	if err := q.SetAttrSelection([]string{"Name", "Size", "Generation", "Updated"}); err != nil {
		return cloud.Page{}, err
	}
	var found []*storage.ObjectAttrs
	next, err := iterator.NewPager(s.bucket.Objects(ctx, q), cloud.PageSize(limit), token).NextPage(&found)
	if err != nil {
		return cloud.Page{}, failure(ctx, "", err)
	}
	p := cloud.Page{Next: next}
	for _, o := range found {
		switch {
		case o.Prefix != "":
			p.Folders = append(p.Folders, o.Prefix)
		case !strings.HasSuffix(o.Name, "/"):
			p.Objects = append(p.Objects, object(o))
		}
	}
	return p, nil
}

func object(o *storage.ObjectAttrs) cloud.Object {
	return cloud.Object{Key: o.Name, Bytes: o.Size, ETag: strconv.FormatInt(o.Generation, 10), Modified: o.Updated}
}

// Stat implements cloud.Bucket.
func (s *source) Stat(ctx context.Context, key string) (cloud.Object, error) {
	o, err := s.bucket.Object(key).Attrs(ctx)
	if err != nil {
		return cloud.Object{}, failure(ctx, key, err)
	}
	return object(o), nil
}

// Open implements cloud.Bucket. The version of an object is its generation.
func (s *source) Open(ctx context.Context, key, etag string, off, n int64) (io.ReadCloser, cloud.Object, error) {
	if n == 0 {
		return cloud.Nothing(ctx, s, key, etag)
	}
	o := s.bucket.Object(key)
	if etag != "" {
		generation, err := strconv.ParseInt(etag, 10, 64)
		if err != nil {
			return nil, cloud.Object{}, cloud.Changed(key) // of another provider's object
		}
		o = o.If(storage.Conditions{GenerationMatch: generation})
	}
	r, err := o.NewRangeReader(ctx, off, n)
	if status(err) == http.StatusRequestedRangeNotSatisfiable {
		return cloud.Nothing(ctx, s, key, etag)
	}
	if err != nil {
		return nil, cloud.Object{}, failure(ctx, key, err)
	}
	got := cloud.Answer{
		Key: key, ETag: strconv.FormatInt(r.Attrs.Generation, 10), Modified: r.Attrs.LastModified,
		Length: r.Remain(), Start: r.Attrs.StartOffset, Size: r.Attrs.Size, Body: r,
	}
	return got.Open(ctx, etag, off, n)
}

// Check implements cloud.Bucket.
func (s *source) Check(ctx context.Context) error {
	_, err := s.List(ctx, "", "", 1, false)
	return err
}

// status returns the HTTP status behind an error of the SDK, 0 if it has none.
func status(err error) int {
	if e, ok := errors.AsType[*googleapi.Error](err); ok {
		return e.Code
	}
	if errors.Is(err, storage.ErrObjectNotExist) || errors.Is(err, storage.ErrBucketNotExist) {
		return http.StatusNotFound
	}
	return 0
}

// failure translates an error of the SDK.
func failure(ctx context.Context, key string, err error) error {
	if refused := refusedToken(err); refused != nil {
		return refused
	}
	f := cloud.Failure{Key: key, Status: status(err), Err: err}
	if e, ok := errors.AsType[*googleapi.Error](err); ok && len(e.Errors) > 0 {
		f.Code = e.Errors[0].Reason
	}
	return f.Error(ctx)
}

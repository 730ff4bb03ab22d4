// Package azure reads containers of Azure Blob Storage. It is the one door to
// the SDK.
package azure

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"framemill/pipeline"
	"framemill/pipeline/cloud"
)

// SourceConfig names a container and says how to get in: by a connection
// string, or by an account, with a shared access signature or anonymously.
type SourceConfig struct {
	Container  string
	Connection string
	Account    string
	Token      string       // shared access signature, "" for anonymous access
	Client     *http.Client // that refuses what must not be reached
}

type source struct{ container *container.Client }

// OpenSource returns a container. It does not look whether it is there.
func OpenSource(cfg SourceConfig) (cloud.Bucket, error) {
	if !cloud.ValidBucket(cfg.Container) {
		return nil, pipeline.FieldErrorf("resource", "it is not the name of a container")
	}
	options := &container.ClientOptions{ClientOptions: policy.ClientOptions{
		Transport: cfg.Client,
		Retry:     policy.RetryOptions{MaxRetries: -1}, // cloud.Retry does, for every provider alike
		Telemetry: policy.TelemetryOptions{Disabled: true},
	}}
	api, err := open(cfg, options)
	if err != nil {
		return nil, err
	}
	return cloud.Retry(&source{container: api}), nil
}

func open(cfg SourceConfig, options *container.ClientOptions) (*container.Client, error) {
	if cfg.Connection != "" {
		api, err := container.NewClientFromConnectionString(cfg.Connection, cfg.Container, options)
		if err != nil {
			return nil, pipeline.FieldErrorf("connection_string", "Enter a valid connection string.")
		}
		return api, nil
	}
	if !validAccount(cfg.Account) {
		return nil, pipeline.FieldErrorf("account_name", "Enter the name of a storage account.")
	}
	address := "https://" + cfg.Account + ".blob.core.windows.net/" + cfg.Container
	if cfg.Token != "" {
		address += "?" + strings.TrimPrefix(cfg.Token, "?")
	}
	api, err := container.NewClientWithNoCredential(address, options)
	if err != nil {
		return nil, pipeline.FieldErrorf("session_token", "Enter a valid shared access signature.")
	}
	return api, nil
}

// validAccount reports whether a text is the name of an account, which becomes
// part of a host name.
func validAccount(name string) bool {
	return len(name) >= 3 && len(name) <= 24 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

// List implements cloud.Bucket.
func (s *source) List(ctx context.Context, prefix, token string, limit int, delimited bool) (cloud.Page, error) {
	size := int32(cloud.PageSize(limit)) //nolint:gosec // at most MaxPage
	var marker *string
	if token != "" {
		marker = &token
	}
	if !delimited {
		out, err := s.container.NewListBlobsFlatPager(&container.ListBlobsFlatOptions{
			Prefix: &prefix, Marker: marker, MaxResults: &size,
		}).NextPage(ctx)
		if err != nil {
			return cloud.Page{}, failure(ctx, "", err)
		}
		return page(out.Segment.BlobItems, nil, out.NextMarker), nil
	}
	out, err := s.container.NewListBlobsHierarchyPager("/", &container.ListBlobsHierarchyOptions{
		Prefix: &prefix, Marker: marker, MaxResults: &size,
	}).NextPage(ctx)
	if err != nil {
		return cloud.Page{}, failure(ctx, "", err)
	}
	return page(out.Segment.BlobItems, out.Segment.BlobPrefixes, out.NextMarker), nil
}

// page translates an answer. What it leaves out of an item is zero.
func page(items []*container.BlobItem, prefixes []*container.BlobPrefix, next *string) cloud.Page {
	p := cloud.Page{Next: value(next)}
	for _, b := range items {
		if b == nil || b.Properties == nil || value(b.Name) == "" || strings.HasSuffix(*b.Name, "/") {
			continue
		}
		p.Objects = append(p.Objects, cloud.Object{
			Key: *b.Name, Bytes: value(b.Properties.ContentLength), Modified: value(b.Properties.LastModified),
			ETag: cloud.Bare(string(value(b.Properties.ETag))),
		})
	}
	for _, f := range prefixes {
		p.Folders = append(p.Folders, value(f.Name))
	}
	slices.Sort(p.Folders)
	return p
}

// Stat implements cloud.Bucket.
func (s *source) Stat(ctx context.Context, key string) (cloud.Object, error) {
	out, err := s.container.NewBlobClient(key).GetProperties(ctx, nil)
	if err != nil {
		return cloud.Object{}, failure(ctx, key, err)
	}
	return cloud.Object{
		Key: key, Bytes: value(out.ContentLength), ETag: cloud.Bare(string(value(out.ETag))), Modified: value(out.LastModified),
	}, nil
}

// Open implements cloud.Bucket.
func (s *source) Open(ctx context.Context, key, etag string, off, n int64) (io.ReadCloser, cloud.Object, error) {
	if n == 0 {
		return cloud.Nothing(ctx, s, key, etag)
	}
	options := &blob.DownloadStreamOptions{Range: blob.HTTPRange{Offset: off, Count: max(n, 0)}} // 0 is to the end
	if etag != "" {
		quoted := azcore.ETag(cloud.Quoted(etag))
		options.AccessConditions = &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfMatch: &quoted}}
	}
	out, err := s.container.NewBlobClient(key).DownloadStream(ctx, options)
	if e, ok := errors.AsType[*azcore.ResponseError](err); ok && e.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return cloud.Nothing(ctx, s, key, etag)
	}
	if err != nil {
		return nil, cloud.Object{}, failure(ctx, key, err)
	}
	got := cloud.Answer{
		Key: key, ETag: cloud.Bare(string(value(out.ETag))), Modified: value(out.LastModified),
		Length: value(out.ContentLength), Size: value(out.ContentLength), Body: out.Body,
	}
	if err := got.SetRange(value(out.ContentRange)); err != nil {
		return nil, cloud.Object{}, err
	}
	return got.Open(ctx, etag, off, n)
}

// Check implements cloud.Bucket.
func (s *source) Check(ctx context.Context) error {
	_, err := s.List(ctx, "", "", 1, false)
	return err
}

// failure translates an error of the SDK.
func failure(ctx context.Context, key string, err error) error {
	f := cloud.Failure{Key: key, Err: err}
	if e, ok := errors.AsType[*azcore.ResponseError](err); ok {
		f.Status, f.Code = e.StatusCode, e.ErrorCode
		if e.ErrorCode == "PublicAccessNotPermitted" { // a conflict, to Azure
			f.Status = http.StatusForbidden
		}
	}
	return f.Error(ctx)
}

// value returns what a pointer points to, or nothing.
func value[T any](p *T) T {
	if p == nil {
		var none T
		return none
	}
	return *p
}

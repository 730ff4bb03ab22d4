// Package s3 reads buckets that speak the protocol of Amazon S3. It is the one
// door to the SDK.
package s3

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"framemill/pipeline"
	"framemill/pipeline/cloud"
)

// SourceConfig names a bucket and says how to get in.
type SourceConfig struct {
	Bucket   string
	Region   string // "" for us-east-1
	Endpoint string // "" for Amazon's
	Key      string // "" for anonymous access
	Secret   string
	Client   *http.Client // that refuses what must not be reached
}

// defaultRegion is where requests are signed for if nobody says otherwise.
const defaultRegion = "us-east-1"

type source struct {
	api    *s3.Client
	bucket string
}

// OpenSource returns a bucket. It does not look whether it is there.
//
// Credentials are those of the config and no others: the SDK's own search in
// the environment, in files and in metadata services never begins.
func OpenSource(cfg SourceConfig) (cloud.Bucket, error) {
	if !cloud.ValidBucket(cfg.Bucket) {
		return nil, pipeline.FieldErrorf("resource", "it is not the name of a bucket")
	}
	options := s3.Options{
		Region:                         cfg.Region,
		HTTPClient:                     cfg.Client,
		Credentials:                    aws.AnonymousCredentials{},
		Retryer:                        aws.NopRetryer{}, // cloud.Retry does, for every provider alike
		DisableMultiRegionAccessPoints: true,
		RequestChecksumCalculation:     aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation:     aws.ResponseChecksumValidationWhenRequired,
	}
	if options.Region == "" {
		options.Region = defaultRegion
	}
	if cfg.Endpoint != "" {
		options.BaseEndpoint, options.UsePathStyle = &cfg.Endpoint, true
	}
	if cfg.Key != "" {
		pair := aws.Credentials{AccessKeyID: cfg.Key, SecretAccessKey: cfg.Secret}
		options.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return pair, nil })
	}
	return cloud.Retry(&source{api: s3.New(options), bucket: cfg.Bucket}), nil
}

// List implements cloud.Bucket.
func (s *source) List(ctx context.Context, prefix, token string, limit int, delimited bool) (cloud.Page, error) {
	in := &s3.ListObjectsV2Input{
		Bucket: &s.bucket, MaxKeys: aws.Int32(int32(cloud.PageSize(limit))), //nolint:gosec // at most MaxPage
		EncodingType: types.EncodingTypeUrl, // keys may hold what XML cannot
	}
	if prefix != "" {
		in.Prefix = &prefix
	}
	if token != "" {
		in.ContinuationToken = &token
	}
	if delimited {
		in.Delimiter = aws.String("/")
	}
	out, err := s.api.ListObjectsV2(ctx, in)
	if err != nil {
		return cloud.Page{}, failure(ctx, "", err)
	}
	return page(out)
}

// page translates an answer.
func page(out *s3.ListObjectsV2Output) (cloud.Page, error) {
	var p cloud.Page
	if aws.ToBool(out.IsTruncated) {
		if p.Next = aws.ToString(out.NextContinuationToken); p.Next == "" {
			return p, cloud.Garbled("")
		}
	}
	decode := func(key string) (string, error) { return key, nil }
	if out.EncodingType == types.EncodingTypeUrl {
		decode = url.QueryUnescape
	}
	for _, o := range out.Contents {
		key, err := decode(aws.ToString(o.Key))
		if err != nil || aws.ToInt64(o.Size) < 0 {
			return p, cloud.Garbled("")
		}
		if key != "" && !strings.HasSuffix(key, "/") {
			p.Objects = append(p.Objects, cloud.Object{
				Key: key, Bytes: aws.ToInt64(o.Size), ETag: cloud.Bare(aws.ToString(o.ETag)), Modified: aws.ToTime(o.LastModified),
			})
		}
	}
	for _, f := range out.CommonPrefixes {
		folder, err := decode(aws.ToString(f.Prefix))
		if err != nil {
			return p, cloud.Garbled("")
		}
		p.Folders = append(p.Folders, folder)
	}
	slices.Sort(p.Folders)
	return p, nil
}

// Stat implements cloud.Bucket.
func (s *source) Stat(ctx context.Context, key string) (cloud.Object, error) {
	out, err := s.api.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.bucket, Key: &key})
	if err != nil {
		return cloud.Object{}, failure(ctx, key, err)
	}
	return cloud.Object{
		Key: key, Bytes: aws.ToInt64(out.ContentLength), ETag: cloud.Bare(aws.ToString(out.ETag)), Modified: aws.ToTime(out.LastModified),
	}, nil
}

// Open implements cloud.Bucket.
func (s *source) Open(ctx context.Context, key, etag string, off, n int64) (io.ReadCloser, cloud.Object, error) {
	if n == 0 {
		return cloud.Nothing(ctx, s, key, etag)
	}
	in := &s3.GetObjectInput{Bucket: &s.bucket, Key: &key}
	if etag != "" {
		in.IfMatch = aws.String(cloud.Quoted(etag))
	}
	if off > 0 || n > 0 {
		in.Range = aws.String(cloud.RangeHeader(off, n))
	}
	out, err := s.api.GetObject(ctx, in)
	if status(err) == http.StatusRequestedRangeNotSatisfiable {
		return cloud.Nothing(ctx, s, key, etag)
	}
	if err != nil {
		return nil, cloud.Object{}, failure(ctx, key, err)
	}
	got := cloud.Answer{
		Key: key, ETag: cloud.Bare(aws.ToString(out.ETag)), Modified: aws.ToTime(out.LastModified),
		Length: aws.ToInt64(out.ContentLength), Size: aws.ToInt64(out.ContentLength), Body: out.Body,
	}
	if err := got.SetRange(aws.ToString(out.ContentRange)); err != nil {
		return nil, cloud.Object{}, err
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
	if e, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return e.HTTPStatusCode()
	}
	return 0
}

// unknownKey is how versitygw refuses a key that it does not know. It does so
// with the status 404, which would be taken for a bucket that is gone.
const unknownKey = "XAdminUserNotFound"

// failure translates an error of the SDK.
func failure(ctx context.Context, key string, err error) error {
	f := cloud.Failure{Key: key, Status: status(err), Err: err}
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		f.Code = e.ErrorCode()
	}
	if f.Code == unknownKey {
		f.Status = http.StatusForbidden
	}
	return f.Error(ctx)
}

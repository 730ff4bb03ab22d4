package services

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Bucket is an empty bucket on an S3 server that belongs to this test alone.
type Bucket struct {
	URL    string // of the server
	Name   string
	Key    string
	Secret string
	Dir    string // what is put here without the server has no ETag
	api    *s3.Client
}

// S3 starts a server that speaks the protocol of Amazon S3, and makes a bucket.
func S3(t testing.TB) *Bucket {
	t.Helper()
	b := &Bucket{Name: "media", Key: "AKIAEXAMPLE", Secret: "wJalrXUtnFEMIbPxRfiCYEXAMPLEKEY"}
	bin, err := s3Binary(t.Context())
	if err != nil {
		t.Fatalf("build the S3 server: %v", err)
	}
	server, err := retryStart(func() (*Server, error) { return b.start(bin) })
	if err != nil {
		t.Fatalf("start the S3 server: %v", err)
	}
	t.Cleanup(server.Stop)
	b.URL = "http://" + server.Addr()
	pair := aws.Credentials{AccessKeyID: b.Key, SecretAccessKey: b.Secret}
	b.api = s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: &b.URL, UsePathStyle: true,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return pair, nil }),
	})
	if _, err := b.api.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &b.Name}); err != nil {
		t.Fatalf("make a bucket: %v", err)
	}
	return b
}

// Put writes an object.
func (b *Bucket) Put(t testing.TB, key string, content []byte) {
	t.Helper()
	in := &s3.PutObjectInput{Bucket: &b.Name, Key: &key, Body: strings.NewReader(string(content))}
	if _, err := b.api.PutObject(t.Context(), in); err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
}

// Delete removes an object.
func (b *Bucket) Delete(t testing.TB, key string) {
	t.Helper()
	if _, err := b.api.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &b.Name, Key: &key}); err != nil {
		t.Fatalf("delete %s: %v", key, err)
	}
}

// Storage is the body of a cloud storage that reads this bucket.
func (b *Bucket) Storage() map[string]any {
	return map[string]any{
		"provider_type": "AWS_S3_BUCKET", "resource": b.Name, "display_name": b.Name, "credentials_type": "KEY_SECRET_KEY_PAIR",
		"key": b.Key, "secret_key": b.Secret, "specific_attributes": "endpoint_url=" + b.URL,
	}
}

// s3Binary returns the path of the S3 server, which it builds the first time.
func s3Binary(ctx context.Context) (string, error) {
	root, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	tools := filepath.Join(filepath.Dir(strings.TrimSpace(string(root))), "tools", "tools.mod")
	out, err := exec.CommandContext(ctx, "go", "tool", "-n", "-modfile="+tools, "versitygw").Output()
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("%w: %s", err, e.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}

// start runs the server over a folder of its own.
func (b *Bucket) start(bin string) (*Server, error) {
	addr, _, err := freeAddr()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "framemill-s3-")
	if err != nil {
		return nil, err
	}
	objects, facts := filepath.Join(dir, "objects"), filepath.Join(dir, "facts")
	for _, folder := range []string{objects, facts} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			return nil, err
		}
	}
	b.Dir = filepath.Join(objects, b.Name)
	return start(launch{
		command: []string{bin, "--access", b.Key, "--secret", b.Secret, "--port", addr, "posix", "--sidecar", facts, objects},
		dir:     dir, addr: addr, signal: "KILL", ready: pingTCP,
	})
}

// pingTCP reports whether something listens.
func pingTCP(ctx context.Context, addr string) error {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return conn.Close()
}

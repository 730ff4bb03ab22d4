package source_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/fsouza/fake-gcs-server/fakestorage"
	"github.com/google/go-cmp/cmp"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"framemill/pipeline"
	"framemill/pipeline/blob/gcs"
	"framemill/pipeline/blob/s3"
	"framemill/pipeline/cloud"
)

// foreign is a bucket of somebody's, and how they write to it.
type foreign struct {
	cloud.Bucket
	put func(key, content string)
	del func(key string)
}

// eachProvider runs a test on an empty bucket of each provider that runs in
// this process.
func eachProvider(t *testing.T, test func(t *testing.T, b foreign)) {
	t.Helper()
	for name, open := range map[string]func(t *testing.T) foreign{"s3": onS3, "gcs": onGCS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func onS3(t *testing.T) foreign {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("media"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	b, err := s3.OpenSource(s3.SourceConfig{Bucket: "media", Endpoint: server.URL, Key: "AKIA", Secret: "s3cret", Client: http.DefaultClient})
	if err != nil {
		t.Fatal(err)
	}
	put := func(key, content string) {
		if _, err := backend.PutObject("media", key, nil, strings.NewReader(content), int64(len(content)), nil); err != nil {
			t.Fatal(err)
		}
	}
	return foreign{b, put, func(key string) { _, _ = backend.DeleteObject("media", key) }}
}

func onGCS(t *testing.T) foreign {
	t.Helper()
	server, err := fakestorage.NewServerWithOptions(fakestorage.Options{Scheme: "http", Host: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	server.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: "media"})
	b, err := gcs.OpenSource(gcs.SourceConfig{Bucket: "media", Endpoint: server.URL(), Client: http.DefaultClient})
	if err != nil {
		t.Fatal(err)
	}
	put := func(key, content string) {
		server.CreateObject(fakestorage.Object{
			ObjectAttrs: fakestorage.ObjectAttrs{BucketName: "media", Name: key}, Content: []byte(content),
		})
	}
	del := func(key string) {
		req, _ := http.NewRequestWithContext(context.Background(), http.MethodDelete, server.URL()+"/storage/v1/b/media/o/"+key, nil)
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
		}
	}
	return foreign{b, put, del}
}

func TestForeignListings(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, b foreign) {
		ctx := t.Context()
		keys := []string{"a b.jpg", "a%20b.jpg", "a+b.jpg", "dir/1.jpg", "dir/2.jpg", "dir/sub/3.jpg", "z.jpg", "ü/ж.jpg"}
		for _, key := range append(keys, "dir/empty/") {
			b.put(key, "x")
		}
		var got []string
		for token, more := "", true; more; more = token != "" {
			page, err := b.List(ctx, "", token, 3, false)
			if err != nil {
				t.Fatalf("list: %v", err)
			}
			for _, o := range page.Objects {
				got = append(got, o.Key)
				if s, err := b.Stat(ctx, o.Key); err != nil || s.ETag != o.ETag || s.Bytes != 1 || o.ETag == "" {
					t.Errorf("%s: listed as %+v, and looked at as %+v, %v", o.Key, o, s, err)
				}
			}
			token = page.Next
		}
		if diff := cmp.Diff(keys, got); diff != "" {
			t.Errorf("keys (-want +got):\n%s", diff)
		}
		page, err := b.List(ctx, "dir/", "", 100, true)
		if err != nil || !slices.Contains(page.Folders, "dir/sub/") || len(page.Objects) != 2 {
			t.Errorf("the folder dir is %+v, %v", page, err)
		}
	})
}

// TestForeignReads also overwrites what it reads, and removes it.
func TestForeignReads(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, b foreign) {
		ctx := t.Context()
		b.put("k 1.jpg", "0123456789")
		b.put("empty", "")
		o, err := b.Stat(ctx, "k 1.jpg")
		if err != nil {
			t.Fatal(err)
		}
		read := func(key, etag string, off, n int64) (string, error) {
			body, o, err := b.Open(ctx, key, etag, off, n)
			if err != nil {
				return "", err
			}
			defer body.Close()
			text, err := io.ReadAll(body)
			if key == "k 1.jpg" && o.Bytes != 10 {
				t.Errorf("an object of 10 bytes is %+v", o)
			}
			return string(text), err
		}
		for _, tt := range []struct {
			key    string
			off, n int64
			want   string
		}{
			{"k 1.jpg", 0, -1, "0123456789"}, {"k 1.jpg", 3, 4, "3456"}, {"k 1.jpg", 7, -1, "789"}, {"k 1.jpg", 8, 100, "89"},
			{"k 1.jpg", 10, -1, ""}, {"k 1.jpg", 0, 0, ""}, {"empty", 0, -1, ""}, {"empty", 0, 100, ""},
		} {
			etag := o.ETag
			if tt.key != "k 1.jpg" {
				etag = ""
			}
			if got, err := read(tt.key, etag, tt.off, tt.n); err != nil || got != tt.want {
				t.Errorf("%s from %d, %d bytes: %q, %v, want %q", tt.key, tt.off, tt.n, got, err, tt.want)
			}
		}
		b.put("k 1.jpg", "9876543210")
		for _, off := range []int64{0, 5} {
			if _, err := read("k 1.jpg", o.ETag, off, -1); pipeline.CodeOf(err) != pipeline.CodeSourceChanged {
				t.Errorf("an object that was overwritten, from %d on: %v, want source_changed", off, err)
			}
		}
		b.del("empty")
		if _, err := read("empty", "", 0, -1); pipeline.CodeOf(err) != pipeline.CodeSourceGone {
			t.Errorf("an object that was removed: %v, want source_gone", err)
		}
	})
}

package consumer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"image/color"
	"io"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/cloud"
)

// shelf is a cloud storage in memory. Listings come in pages of 1,000.
type shelf struct {
	objects map[string][]byte
	keys    []string // sorted, once it is listed
	lists   atomic.Int64
	opens   atomic.Int64
	onList  func(n int64) error // is told of each page of a listing
}

// Bucket implements the storages of an opener.
func (s *shelf) Bucket(context.Context, int64) (cloud.Bucket, error) { return s, nil }

func (s *shelf) object(key string) cloud.Object {
	data := s.objects[key]
	return cloud.Object{Key: key, Bytes: int64(len(data)), ETag: fmt.Sprint(crc32.ChecksumIEEE(data))}
}

// Check implements cloud.Bucket.
func (s *shelf) Check(context.Context) error { return nil }

// Stat implements cloud.Bucket.
func (s *shelf) Stat(_ context.Context, key string) (cloud.Object, error) { return s.object(key), nil }

// List implements cloud.Bucket. Its tokens are keys.
func (s *shelf) List(_ context.Context, prefix, token string, limit int, _ bool) (cloud.Page, error) {
	if s.keys == nil {
		s.keys = slices.Sorted(maps.Keys(s.objects))
	}
	if n := s.lists.Add(1); s.onList != nil {
		if err := s.onList(n); err != nil {
			return cloud.Page{}, err
		}
	}
	var p cloud.Page
	from, _ := slices.BinarySearch(s.keys, max(prefix, token))
	for _, key := range s.keys[from:] {
		if !strings.HasPrefix(key, prefix) {
			break
		}
		if len(p.Objects) == limit {
			p.Next = key
			break
		}
		p.Objects = append(p.Objects, s.object(key))
	}
	return p, nil
}

// Open implements cloud.Bucket.
func (s *shelf) Open(_ context.Context, key, etag string, off, n int64) (io.ReadCloser, cloud.Object, error) {
	s.opens.Add(1)
	data, ok := s.objects[key]
	if !ok {
		return nil, cloud.Object{}, pipeline.Failf(pipeline.CodeSourceGone, key, "%s is not there", key)
	}
	o := s.object(key)
	if etag != "" && etag != o.ETag {
		return nil, o, pipeline.Failf(pipeline.CodeSourceChanged, key, "%s has changed", key)
	}
	if data = data[off:]; n >= 0 {
		data = data[:min(n, int64(len(data)))]
	}
	return io.NopCloser(bytes.NewReader(data)), o, nil
}

// frameNames lists the frames of the task of a request.
func (r *rig) frameNames(req *pipeline.Request) []string {
	r.t.Helper()
	data, err := r.db.DataOf(r.t.Context(), req.TaskID)
	if err != nil {
		r.t.Fatalf("read data: %v", err)
	}
	frames, err := r.db.FrameFiles(r.t.Context(), data.ID, 0, data.Size)
	if err != nil {
		r.t.Fatalf("read frames: %v", err)
	}
	names := make([]string, len(frames))
	for i := range frames {
		names[i] = frames[i].Name
	}
	return names
}

const twoOfThree = `{"version":"1.1"}
{"type":"images"}
{"name":"b","extension":".jpg","width":64,"height":48}
{"name":"a","extension":".jpg","width":64,"height":48}
`

func TestBucket(t *testing.T) {
	t.Parallel()
	jpg := picture(t, 64, 48, color.Gray{Y: 100})
	tests := []struct {
		name string
		spec pipeline.Spec
		kind pipeline.MessageKind
		want []string
		code pipeline.Code
	}{
		{name: "keys", spec: pipeline.Spec{ServerFiles: []string{"d/c.jpg", "d/a.jpg"}}, want: []string{"d/a.jpg", "d/c.jpg"}},
		{name: "a folder", spec: pipeline.Spec{ServerFiles: []string{"d/"}}, want: []string{"d/a.jpg", "d/b.jpg", "d/c.jpg", "d/e/f.jpg"}},
		{name: "a folder in phases", spec: pipeline.Spec{ServerFiles: []string{"d/"}}, kind: pipeline.UploadCollect,
			want: []string{"d/a.jpg", "d/b.jpg", "d/c.jpg", "d/e/f.jpg"}},
		{name: "without some", spec: pipeline.Spec{ServerFiles: []string{"d/", "x.jpg"}, ServerExcl: []string{"d/e/", "d/b.jpg"}},
			want: []string{"d/a.jpg", "d/c.jpg", "x.jpg"}},
		{name: "a pattern", spec: pipeline.Spec{Pattern: "*[ae]/?.jpg"}, want: []string{"d/e/f.jpg"}},
		{name: "a prefix", spec: pipeline.Spec{Pattern: "*.jpg", CloudPrefix: "d/e/"}, want: []string{"d/e/f.jpg"}},
		{name: "a manifest", spec: pipeline.Spec{ServerFiles: []string{"d/m.jsonl"}}, want: []string{"d/a.jpg", "d/b.jpg"}},
		{name: "a manifest in its order", spec: pipeline.Spec{ServerFiles: []string{"d/m.jsonl"}, Sorting: pipeline.SortPredefined},
			want: []string{"d/b.jpg", "d/a.jpg"}},
		{name: "a manifest and a key", spec: pipeline.Spec{ServerFiles: []string{"d/m.jsonl", "d/b.jpg"}}, want: []string{"d/b.jpg"}},
		{name: "a key that the manifest lacks", spec: pipeline.Spec{ServerFiles: []string{"d/m.jsonl", "d/c.jpg"}}, code: pipeline.CodeBadManifest},
		{name: "copies", spec: pipeline.Spec{ServerFiles: []string{"d/"}, CopyData: true}, want: []string{"d/a.jpg", "d/b.jpg", "d/c.jpg", "d/e/f.jpg"}},
		{name: "an object that is not there", spec: pipeline.Spec{ServerFiles: []string{"none.jpg"}}, code: pipeline.CodeSourceGone},
		{name: "nothing", spec: pipeline.Spec{ServerFiles: []string{"none/"}}, code: pipeline.CodeNoMedia},
		{name: "a broken manifest", spec: pipeline.Spec{ServerFiles: []string{"bad.jsonl"}}, code: pipeline.CodeBadManifest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			for _, key := range []string{"d/a.jpg", "d/b.jpg", "d/c.jpg", "d/e/f.jpg", "x.jpg", "d/related_images/a_jpg/1.jpg", "d/.hidden.jpg"} {
				r.clouds.objects[key] = jpg
			}
			r.clouds.objects["d/notes.txt"], r.clouds.objects["d/m.jsonl"], r.clouds.objects["bad.jsonl"] = nil, []byte(twoOfThree), []byte("{}")
			r.start()
			tt.spec.CloudStorageID, tt.spec.UseCache = 1, true
			if tt.kind == "" {
				tt.kind = pipeline.UploadRun
			}
			req := r.await(r.accept(tt.spec, tt.kind).ID)
			if tt.code != "" {
				if req.State != pipeline.RequestFailed || req.Code != tt.code {
					t.Errorf("request ended %s: %s %s, want the code %s", req.State, req.Code, req.Text, tt.code)
				}
				return
			}
			if req.State != pipeline.RequestDone {
				t.Fatalf("request ended %s: %s %s", req.State, req.Code, req.Text)
			}
			data, err := r.db.DataOf(t.Context(), req.TaskID)
			if place := pipeline.StorageCloud; err != nil || data.Storage != place && !tt.spec.CopyData || data.Storage == place && tt.spec.CopyData {
				t.Errorf("the data lie in %+v (%v)", data, err)
			}
			if diff := cmp.Diff(tt.want, r.frameNames(req)); diff != "" {
				t.Errorf("frames, -want +got:\n%s", diff)
			}
		})
	}
}

// TestListingGoesOn ends a consumer in the middle of a long listing.
func TestListingGoesOn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	jpg := picture(t, 8, 8, color.Gray{Y: 100})
	const objects, broken = 25_500, 15
	for i := range objects {
		r.clouds.objects[fmt.Sprintf("d/%06d.jpg", i)] = jpg
	}
	r.clouds.onList = func(n int64) error {
		if n == broken {
			return errors.New("the plug was pulled")
		}
		return nil
	}
	r.start()
	req := r.await(r.accept(pipeline.Spec{ServerFiles: []string{"d/"}, CloudStorageID: 1, UseCache: true}, pipeline.UploadCollect).ID)
	if req.State != pipeline.RequestDone {
		t.Fatalf("request ended %s: %s %s", req.State, req.Code, req.Text)
	}
	names := r.frameNames(req)
	if !slices.Equal(names, r.clouds.keys) {
		t.Errorf("%d frames, want the %d objects in their order", len(names), objects)
	}
	// 14 pages came before the break, of which 10 count; 16 are left.
	if n := r.clouds.lists.Load(); n > broken+17 {
		t.Errorf("the listing took %d pages, want at most %d: it began anew", n, broken+17)
	}
}

func TestReconnect(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.clouds.objects["d/a.jpg"] = picture(t, 8, 8, color.Gray{Y: 100})
	r.start()
	req := r.await(r.accept(pipeline.Spec{ServerFiles: []string{"d/"}, CloudStorageID: 11, UseCache: true}, pipeline.UploadRun).ID)
	data, err := r.db.DataOf(t.Context(), req.TaskID)
	if err != nil || data.CloudStorageID == nil || *data.CloudStorageID != 11 {
		t.Fatalf("data %+v, %v, want them in cloud storage 11", data, err)
	}
	if err := r.db.Reconnect(t.Context(), req.TaskID, 7); err != nil {
		t.Fatal(err)
	}
	frames, err := r.db.FrameFiles(t.Context(), data.ID, 0, 1)
	if err != nil || len(frames) != 1 || frames[0].Ref != "cloud:7/d/a.jpg" || frames[0].ETag != "" || frames[0].Bytes < 1 {
		t.Errorf("frames %+v, %v, want the same key of storage 7", frames, err)
	}
	local := r.await(r.accept(pipeline.Spec{}, pipeline.UploadRun, pictures(t, 1)...).ID)
	if err := r.db.Reconnect(t.Context(), local.TaskID, 7); pipeline.CodeOf(err) != pipeline.CodeInvalid {
		t.Errorf("data that were uploaded: %v, want invalid", err)
	}
}

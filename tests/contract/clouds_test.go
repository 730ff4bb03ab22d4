package contract_test

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// bucket serves a bucket named walked, with one photo of a folder, and returns
// its address.
func bucket(t *testing.T, photos string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(photos, "*.jpg"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d photos in %s: %v", len(files), photos, err)
	}
	photo, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	backend := s3mem.New()
	if err := backend.CreateBucket("walked"); err != nil {
		t.Fatal(err)
	}
	if _, err := backend.PutObject("walked", "photos/1.jpg", nil, bytes.NewReader(photo), int64(len(photo)), nil); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	return server.URL
}

// cloudVisits add a bucket, look into it and leave it.
var cloudVisits = []visit{
	{"POST /api/cloudstorages", by(admin, "/api/cloudstorages", 201, `{"provider_type":"AWS_S3_BUCKET","resource":"walked","display_name":"Walked","credentials_type":"KEY_SECRET_KEY_PAIR","key":"AKIA","secret_key":"walks","specific_attributes":"endpoint_url=$bucket"}`),
		by(admin, "/api/cloudstorages", 400, `{"provider_type":"AWS_S3_BUCKET","resource":"lost","display_name":"Lost","credentials_type":"ANONYMOUS_ACCESS","specific_attributes":"endpoint_url=$bucket"}`), "cloud"},
	{"GET /api/cloudstorages", by(admin, "/api/cloudstorages?resource=walked", 200), by(admin, "/api/cloudstorages?sort=secret_key", 400), ""},
	{"GET /api/cloudstorages/{id}", by(admin, "/api/cloudstorages/$cloud", 200), by(ann, "/api/cloudstorages/$cloud", 403), ""},
	{"PATCH /api/cloudstorages/{id}", by(admin, "/api/cloudstorages/$cloud", 200, `{"description":"walked"}`),
		by(admin, "/api/cloudstorages/$cloud", 400, `{"manifests":["lost.jsonl"]}`), ""},
	{"GET /api/cloudstorages/{id}/status", by(admin, "/api/cloudstorages/$cloud/status", 200), by(admin, "/api/cloudstorages/99999/status", 404), ""},
	{"GET /api/cloudstorages/{id}/actions", by(admin, "/api/cloudstorages/$cloud/actions", 200), by(ann, "/api/cloudstorages/$cloud/actions", 403), ""},
	{"GET /api/cloudstorages/{id}/content-v2", by(admin, "/api/cloudstorages/$cloud/content-v2?prefix=photos/", 200),
		by(admin, "/api/cloudstorages/$cloud/content-v2?page_size=many", 400), ""},
	{"GET /api/cloudstorages/{id}/preview", by(admin, "/api/cloudstorages/$cloud/preview", 200), by(ann, "/api/cloudstorages/$cloud/preview", 403), ""},
	{"DELETE /api/cloudstorages/{id}", by(admin, "/api/cloudstorages/$cloud", 204), by(ann, "/api/cloudstorages/99999", 404), ""},
}

package api_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"framemill/pipeline"
)

// s3Server serves the bucket "media" with objects, and returns its address.
func s3Server(t *testing.T, objects map[string]string) string {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("media"); err != nil {
		t.Fatal(err)
	}
	for key, content := range objects {
		if _, err := backend.PutObject("media", key, nil, strings.NewReader(content), int64(len(content)), nil); err != nil {
			t.Fatal(err)
		}
	}
	srv := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(srv.Close)
	return srv.URL
}

// smallPNG returns a picture.
func smallPNG(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 3, 2))); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const cloudSecret = "wJalrXUtnFEMIbPxRfiCYEXAMPLEKEY"

// cloudStorage returns the body of a storage of the bucket "media".
func cloudStorage(address string, fields object) object {
	body := object{
		"provider_type": "AWS_S3_BUCKET", "resource": "media", "display_name": "Media", "credentials_type": "KEY_SECRET_KEY_PAIR",
		"key": "AKIAEXAMPLE", "secret_key": cloudSecret, "specific_attributes": "region=eu-central-1&endpoint_url=" + address,
	}
	for name, value := range fields {
		body[name] = value
	}
	return body
}

func TestCloudStorage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	address := s3Server(t, map[string]string{"m.jsonl": "{}", "a b+c.txt": "x", "train/1.png": smallPNG(t), "train/deep/2.png": "x"})
	made := b.want(201, "POST", "/api/cloudstorages", "user", cloudStorage(address, object{"manifests": []string{"m.jsonl"}, "description": "d"})).json(t)
	want := object{
		"id": made["id"], "owner": made["owner"], "created_date": made["created_date"], "updated_date": made["updated_date"],
		"manifests": []any{"m.jsonl"}, "provider_type": "AWS_S3_BUCKET", "resource": "media", "display_name": "Media",
		"credentials_type": "KEY_SECRET_KEY_PAIR", "specific_attributes": "region=eu-central-1&endpoint_url=" + address,
		"description": "d", "organization": nil,
	}
	if diff := cmp.Diff(map[string]any(want), map[string]any(made)); diff != "" {
		t.Errorf("a new cloud storage (-want +got):\n%s", diff)
	}
	path := at("/api/cloudstorages", made)
	for sub, answer := range map[string]string{"/status": `"AVAILABLE"`, "/actions": `"GET"`} {
		if r := b.want(200, "GET", path+sub, "user", nil); r.body != answer {
			t.Errorf("GET %s answers %s, want %s", sub, r.body, answer)
		}
	}
	if r := b.want(200, "GET", path+"/preview", "user", nil); r.body != smallPNG(t) {
		t.Error("the preview is not the first picture of the bucket")
	}
	for query, content := range map[string][]any{
		"": {"train", "a b+c.txt", "m.jsonl"}, "?prefix=/train/": {"deep", "1.png"}, "?prefix=none": {},
	} {
		page := b.want(200, "GET", path+"/content-v2"+query, "user", nil).json(t)
		var names []any
		for _, e := range page["content"].([]any) {
			names = append(names, e.(map[string]any)["name"])
		}
		if fmt.Sprint(names) != fmt.Sprint(content) || page["next"] != nil {
			t.Errorf("content%s is %v, next %v, want %v", query, names, page["next"], content)
		}
	}
	b.want(400, "GET", path+"/content-v2?page_size=x", "user", nil)
	row, err := b.db.CloudStorage(t.Context(), idOf(made))
	if err != nil || row.Sealed == "" || strings.Contains(row.Sealed, cloudSecret) {
		t.Errorf("the credentials are kept as %q, %v, want them sealed", row.Sealed, err)
	}
	changed := b.want(200, "PATCH", path, "user", object{"display_name": "Other", "manifests": []string{}}).json(t)
	if changed["display_name"] != "Other" || fmt.Sprint(changed["manifests"]) != "[]" || changed["resource"] != "media" {
		t.Errorf("after a change: %v", changed)
	}
	b.want(204, "DELETE", path, "user", nil)
	b.want(404, "GET", path, "user", nil)
}

// TestCloudStorageRefusals also looks for the secret in every answer.
func TestCloudStorageRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	address := s3Server(t, nil)
	closed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`<Error><Code>SignatureDoesNotMatch</Code><AWSAccessKeyId>AKIAEXAMPLE</AWSAccessKeyId></Error>`))
	}))
	t.Cleanup(closed.Close)
	elsewhere := httptest.NewServer(http.RedirectHandler("http://127.0.0.1:1/latest/meta-data", http.StatusTemporaryRedirect))
	t.Cleanup(elsewhere.Close)
	made := b.want(201, "POST", "/api/cloudstorages", "user", cloudStorage(address, nil)).json(t)
	path := at("/api/cloudstorages", made)
	tests := []struct {
		name, method, path string
		fields             object
		want               string
	}{
		{"no such bucket", "POST", "", object{"resource": "nothing"}, "resource"},
		{"a name that is none", "POST", "", object{"resource": "x@evil.example/"}, "resource"},
		{"credentials that are refused", "POST", "", object{"specific_attributes": "endpoint_url=" + closed.URL}, "credentials"},
		{"a private network", "POST", "", object{"specific_attributes": "endpoint_url=http://10.0.0.5:9000"}, "specific_attributes"},
		{"the metadata service", "POST", "", object{"specific_attributes": "endpoint_url=http://169.254.169.254/"}, "specific_attributes"},
		{"loopback by IPv6", "POST", "", object{"specific_attributes": "endpoint_url=http://[::1]"}, "specific_attributes"},
		{"a file", "POST", "", object{"specific_attributes": "endpoint_url=file:///etc/passwd"}, "specific_attributes"},
		{"a redirect", "POST", "", object{"specific_attributes": "endpoint_url=" + elsewhere.URL}, "resource"},
		{"no secret", "POST", "", object{"secret_key": ""}, "secret_key"},
		{"a missing manifest", "POST", "", object{"manifests": []string{"none.jsonl"}}, "manifests"},
		{"credentials of another provider", "POST", "", object{"credentials_type": "CONNECTION_STRING"}, "credentials_type"},
		{"an external account", "POST", "", object{
			"provider_type": "GOOGLE_CLOUD_STORAGE", "credentials_type": "KEY_FILE_PATH", "key_file": `{"type":"external_account"}`,
		}, "key_file"},
		{"an account that is a host", "POST", "", object{
			"provider_type": "AZURE_CONTAINER", "credentials_type": "ACCOUNT_NAME_TOKEN_PAIR", "account_name": "evil.example/", "session_token": "sig=x",
		}, "account_name"},
		{"a connection to the inside", "POST", "", object{
			"provider_type": "AZURE_CONTAINER", "credentials_type": "CONNECTION_STRING",
			"connection_string": "BlobEndpoint=http://10.0.0.5/;SharedAccessSignature=sig=" + cloudSecret,
		}, "specific_attributes"},
		{"an endpoint that gets credentials it was not given", "PATCH", path, object{"specific_attributes": "endpoint_url=" + elsewhere.URL}, "credentials"},
	}
	for _, tt := range tests {
		body, to := tt.fields, tt.path
		if tt.method == "POST" {
			body, to = cloudStorage(address, tt.fields), "/api/cloudstorages"
		}
		r := b.want(400, tt.method, to, "user", body)
		if !strings.Contains(r.body, `{"`+tt.want+`"`) {
			t.Errorf("%s: answered %s, want an error of %s", tt.name, r.body, tt.want)
		}
		if strings.Contains(r.body, cloudSecret) || strings.Contains(r.body, "AKIAEXAMPLE") {
			t.Errorf("%s: the answer %s holds credentials", tt.name, r.body)
		}
	}
	if _, total := b.cloudStorages("user"); total != 1 {
		t.Errorf("%d cloud storages are kept, want the good one alone", total)
	}
}

// cloudStorages lists what a user sees.
func (b *bundle) cloudStorages(user string) ([]object, int) {
	b.t.Helper()
	page := b.want(200, "GET", "/api/cloudstorages", user, nil).json(b.t)
	return results(b.t, page), int(page["count"].(float64))
}

// addCloud keeps a cloud storage of the bucket "media" for tests that need not
// reach it.
func (b *bundle) addCloud(owner string, org *int64, c pipeline.CloudStorage) int64 {
	b.t.Helper()
	u := b.users[owner]
	c.OwnerID, c.OrgID, c.Tenant = &u.ID, org, pipeline.TenantOf(org, u.ID)
	c.Provider, c.Resource, c.CredentialsType = pipeline.ProviderS3, "media", pipeline.CredentialsAnonymous
	id, err := b.db.CreateCloudStorage(b.t.Context(), &c, func(int64) (string, error) { return "", nil })
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}

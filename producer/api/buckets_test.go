package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
)

// cloudStorage makes a cloud storage of a user's own.
func (b *bundle) cloudStorage(owner pipeline.User, attributes string) int64 {
	b.t.Helper()
	id, err := b.db.CreateCloudStorage(b.t.Context(), &pipeline.CloudStorage{
		Tenant: pipeline.Tenant(fmt.Sprintf("u%d", owner.ID)), OwnerID: &owner.ID, Provider: pipeline.ProviderS3,
		Resource: "media", Name: "media", CredentialsType: pipeline.CredentialsAnonymous, Attributes: attributes,
	}, func(int64) (string, error) { return "", nil })
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}

func TestDataOfCloudStorage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner := b.addUser("keeper", pipeline.GroupUser)
	id := b.cloudStorage(owner, "region=eu-west-1&prefix=train/")
	body := fmt.Sprintf(`{"image_quality":70,"cloud_storage_id":%d,"server_files":["/train/","m.jsonl"],"server_files_exclude":["train/x/"]}`, id)
	foreign := b.newTask("user", nil)
	for _, text := range []string{body, `{"image_quality":70,"cloud_storage_id":4711,"server_files":["a.jpg"]}`} {
		if r := b.send("POST", dataPath(foreign), "user", text); r.StatusCode != 403 || !strings.Contains(r.body, "permission") {
			t.Errorf("a storage that is not theirs: %d %s, want 403", r.StatusCode, r.body)
		}
	}
	task := b.newTask("keeper", nil)
	if r := b.send("POST", dataPath(task), "keeper", body); r.StatusCode != 202 {
		t.Fatalf("their own storage: %d %s, want 202", r.StatusCode, r.body)
	}
	spec, req := b.spec(task)
	if req.Phase != pipeline.PhaseCollect || spec.CloudStorageID != id || spec.CloudPrefix != "train/" {
		t.Errorf("the request begins with %s, with storage %d and prefix %q", req.Phase, spec.CloudStorageID, spec.CloudPrefix)
	}
	if diff := cmp.Diff([]string{"train/", "m.jsonl"}, spec.ServerFiles); diff != "" {
		t.Errorf("files, -want +got:\n%s", diff)
	}
	data, err := b.db.DataOf(t.Context(), task)
	if err != nil || data.Storage != pipeline.StorageCloud || data.CloudStorageID == nil || *data.CloudStorageID != id {
		t.Errorf("data lie in %+v (%v), want the cloud storage %d", data, err, id)
	}
}

package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// newCloud creates a cloud storage and returns it.
func newCloud(t *testing.T, db *store.DB, c pipeline.CloudStorage) *pipeline.CloudStorage {
	t.Helper()
	if c.Resource == "" {
		c.Resource = "bucket"
	}
	c.Provider, c.CredentialsType = pipeline.ProviderS3, pipeline.CredentialsKeyPair
	id, err := db.CreateCloudStorage(t.Context(), &c, func(id int64) (string, error) {
		return fmt.Sprintf("sealed for %d", id), nil
	})
	if err != nil {
		t.Fatalf("create cloud storage: %v", err)
	}
	row, err := db.CloudStorage(t.Context(), id)
	if err != nil {
		t.Fatalf("read cloud storage %d: %v", id, err)
	}
	return row
}

func TestCloudStorages(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		owner := ptr[int64](1)
		c := newCloud(t, db, pipeline.CloudStorage{
			Tenant: "u1", OwnerID: owner, Name: "n", Description: "d", Attributes: "region=x", Manifests: pipeline.NewManifests([]string{"a b", "c"}),
		})
		if c.Sealed != fmt.Sprintf("sealed for %d", c.ID) || c.Created == 0 || c.Updated != c.Created {
			t.Errorf("a new cloud storage is %+v", c)
		}
		if diff := cmp.Diff([]string{"a b", "c"}, c.Manifests.List()); diff != "" {
			t.Errorf("manifests (-want +got):\n%s", diff)
		}
		ch := store.CloudStorageChange{Name: store.To("m"), Sealed: store.To("anew"), Manifests: store.To(pipeline.NewManifests(nil))}
		if err := db.UpdateCloudStorage(ctx, c, &ch); err != nil {
			t.Fatalf("update: %v", err)
		}
		got, err := db.CloudStorage(ctx, c.ID)
		if err != nil || got.Name != "m" || got.Sealed != "anew" || got.Resource != "bucket" || len(got.Manifests.List()) != 0 || got.Updated <= c.Updated {
			t.Errorf("after the update it is %+v, %v", got, err)
		}
		if err := db.UpdateCloudStorage(ctx, c, &ch); pipeline.KindOf(err) != pipeline.Conflict {
			t.Errorf("a change of what was changed meanwhile: %v, want a conflict", err)
		}
		failed := errors.New("no key")
		_, err = db.CreateCloudStorage(ctx, c, func(int64) (string, error) { return "", failed })
		if _, total, listErr := db.CloudStorages(ctx, everyone, store.Query{}); !errors.Is(err, failed) || total != 1 || listErr != nil {
			t.Errorf("a storage that cannot be sealed: %v; %d rows, %v, want the first alone", err, total, listErr)
		}
	})
}

func TestDeletedCloudStoragesLeaveTheirTasks(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c := newCloud(t, db, pipeline.CloudStorage{Tenant: "u1", OwnerID: ptr[int64](1)})
		storage := &pipeline.Storage{Location: pipeline.StorageCloud, CloudStorageID: &c.ID}
		taskID := newTask(t, db, store.NewTask{Task: pipeline.Task{Name: "t"}, Source: storage, Target: storage})
		if err := db.DeleteCloudStorage(ctx, c.ID); err != nil {
			t.Fatalf("delete: %v", err)
		}
		task, err := db.TaskView(ctx, taskID)
		if err != nil {
			t.Fatalf("read the task: %v", err)
		}
		for name, s := range map[string]*pipeline.Storage{"source": task.Source, "target": task.Target} {
			if s == nil || s.Location != pipeline.StorageLocal || s.CloudStorageID != nil {
				t.Errorf("the %s storage is %+v, want a local one", name, s)
			}
		}
		if _, err := db.CloudStorage(ctx, c.ID); pipeline.KindOf(err) != pipeline.NotFound {
			t.Errorf("read it: %v, want not found", err)
		}
		again := db.DeleteCloudStorage(ctx, c.ID)
		changed := db.UpdateCloudStorage(ctx, c, &store.CloudStorageChange{Name: store.To("x")})
		for _, err := range []error{again, changed} {
			if pipeline.KindOf(err) != pipeline.NotFound {
				t.Errorf("after the deletion: %v, want not found", err)
			}
		}
	})
}

func TestWhoSeesWhichCloudStorages(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ann, bob, cat := newUser(t, db, "ann").ID, newUser(t, db, "bob").ID, newUser(t, db, "cat").ID
		org := newOrg(t, db, "acme", ann)
		join(t, db, org, bob, pipeline.RoleSupervisor)
		join(t, db, org, cat, pipeline.RoleWorker)
		own := newCloud(t, db, pipeline.CloudStorage{Tenant: "u2", OwnerID: &bob, Name: "bob's own"}).ID
		shared := newCloud(t, db, pipeline.CloudStorage{Tenant: "o1", OwnerID: &ann, OrgID: &org.ID, Name: "shared"}).ID
		personal := pipeline.Workspace{Named: true}
		for _, tt := range []struct {
			name string
			v    store.Viewer
			want []int64
		}{
			{"everyone", everyone, []int64{shared, own}},
			{"a supervisor everywhere", store.Viewer{UserID: bob}, []int64{shared, own}},
			{"a supervisor in the organization", store.Viewer{UserID: bob, In: org.Workspace()}, []int64{shared}},
			{"a supervisor's personal ones", store.Viewer{UserID: bob, In: personal}, []int64{own}},
			{"a worker", store.Viewer{UserID: cat}, nil},
			{"the owner of the storage", store.Viewer{UserID: ann}, []int64{shared}},
		} {
			views, total, err := db.CloudStorages(t.Context(), tt.v, store.Query{Sort: []store.Order{{Field: "id", Desc: true}}})
			if err != nil || int(total) != len(views) {
				t.Fatalf("%s: %d of %d, %v", tt.name, len(views), total, err)
			}
			var got []int64
			for i := range views {
				got = append(got, views[i].ID)
			}
			if !slices.Equal(got, sorted(tt.want)) {
				t.Errorf("%s: sees %v, want %v", tt.name, got, tt.want)
			}
		}
		if err := db.DeleteOrganization(t.Context(), org.ID); err != nil {
			t.Fatalf("delete the organization: %v", err)
		}
		c, err := db.CloudStorage(t.Context(), shared)
		if err != nil || c.OrgID != nil || c.Tenant != pipeline.TenantOf(nil, ann) {
			t.Errorf("after the organization it is %+v, %v, want ann's own", c, err)
		}
	})
}

// sorted returns ids from the newest to the oldest.
func sorted(ids []int64) []int64 {
	return slices.SortedFunc(slices.Values(ids), func(a, b int64) int { return int(b - a) })
}

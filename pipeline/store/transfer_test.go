package store_test

import (
	"testing"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

func TestTransferProject(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ada, bob := newUser(t, db, "ada"), newUser(t, db, "bob")
		acme := newOrg(t, db, "acme", ada.ID)
		project, err := db.CreateProject(ctx, &store.NewProject{
			Project: pipeline.Project{Name: "p", OwnerID: &bob.ID, AssigneeID: &bob.ID, Tenant: pipeline.TenantOf(nil, bob.ID)},
			Source:  &pipeline.Storage{Location: pipeline.StorageCloud, CloudStorageID: ptr[int64](7)},
		})
		if err != nil {
			t.Fatal(err)
		}
		task := newTask(t, db, store.NewTask{
			Task:   pipeline.Task{OwnerID: &bob.ID, AssigneeID: &bob.ID, ProjectID: &project},
			Target: &pipeline.Storage{Location: pipeline.StorageCloud, CloudStorageID: ptr[int64](7)},
		})
		tr := &store.Transfer{OrgID: &acme.ID, OwnerID: ada.ID, Target: store.To(&pipeline.Storage{Location: pipeline.StorageLocal})}
		wantKind(t, db.TransferTask(ctx, task, tr), pipeline.Invalid, "transfer a task of a project")
		if err := db.TransferProject(ctx, project, tr); err != nil {
			t.Fatal(err)
		}
		p, err := db.ProjectView(ctx, project)
		if err != nil || *p.OrgID != acme.ID || *p.OwnerID != ada.ID || p.AssigneeID != nil || p.Tenant != pipeline.TenantOf(&acme.ID, 0) ||
			p.Source.Location != pipeline.StorageLocal || p.Source.CloudStorageID != nil || p.Target == nil {
			t.Errorf("the project is %+v, error %v", p, err)
		}
		v, err := db.TaskView(ctx, task)
		if err != nil || *v.OrgID != acme.ID || *v.OwnerID != ada.ID || v.AssigneeID != nil || v.AssigneeUpdated == nil ||
			v.Tenant != pipeline.TenantOf(&acme.ID, 0) || v.Target.Location != pipeline.StorageLocal {
			t.Errorf("its task is %+v, error %v", v, err)
		}
		_, err = db.CreateTask(ctx, &store.NewTask{Task: pipeline.Task{Name: "t", ProjectID: &project}})
		wantKind(t, err, pipeline.Invalid, "create a personal task in a project of an organization")
		_, err = db.CreateTask(ctx, &store.NewTask{Task: pipeline.Task{Name: "t", OrgID: ptr[int64](99)}})
		wantKind(t, err, pipeline.NotFound, "create a task in an organization that is gone")
		tr.OrgID = ptr[int64](99)
		wantKind(t, db.TransferProject(ctx, project, tr), pipeline.NotFound, "transfer to an organization that is gone")
	})
}

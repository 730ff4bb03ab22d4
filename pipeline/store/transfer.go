package store

import (
	"context"
	"fmt"

	"framemill/pipeline"
)

// Transfer takes a task or a project to another workspace, where it belongs to
// somebody and is assigned to nobody. What it has in cloud storages stays
// behind.
type Transfer struct {
	OrgID   *int64 // nil for the personal workspace
	OwnerID int64
	Source  Change[*pipeline.Storage]
	Target  Change[*pipeline.Storage]
}

// TransferTask transfers a task that belongs to no project. While it gets data
// that is a Conflict.
func (db *DB) TransferTask(ctx context.Context, id int64, tr *Transfer) error {
	err := db.tx(ctx, func(t *Tx) error {
		if err := t.hasOrganization(ctx, tr.OrgID); err != nil {
			return err
		}
		task, err := t.lockTask(ctx, id)
		if err != nil {
			return err
		}
		changed, err := t.watchTask(ctx, id)
		if err != nil {
			return err
		}
		if task.ProjectID != nil {
			return pipeline.FieldErrorf("organization_id", "A task of a project goes where the project goes: transfer that.")
		}
		if err := t.transferTasks(ctx, "= ?", id, tr); err != nil {
			return err
		}
		if err := t.transferStorages(ctx, "tasks", id, task.SourceStorageID, task.TargetStorageID, tr); err != nil {
			return err
		}
		return changed()
	})
	if err != nil {
		return fmt.Errorf("transfer task %d: %w", id, err)
	}
	return nil
}

// TransferProject transfers a project with all of its tasks and its webhooks.
// While one of the tasks gets data that is a Conflict.
func (db *DB) TransferProject(ctx context.Context, id int64, tr *Transfer) error {
	err := db.tx(ctx, func(t *Tx) error {
		if err := t.hasOrganization(ctx, tr.OrgID); err != nil {
			return err
		}
		p, err := t.lockProject(ctx, id)
		if err != nil {
			return err
		}
		changed, err := t.watch(ctx, pipeline.EventUpdateProject, place{Project: &id, Org: p.OrgID}, t.projectSubject(id))
		if err != nil {
			return err
		}
		if err := t.transferRow(ctx, "projects", "= ?", id, tr); err != nil {
			return err
		}
		if _, err := t.exec(ctx, `UPDATE webhooks SET org_id = ? WHERE project_id = ?`, tr.OrgID, id); err != nil {
			return err
		}
		if err := t.transferStorages(ctx, "projects", id, p.SourceStorageID, p.TargetStorageID, tr); err != nil {
			return err
		}
		if err := t.transferTasks(ctx, "IN (SELECT s.id FROM tasks s WHERE s.project_id = ? AND s.deleted IS NULL)", id, tr); err != nil {
			return err
		}
		return changed()
	})
	if err != nil {
		return fmt.Errorf("transfer project %d: %w", id, err)
	}
	return nil
}

// hasOrganization keeps an organization from being deleted until something new
// is in it. Nil is no organization.
func (t *Tx) hasOrganization(ctx context.Context, id *int64) error {
	if id == nil {
		return nil
	}
	err := t.lockOrganization(ctx, *id)
	if pipeline.KindOf(err) == pipeline.NotFound {
		return pipeline.Errorf(pipeline.NotFound, "the organization was deleted")
	}
	return err
}

// transferRow gives rows of tasks or projects to another workspace; which are
// they is SQL with one parameter.
func (t *Tx) transferRow(ctx context.Context, table, which string, id int64, tr *Transfer) error {
	_, err := t.exec(ctx, `
		UPDATE `+table+` SET org_id = ?, tenant = ?, owner_id = ?, assignee_id = NULL,
			assignee_updated = CASE WHEN assignee_id IS NULL THEN assignee_updated ELSE {now} END, updated = {now}
		WHERE id `+which, tr.OrgID, string(pipeline.TenantOf(tr.OrgID, tr.OwnerID)), tr.OwnerID, id)
	return err
}

// transferTasks gives tasks, their jobs and their data to another workspace.
func (t *Tx) transferTasks(ctx context.Context, which string, id int64, tr *Transfer) error {
	if err := t.transferRow(ctx, "tasks", which, id, tr); err != nil {
		return err
	}
	// The rows are locked by now, and data are only accepted under that lock.
	var open int64
	if err := t.get(ctx, &open, `
		SELECT COUNT(*) FROM requests WHERE task_id `+which+` AND state IN ('accepted', 'running')`, id); err != nil {
		return err
	}
	if open > 0 {
		return pipeline.Errorf(pipeline.Conflict, "data are being made right now; wait until that has ended")
	}
	for _, query := range []string{
		`UPDATE jobs SET assignee_id = NULL, assignee_updated = {now}, updated = {now}
			WHERE assignee_id IS NOT NULL AND task_id ` + which,
		`UPDATE data SET cloud_storage_id = NULL WHERE cloud_storage_id IS NOT NULL AND task_id ` + which,
		localStorages + `(SELECT source_storage_id FROM tasks WHERE id ` + which + `)`,
		localStorages + `(SELECT target_storage_id FROM tasks WHERE id ` + which + `)`,
	} {
		if _, err := t.exec(ctx, query, id); err != nil {
			return err
		}
	}
	return nil
}

// localStorages begins the statement that ends the use of cloud storages.
const localStorages = `UPDATE storages SET location = 'local', cloud_storage_id = NULL
	WHERE cloud_storage_id IS NOT NULL AND id IN `

// transferStorages sets the storages that came with a transfer, and takes those
// that did not out of the cloud.
func (t *Tx) transferStorages(ctx context.Context, table string, id int64, source, target *int64, tr *Transfer) error {
	if _, err := t.exec(ctx, localStorages+`(?, ?)`, source, target); err != nil {
		return err
	}
	var set assignments
	if err := t.assignStorages(ctx, &set, storageChange{source, target, tr.Source, tr.Target}); err != nil {
		return err
	}
	if set.empty() {
		return nil
	}
	_, err := t.exec(ctx, `UPDATE `+table+` SET `+set.columns+` WHERE id = ?`, append(set.args, id)...)
	return err
}

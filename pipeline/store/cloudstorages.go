package store

import (
	"context"
	"fmt"

	"framemill/pipeline"
)

const cloudColumns = `c.id, c.tenant, c.org_id, c.owner_id, c.provider, c.resource, c.name, c.credentials_type,
	c.credentials, c.attributes, c.description, c.manifests, c.created, c.updated`

func cloudStorages() *listing {
	return &listing{
		columns: cloudColumns,
		from:    `cloud_storages c`,
		joins:   []join{{"o", `LEFT JOIN users o ON o.id = c.owner_id`}},
		where:   everything,
		id:      "c.id",
		fields: map[string]field{
			"id":            {expr: "c.id", typ: number},
			"provider_type": {expr: "c.provider", of: []string{pipeline.ProviderS3, pipeline.ProviderAzure, pipeline.ProviderGCS}},
			"name":          {expr: "c.name"},
			"resource":      {expr: "c.resource"},
			"credentials_type": {expr: "c.credentials_type", of: []string{
				pipeline.CredentialsKeyPair, pipeline.CredentialsToken, pipeline.CredentialsKeyFile,
				pipeline.CredentialsAnonymous, pipeline.CredentialsConnection,
			}},
			"owner":       {expr: "o.username", joins: "o"},
			"description": {expr: "c.description"},
		},
		search: []string{"provider_type", "name", "resource", "credentials_type", "owner", "description"},
	}
}

// CloudStorageView is a cloud storage with its owner.
type CloudStorageView struct {
	pipeline.CloudStorage
	Owner *pipeline.User
}

// CloudStorage returns a cloud storage.
func (db *DB) CloudStorage(ctx context.Context, id int64) (*pipeline.CloudStorage, error) {
	return db.cloudStorage(ctx, id)
}

func (c conn) cloudStorage(ctx context.Context, id int64) (*pipeline.CloudStorage, error) {
	var row pipeline.CloudStorage
	err := c.get(ctx, &row, `SELECT `+cloudColumns+` FROM cloud_storages c WHERE c.id = ?`, id)
	return &row, err
}

// CloudStorageView returns a cloud storage as clients see it.
func (db *DB) CloudStorageView(ctx context.Context, id int64) (*CloudStorageView, error) {
	c, err := db.CloudStorage(ctx, id)
	if err != nil {
		return nil, err
	}
	views, err := db.cloudViews(ctx, []pipeline.CloudStorage{*c})
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

// CloudStorages lists the cloud storages that v may see, and counts all that
// match.
func (db *DB) CloudStorages(ctx context.Context, v Viewer, q Query) ([]CloudStorageView, int64, error) {
	scope, args := v.clouds()
	rows, total, err := list(ctx, db, cloudStorages(), q, func(c *pipeline.CloudStorage) int64 { return c.ID }, only(scope, args...))
	if err != nil {
		return nil, 0, err
	}
	views, err := db.cloudViews(ctx, rows)
	return views, total, err
}

// clouds returns the SQL that is true of the cloud storages c that v may see:
// v's own, and those of the organizations in which v supervises.
func (v Viewer) clouds() (string, []any) {
	within, args := v.within("c.org_id")
	if v.All {
		return within, args
	}
	return within + ` AND (c.owner_id = ? OR c.org_id IN (` + orgsOfUser + ` AND role <> 'worker')
		AND EXISTS (SELECT 1 FROM users u WHERE u.id = ? AND u.grp <> 'worker'))`,
		append(args, v.UserID, v.UserID, v.UserID)
}

func (c conn) cloudViews(ctx context.Context, rows []pipeline.CloudStorage) ([]CloudStorageView, error) {
	ids := idSet{}
	for i := range rows {
		ids.add(rows[i].OwnerID)
	}
	owners, err := c.people(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("load owners of cloud storages: %w", err)
	}
	out := make([]CloudStorageView, len(rows))
	for i, row := range rows {
		out[i] = CloudStorageView{CloudStorage: row, Owner: find(owners, row.OwnerID)}
	}
	return out, nil
}

// CreateCloudStorage inserts a cloud storage, with credentials that are sealed
// once its id is known, and returns the id.
func (db *DB) CreateCloudStorage(ctx context.Context, c *pipeline.CloudStorage, credentials Sealer) (int64, error) {
	var id int64
	err := db.tx(ctx, func(t *Tx) error {
		if err := t.get(ctx, &id, `
			INSERT INTO cloud_storages (tenant, org_id, owner_id, provider, resource, name, credentials_type, attributes,
				description, manifests, created, updated)
			SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, n.at, n.at FROM (SELECT {now} AS at) n RETURNING id`,
			string(c.Tenant), c.OrgID, c.OwnerID, c.Provider, c.Resource, c.Name, c.CredentialsType, c.Attributes,
			c.Description, string(c.Manifests)); err != nil {
			return err
		}
		return t.seal(ctx, `UPDATE cloud_storages SET credentials = ? WHERE id = ?`, id, credentials)
	})
	if err != nil {
		return 0, fmt.Errorf("create cloud storage: %w", err)
	}
	return id, nil
}

// CloudStorageChange is what to change of a cloud storage.
type CloudStorageChange struct {
	Provider        Change[string]
	Resource        Change[string]
	Name            Change[string]
	CredentialsType Change[string]
	Sealed          Change[string]
	Attributes      Change[string]
	Description     Change[string]
	Manifests       Change[pipeline.Manifests]
}

// UpdateCloudStorage changes a cloud storage, unless somebody else has changed
// it since it was read: what was checked would not be what is written.
func (db *DB) UpdateCloudStorage(ctx context.Context, read *pipeline.CloudStorage, ch *CloudStorageChange) error {
	var set assignments
	assign(&set, "provider", ch.Provider)
	assign(&set, "resource", ch.Resource)
	assign(&set, "name", ch.Name)
	assign(&set, "credentials_type", ch.CredentialsType)
	assign(&set, "credentials", ch.Sealed)
	assign(&set, "attributes", ch.Attributes)
	assign(&set, "description", ch.Description)
	if ch.Manifests.Set {
		set.set("manifests", string(ch.Manifests.To))
	}
	if set.empty() {
		return nil
	}
	// A clock may stand still: the time of a change is still another than before.
	set.add("updated = CASE WHEN updated < {now} THEN {now} ELSE updated + 1 END")
	err := db.tx(ctx, func(t *Tx) error {
		n, err := t.exec(ctx, `UPDATE cloud_storages SET `+set.columns+` WHERE id = ? AND updated = ?`,
			append(set.args, read.ID, int64(read.Updated))...)
		if err != nil || n == 1 {
			return err
		}
		if _, err := t.cloudStorage(ctx, read.ID); err != nil {
			return err
		}
		return pipeline.Errorf(pipeline.Conflict, "the cloud storage was changed by somebody else at the same time")
	})
	if err != nil {
		return fmt.Errorf("update cloud storage %d: %w", read.ID, err)
	}
	return nil
}

// DeleteCloudStorage removes a cloud storage. Tasks whose frames lie in it stay
// and are no longer connected to it; whoever wrote to it or read from it does
// so locally from then on.
func (db *DB) DeleteCloudStorage(ctx context.Context, id int64) error {
	err := db.tx(ctx, func(t *Tx) error {
		n, err := t.exec(ctx, `DELETE FROM cloud_storages WHERE id = ?`, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return pipeline.Errorf(pipeline.NotFound, "there is no cloud storage %d", id)
		}
		for _, query := range []string{
			`UPDATE data SET cloud_storage_id = NULL WHERE cloud_storage_id = ?`,
			`UPDATE storages SET location = 'local', cloud_storage_id = NULL WHERE cloud_storage_id = ?`,
		} {
			if _, err := t.exec(ctx, query, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("delete cloud storage %d: %w", id, err)
	}
	return nil
}

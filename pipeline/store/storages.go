package store

import (
	"context"

	"framemill/pipeline"
)

// addStorage inserts the storage settings of a task or project; nil is none.
func (t *Tx) addStorage(ctx context.Context, s *pipeline.Storage) (*int64, error) {
	if s == nil {
		return nil, nil
	}
	var id int64
	err := t.get(ctx, &id, `INSERT INTO storages (location, cloud_storage_id) VALUES (?, ?) RETURNING id`,
		s.Location, s.CloudStorageID)
	return &id, err
}

// addStorages inserts both storage settings of a task or project.
func (t *Tx) addStorages(ctx context.Context, source, target *pipeline.Storage) (sourceID, targetID *int64, err error) {
	if sourceID, err = t.addStorage(ctx, source); err != nil {
		return nil, nil, err
	}
	targetID, err = t.addStorage(ctx, target)
	return sourceID, targetID, err
}

// storageChange is the storage settings that a task or project has, and what
// becomes of them.
type storageChange struct {
	sourceID, targetID *int64
	source, target     Change[*pipeline.Storage]
}

// assignStorages adds the columns that name the storage settings of a task or
// project, if they change.
func (t *Tx) assignStorages(ctx context.Context, a *assignments, c storageChange) error {
	if err := t.assignStorage(ctx, a, "source_storage_id", c.sourceID, c.source); err != nil {
		return err
	}
	return t.assignStorage(ctx, a, "target_storage_id", c.targetID, c.target)
}

// assignStorage adds the column that names the storage settings of a task or
// project, if they change. The row behind them is kept where there is one.
func (t *Tx) assignStorage(ctx context.Context, a *assignments, column string, old *int64,
	c Change[*pipeline.Storage],
) error {
	switch {
	case !c.Set:
		return nil
	case c.To == nil || old == nil:
		id, err := t.addStorage(ctx, c.To)
		if err != nil {
			return err
		}
		a.set(column, id)
		return nil
	}
	a.set(column, *old)
	_, err := t.exec(ctx, `UPDATE storages SET location = ?, cloud_storage_id = ? WHERE id = ?`,
		c.To.Location, c.To.CloudStorageID, *old)
	return err
}

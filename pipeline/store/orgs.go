package store

import (
	"context"
	"fmt"

	"framemill/pipeline"
)

const orgColumns = `g.id, g.slug, g.name, g.description, g.contact, g.owner_id, g.created, g.updated`

func organizations() *listing {
	return &listing{
		columns: orgColumns,
		from:    `organizations g`,
		joins:   []join{{"o", `LEFT JOIN users o ON o.id = g.owner_id`}},
		where:   everything,
		id:      "g.id",
		fields: map[string]field{
			"id":    {expr: "g.id", typ: number},
			"name":  {expr: "g.name"},
			"slug":  {expr: "g.slug"},
			"owner": {expr: "o.username", joins: "o"},
		},
		search: []string{"name", "owner", "slug"},
	}
}

// OrganizationView is an organization with its owner.
type OrganizationView struct {
	pipeline.Organization
	Owner *pipeline.User
}

// Organization returns an organization.
func (db *DB) Organization(ctx context.Context, id int64) (*pipeline.Organization, error) {
	var o pipeline.Organization
	err := db.get(ctx, &o, `SELECT `+orgColumns+` FROM organizations g WHERE g.id = ?`, id)
	return &o, err
}

// OrganizationBySlug returns the organization that has a slug.
func (db *DB) OrganizationBySlug(ctx context.Context, slug string) (*pipeline.Organization, error) {
	var o pipeline.Organization
	err := db.get(ctx, &o, `SELECT `+orgColumns+` FROM organizations g WHERE g.slug = ?`, slug)
	return &o, err
}

// OrganizationView returns an organization as clients see it.
func (db *DB) OrganizationView(ctx context.Context, id int64) (*OrganizationView, error) {
	o, err := db.Organization(ctx, id)
	if err != nil {
		return nil, err
	}
	views, err := db.orgViews(ctx, []pipeline.Organization{*o})
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

// Organizations lists the organizations that v is a member of, wherever he
// works at the moment, and counts all that match.
func (db *DB) Organizations(ctx context.Context, v Viewer, q Query) ([]OrganizationView, int64, error) {
	scope, args := "g.id IN ("+orgsOfUser+")", []any{v.UserID}
	if v.All {
		scope, args = "1 = 1", nil
	}
	rows, total, err := list(ctx, db, organizations(), q, func(o *pipeline.Organization) int64 { return o.ID }, only(scope, args...))
	if err != nil {
		return nil, 0, err
	}
	views, err := db.orgViews(ctx, rows)
	return views, total, err
}

func (c conn) orgViews(ctx context.Context, rows []pipeline.Organization) ([]OrganizationView, error) {
	ids := idSet{}
	for i := range rows {
		ids.add(rows[i].OwnerID)
	}
	owners, err := c.people(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("load owners of organizations: %w", err)
	}
	out := make([]OrganizationView, len(rows))
	for i, o := range rows {
		out[i] = OrganizationView{Organization: o, Owner: find(owners, o.OwnerID)}
	}
	return out, nil
}

// CreateOrganization inserts an organization, with its owner as its first
// member, and returns its id. A slug that is taken is an error of kind Invalid.
func (db *DB) CreateOrganization(ctx context.Context, o *pipeline.Organization) (int64, error) {
	var id int64
	err := db.tx(ctx, func(t *Tx) error {
		err := t.get(ctx, &id, `
			INSERT INTO organizations (slug, name, description, contact, owner_id, created, updated)
			SELECT ?, ?, ?, ?, ?, n.at, n.at FROM (SELECT {now} AS at) n WHERE TRUE
			ON CONFLICT DO NOTHING
			RETURNING id`, o.Slug, o.Name, o.Description, o.Contact, o.OwnerID)
		if pipeline.KindOf(err) == pipeline.NotFound {
			return errSlugTaken()
		}
		if err != nil {
			return err
		}
		if err := t.roomForMembership(ctx, *o.OwnerID); err != nil {
			return err
		}
		_, err = t.exec(ctx, `
			INSERT INTO memberships (org_id, user_id, role, active, joined)
			VALUES (?, ?, ?, TRUE, {now})`, id, *o.OwnerID, string(pipeline.RoleOwner))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("create organization: %w", err)
	}
	return id, nil
}

func errSlugTaken() error {
	return pipeline.FieldErrorf("slug", "organization with this slug already exists.")
}

// OrganizationChange is what to change of an organization.
type OrganizationChange struct {
	Slug        Change[string]
	Name        Change[string]
	Description Change[string]
	Contact     Change[string]
}

// UpdateOrganization changes an organization.
func (db *DB) UpdateOrganization(ctx context.Context, id int64, ch *OrganizationChange) error {
	err := db.tx(ctx, func(t *Tx) error {
		if err := t.lockOrganization(ctx, id); err != nil {
			return err
		}
		changed, err := t.watch(ctx, pipeline.EventUpdateOrganization, place{Org: &id}, t.orgSubject(id))
		if err != nil {
			return err
		}
		var set assignments
		assign(&set, "slug", ch.Slug)
		assign(&set, "name", ch.Name)
		assign(&set, "description", ch.Description)
		assign(&set, "contact", ch.Contact)
		if set.empty() {
			return nil
		}
		set.now("updated")
		args := append(set.args, id, ch.Slug.To)
		n, err := t.exec(ctx, `
			UPDATE organizations SET `+set.columns+`
			WHERE id = ? AND NOT EXISTS (SELECT 1 FROM organizations g WHERE g.slug = ? AND g.id <> organizations.id)`, args...)
		if err == nil && n == 0 {
			return errSlugTaken()
		}
		if err != nil {
			return err
		}
		return changed()
	})
	if err != nil {
		return fmt.Errorf("update organization %d: %w", id, err)
	}
	return nil
}

// lockOrganization keeps an organization, and who its members are, as it is
// until the transaction ends.
func (t *Tx) lockOrganization(ctx context.Context, id int64) error {
	var one int64
	return t.get(ctx, &one, `SELECT 1 FROM organizations WHERE id = ?`+t.d.forUpdate(), id)
}

// DeleteOrganization removes an organization and its members. The projects,
// tasks and cloud storages stay: each becomes personal to who owns it, or else
// to the owner of the organization.
func (db *DB) DeleteOrganization(ctx context.Context, id int64) error {
	err := db.tx(ctx, func(t *Tx) error {
		if err := t.lockOrganization(ctx, id); err != nil {
			return err
		}
		if err := t.tell(ctx, pipeline.EventDeleteOrganization, place{Org: &id}, t.orgSubject(id)); err != nil {
			return err
		}
		for _, query := range []string{
			// What they have still to say is sent first.
			`UPDATE webhooks SET deleted = {now} WHERE type = 'organization' AND deleted IS NULL AND org_id = ?`,
			`UPDATE webhooks SET org_id = NULL WHERE type = 'project' AND org_id = ?`,
			personal("projects"),
			personal("tasks"),
			personal("cloud_storages"),
			`DELETE FROM invitations WHERE membership_id IN (SELECT id FROM memberships WHERE org_id = ?)`,
			`DELETE FROM memberships WHERE org_id = ?`,
			`DELETE FROM organizations WHERE id = ?`,
		} {
			if _, err := t.exec(ctx, query, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("delete organization %d: %w", id, err)
	}
	return nil
}

// personal returns the statement that makes the rows of an organization
// personal.
func personal(table string) string {
	const owner = `COALESCE(owner_id, (SELECT g.owner_id FROM organizations g WHERE g.id = org_id))`
	return `UPDATE ` + table + ` SET org_id = NULL, owner_id = ` + owner + `,
		tenant = 'u' || CAST(COALESCE(` + owner + `, 0) AS TEXT) WHERE org_id = ?`
}

// Roles returns the roles of a user in the organizations that they are a member
// of.
func (db *DB) Roles(ctx context.Context, userID int64) (map[int64]pipeline.Role, error) {
	var rows []pipeline.Membership
	err := db.all(ctx, &rows, `SELECT org_id, role FROM memberships WHERE user_id = ? AND active`, userID)
	if err != nil {
		return nil, fmt.Errorf("read the roles of user %d: %w", userID, err)
	}
	roles := make(map[int64]pipeline.Role, len(rows))
	for _, m := range rows {
		roles[m.OrgID] = m.Role
	}
	return roles, nil
}

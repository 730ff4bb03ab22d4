package store

import (
	"context"
	"fmt"

	"framemill/pipeline"
)

// maxMemberships bounds the organizations of one person, whose roles in them
// are read for each of their requests.
const maxMemberships = 1000

const membershipColumns = `m.id, m.org_id, m.user_id, m.role, m.active, m.joined`

func memberships() *listing {
	return &listing{
		columns: membershipColumns,
		from:    `memberships m JOIN users u ON u.id = m.user_id`,
		where:   everything,
		id:      "m.id",
		fields: map[string]field{
			"id":   {expr: "m.id", typ: number},
			"user": {expr: "u.username"},
			"role": {expr: "m.role"},
		},
		search: []string{"user", "role"},
	}
}

// MembershipView is a membership with its person.
type MembershipView struct {
	pipeline.Membership
	User       *pipeline.User
	Invitation *string // the key of the one that it came from, while it is kept
}

// Membership returns a membership as clients see it.
func (db *DB) Membership(ctx context.Context, id int64) (*MembershipView, error) {
	m, err := db.membership(ctx, id)
	if err != nil {
		return nil, err
	}
	views, err := db.membershipViews(ctx, []pipeline.Membership{m})
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

func (c conn) membership(ctx context.Context, id int64) (m pipeline.Membership, err error) {
	err = c.get(ctx, &m, `SELECT `+membershipColumns+` FROM memberships m WHERE m.id = ?`, id)
	return m, err
}

// Memberships lists everybody in the organization where v works, else his own
// memberships, and counts all that match.
func (db *DB) Memberships(ctx context.Context, v Viewer, q Query) ([]MembershipView, int64, error) {
	scope, args := "m.user_id = ?", []any{v.UserID}
	if v.In.OrgID != nil || v.All && !v.In.Named {
		scope, args = v.within("m.org_id")
	}
	rows, total, err := list(ctx, db, memberships(), q, func(m *pipeline.Membership) int64 { return m.ID }, only(scope, args...))
	if err != nil {
		return nil, 0, err
	}
	views, err := db.membershipViews(ctx, rows)
	return views, total, err
}

func (c conn) membershipViews(ctx context.Context, rows []pipeline.Membership) ([]MembershipView, error) {
	ids, userIDs := idSet{}, idSet{}
	for i := range rows {
		ids.add(&rows[i].ID)
		userIDs.add(&rows[i].UserID)
	}
	users, err := c.people(ctx, userIDs)
	if err != nil {
		return nil, fmt.Errorf("load people of memberships: %w", err)
	}
	invitations, err := rowsBy(ctx, c, ids, `SELECT key, membership_id FROM invitations WHERE membership_id IN (?)`,
		func(i *pipeline.Invitation) int64 { return i.MembershipID })
	if err != nil {
		return nil, fmt.Errorf("load invitations of memberships: %w", err)
	}
	out := make([]MembershipView, 0, len(rows))
	for _, m := range rows {
		v := MembershipView{Membership: m, User: users[m.UserID]}
		if v.User == nil {
			continue // removed in the meantime
		}
		if i := invitations[m.ID]; i != nil {
			v.Invitation = &i.Key
		}
		out = append(out, v)
	}
	return out, nil
}

// Members returns those of the users who are members of an organization.
func (db *DB) Members(ctx context.Context, orgID int64, userIDs ...*int64) (map[int64]bool, error) {
	ids := idSet{}
	ids.add(userIDs...)
	out := make(map[int64]bool, len(ids))
	err := ids.inPages(func(page []int64) error {
		var found []int64
		if err := db.allIn(ctx, &found, `
			SELECT user_id FROM memberships WHERE org_id = ? AND active AND user_id IN (?)`, orgID, page); err != nil {
			return fmt.Errorf("look for members of organization %d: %w", orgID, err)
		}
		for _, id := range found {
			out[id] = true
		}
		return nil
	})
	return out, err
}

// SetRole changes the role of a member. The owner's stays, which is a Conflict.
func (db *DB) SetRole(ctx context.Context, id int64, role pipeline.Role) error {
	return db.changeMember(ctx, id, func(t *Tx) error {
		changed, err := t.watchMember(ctx, id)
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, `UPDATE memberships SET role = ? WHERE id = ?`, string(role), id); err != nil {
			return err
		}
		return changed()
	})
}

// DeleteMembership ends a membership, accepted or not. The owner stays, which
// is a Conflict.
func (db *DB) DeleteMembership(ctx context.Context, id int64) error {
	return db.changeMember(ctx, id, func(t *Tx) error { return t.deleteMembership(ctx, id) })
}

func (t *Tx) deleteMembership(ctx context.Context, id int64) error {
	if err := t.tellMember(ctx, pipeline.EventDeleteMembership, pipeline.EventDeleteInvitation, id); err != nil {
		return err
	}
	if _, err := t.exec(ctx, `DELETE FROM invitations WHERE membership_id = ?`, id); err != nil {
		return err
	}
	_, err := t.exec(ctx, `DELETE FROM memberships WHERE id = ?`, id)
	return err
}

// changeMember changes the membership of anybody but the owner.
func (db *DB) changeMember(ctx context.Context, id int64, change func(*Tx) error) error {
	err := db.tx(ctx, func(t *Tx) error {
		m, err := t.membership(ctx, id)
		if err != nil {
			return err
		}
		if err := t.lockOrganization(ctx, m.OrgID); err != nil {
			return err
		}
		if m.Role == pipeline.RoleOwner {
			return pipeline.Errorf(pipeline.Conflict, "the owner of an organization stays in it, and stays its owner")
		}
		return change(t)
	})
	if err != nil {
		return fmt.Errorf("change membership %d: %w", id, err)
	}
	return nil
}

// roomForMembership checks that a person can be in one more organization.
func (t *Tx) roomForMembership(ctx context.Context, userID int64) error {
	var n int64
	if err := t.get(ctx, &n, `SELECT COUNT(*) FROM memberships WHERE user_id = ? AND active`, userID); err != nil {
		return err
	}
	if n >= maxMemberships {
		return pipeline.Errorf(pipeline.Invalid, "nobody can be in more than %d organizations", maxMemberships)
	}
	return nil
}

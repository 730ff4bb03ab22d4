package store

import (
	"context"
	"fmt"

	"framemill/pipeline"
)

const invitationColumns = `i.key, i.membership_id, i.owner_id, i.created, i.sent`

func invitations() *listing {
	return &listing{
		columns: invitationColumns,
		from:    `invitations i JOIN memberships m ON m.id = i.membership_id`,
		joins:   []join{{"o", `LEFT JOIN users o ON o.id = i.owner_id`}},
		where:   everything,
		id:      "i.membership_id",
		fields: map[string]field{
			"owner":        {expr: "o.username", joins: "o"},
			"user_id":      {expr: "m.user_id", typ: number},
			"accepted":     {expr: "m.active", typ: truth},
			"created_date": {expr: "i.created", typ: date},
		},
		search: []string{"owner"},
	}
}

// InvitationView is an invitation with the rows that are shown beside it.
type InvitationView struct {
	pipeline.Invitation
	Membership *pipeline.Membership
	Org        *pipeline.Organization
	User       *pipeline.User // who is invited
	Owner      *pipeline.User // who invites
	Expired    bool
}

// Invitation returns an invitation as clients see it.
func (db *DB) Invitation(ctx context.Context, key string) (*InvitationView, error) {
	var i pipeline.Invitation
	if err := db.get(ctx, &i, `SELECT `+invitationColumns+` FROM invitations i WHERE i.key = ?`, key); err != nil {
		return nil, err
	}
	views, err := db.invitationViews(ctx, []pipeline.Invitation{i})
	if err != nil {
		return nil, err
	}
	if len(views) == 0 {
		return nil, pipeline.Errorf(pipeline.NotFound, "the invitation was withdrawn")
	}
	return &views[0], nil
}

// Invitations lists the invitations to the organization where v works, if he
// may see all of it; else, there or anywhere, those to him, and those of his
// that are to organizations that he is a member of. It counts all that match.
func (db *DB) Invitations(ctx context.Context, v Viewer, q Query) ([]InvitationView, int64, error) {
	scope, args := "1 = 1", []any(nil)
	if v.In.OrgID != nil {
		scope, args = v.within("m.org_id")
	}
	if !v.All || v.In.Named && v.In.OrgID == nil {
		scope += " AND (m.user_id = ? OR i.owner_id = ? AND m.org_id IN (" + orgsOfUser + "))"
		args = append(args, v.UserID, v.UserID, v.UserID)
	}
	rows, total, err := list(ctx, db, invitations(), q, func(i *pipeline.Invitation) int64 { return i.MembershipID }, only(scope, args...))
	if err != nil {
		return nil, 0, err
	}
	views, err := db.invitationViews(ctx, rows)
	return views, total, err
}

// invitationViews loads what is shown beside invitations. One that was
// withdrawn in the meantime is left out.
func (c conn) invitationViews(ctx context.Context, rows []pipeline.Invitation) ([]InvitationView, error) {
	memberIDs, userIDs, orgIDs := idSet{}, idSet{}, idSet{}
	for i := range rows {
		memberIDs.add(&rows[i].MembershipID)
		userIDs.add(rows[i].OwnerID)
	}
	members, err := rowsBy(ctx, c, memberIDs, `SELECT `+membershipColumns+` FROM memberships m WHERE m.id IN (?)`,
		func(m *pipeline.Membership) int64 { return m.ID })
	if err != nil {
		return nil, fmt.Errorf("load memberships of invitations: %w", err)
	}
	for _, m := range members {
		userIDs.add(&m.UserID)
		orgIDs.add(&m.OrgID)
	}
	users, err := c.people(ctx, userIDs)
	if err != nil {
		return nil, fmt.Errorf("load people of invitations: %w", err)
	}
	orgs, err := rowsBy(ctx, c, orgIDs, `SELECT `+orgColumns+` FROM organizations g WHERE g.id IN (?)`,
		func(o *pipeline.Organization) int64 { return o.ID })
	if err != nil {
		return nil, fmt.Errorf("load organizations of invitations: %w", err)
	}
	var now pipeline.Micros
	if err := c.get(ctx, &now, `SELECT {now}`); err != nil {
		return nil, err
	}
	out := make([]InvitationView, 0, len(rows))
	for _, i := range rows {
		v := InvitationView{Invitation: i, Membership: members[i.MembershipID], Owner: find(users, i.OwnerID), Expired: over(i, now)}
		if v.Membership == nil {
			continue
		}
		v.Org, v.User = orgs[v.Membership.OrgID], users[v.Membership.UserID]
		if v.Org != nil && v.User != nil {
			out = append(out, v)
		}
	}
	return out, nil
}

// over reports whether an invitation can no longer be accepted.
func over(i pipeline.Invitation, now pipeline.Micros) bool {
	return now.Time().Sub(i.Sent.Time()) > pipeline.InvitationLife
}

// Invite asks a user to join an organization with a role, under a fresh key.
// Who is a member, or was asked already, cannot be asked: that is an error of
// kind Invalid.
func (db *DB) Invite(ctx context.Context, m pipeline.Membership, key string, from int64) error {
	err := db.tx(ctx, func(t *Tx) error {
		if err := t.lockOrganization(ctx, m.OrgID); err != nil {
			return err
		}
		var id int64
		err := t.get(ctx, &id, `
			INSERT INTO memberships (org_id, user_id, role, active) VALUES (?, ?, ?, FALSE)
			ON CONFLICT DO NOTHING RETURNING id`, m.OrgID, m.UserID, string(m.Role))
		if pipeline.KindOf(err) == pipeline.NotFound {
			return pipeline.FieldErrorf("email", "The user is a member of the organization already.")
		}
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, `
			INSERT INTO invitations (key, membership_id, owner_id, created, sent)
			SELECT ?, ?, ?, n.at, n.at FROM (SELECT {now} AS at) n`, key, id, from)
		if err != nil {
			return err
		}
		return t.tellMember(ctx, pipeline.EventCreateMembership, pipeline.EventCreateInvitation, id)
	})
	if err != nil {
		return fmt.Errorf("invite user %d: %w", m.UserID, err)
	}
	return nil
}

// AcceptInvitation makes the person who was invited a member.
func (db *DB) AcceptInvitation(ctx context.Context, key string) error {
	return db.open(ctx, key, func(t *Tx, i pipeline.Invitation, m pipeline.Membership) error {
		var now pipeline.Micros
		if err := t.get(ctx, &now, `SELECT {now}`); err != nil {
			return err
		}
		if over(i, now) {
			return pipeline.Errorf(pipeline.Invalid, "Your invitation is expired. Please contact the organization owner to renew it.")
		}
		if err := t.roomForMembership(ctx, m.UserID); err != nil {
			return err
		}
		changed, err := t.watchMember(ctx, m.ID)
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, `UPDATE memberships SET active = TRUE, joined = {now} WHERE id = ?`, m.ID); err != nil {
			return err
		}
		return changed()
	})
}

// DeclineInvitation forgets an invitation that is open.
func (db *DB) DeclineInvitation(ctx context.Context, key string) error {
	return db.open(ctx, key, func(t *Tx, i pipeline.Invitation, _ pipeline.Membership) error {
		return t.deleteMembership(ctx, i.MembershipID)
	})
}

// RenewInvitation makes an open invitation last from now on, for the role that
// changes, if it does.
func (db *DB) RenewInvitation(ctx context.Context, key string, role Change[pipeline.Role]) error {
	return db.open(ctx, key, func(t *Tx, i pipeline.Invitation, _ pipeline.Membership) error {
		if _, err := t.exec(ctx, `UPDATE invitations SET sent = {now} WHERE key = ?`, key); err != nil || !role.Set {
			return err
		}
		_, err := t.exec(ctx, `UPDATE memberships SET role = ? WHERE id = ?`, string(role.To), i.MembershipID)
		return err
	})
}

// open runs fn with an invitation that nobody has accepted yet.
func (db *DB) open(ctx context.Context, key string, fn func(*Tx, pipeline.Invitation, pipeline.Membership) error) error {
	return db.withInvitation(ctx, key, func(t *Tx, i pipeline.Invitation, m pipeline.Membership) error {
		if m.Active {
			return pipeline.Errorf(pipeline.Invalid, "The invitation is already accepted.")
		}
		return fn(t, i, m)
	})
}

// DeleteInvitation forgets an invitation. Who has not accepted it no longer can;
// who has stays a member.
func (db *DB) DeleteInvitation(ctx context.Context, key string) error {
	return db.withInvitation(ctx, key, func(t *Tx, i pipeline.Invitation, m pipeline.Membership) error {
		if !m.Active {
			return t.deleteMembership(ctx, m.ID)
		}
		if err := t.tell(ctx, pipeline.EventDeleteInvitation, place{Org: &m.OrgID}, t.invitationSubject(i)); err != nil {
			return err
		}
		_, err := t.exec(ctx, `DELETE FROM invitations WHERE key = ?`, i.Key)
		return err
	})
}

// withInvitation runs fn with an invitation and its membership, which nobody
// changes in the meantime.
func (db *DB) withInvitation(ctx context.Context, key string, fn func(*Tx, pipeline.Invitation, pipeline.Membership) error) error {
	err := db.tx(ctx, func(t *Tx) error {
		var i pipeline.Invitation
		err := t.get(ctx, &i, `SELECT `+invitationColumns+` FROM invitations i WHERE i.key = ?`, key)
		if err != nil {
			return err
		}
		m, err := t.membership(ctx, i.MembershipID)
		if err != nil {
			return err
		}
		if err := t.lockOrganization(ctx, m.OrgID); err != nil {
			return err
		}
		if m, err = t.membership(ctx, m.ID); err != nil { // as it is under the lock
			return err
		}
		return fn(t, i, m)
	})
	if err != nil {
		return fmt.Errorf("invitation: %w", err)
	}
	return nil
}

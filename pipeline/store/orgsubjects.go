package store

import (
	"context"
	"fmt"

	"framemill/pipeline"
)

// orgSubject returns a look at an organization.
func (t *Tx) orgSubject(id int64) func(context.Context) (Subject, error) {
	return func(ctx context.Context) (Subject, error) {
		var row pipeline.Organization
		if err := t.get(ctx, &row, `SELECT `+orgColumns+` FROM organizations g WHERE g.id = ?`, id); err != nil {
			return Subject{}, err
		}
		views, err := t.orgViews(ctx, []pipeline.Organization{row})
		if err != nil {
			return Subject{}, err
		}
		return Subject{Organization: &views[0]}, nil
	}
}

// memberSubject returns a look at a membership.
func (t *Tx) memberSubject(id int64) func(context.Context) (Subject, error) {
	return func(ctx context.Context) (Subject, error) {
		row, err := t.membership(ctx, id)
		if err != nil {
			return Subject{}, err
		}
		views, err := t.membershipViews(ctx, []pipeline.Membership{row})
		if err != nil || len(views) == 0 {
			return Subject{}, fmt.Errorf("look at membership %d: %d found: %w", id, len(views), err)
		}
		return Subject{Membership: &views[0]}, nil
	}
}

// invitationSubject returns a look at an invitation.
func (t *Tx) invitationSubject(row pipeline.Invitation) func(context.Context) (Subject, error) {
	return func(ctx context.Context) (Subject, error) {
		views, err := t.invitationViews(ctx, []pipeline.Invitation{row})
		if err != nil || len(views) == 0 {
			return Subject{}, fmt.Errorf("look at invitation %s: %d found: %w", row.Key, len(views), err)
		}
		return Subject{Invitation: &views[0]}, nil
	}
}

// watchMember is watch for an update of a membership.
func (t *Tx) watchMember(ctx context.Context, id int64) (changed func() error, err error) {
	m, err := t.membership(ctx, id)
	if err != nil {
		return nil, err
	}
	return t.watch(ctx, pipeline.EventUpdateMembership, place{Org: &m.OrgID}, t.memberSubject(id))
}

// tellMember announces a membership that was made, or is about to go, with the
// invitation that it has.
func (t *Tx) tellMember(ctx context.Context, member, invitation pipeline.Event, id int64) error {
	m, err := t.membership(ctx, id)
	if err != nil {
		return err
	}
	at := place{Org: &m.OrgID}
	if err := t.tell(ctx, member, at, t.memberSubject(id)); err != nil {
		return err
	}
	var i pipeline.Invitation
	err = t.get(ctx, &i, `SELECT `+invitationColumns+` FROM invitations i WHERE i.membership_id = ?`, id)
	if pipeline.KindOf(err) == pipeline.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	return t.tell(ctx, invitation, at, t.invitationSubject(i))
}

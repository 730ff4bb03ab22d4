package store

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	"framemill/pipeline"
)

// Notice is what happened, with all that is shown of it: the objects as they
// were at that moment. Webhooks hear of it.
type Notice struct {
	Sender *pipeline.User // nil when nobody made it happen
	Now    Subject        // after the change, or before a deletion
	Before *Subject       // of an update
}

// Subject is the one object that a notice is about.
type Subject struct {
	Task    *TaskView    `json:",omitempty"`
	Job     *JobView     `json:",omitempty"`
	Project *ProjectView `json:",omitempty"`
	Request *RequestView `json:",omitempty"`

	Organization *OrganizationView `json:",omitempty"`
	Membership   *MembershipView   `json:",omitempty"`
	Invitation   *InvitationView   `json:",omitempty"`

	Webhook *WebhookView `json:",omitempty"` // of a ping
}

// place is where an object is: whose webhooks hear of it.
type place struct {
	Project *int64 `db:"project_id"`
	Org     *int64 `db:"org_id"`
}

// listeners returns the webhooks that hear of an event at a place.
func (t *Tx) listeners(ctx context.Context, event pipeline.Event, at place) ([]int64, error) {
	if at.Project == nil && at.Org == nil {
		return nil, nil
	}
	var hooks []pipeline.Webhook
	if err := t.all(ctx, &hooks, `
		SELECT id, events FROM webhooks
		WHERE (type = 'project' AND project_id = ? OR type = 'organization' AND org_id = ?)
			AND active AND deleted IS NULL ORDER BY id`, at.Project, at.Org); err != nil {
		return nil, fmt.Errorf("look for webhooks: %w", err)
	}
	var ids []int64
	for _, h := range hooks {
		if h.Events.Has(event) {
			ids = append(ids, h.ID)
		}
	}
	return ids, nil
}

// announce writes down, in the transaction of the change itself, what happened
// and to whom it has to be delivered.
func (t *Tx) announce(ctx context.Context, event pipeline.Event, hooks []int64, notices ...Notice) error {
	if len(hooks) == 0 || len(notices) == 0 {
		return nil
	}
	sender, err := t.sender(ctx)
	if err != nil {
		return err
	}
	var now int64
	if err := t.get(ctx, &now, `SELECT {now}`); err != nil {
		return err
	}
	type row struct{ id, body string }
	type pair struct {
		hook   int64
		notice string
	}
	rows, pairs := make([]row, len(notices)), make([]pair, 0, len(notices)*len(hooks))
	for i, n := range notices {
		n.Sender = sender
		body, err := json.Marshal(n)
		if err != nil {
			return fmt.Errorf("write down %s: %w", event, err)
		}
		rows[i] = row{pipeline.NewID(), string(body)}
		for _, h := range hooks {
			pairs = append(pairs, pair{h, rows[i].id})
		}
	}
	if err := t.insert(ctx, "notices", len(rows), "",
		col("id", rows, func(r *row) string { return r.id }),
		col("body", rows, func(r *row) string { return r.body }),
		col("created", rows, func(*row) int64 { return now }),
	); err != nil {
		return fmt.Errorf("write down %s: %w", event, err)
	}
	return t.insert(ctx, "deliveries", len(pairs), "",
		col("webhook_id", pairs, func(p *pair) int64 { return p.hook }),
		col("notice_id", pairs, func(p *pair) string { return p.notice }),
		col("event", pairs, func(*pair) string { return string(event) }),
		col("state", pairs, func(*pair) string { return pipeline.DeliveryPending }),
		col("run_at", pairs, func(*pair) int64 { return now }),
		col("created", pairs, func(*pair) int64 { return now }),
		col("updated", pairs, func(*pair) int64 { return now }),
	)
}

// sender returns who makes the change, nil for nobody.
func (t *Tx) sender(ctx context.Context) (*pipeline.User, error) {
	actor := pipeline.Actor(ctx)
	ids := idSet{}
	if actor != 0 {
		ids.add(&actor)
	}
	users, err := t.people(ctx, ids)
	return users[actor], err
}

// tell announces something that is not an update of what was there before.
func (t *Tx) tell(ctx context.Context, event pipeline.Event, at place, look func(context.Context) (Subject, error)) error {
	hooks, err := t.listeners(ctx, event, at)
	if err != nil || len(hooks) == 0 {
		return err
	}
	now, err := look(ctx)
	if err != nil {
		return fmt.Errorf("look at what is new: %w", err)
	}
	return t.announce(ctx, event, hooks, Notice{Now: now})
}

// watch looks at an object before a change. The function that it returns looks
// again and announces the update, if there was one. Without a listener nobody
// looks at all.
func (t *Tx) watch(ctx context.Context, event pipeline.Event, at place,
	look func(context.Context) (Subject, error)) (changed func() error, err error) {
	hooks, err := t.listeners(ctx, event, at)
	if err != nil || len(hooks) == 0 {
		return func() error { return nil }, err
	}
	before, err := look(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at what is to change: %w", err)
	}
	return func() error {
		now, err := look(ctx)
		if err != nil {
			return fmt.Errorf("look at what changed: %w", err)
		}
		if reflect.DeepEqual(before, now) {
			return nil
		}
		return t.announce(ctx, event, hooks, Notice{Now: now, Before: &before})
	}, nil
}

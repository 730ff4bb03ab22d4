package store

import (
	"context"
	"fmt"

	"framemill/pipeline"
)

const webhookColumns = `w.id, w.type, w.project_id, w.org_id, w.owner_id, w.target_url, w.description, w.secret,
	w.active, w.verify, w.events, w.site, w.created, w.updated, w.last_status, w.last_delivery`

// webhooks lists webhooks that were not deleted.
func webhooks() *listing {
	return &listing{
		columns: webhookColumns,
		from:    `webhooks w`,
		joins:   []join{{"o", `LEFT JOIN users o ON o.id = w.owner_id`}},
		where:   "w.deleted IS NULL",
		id:      "w.id",
		fields: map[string]field{
			"id":           {expr: "w.id", typ: number},
			"target_url":   {expr: "w.target_url"},
			"owner":        {expr: "o.username", joins: "o"},
			"type":         {expr: "w.type", of: []string{pipeline.WebhookProject, pipeline.WebhookOrganization}},
			"description":  {expr: "w.description"},
			"project_id":   {expr: "w.project_id", typ: number},
			"updated_date": {expr: "w.updated", typ: date},
		},
		search: []string{"target_url", "owner", "type", "description"},
	}
}

// WebhookView is a webhook with the rows that are shown beside it.
type WebhookView struct {
	pipeline.Webhook
	Owner   *pipeline.User
	Project *pipeline.Project // nil for the webhook of an organization
}

// WebhookView returns a webhook that was not deleted, as clients see it.
func (db *DB) WebhookView(ctx context.Context, id int64) (*WebhookView, error) {
	var w pipeline.Webhook
	if err := db.get(ctx, &w, `
		SELECT `+webhookColumns+` FROM webhooks w WHERE w.id = ? AND w.deleted IS NULL`, id); err != nil {
		return nil, err
	}
	views, err := db.webhookViews(ctx, []pipeline.Webhook{w})
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

// Webhooks lists the webhooks that v may see, and counts all that match.
func (db *DB) Webhooks(ctx context.Context, v Viewer, q Query) ([]WebhookView, int64, error) {
	scope, args := v.webhooks()
	rows, total, err := list(ctx, db, webhooks(), q, func(w *pipeline.Webhook) int64 { return w.ID }, only(scope, args...))
	if err != nil {
		return nil, 0, err
	}
	views, err := db.webhookViews(ctx, rows)
	return views, total, err
}

// webhooks returns the SQL that is true of the webhooks w that v may see: those of the projects whose staff v belongs to.
func (v Viewer) webhooks() (string, []any) {
	within, args := v.within("w.org_id")
	if v.All {
		return within, args
	}
	return within + ` AND w.type = 'project' AND w.project_id IN (
		SELECT id FROM projects WHERE owner_id = ? OR assignee_id = ?)`, append(args, v.UserID, v.UserID)
}

// webhookViews loads what is shown beside webhooks.
func (c conn) webhookViews(ctx context.Context, rows []pipeline.Webhook) ([]WebhookView, error) {
	userIDs, projectIDs := idSet{}, idSet{}
	for i := range rows {
		userIDs.add(rows[i].OwnerID)
		projectIDs.add(rows[i].ProjectID)
	}
	users, err := c.people(ctx, userIDs)
	if err != nil {
		return nil, fmt.Errorf("load owners of webhooks: %w", err)
	}
	projects, err := c.projectRows(ctx, projectIDs)
	if err != nil {
		return nil, fmt.Errorf("load projects of webhooks: %w", err)
	}
	out := make([]WebhookView, len(rows))
	for i, w := range rows {
		out[i] = WebhookView{Webhook: w, Owner: find(users, w.OwnerID), Project: find(projects, w.ProjectID)}
	}
	return out, nil
}

// CreateWebhook inserts a webhook, with a secret that is sealed once its id is
// known, and returns the id. A project or an organization has at most
// pipeline.MaxWebhooks: each change is written down for all of them.
func (db *DB) CreateWebhook(ctx context.Context, w *pipeline.Webhook, secret Sealer) (int64, error) {
	var id int64
	err := db.tx(ctx, func(t *Tx) error {
		if err := t.lockPlace(ctx, w); err != nil {
			return err
		}
		var have int64
		if err := t.get(ctx, &have, `
			SELECT COUNT(*) FROM webhooks
			WHERE type = ? AND deleted IS NULL AND (project_id = ? OR type = 'organization' AND org_id = ?)`,
			w.Type, w.ProjectID, w.OrgID); err != nil {
			return err
		}
		if have >= pipeline.MaxWebhooks {
			return pipeline.Errorf(pipeline.Invalid, "there are %d webhooks already, and no more are possible", have)
		}
		if err := t.get(ctx, &id, `
			INSERT INTO webhooks (type, project_id, org_id, owner_id, target_url, description, active, verify,
				events, site, created, updated)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, {now}, {now}) RETURNING id`,
			w.Type, w.ProjectID, w.OrgID, w.OwnerID, w.TargetURL, w.Description, w.Active, w.Verify,
			string(w.Events), w.Site); err != nil {
			return err
		}
		return t.seal(ctx, `UPDATE webhooks SET secret = ? WHERE id = ?`, id, secret)
	})
	if err != nil {
		return 0, fmt.Errorf("create webhook: %w", err)
	}
	return id, nil
}

// lockPlace keeps the project or the organization of a new webhook from going
// away meanwhile, and others from counting its webhooks.
func (t *Tx) lockPlace(ctx context.Context, w *pipeline.Webhook) error {
	if w.Type == pipeline.WebhookOrganization {
		return t.lockOrganization(ctx, *w.OrgID)
	}
	var id int64
	return t.get(ctx, &id, `SELECT id FROM projects WHERE id = ?`+t.d.forUpdate(), *w.ProjectID)
}

// WebhookChange is what to change of a webhook.
type WebhookChange struct {
	TargetURL   Change[string]
	Description Change[string]
	Sealed      Change[string] // the secret
	Active      Change[bool]
	Verify      Change[bool]
	Events      Change[pipeline.Events]
}

// UpdateWebhook changes a webhook. What waits to be sent goes to the new
// address, without a further pause.
func (db *DB) UpdateWebhook(ctx context.Context, id int64, ch WebhookChange) error {
	var set assignments
	assign(&set, "target_url", ch.TargetURL)
	assign(&set, "description", ch.Description)
	assign(&set, "secret", ch.Sealed)
	assign(&set, "active", ch.Active)
	assign(&set, "verify", ch.Verify)
	if ch.Events.Set {
		set.set("events", string(ch.Events.To))
	}
	if set.empty() {
		return nil
	}
	set.now("updated")
	set.set("paused", 0)
	err := db.tx(ctx, func(t *Tx) error {
		n, err := t.exec(ctx, `UPDATE webhooks SET `+set.columns+` WHERE id = ? AND deleted IS NULL`, append(set.args, id)...)
		if err == nil && n == 0 {
			err = pipeline.Errorf(pipeline.NotFound, "there is no webhook %d", id)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("update webhook %d: %w", id, err)
	}
	return nil
}

// DeleteWebhook hides a webhook at once, and nothing more is sent to it. A
// chore removes the rest.
func (db *DB) DeleteWebhook(ctx context.Context, id int64) error {
	err := db.tx(ctx, func(t *Tx) error {
		n, err := t.exec(ctx, `
			UPDATE webhooks SET deleted = {now}, active = FALSE WHERE id = ? AND deleted IS NULL`, id)
		if err == nil && n == 0 {
			err = pipeline.Errorf(pipeline.NotFound, "there is no webhook %d", id)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("delete webhook %d: %w", id, err)
	}
	return nil
}

package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"framemill/pipeline"
)

const deliveryColumns = `d.id, d.webhook_id, d.notice_id, d.event, d.redelivery, d.origin_id, d.state, d.attempts,
	d.run_at, d.status, d.response, d.created, d.updated`

// bare takes the alias of the table away from columns: what a statement
// returns that writes is named without one.
func bare(columns, alias string) string { return strings.ReplaceAll(columns, alias, "") }

// DeliveryView is a delivery with what happened.
type DeliveryView struct {
	pipeline.Delivery
	Notice Notice
}

// deliveryRow is a delivery with the text of its notice.
type deliveryRow struct {
	pipeline.Delivery
	Body string `db:"body"`
}

// deliveries lists deliveries, the newest first.
func deliveries() *listing {
	return &listing{
		columns: deliveryColumns + `, n.body`,
		from:    `deliveries d JOIN notices n ON n.id = d.notice_id`,
		where:   everything,
		id:      "d.id",
	}
}

func deliveryViews(rows []deliveryRow) ([]DeliveryView, error) {
	out := make([]DeliveryView, len(rows))
	for i, r := range rows {
		out[i].Delivery = r.Delivery
		if err := json.Unmarshal([]byte(r.Body), &out[i].Notice); err != nil {
			return nil, fmt.Errorf("read what delivery %d says: %w", r.ID, err)
		}
	}
	return out, nil
}

// Deliveries lists the deliveries of a webhook and counts all.
func (db *DB) Deliveries(ctx context.Context, webhookID int64, q Query) ([]DeliveryView, int64, error) {
	rows, total, err := list(ctx, db, deliveries(), q, func(d *deliveryRow) int64 { return d.ID }, only("d.webhook_id = ?", webhookID))
	if err != nil {
		return nil, 0, err
	}
	views, err := deliveryViews(rows)
	return views, total, err
}

// Delivery returns a delivery of a webhook.
func (db *DB) Delivery(ctx context.Context, webhookID, id int64) (*DeliveryView, error) {
	var row deliveryRow
	if err := db.get(ctx, &row, `
		SELECT `+deliveryColumns+`, n.body FROM deliveries d JOIN notices n ON n.id = d.notice_id
		WHERE d.id = ? AND d.webhook_id = ?`, id, webhookID); err != nil {
		return nil, err
	}
	views, err := deliveryViews([]deliveryRow{row})
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

// Redeliver orders a delivery once more.
func (db *DB) Redeliver(ctx context.Context, d *pipeline.Delivery) error {
	err := db.tx(ctx, func(t *Tx) error {
		_, err := t.exec(ctx, `
			INSERT INTO deliveries (webhook_id, notice_id, event, redelivery, origin_id, state, run_at, created, updated)
			VALUES (?, ?, ?, TRUE, ?, 'pending', {now}, {now}, {now})`,
			d.WebhookID, d.NoticeID, string(d.Event), d.Number())
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, `UPDATE webhooks SET paused = 0 WHERE id = ?`, d.WebhookID)
		return err
	})
	if err != nil {
		return fmt.Errorf("repeat delivery %d: %w", d.ID, err)
	}
	return nil
}

// AddPing writes down a ping of a webhook, which its caller sends at once.
func (db *DB) AddPing(ctx context.Context, w *WebhookView) (*DeliveryView, error) {
	var out *DeliveryView
	err := db.tx(ctx, func(t *Tx) error {
		sender, err := t.sender(ctx)
		if err != nil {
			return err
		}
		n := Notice{Sender: sender, Now: Subject{Webhook: w}}
		body, err := json.Marshal(n)
		if err != nil {
			return err
		}
		id := pipeline.NewID()
		if _, err := t.exec(ctx, `INSERT INTO notices (id, body, created) VALUES (?, ?, {now})`, id, string(body)); err != nil {
			return err
		}
		out = &DeliveryView{Notice: n}
		return t.get(ctx, &out.Delivery, `
			INSERT INTO deliveries (webhook_id, notice_id, event, state, run_at, created, updated)
			VALUES (?, ?, ?, 'failed', {now}, {now}, {now}) RETURNING `+bare(deliveryColumns, "d."),
			w.ID, id, string(pipeline.EventPing))
	})
	if err != nil {
		return nil, fmt.Errorf("write down a ping of webhook %d: %w", w.ID, err)
	}
	return out, nil
}

// WebhookClaim is the right of one process to send to a webhook.
type WebhookClaim struct {
	pipeline.Webhook
	Fence    int64 `db:"fence"`
	Failures int64 `db:"failures"` // attempts in a row before this claim
}

// ClaimWebhooks takes the right to send to webhooks for which something is
// due, those first that were served longest ago. While one holds the right, no
// other process gets it, unless the lease is over.
func (db *DB) ClaimWebhooks(ctx context.Context, limit int) ([]WebhookClaim, error) {
	const waiting = `
		SELECT h.id FROM webhooks h
		WHERE h.active AND h.lease <= {now} AND h.paused <= {now} AND EXISTS (
			SELECT 1 FROM deliveries d
			WHERE d.webhook_id = h.id AND d.state = 'pending' AND d.run_at <= {now})`
	var due bool
	if err := db.get(ctx, &due, `SELECT EXISTS (`+waiting+`)`); err != nil || !due {
		return nil, err
	}
	var out []WebhookClaim
	err := db.tx(ctx, func(t *Tx) error {
		out = nil
		return t.all(ctx, &out, `
			UPDATE webhooks SET lease = {now} + ?, fence = fence + 1, served = {now}
			WHERE lease <= {now} AND id IN (`+waiting+` ORDER BY h.served, h.id LIMIT ?)
			RETURNING `+bare(webhookColumns, "w.")+`, fence, failures`, pipeline.DeliveryLease.Microseconds(), limit)
	})
	return out, err
}

// DueDeliveries returns what is to be sent to a webhook, the oldest first:
// nothing, once the claim is void.
func (db *DB) DueDeliveries(ctx context.Context, c *WebhookClaim, limit int) ([]DeliveryView, error) {
	var rows []deliveryRow
	if err := db.all(ctx, &rows, `
		SELECT `+deliveryColumns+`, n.body
		FROM webhooks w JOIN deliveries d ON d.webhook_id = w.id JOIN notices n ON n.id = d.notice_id
		WHERE w.id = ? AND w.fence = ? AND w.active AND d.state = 'pending' AND d.run_at <= {now}
		ORDER BY d.run_at, d.id LIMIT ?`, c.ID, c.Fence, limit); err != nil {
		return nil, err
	}
	return deliveryViews(rows)
}

// Attempt is what became of one attempt at a delivery.
type Attempt struct {
	State    string        // of the delivery from now on
	Pause    time.Duration // before the next attempt, if it is pending still
	Status   int64
	Response string
	Rest     time.Duration // that the webhook gets, because its receiver is not well; 0 if it is
}

// EndAttempt records an attempt at a delivery. It is ErrStale when another
// process has the right to send to the webhook by now.
func (db *DB) EndAttempt(ctx context.Context, c *WebhookClaim, deliveryID int64, a Attempt) error {
	return db.tx(ctx, func(t *Tx) error {
		failures := "0"
		if a.Rest > 0 {
			failures = "failures + 1"
		}
		n, err := t.exec(ctx, `
			UPDATE webhooks SET last_status = ?, last_delivery = {now}, paused = {now} + ?, failures = `+failures+`
			WHERE id = ? AND fence = ?`, a.Status, a.Rest.Microseconds(), c.ID, c.Fence)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrStale
		}
		return t.endAttempt(ctx, deliveryID, a)
	})
}

func (t *Tx) endAttempt(ctx context.Context, deliveryID int64, a Attempt) error {
	_, err := t.exec(ctx, `
		UPDATE deliveries
		SET state = ?, attempts = attempts + 1, run_at = {now} + ?, status = ?, response = ?, updated = {now}
		WHERE id = ?`, a.State, a.Pause.Microseconds(), a.Status, a.Response, deliveryID)
	return err
}

// EndPing records what became of a ping and returns it.
func (db *DB) EndPing(ctx context.Context, d *pipeline.Delivery, a Attempt) (*DeliveryView, error) {
	err := db.tx(ctx, func(t *Tx) error {
		if _, err := t.exec(ctx, `
			UPDATE webhooks SET last_status = ?, last_delivery = {now} WHERE id = ?`, a.Status, d.WebhookID); err != nil {
			return err
		}
		return t.endAttempt(ctx, d.ID, a)
	})
	if err != nil {
		return nil, fmt.Errorf("record the ping of webhook %d: %w", d.WebhookID, err)
	}
	return db.Delivery(ctx, d.WebhookID, d.ID)
}

// ReleaseWebhook gives the right to send to a webhook back.
func (db *DB) ReleaseWebhook(ctx context.Context, c *WebhookClaim) error {
	return db.tx(ctx, func(t *Tx) error {
		_, err := t.exec(ctx, `UPDATE webhooks SET lease = 0 WHERE id = ? AND fence = ?`, c.ID, c.Fence)
		return err
	})
}

// deliveryLife is how long a delivery can be looked at.
const deliveryLife = 30 * 24 * time.Hour

// OldDeliveries removes a page of deliveries that are old or whose webhook is
// gone, and returns how many.
func (db *DB) OldDeliveries(ctx context.Context) (int64, error) {
	return db.clear(ctx, `
		DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE updated < {now} - ? LIMIT ?)`,
		deliveryLife.Microseconds(), PurgePage)
}

// GoneWebhooks removes a page of what deleted webhooks leave: deliveries that
// nothing will come of, then the webhooks themselves. It returns how much.
func (db *DB) GoneWebhooks(ctx context.Context) (int64, error) {
	n, err := db.clear(ctx, `
		DELETE FROM deliveries WHERE id IN (
			SELECT d.id FROM webhooks w JOIN deliveries d ON d.webhook_id = w.id
			WHERE w.deleted IS NOT NULL AND (d.state <> 'pending' OR NOT w.active) LIMIT ?)`, PurgePage)
	if err != nil || n > 0 {
		return n, err
	}
	return db.clear(ctx, `
		DELETE FROM webhooks WHERE deleted IS NOT NULL
			AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.webhook_id = webhooks.id)`)
}

// OldNotices removes a page of notices that are old and belong to no delivery
// any more, and returns how many.
func (db *DB) OldNotices(ctx context.Context) (int64, error) {
	return db.clear(ctx, `
		DELETE FROM notices WHERE id IN (
			SELECT n.id FROM notices n
			WHERE n.created < {now} - ? AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.notice_id = n.id) LIMIT ?)`,
		deliveryLife.Microseconds(), PurgePage)
}

func (db *DB) clear(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = db.tx(ctx, func(t *Tx) error {
		n, err = t.exec(ctx, query, args...)
		return err
	})
	return n, err
}

package deliver

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"framemill/pipeline"
	"framemill/pipeline/hook"
	"framemill/pipeline/store"
)

const (
	// turn is how long a webhook is served before others have their turn: no
	// attempt begins later, so that all end within the lease.
	turn = 30 * time.Second
	// batch is how many deliveries are read at a time.
	batch = 32
)

// serve sends what is due to one webhook until its turn is over, or its
// receiver does not answer as it should.
func (c *Courier) serve(ctx context.Context, claim *store.WebhookClaim) error {
	defer c.release(ctx, claim)
	over := time.Now().Add(turn)
	var rest atomic.Bool
	for !rest.Load() && time.Now().Before(over) {
		due, err := c.db.DueDeliveries(ctx, claim, batch)
		if err != nil || len(due) == 0 {
			return err
		}
		var g errgroup.Group
		g.SetLimit(c.cfg.AtOnce)
		for i := range due {
			g.Go(func() error {
				if rest.Load() || ctx.Err() != nil || time.Now().After(over) {
					return nil // it is due still, and another turn comes
				}
				well, err := c.attempt(ctx, claim, &due[i])
				if !well {
					rest.Store(true)
				}
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// attempt sends one delivery and records what came of it. It reports whether
// the receiver can be sent more.
func (c *Courier) attempt(ctx context.Context, claim *store.WebhookClaim, d *store.DeliveryView) (well bool, err error) {
	began := time.Now()
	answer := c.send(ctx, claim, d)
	if ctx.Err() != nil {
		return false, nil // this process stops: the next one sends it again
	}
	result := c.judge(claim, d, answer)
	err = c.db.EndAttempt(ctx, claim, d.ID, result)
	if errors.Is(err, store.ErrStale) {
		return false, nil // the lease was over: somebody else sends it too
	}
	if err != nil {
		return false, err
	}
	c.observe.DeliveryEnded(outcomes[result.State], time.Since(began))
	return result.Rest == 0, nil
}

// outcomes are what an observer hears of an attempt.
var outcomes = map[string]string{
	pipeline.DeliveryDone: "done", pipeline.DeliveryPending: "again", pipeline.DeliveryFailed: "failed",
}

func (c *Courier) send(ctx context.Context, claim *store.WebhookClaim, d *store.DeliveryView) hook.Answer {
	body, err := c.render(ctx, &claim.Webhook, d)
	if err != nil {
		c.log.Error("render delivery", "delivery", d.ID, "error", err)
		return hook.Answer{Status: http.StatusInternalServerError, Body: "internal error"}
	}
	return c.sender.Send(ctx, &claim.Webhook, &d.Delivery, body)
}

// judge says what becomes of a delivery after an attempt.
func (c *Courier) judge(claim *store.WebhookClaim, d *store.DeliveryView, a hook.Answer) store.Attempt {
	out := store.Attempt{State: pipeline.DeliveryDone, Status: int64(a.Status), Response: a.Body}
	switch {
	case a.OK():
		return out
	case a.Final():
		out.State = pipeline.DeliveryFailed
		return out
	case d.Attempts+1 >= pipeline.MaxDeliveryAttempts:
		out.State = pipeline.DeliveryFailed
	default:
		out.State = pipeline.DeliveryPending
		out.Pause = jitter(grow(c.cfg.FirstPause, 2*d.Attempts, pipeline.MaxDeliveryPause))
	}
	out.Rest = grow(c.cfg.FirstRest, claim.Failures, c.cfg.MaxRest)
	return out
}

// grow doubles a time, at most up to a limit.
func grow(first time.Duration, doublings int64, limit time.Duration) time.Duration {
	for range doublings {
		if first >= limit {
			break
		}
		first *= 2
	}
	return min(first, limit)
}

// jitter keeps what failed together from coming back together.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration(rand.Int64N(int64(d)/4+1))
}

// release lets other processes serve the webhook.
func (c *Courier) release(ctx context.Context, claim *store.WebhookClaim) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := c.db.ReleaseWebhook(ctx, claim); err != nil {
		c.log.Warn("release webhook", "webhook", claim.ID, "error", err)
	}
}

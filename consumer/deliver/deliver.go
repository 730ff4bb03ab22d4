// Package deliver sends what happened to the webhooks that asked for it. It
// has slots of its own, so that a receiver which hangs delays neither the work
// on media nor other receivers.
package deliver

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/hook"
	"framemill/pipeline/store"
)

// Config says how fast deliveries are made.
type Config struct {
	Every    time.Duration // between two looks at what is due
	Webhooks int           // served at the same time
	AtOnce   int           // requests at the same time to one webhook
	// FirstPause is before the second attempt. Each further one is four times
	// as long, up to pipeline.MaxDeliveryPause.
	FirstPause time.Duration
	// FirstRest is what a webhook gets after an attempt that failed, doubled
	// with each further one, up to MaxRest.
	FirstRest, MaxRest time.Duration
}

// Defaults returns the usual configuration.
func Defaults() Config {
	return Config{
		Every: 500 * time.Millisecond, Webhooks: 8, AtOnce: 4,
		FirstPause: 5 * time.Second, FirstRest: time.Second, MaxRest: 5 * time.Minute,
	}
}

// Render returns the text of a delivery.
type Render func(ctx context.Context, w *pipeline.Webhook, d *store.DeliveryView) ([]byte, error)

// Observer hears of attempts: done, again or failed.
type Observer interface {
	DeliveryEnded(outcome string, took time.Duration)
}

// Courier makes the deliveries of a consumer.
type Courier struct {
	cfg     Config
	db      *store.DB
	sender  *hook.Sender
	render  Render
	observe Observer
	log     *slog.Logger
}

// New returns a courier.
func New(cfg Config, db *store.DB, sender *hook.Sender, render Render, observe Observer, log *slog.Logger) *Courier {
	return &Courier{cfg: cfg, db: db, sender: sender, render: render, observe: observe, log: log}
}

// Run delivers until ctx ends. An attempt that is under way then is cut off,
// and made again by whoever comes next.
func (c *Courier) Run(ctx context.Context) {
	free := make(chan struct{}, c.cfg.Webhooks)
	var wg sync.WaitGroup
	defer wg.Wait()
	tick := time.NewTicker(c.cfg.Every)
	defer tick.Stop()
	for {
		claims, err := c.db.ClaimWebhooks(ctx, cap(free)-len(free))
		if err != nil && ctx.Err() == nil {
			c.log.Warn("look for deliveries", "error", err)
		}
		for _, claim := range claims {
			free <- struct{}{} // there is room: nobody else takes it
			wg.Go(func() {
				defer func() { <-free }()
				if err := c.serve(ctx, &claim); err != nil && ctx.Err() == nil {
					c.log.Warn("deliver to webhook", "webhook", claim.ID, "error", err)
				}
			})
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

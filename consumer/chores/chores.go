package chores

import (
	"context"
	"log/slog"
	"time"

	"framemill/pipeline/blob"
	"framemill/pipeline/store"
	"framemill/stages/media/scratch"
)

// Config says how often and how boldly the chores run.
type Config struct {
	Every time.Duration // between two runs among all processes
	// Grace is how old a blob must be before it may be garbage: longer than
	// any attempt or upload that could still write the row that names it, and
	// than the clocks of hosts differ.
	Grace time.Duration
	// Scratch is the folder of this host where attempts write; "" = none.
	Scratch string
}

// Defaults returns the usual configuration. An attempt may take a day.
func Defaults() Config { return Config{Every: 10 * time.Minute, Grace: 48 * time.Hour} }

// Chores runs the chores of a consumer.
type Chores struct {
	cfg    Config
	db     *store.DB
	bucket blob.Bucket
	log    *slog.Logger
}

// New returns the chores.
func New(cfg Config, db *store.DB, bucket blob.Bucket, log *slog.Logger) *Chores {
	return &Chores{cfg: cfg, db: db, bucket: bucket, log: log}
}

// Run runs the chores until ctx ends, whenever they are due and no other
// process has taken them.
func (c *Chores) Run(ctx context.Context) {
	tick := time.NewTicker(min(c.cfg.Every, time.Minute))
	defer tick.Stop()
	for {
		c.sweepScratch()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		due, err := c.db.TakeChore(ctx, "collect", c.cfg.Every)
		if err == nil && due {
			err = c.Once(ctx)
		}
		if err != nil && ctx.Err() == nil {
			c.log.Warn("chores", "error", err)
		}
	}
}

// sweepScratch removes what attempts left behind whose process was killed. It is
// the duty of each process: others may run on other hosts.
func (c *Chores) sweepScratch() {
	if c.cfg.Scratch == "" {
		return
	}
	n, err := scratch.Sweep(c.cfg.Scratch, time.Now())
	if err != nil {
		c.log.Warn("sweep the scratch folder", "error", err)
	}
	if n > 0 {
		c.log.Info("removed what killed processes left in the scratch folder", "folders", n)
	}
}

// Once runs every chore once.
func (c *Chores) Once(ctx context.Context) error {
	for _, clear := range []func(context.Context) (int64, error){c.db.PurgesAgain, c.db.EndedUnits, c.db.OldRequests, c.db.SweepTokens, c.db.UnusedExtras,
		c.db.OldDeliveries, c.db.GoneWebhooks, c.db.OldNotices} {
		for {
			n, err := clear(ctx)
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
		}
	}
	if err := c.dropPartials(ctx); err != nil {
		return err
	}
	if _, err := c.bucket.Sweep(ctx, c.cfg.Grace); err != nil {
		return err
	}
	_, err := c.Collect(ctx)
	return err
}

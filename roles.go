package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"framemill/configs"
	"framemill/consumer"
	"framemill/consumer/chores"
	"framemill/consumer/deliver"
	"framemill/consumer/worker"
	"framemill/metrics"
	"framemill/pipeline"
	"framemill/pipeline/dispatch"
	"framemill/producer"
	"framemill/producer/api"
	"framemill/stages/fetch"
	"framemill/stages/media/decoder/installed"
	"framemill/stages/media/sandbox"
)

// drainTime is how long a stopping consumer waits for its units.
const drainTime = 8 * time.Second

// soloMemory bounds the child that runs what crashed the worker before.
const soloMemory = 2 << 30

type upCmd struct {
	roleSettings
	Listen *string `help:"Address of the API (127.0.0.1:8080)." placeholder:"ADDR"`
}

// Run serves and works in one process.
func (c *upCmd) Run(ctx context.Context) error {
	cfg, err := c.load(c.Listen)
	if err != nil {
		return err
	}
	log := c.logger()
	if err := makeKey(cfg); err != nil {
		return err
	}
	p, err := openParts(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := prepare(ctx, cfg, p, log); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return runConsumer(ctx, cfg, p, log) })
	g.Go(func() error { return runProducer(ctx, cfg, p, log) })
	return g.Wait()
}

type producerCmd struct {
	roleSettings
	Listen *string `help:"Address of the API (127.0.0.1:8080)." placeholder:"ADDR"`
}

// Run serves, and sends what is accepted: the consumers may all be away.
func (c *producerCmd) Run(ctx context.Context) error {
	return c.runRole(ctx, "producer", c.Listen, func(ctx context.Context, cfg configs.Config, p *parts, log *slog.Logger) error {
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() error {
			dispatch.NewRelay(p.db, p.queue, log).Run(ctx)
			return nil
		})
		g.Go(func() error { return runProducer(ctx, cfg, p, log) })
		return g.Wait()
	})
}

type consumerCmd struct{ roleSettings }

// Run works.
func (c *consumerCmd) Run(ctx context.Context) error {
	return c.runRole(ctx, "consumer", nil, func(ctx context.Context, cfg configs.Config, p *parts, log *slog.Logger) error {
		ops := cfg.OpsListen
		if ops == "" {
			ops = "127.0.0.1:0" // several consumers share a host; the log says which port it got
		}
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() error {
			return producer.RunOps(ctx, producer.Ops{Listen: ops, Metrics: p.metrics.Handler(), DB: p.db, Queue: p.queue}, log)
		})
		g.Go(func() error { return runConsumer(ctx, cfg, p, log) })
		return g.Wait()
	})
}

// runRole runs a role of its own, which needs a database and a queue that the
// other processes reach too.
func (s *roleSettings) runRole(ctx context.Context, role string, listen *string,
	run func(context.Context, configs.Config, *parts, *slog.Logger) error) error {
	cfg, err := s.load(listen)
	if err != nil {
		return err
	}
	if cfg.DatabaseURL == "" || cfg.RedisURL == "" {
		return errEmbedded(role)
	}
	log := s.logger()
	p, err := openParts(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer p.Close()
	if !p.db.Migrated(ctx) {
		return errors.New("the database has no schema yet: run framemill migrate first")
	}
	if err := checkKey(ctx, p.db, p.box); err != nil {
		return err
	}
	return run(ctx, cfg, p, log)
}

// prepare makes the database ready for a process that has it alone: the newest
// schema, nothing claimed by a process that is gone, and an administrator.
func prepare(ctx context.Context, cfg configs.Config, p *parts, log *slog.Logger) error {
	if err := p.db.Migrate(ctx); err != nil {
		return err
	}
	if err := checkKey(ctx, p.db, p.box); err != nil {
		return err
	}
	// On Postgres another process may be at work: the reaper finds out who lives.
	if p.queue.Embedded() && p.db.Alone() {
		n, err := p.db.Reclaim(ctx)
		if err != nil {
			return fmt.Errorf("take back the work of the last run: %w", err)
		}
		if n > 0 {
			log.Info("took back units of the last run", "units", n)
		}
	}
	return firstAdmin(ctx, cfg, p.db)
}

func runConsumer(ctx context.Context, cfg configs.Config, p *parts, log *slog.Logger) error {
	log.Info("decoders run behind walls", "layers", sandbox.Layers())
	if err := os.MkdirAll(scratchDir(cfg), 0o700); err != nil {
		return err
	}
	encoder := findDecoder(ctx, cfg, log)
	return consumer.Run(ctx, consumer.Config{
		Slots: slots(cfg), Version: buildVersion(), Scratch: scratchDir(cfg), Decoder: encoder, DrainTime: drainTime, Chores: chores.Defaults(), Deliver: deliver.Defaults(),
	}, consumer.Parts{
		Hooks: p.hooks, Render: api.DeliveryBody, DB: p.db, Queue: p.queue, Bucket: p.bucket, Share: p.share, Sources: p.sources, Observe: p.metrics, Log: log,
		Fetch: fetch.New(fetch.Config{MaxBytes: int64(cfg.Limits.File)}, p.web, p.bucket),
		Solo:  worker.Solo{Args: stageArgs(cfg, encoder), Memory: soloMemory, Wall: time.Hour},
	})
}

// findDecoder returns the path of framemill-decoder, "" if there is none. The
// log says which it is.
func findDecoder(ctx context.Context, cfg configs.Config, log *slog.Logger) string {
	path, library, err := installed.Find(ctx, cfg.Decoder)
	if err != nil {
		log.Warn("framemill-decoder is not used: ffmpeg encodes the pictures of videos, slower", "why", err)
		return ""
	}
	log.Info("framemill-decoder encodes the pictures of videos", "path", path, "library", library)
	return path
}

func runProducer(ctx context.Context, cfg configs.Config, p *parts, log *slog.Logger) error {
	return producer.Run(ctx, producer.Config{
		Listen: cfg.Listen, OpsListen: cfg.OpsAddress(), OpsGiven: cfg.OpsListen != "",
		Version: cfg.ServerVersion, VersionByClient: cfg.VersionByClient,
		SharePrefix: cfg.SharePrefix, UIDir: cfg.UIDir, OnError: cfg.OnError, ForceCache: cfg.ForceCache,
		MinFreeShare: cfg.DiskWatermark, MaxFile: int64(cfg.Limits.File), MaxDataJSON: int64(cfg.Limits.DataJSON),
	}, producer.Parts{
		Hooks: p.hooks, Clouds: p.clouds, Web: p.web, DB: p.db, Queue: p.queue, Bucket: p.bucket, Share: p.share, Sources: p.sources, Metrics: p.metrics, Log: log,
	})
}

// newMetrics connects the metrics with what they read.
func newMetrics(p *parts) *metrics.Registry {
	return metrics.New(buildVersion(), time.Now, metrics.Sources{
		Lanes: p.laneMetrics, Workers: p.db.LiveWorkers, Queued: p.queuedMetrics, Disk: p.bucket.Free,
		Commits: p.db.Commits,
	})
}

// laneMetrics counts the open units for the metrics.
func (p *parts) laneMetrics(ctx context.Context) ([]metrics.Lane, error) {
	counts, err := p.db.LaneCounts(ctx)
	out := make([]metrics.Lane, len(counts))
	for i, c := range counts {
		out[i] = metrics.Lane{Lane: c.Lane, State: c.State, Units: c.N, Oldest: time.Duration(c.Oldest) * time.Microsecond}
	}
	return out, err
}

// queuedMetrics counts the messages that wait in the queue for the metrics.
func (p *parts) queuedMetrics(ctx context.Context) (map[pipeline.Lane]int64, error) {
	depths, err := p.queue.Depths(ctx)
	out := make(map[pipeline.Lane]int64, len(depths))
	for lane, n := range depths {
		out[lane] = int64(n)
	}
	return out, err
}

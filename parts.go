package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"framemill/configs"
	"framemill/metrics"
	"framemill/pipeline"
	"framemill/pipeline/blob/fs"
	"framemill/pipeline/hook"
	"framemill/pipeline/outgoing"
	"framemill/pipeline/queue"
	"framemill/pipeline/seal"
	"framemill/pipeline/source"
	"framemill/pipeline/store"
)

// parts is what every role stands on.
type parts struct {
	db      *store.DB
	queue   *queue.Queue
	bucket  *fs.Bucket
	share   *source.Share // nil = none
	sources *source.Opener
	metrics *metrics.Registry
	hooks   *hook.Sender
	clouds  *source.Storages
	box     *seal.Box        // nil = no key
	web     *outgoing.Client // for files that users name by their URLs
	close   []func() error
}

// openParts opens the database, the queue, the blobs, the share and the way out.
func openParts(ctx context.Context, cfg configs.Config, log *slog.Logger) (*parts, error) {
	p := &parts{}
	if err := p.open(ctx, cfg, log); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// maxRedirects is how many redirects the download of a file follows.
const maxRedirects = 4

func (p *parts) open(ctx context.Context, cfg configs.Config, log *slog.Logger) error {
	url, err := databaseURL(cfg)
	if err != nil {
		return err
	}
	if p.db, err = store.Open(ctx, url); err != nil {
		return err
	}
	p.onClose(p.db.Close)
	if p.bucket, err = fs.New(fs.Config{Dir: cfg.BlobDir()}); err != nil {
		return err
	}
	p.onClose(p.bucket.Close)
	if cfg.Share != "" {
		if p.share, err = source.OpenShare(cfg.Share); err != nil {
			return err
		}
		p.onClose(p.share.Close)
	}
	if p.box, err = openBox(cfg); err != nil {
		return err
	}
	if p.hooks, err = hook.NewSender(cfg.EgressAllow, p.box); err != nil {
		return err
	}
	if p.web, err = outgoing.New(outgoing.Config{Allow: cfg.EgressAllow, Redirects: maxRedirects}); err != nil {
		return err
	}
	if p.clouds, err = newStorages(cfg, p.db, p.box); err != nil {
		return err
	}
	p.sources = source.New(p.bucket, p.share, p.clouds)
	queue.LogDriver(log)
	if p.queue, err = queue.Open(ctx, queue.Config{URL: cfg.RedisURL}, log); err != nil {
		return err
	}
	p.onClose(p.queue.Close)
	if err := checkQueue(ctx, p.queue, log); err != nil {
		return err
	}
	p.metrics = newMetrics(p)
	return nil
}

// checkQueue says what is wrong with Redis. One that is down is no reason not
// to start: accepted work waits in the database.
func checkQueue(ctx context.Context, q *queue.Queue, log *slog.Logger) error {
	var errs []error
	for _, f := range q.Check(ctx) {
		if f.Level == queue.Wrong {
			errs = append(errs, errors.New(f.Text))
			continue
		}
		log.Warn("redis", "finding", f.Text)
	}
	return errors.Join(errs...)
}

func (p *parts) onClose(fn func() error) { p.close = append(p.close, fn) }

// Close closes everything, the last opened first.
func (p *parts) Close() error {
	var errs []error
	for i := len(p.close) - 1; i >= 0; i-- {
		errs = append(errs, p.close[i]())
	}
	p.close = nil
	return errors.Join(errs...)
}

// slots are the units at a time by lane.
func slots(cfg configs.Config) map[pipeline.Lane]int {
	return map[pipeline.Lane]int{
		pipeline.Interactive: cfg.Slots.Interactive,
		pipeline.Bulk:        cfg.Slots.Bulk,
		pipeline.Background:  cfg.Slots.Background,
	}
}

// buildVersion names this build.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

// errEmbedded refuses a role of its own on the embedded queue, which only one
// process can reach.
func errEmbedded(role string) error {
	return fmt.Errorf("framemill %s needs --database-url and --redis-url, shared by all processes; "+
		"for everything in one process use framemill up", role)
}

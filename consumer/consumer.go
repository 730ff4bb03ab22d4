// Package consumer wires the role that works: it takes messages, runs units,
// and keeps relay, reaper and chores going.
package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"framemill/consumer/chores"
	"framemill/consumer/deliver"
	"framemill/consumer/worker"
	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/dispatch"
	"framemill/pipeline/frameindex"
	"framemill/pipeline/hook"
	"framemill/pipeline/queue"
	"framemill/pipeline/source"
	"framemill/pipeline/store"
	"framemill/stages/fetch"
	"framemill/stages/film"
)

// Config sizes a consumer.
type Config struct {
	Slots   map[pipeline.Lane]int
	Version string
	Scratch string // folder for what ffmpeg writes
	Decoder string // path of framemill-decoder, "" = none
	// DrainTime is how long a stopping consumer waits for its units to hand
	// themselves back before it leaves them to the lease.
	DrainTime time.Duration
	Chores    chores.Config
	Deliver   deliver.Config
}

// Parts is what a consumer works with.
type Parts struct {
	DB      *store.DB
	Queue   *queue.Queue
	Bucket  blob.Bucket
	Share   *source.Share // nil = none
	Sources *source.Opener
	Solo    worker.Solo
	Fetch   *fetch.Stage // nil = files of URLs are not fetched
	Observe Observer
	Hooks   *hook.Sender   // nil = webhooks are left to other processes
	Render  deliver.Render // what webhooks are sent
	Log     *slog.Logger
}

// Observer hears of what a consumer does.
type Observer interface {
	worker.Observer
	deliver.Observer
}

// Run works until ctx ends, then hands back what it holds: an orderly stop
// costs no unit an attempt.
func Run(ctx context.Context, cfg Config, p Parts) error {
	advance := dispatch.NewAdvancer(p.DB, func(ctx context.Context, key string) (*frameindex.Index, error) {
		return film.ReadIndex(ctx, p.Bucket, key)
	}, p.Queue.Kick)
	w, err := worker.New(worker.Config{Slots: cfg.Slots, Version: cfg.Version, Scratch: cfg.Scratch, Decoder: cfg.Decoder}, worker.Parts{
		DB: p.DB, Bucket: p.Bucket, Share: p.Share, Sources: p.Sources, Advance: advance, Kick: p.Queue.Kick,
		Solo: p.Solo, Fetch: p.Fetch, Observe: p.Observe, Log: p.Log,
	})
	if err != nil {
		return err
	}
	if err := w.Beat(ctx); err != nil {
		return fmt.Errorf("join as a worker: %w", err)
	}
	drain, endAttempts := context.WithCancelCause(context.WithoutCancel(ctx))
	defer endAttempts(nil)
	servers, err := serve(drain, cfg, p.Queue, w.Handle)
	if err != nil {
		return err
	}
	// Beats go on until the last unit is handed back.
	alive, stopBeating := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBeating()
	var wg sync.WaitGroup
	wg.Go(func() { w.Run(alive) })
	wg.Go(func() { dispatch.NewRelay(p.DB, p.Queue, p.Log).Run(ctx) })
	wg.Go(func() { dispatch.NewReaper(p.DB, p.Queue, advance, p.Log).Run(ctx) })
	cfg.Chores.Scratch = cfg.Scratch
	wg.Go(func() { chores.New(cfg.Chores, p.DB, p.Bucket, p.Log).Run(ctx) })
	if p.Hooks != nil {
		wg.Go(func() { deliver.New(cfg.Deliver, p.DB, p.Hooks, p.Render, p.Observe, p.Log).Run(ctx) })
	}
	p.Log.Info("consumer ready", "worker", w.ID(), "slots", cfg.Slots)
	p.Queue.Kick()
	<-ctx.Done()
	err = stop(servers, func() { endAttempts(worker.ErrDraining) })
	stopBeating()
	wg.Wait()
	leave, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	return errors.Join(err, w.Leave(leave))
}

// serve starts a queue server for the interactive lane, whose units somebody
// waits for, and one for the others.
func serve(drain context.Context, cfg Config, q *queue.Queue, handle queue.Handler) ([]*queue.Server, error) {
	var servers []*queue.Server
	for _, lane := range pipeline.Lanes() {
		if cfg.Slots[lane] == 0 {
			continue
		}
		s, err := q.Serve(drain, queue.ServerConfig{
			Lanes: []pipeline.Lane{lane}, Slots: cfg.Slots[lane], ShutdownTimeout: cfg.DrainTime,
		}, handle)
		if err != nil {
			return nil, errors.Join(err, stop(servers, func() {}))
		}
		servers = append(servers, s)
	}
	return servers, nil
}

// stop takes no more messages, ends the attempts and waits for them.
func stop(servers []*queue.Server, endAttempts func()) error {
	for _, s := range servers {
		s.Stop()
	}
	endAttempts()
	errs := make([]error, len(servers))
	var wg sync.WaitGroup
	for i, s := range servers {
		wg.Go(func() { errs[i] = s.Shutdown() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

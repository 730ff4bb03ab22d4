// Package producer wires the role that serves: the API over HTTP, and, on a
// loopback address of its own, metrics and health. A process that serves and
// does not work needs a relay beside it, which sends what it accepts.
package producer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"framemill/metrics"
	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/hook"
	"framemill/pipeline/outgoing"
	"framemill/pipeline/queue"
	"framemill/pipeline/source"
	"framemill/pipeline/store"
	"framemill/producer/access"
	"framemill/producer/api"
	"framemill/producer/receive"
	"framemill/producer/serve"
)

// Config is what an operator may choose of the role.
type Config struct {
	Listen          string
	OpsListen       string // "" = nowhere
	OpsGiven        bool   // OpsListen was asked for, so failing to listen there is an error
	Version         string // told to clients
	VersionByClient bool
	SharePrefix     string
	UIDir           string
	OnError         pipeline.OnError
	ForceCache      bool
	MinFreeShare    float64 // of the disk
	MaxFile         int64   // bytes
	MaxDataJSON     int64   // bytes
}

// Parts is what the role works with.
type Parts struct {
	DB      *store.DB
	Queue   *queue.Queue
	Bucket  blob.Bucket
	Share   *source.Share // nil = none
	Sources *source.Opener
	Metrics *metrics.Registry
	Hooks   *hook.Sender
	Clouds  *source.Storages
	Web     *outgoing.Client // judges addresses of files; nil = none are fetched
	Log     *slog.Logger
}

// stopTime is how long a stopping server waits for requests under way.
const stopTime = 8 * time.Second

// Run serves until ctx ends.
func Run(ctx context.Context, cfg Config, p Parts) error {
	handler, closeHandler, err := newHandler(cfg, p)
	if err != nil {
		return err
	}
	defer closeHandler()
	l, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", cfg.Listen, err)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return serveHTTP(ctx, l, handler, p.Log) })
	if cfg.OpsListen != "" {
		g.Go(func() error {
			err := RunOps(ctx, Ops{Listen: cfg.OpsListen, Metrics: p.Metrics.Handler(), DB: p.DB, Queue: p.Queue}, p.Log)
			if err != nil && !cfg.OpsGiven {
				p.Log.Warn("no metrics: choose another address with --ops-listen", "error", err)
				return nil
			}
			return err
		})
	}
	p.Log.Info("serving", "url", "http://"+l.Addr().String())
	return g.Wait()
}

// newHandler builds everything that answers on the public address.
func newHandler(cfg Config, p Parts) (http.Handler, func(), error) {
	guard, err := access.New(access.Config{}, p.DB)
	if err != nil {
		return nil, nil, err
	}
	limits := receive.Defaults()
	limits.MaxFile, limits.MaxJSON, limits.MinFreeShare = cfg.MaxFile, cfg.MaxDataJSON, cfg.MinFreeShare
	receiver, err := receive.New(limits, p.Bucket, p.DB, p.Log)
	if err != nil {
		return nil, nil, err
	}
	deps := api.Deps{
		Hooks: p.Hooks, Clouds: p.Clouds, Web: p.Web, DB: p.DB, Access: guard, Log: p.Log, Receive: receiver, Kick: p.Queue.Kick,
		Serve: serve.New(serve.Defaults(), p.DB, p.Bucket, p.Sources, p.Queue.Kick),
	}
	if p.Share != nil {
		deps.Share = p.Share
	}
	server, err := api.New(api.Config{
		Version: cfg.Version, VersionByClient: cfg.VersionByClient, SharePrefix: cfg.SharePrefix,
		OnError: cfg.OnError, ForceCache: cfg.ForceCache,
	}, deps)
	if err != nil {
		return nil, nil, err
	}
	console, err := p.Queue.Console(consoleRoot)
	if err != nil {
		return nil, nil, fmt.Errorf("queue console: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/api/", server.Handler())
	mux.Handle(consoleRoot+"/", guardConsole(guard, console))
	mux.Handle("/", webClient(cfg.UIDir))
	return p.Metrics.Middleware(mux), func() { _ = console.Close() }, nil
}

// serveHTTP serves until ctx ends, then lets requests under way end.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	srv := &http.Server{
		Handler: h,
		// Bodies have limits of their own: an upload may take hours.
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
		defer cancel()
		stopped <- srv.Shutdown(wait)
	}()
	if err := srv.Serve(refuseAlike(srv, l)); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	if err := <-stopped; errors.Is(err, context.DeadlineExceeded) {
		return srv.Close() // whoever still reads or sends is cut off
	}
	return nil
}

package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/dispatch"
	"framemill/pipeline/source"
	"framemill/pipeline/store"
	"framemill/stages"
	"framemill/stages/fetch"
)

// Config sizes a worker.
type Config struct {
	Slots   map[pipeline.Lane]int // units at a time, by lane
	Version string                // of this build, for people
	Scratch string                // folder for what ffmpeg writes
	Decoder string                // path of framemill-decoder, "" = none
}

// Validate reports everything that is wrong with the configuration.
func (c Config) Validate() error {
	var errs []error
	if len(c.Slots) == 0 {
		errs = append(errs, errors.New("a worker needs slots"))
	}
	for lane, n := range c.Slots {
		if n < 1 {
			errs = append(errs, fmt.Errorf("lane %s has %d slots, want at least 1", lane, n))
		}
	}
	return errors.Join(errs...)
}

// Observer hears of units that ended. Its methods must be quick.
type Observer interface {
	UnitEnded(kind pipeline.MessageKind, lane pipeline.Lane, verdict string, took time.Duration)
	WriteRefused(write string)
	ChunkBuilt(q pipeline.Quality, took time.Duration, bytes int64)
}

// Parts is what a worker works with.
type Parts struct {
	DB      *store.DB
	Bucket  blob.Bucket
	Share   *source.Share // nil = none
	Sources *source.Opener
	Advance *dispatch.Advancer
	Kick    func()       // wakes the relay
	Solo    Solo         // runs a stage alone in a child process
	Fetch   *fetch.Stage // nil = files of URLs are not fetched
	Observe Observer
	Log     *slog.Logger
}

// Worker runs the units of one process.
type Worker struct {
	Parts
	cfg    Config
	row    pipeline.Worker
	stages map[pipeline.Lane]*stages.Set
	clock  func() time.Time

	mu      sync.Mutex
	held    map[pipeline.UnitID]*attempt
	watched time.Time // when the watchdog looked last
}

// New returns a worker. It is not known to others before its first beat.
func New(cfg Config, p Parts) (*Worker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	slots, err := json.Marshal(cfg.Slots)
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	sets, err := stageSets(cfg, p)
	if err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	return &Worker{
		Parts:  p,
		cfg:    cfg,
		row:    pipeline.Worker{ID: pipeline.NewID(), Host: host, Version: cfg.Version, Slots: string(slots)},
		stages: sets,
		clock:  time.Now,
		held:   make(map[pipeline.UnitID]*attempt),
	}, nil
}

// stageSets returns the stages of each lane, which all go through one gate.
func stageSets(cfg Config, p Parts) (map[pipeline.Lane]*stages.Set, error) {
	sets, g := make(map[pipeline.Lane]*stages.Set), newGate(runtime.GOMAXPROCS(0))
	for _, lane := range pipeline.Lanes() {
		var err error
		if sets[lane], err = stages.New(p.Bucket, p.Share, p.Sources, g.lane(lane), stages.Config{Scratch: cfg.Scratch, Decoder: cfg.Decoder}); err != nil {
			return nil, err
		}
	}
	return sets, nil
}

// ID returns the id of the worker's row.
func (w *Worker) ID() string { return w.row.ID }

// Run beats and watches until ctx ends.
func (w *Worker) Run(ctx context.Context) {
	beat := time.NewTicker(pipeline.BeatEvery)
	defer beat.Stop()
	watch := time.NewTicker(time.Second)
	defer watch.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			if err := w.Beat(ctx); err != nil && ctx.Err() == nil {
				w.Log.Warn("beat", "error", err)
			}
		case <-watch.C:
			w.watch(ctx)
		}
	}
}

// errLeaseLost is the cause that ends an attempt whose lease a beat could not
// renew, because others have taken the unit.
var errLeaseLost = fmt.Errorf("the lease was not renewed: %w", store.ErrStale)

// Beat says once that the process lives, and ends attempts whose units others
// have taken.
func (w *Worker) Beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pipeline.LeaseTime/2)
	defer cancel()
	lost, err := w.DB.Beat(ctx, w.row, w.heldIDs())
	if err != nil {
		return err
	}
	for _, id := range lost {
		w.end(id, errLeaseLost)
	}
	return nil
}

// Leave removes the worker's row, so that nothing is sent for it any more.
func (w *Worker) Leave(ctx context.Context) error { return w.DB.Leave(ctx, w.row.ID) }

func (w *Worker) heldIDs() []pipeline.UnitID {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := make([]pipeline.UnitID, 0, len(w.held))
	for id := range w.held {
		ids = append(ids, id)
	}
	return ids
}

// end ends the attempt at a unit, if it runs here, for a cause.
func (w *Worker) end(id pipeline.UnitID, cause error) {
	w.mu.Lock()
	a := w.held[id]
	w.mu.Unlock()
	if a != nil {
		a.cancel(cause)
	}
}

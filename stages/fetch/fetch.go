// Package fetch downloads files that a client named by their URLs. A file
// becomes a blob, once, however many units read it later. A download that
// breaks goes on where it stopped, if the origin still has the same file; one
// that cannot be had is reported and does not touch the others.
package fetch

import (
	"cmp"
	"context"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/plan"
)

// client sends requests to addresses that users name.
type client interface {
	Do(r *http.Request) (*http.Response, error)
}

// blobs is where the files go.
type blobs interface {
	Create(ctx context.Context, key string, d blob.Durability) (blob.Writer, error)
}

// Config bounds downloads. A zero field means its default.
type Config struct {
	MaxBytes int64         // of one file, 25 GiB by default
	Parallel int           // files at a time, 4 by default
	PerHost  int           // of these from one host, 2 by default
	Tries    int           // of one file, 4 by default
	Pause    time.Duration // before the second try, doubled before each other, 1 s by default
	MaxPause time.Duration // that an origin may ask for, 30 s by default
	// Silence is after how long without a byte a download counts as broken, 30 s
	// by default.
	Silence time.Duration
}

// Stage downloads files. It may be used by any number of goroutines.
type Stage struct {
	cfg    Config
	client client
	blobs  blobs
}

// New returns the stage.
func New(cfg Config, client client, blobs blobs) *Stage {
	cfg.MaxBytes = cmp.Or(cfg.MaxBytes, 25<<30)
	cfg.Parallel = cmp.Or(cfg.Parallel, 4)
	cfg.PerHost = cmp.Or(cfg.PerHost, 2)
	cfg.Tries = cmp.Or(cfg.Tries, 4)
	cfg.Pause = cmp.Or(cfg.Pause, time.Second)
	cfg.MaxPause = cmp.Or(cfg.MaxPause, 30*time.Second)
	cfg.Silence = cmp.Or(cfg.Silence, 30*time.Second)
	return &Stage{cfg: cfg, client: client, blobs: blobs}
}

// Input is which files an attempt downloads.
type Input struct {
	URLs  []string
	Names []string // of the files, by place
	// Places are the places in URLs to download.
	Places []int64
}

// Attempt is what an attempt gives the stage.
type Attempt struct {
	// Key names the blob of a place. It must differ between attempts.
	Key func(place int64) string
	// Done takes a file that is there, or that cannot be had. It is never called
	// by two goroutines at once.
	Done func(ctx context.Context, f pipeline.Upload) error
	// Progress is called whenever bytes came, also concurrently.
	Progress func()
}

// Run downloads the files of an input. It returns an error only if another
// attempt may go better, or if ctx or Done ended it; what is wrong with a file is
// told by its code.
func (s *Stage) Run(ctx context.Context, in Input, a Attempt) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(s.cfg.Parallel)
	hosts := hostSlots{most: s.cfg.PerHost}
	var done sync.Mutex
	for _, place := range in.Places {
		g.Go(func() error {
			leave, err := hosts.enter(ctx, in.URLs[place])
			if err != nil {
				return err
			}
			f, err := s.file(ctx, in, place, a)
			leave()
			if err != nil {
				return err
			}
			done.Lock()
			defer done.Unlock()
			return a.Done(ctx, f)
		})
	}
	return g.Wait()
}

// file downloads one file.
func (s *Stage) file(ctx context.Context, in Input, place int64, a Attempt) (pipeline.Upload, error) {
	f := pipeline.Upload{ID: pipeline.NewID(), Ord: place, Name: in.Names[place], Key: a.Key(place)}
	d := &download{stage: s, url: in.URLs[place], file: &f, progress: a.Progress}
	defer d.abort()
	err := d.run(ctx)
	if err == nil && plan.ClassOf(f.Name) == plan.Unknown {
		f.Name += extensionOf(d.head)
	}
	if err == nil {
		return f, nil
	}
	if ctx.Err() != nil || pipeline.Retryable(err) {
		return f, err
	}
	bad := pipeline.Public(err)
	f.Key, f.Length, f.SHA256, f.CRC32 = "", 0, "", 0
	f.Code, f.Text = bad.Code, bad.Text
	return f, nil
}

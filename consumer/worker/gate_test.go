package worker_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"framemill/consumer/worker"
	"framemill/pipeline"
)

// door is a gate with a list of who was let in, and how many cores they got.
type door struct {
	t     *testing.T
	enter func(context.Context, pipeline.Lane, int, int64) (int, func(), error)

	mu    sync.Mutex
	in    []string
	cores map[string]int
	leave map[string]func()
}

func newDoor(t *testing.T, cores int) *door {
	return &door{t: t, enter: worker.Gate(cores), cores: map[string]int{}, leave: map[string]func(){}}
}

// come lets somebody ask, and waits until he is in or has to wait.
func (d *door) come(name string, lane pipeline.Lane, cores int, bytes int64) {
	go func() {
		n, leave, err := d.enter(d.t.Context(), lane, cores, bytes)
		if err != nil {
			return
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.in = append(d.in, name)
		d.cores[name], d.leave[name] = n, leave
	}()
	synctest.Wait()
}

func (d *door) depart(name string) {
	d.leave[name]()
	synctest.Wait()
}

// want fails the test unless these have been let in so far, in this order.
func (d *door) want(names ...string) {
	d.t.Helper()
	if diff := cmp.Diff(names, d.in); diff != "" {
		d.t.Errorf("let in (-want +got):\n%s", diff)
	}
}

// TestGateSharesTheCores has a film take all cores: others wait, but a reader
// does not, and comes before all others.
func TestGateSharesTheCores(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, 2)
		d.come("film", pipeline.Bulk, 4, 1)
		d.come("second film", pipeline.Background, 2, 1)
		d.come("picture", pipeline.Bulk, 1, 1)
		d.want("film")
		d.come("reader", pipeline.Interactive, 2, 1)
		d.want("film", "reader")
		d.come("second reader", pipeline.Interactive, 1, 1)
		d.want("film", "reader")
		d.depart("reader")
		d.want("film", "reader", "second reader")
		d.depart("second reader")
		d.want("film", "reader", "second reader")
		d.depart("film")
		d.want("film", "reader", "second reader", "second film")
		d.depart("second film")
		d.want("film", "reader", "second reader", "second film", "picture")
		got := map[string]int{"film": 2, "reader": 1, "second reader": 1, "second film": 2, "picture": 1}
		if diff := cmp.Diff(got, d.cores); diff != "" {
			t.Errorf("cores (-want +got):\n%s", diff)
		}
	})
}

// TestGateBoundsTheMemory lets what is too large for all in alone.
func TestGateBoundsTheMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const most = worker.GateMemory
		d := newDoor(t, 8)
		d.come("half", pipeline.Bulk, 1, most/2)
		d.come("giant", pipeline.Bulk, 1, 5*most)
		d.come("small", pipeline.Bulk, 1, 1) // may not overtake for ever
		d.come("reader", pipeline.Interactive, 1, most/2)
		d.come("second reader", pipeline.Interactive, 1, most/4)
		d.want("half", "reader", "second reader")
		d.depart("half")
		d.depart("reader")
		d.want("half", "reader", "second reader")
		d.depart("second reader")
		d.want("half", "reader", "second reader", "giant")
		d.depart("giant")
		d.want("half", "reader", "second reader", "giant", "small")
	})
}

// TestGateForgetsWhoLeaves gives up while waiting, and many at random: in the end
// everything is free again.
func TestGateForgetsWhoLeaves(t *testing.T) {
	t.Parallel()
	enter, gone := worker.Gate(3), errors.New("gone")
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			ctx, cancel := context.WithCancelCause(t.Context())
			if i%3 == 0 {
				go cancel(gone)
			}
			defer cancel(nil)
			lane := pipeline.Lanes()[i%2]
			_, leave, err := enter(ctx, lane, 1+rand.IntN(3), rand.Int64N(worker.GateMemory))
			if err != nil {
				if !errors.Is(err, gone) {
					t.Errorf("enter: %v", err)
				}
				return
			}
			leave()
			leave() // once more changes nothing
		})
	}
	wg.Wait()
	n, leave, err := enter(t.Context(), pipeline.Bulk, 9, worker.GateMemory)
	if n != 3 || err != nil {
		t.Fatalf("at last %d cores are free, %v; want 3", n, err)
	}
	leave()
}

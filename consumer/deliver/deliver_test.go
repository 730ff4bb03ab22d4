package deliver_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"framemill/consumer/deliver"
	"framemill/pipeline"
	"framemill/pipeline/hook"
	"framemill/pipeline/seal"
	"framemill/pipeline/store"
)

// rig is a database with a project, and couriers.
type rig struct {
	t       *testing.T
	db      *store.DB
	sender  *hook.Sender
	project int64

	mu   sync.Mutex
	ends map[string]int // attempts by their outcome
}

func setup(t *testing.T) *rig {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, db: db, ends: map[string]int{}}
	box, err := seal.New("a key that only tests know, of no use")
	if err != nil {
		t.Fatal(err)
	}
	if r.sender, err = hook.NewSender("127.0.0.1", box); err != nil {
		t.Fatal(err)
	}
	owner := int64(1)
	r.project, err = db.CreateProject(t.Context(), &store.NewProject{Project: pipeline.Project{Name: "p", Tenant: "u1", OwnerID: &owner}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// DeliveryEnded implements deliver.Observer.
func (r *rig) DeliveryEnded(outcome string, _ time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ends[outcome]++
}

// hook adds a webhook of the project.
func (r *rig) hook(target string) int64 {
	r.t.Helper()
	id, err := r.db.CreateWebhook(r.t.Context(), &pipeline.Webhook{
		Type: pipeline.WebhookProject, ProjectID: &r.project, TargetURL: target, Active: true,
		Verify: true, Events: pipeline.NewEvents([]pipeline.Event{pipeline.EventCreateTask}), Site: "http://mill.example",
	}, func(id int64) (string, error) { return r.sender.Seal(id, "s3cret") })
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

// happen makes n events.
func (r *rig) happen(n int) {
	r.t.Helper()
	for i := range n {
		owner := int64(1)
		if _, err := r.db.CreateTask(r.t.Context(), &store.NewTask{Task: pipeline.Task{
			Name: fmt.Sprint(i), Tenant: "u1", OwnerID: &owner, ProjectID: &r.project, Dimension: "2d",
		}}); err != nil {
			r.t.Fatal(err)
		}
	}
}

// start runs a courier in a hurry until the test or stop ends it.
func (r *rig) start() (stop func()) {
	r.t.Helper()
	cfg := deliver.Config{
		Every: 5 * time.Millisecond, Webhooks: 2, AtOnce: 2, FirstPause: time.Millisecond,
		FirstRest: time.Millisecond, MaxRest: 10 * time.Millisecond,
	}
	render := func(_ context.Context, w *pipeline.Webhook, d *store.DeliveryView) ([]byte, error) {
		return fmt.Appendf(nil, "%s of task %s for webhook %d", d.Event, d.Notice.Now.Task.Name, w.ID), nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	c := deliver.New(cfg, r.db, r.sender, render, r, slog.New(slog.NewTextHandler(r.t.Output(), nil)))
	go func() {
		defer close(done)
		c.Run(ctx)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	r.t.Cleanup(stop)
	return stop
}

// waitFor polls the deliveries of a webhook, the oldest first, until they are as
// wanted.
func (r *rig) waitFor(hookID int64, wanted func([]store.DeliveryView) bool) []store.DeliveryView {
	r.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); ; <-tick.C {
		views, _, err := r.db.Deliveries(r.t.Context(), hookID, store.Query{})
		if err != nil {
			r.t.Fatal(err)
		}
		slices.Reverse(views)
		if wanted(views) {
			return views
		}
		if time.Now().After(end) {
			r.t.Fatalf("the deliveries stay as they are: %+v", views)
		}
	}
}

// allIn reports whether n deliveries have a state.
func allIn(n int, state string) func([]store.DeliveryView) bool {
	return func(views []store.DeliveryView) bool {
		return len(views) == n && !slices.ContainsFunc(views, func(d store.DeliveryView) bool { return d.State != state })
	}
}

// got is one request that a receiver got.
type got struct{ id, signature, body string }

// receiver runs a receiver; answer gets the count of requests before this one.
func receiver(t *testing.T, answer func(before int, w http.ResponseWriter, r *http.Request)) (url string, all func() []got) {
	t.Helper()
	var mu sync.Mutex
	var list []got
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		before := len(list)
		list = append(list, got{r.Header.Get(hook.DeliveryHeader), r.Header.Get(hook.SignatureHeader), string(body)})
		mu.Unlock()
		answer(before, w, r)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, func() []got {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(list)
	}
}

func ok(int, http.ResponseWriter, *http.Request) {}

func TestDeliveriesAreSigned(t *testing.T) {
	t.Parallel()
	r := setup(t)
	url, all := receiver(t, ok)
	id := r.hook(url)
	r.happen(3)
	r.start()
	views := r.waitFor(id, allIn(3, pipeline.DeliveryDone))
	bodies := map[string]string{}
	for _, g := range all() {
		if want := hook.Sign("s3cret", []byte(g.body)); g.signature != want {
			t.Errorf("signature %q of %q, want %q", g.signature, g.body, want)
		}
		bodies[g.id] = g.body
	}
	for i, d := range views {
		if want := fmt.Sprintf("create:task of task %d for webhook %d", i, id); bodies[fmt.Sprint(d.ID)] != want {
			t.Errorf("delivery %d says %q, want %q", d.ID, bodies[fmt.Sprint(d.ID)], want)
		}
		if d.Status == nil || *d.Status != 200 || d.Attempts != 1 {
			t.Errorf("delivery %d ended with %+v", d.ID, d.Delivery)
		}
	}
	if len(all()) != 3 {
		t.Errorf("%d requests for 3 deliveries", len(all()))
	}
}

func TestAReceiverThatFailsFirstGetsTheSameAgain(t *testing.T) {
	t.Parallel()
	r := setup(t)
	url, all := receiver(t, func(before int, w http.ResponseWriter, req *http.Request) {
		switch before {
		case 0:
			http.Error(w, "not yet", http.StatusServiceUnavailable)
		case 1:
			panic(http.ErrAbortHandler) // resets the connection
		case 2:
			http.Redirect(w, req, "http://169.254.169.254/", http.StatusFound)
		}
	})
	id := r.hook(url)
	r.happen(1)
	r.start()
	views := r.waitFor(id, allIn(1, pipeline.DeliveryDone))
	requests := all()
	if len(requests) != 4 || views[0].Attempts != 4 {
		t.Fatalf("%d requests, %d attempts; want 4", len(requests), views[0].Attempts)
	}
	for _, g := range requests {
		if g != requests[0] {
			t.Errorf("sent again as %+v, want %+v", g, requests[0])
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ends["again"] != 3 || r.ends["done"] != 1 {
		t.Errorf("attempts that were counted: %v", r.ends)
	}
}

func TestDeliveriesHaveAnEnd(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		status   int
		attempts int64
	}{
		{"a receiver that never works", http.StatusInternalServerError, pipeline.MaxDeliveryAttempts},
		{"a receiver that does not want it", http.StatusGone, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := setup(t)
			url, _ := receiver(t, func(_ int, w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", tt.status) })
			id := r.hook(url)
			r.happen(1)
			r.start()
			d := r.waitFor(id, allIn(1, pipeline.DeliveryFailed))[0]
			if d.Attempts != tt.attempts || *d.Status != int64(tt.status) || d.Response != "no\n" {
				t.Errorf("ended as %+v, want after %d attempts with status %d", d.Delivery, tt.attempts, tt.status)
			}
		})
	}
}

func TestADeadReceiverDelaysNobody(t *testing.T) {
	t.Parallel()
	r := setup(t)
	hold := make(chan struct{})
	dead, _ := receiver(t, func(int, http.ResponseWriter, *http.Request) { <-hold })
	t.Cleanup(func() { close(hold) })
	live, all := receiver(t, ok)
	hangs, works := r.hook(dead), r.hook(live)
	r.happen(20)
	r.start()
	r.waitFor(works, allIn(20, pipeline.DeliveryDone))
	if len(all()) != 20 {
		t.Errorf("%d requests for 20 deliveries", len(all()))
	}
	r.waitFor(hangs, allIn(20, pipeline.DeliveryPending))
}

func TestAStoppedCourierLeavesTheRestToTheNext(t *testing.T) {
	t.Parallel()
	r := setup(t)
	reached, hold := make(chan struct{}), make(chan struct{})
	url, all := receiver(t, func(before int, _ http.ResponseWriter, req *http.Request) {
		if before == 0 {
			close(reached)
			select {
			case <-hold:
			case <-req.Context().Done():
			}
		}
	})
	t.Cleanup(func() { close(hold) })
	id := r.hook(url)
	r.happen(1)
	stop := r.start()
	<-reached
	stop() // the receiver may have taken it, and nobody here knows
	if d := r.waitFor(id, allIn(1, pipeline.DeliveryPending))[0]; d.Attempts != 0 {
		t.Errorf("the delivery counts %d attempts after the stop, want 0", d.Attempts)
	}
	r.start()
	r.waitFor(id, allIn(1, pipeline.DeliveryDone))
	requests := all()
	if len(requests) != 2 || requests[0] != requests[1] {
		t.Errorf("requests %+v, want the same one twice", requests)
	}
}

func TestCouriersShareTheWork(t *testing.T) {
	t.Parallel()
	r := setup(t)
	url, all := receiver(t, ok)
	id := r.hook(url)
	r.happen(50)
	for range 3 {
		r.start()
	}
	r.waitFor(id, allIn(50, pipeline.DeliveryDone))
	if n := len(all()); n != 50 {
		t.Errorf("%d requests for 50 deliveries of three couriers, want each once", n)
	}
}

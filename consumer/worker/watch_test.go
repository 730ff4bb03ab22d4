package worker_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"framemill/consumer/worker"
	"framemill/pipeline"
	"framemill/pipeline/store"
)

// silent is an observer that nobody asks.
type silent struct{}

func (silent) UnitEnded(pipeline.MessageKind, pipeline.Lane, string, time.Duration) {}
func (silent) WriteRefused(string)                                                  {}
func (silent) ChunkBuilt(pipeline.Quality, time.Duration, int64)                    {}

// watched is a worker by whose clock a test goes, and a channel of its kicks.
func watched(t *testing.T, db *store.DB) (w *worker.Worker, pass func(time.Duration), kicked chan struct{}) {
	t.Helper()
	kicked = make(chan struct{}, 10)
	w, err := worker.New(worker.Config{Slots: map[pipeline.Lane]int{pipeline.Bulk: 1}}, worker.Parts{
		DB: db, Log: slog.New(slog.DiscardHandler), Observe: silent{}, Kick: func() { kicked <- struct{}{} },
	})
	if err != nil {
		t.Fatalf("new worker: %v", err)
	}
	now := time.Unix(1_800_000_000, 0)
	w.SetClock(func() time.Time { return now })
	return w, func(d time.Duration) {
		for range d / time.Second { // as the watchdog does
			now = now.Add(time.Second)
			w.Watch(t.Context())
		}
	}, kicked
}

// TestHungAttemptIsGivenUp holds attempts that read a file and take no notice of
// anything. Each is ended, then given up, and the second is the last.
func TestHungAttemptIsGivenUp(t *testing.T) {
	t.Parallel()
	db, c := claimed(t)
	w, pass, kicked := watched(t, db)
	for try := range 2 {
		if try > 0 {
			c = claimAgain(t, db, c)
		}
		ctx, err := w.HoldReading(t.Context(), c, "film.mp4")
		if err != nil {
			t.Fatalf("begin an attempt: %v", err)
		}
		for _, s := range []struct {
			after      time.Duration
			ended      bool
			heldLeases int
		}{{pipeline.StallAfter, false, 1}, {2 * time.Second, true, 1}, {2 * pipeline.LeaseTime, true, 0}} {
			pass(s.after)
			if ended := ctx.Err() != nil; ended != s.ended || len(w.HeldIDs()) != s.heldLeases {
				t.Errorf("%s later: the attempt was ended: %v, and %d leases are renewed; want %v and %d",
					s.after, ended, len(w.HeldIDs()), s.ended, s.heldLeases)
			}
		}
		<-kicked
	}
	r, err := db.Request(t.Context(), pipeline.CreateRQID(c.TaskID))
	if err != nil {
		t.Fatal(err)
	}
	if r.State != pipeline.RequestFailed || r.Code != pipeline.CodeStalled || !strings.HasPrefix(r.Text, "film.mp4: ") {
		t.Errorf("after two attempts the request is %s: %s, %q; want it failed and stalled, by the name of the file", r.State, r.Code, r.Text)
	}
}

// claimAgain claims a unit that is to be tried again.
func claimAgain(t *testing.T, db *store.DB, c *pipeline.Claim) *pipeline.Claim {
	t.Helper()
	u, err := db.Unit(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if u.Attempts != 1 || u.Code != pipeline.CodeStalled {
		t.Fatalf("the unit has had %d attempts and the code %q, want one that stalled", u.Attempts, u.Code)
	}
	again, err := db.Claim(t.Context(), pipeline.Message{V: 1, ID: u.ID, Gen: u.Gen}, "w1")
	if err != nil {
		t.Fatalf("claim again: %v", err)
	}
	return again
}

// TestProcessThatStoodStill had no chance to make progress.
func TestProcessThatStoodStill(t *testing.T) {
	t.Parallel()
	w, pass, _ := watched(t, nil)
	ctx, err := w.HoldReading(t.Context(), &pipeline.Claim{Unit: pipeline.Unit{ID: "u"}}, "film.mp4")
	if err != nil {
		t.Fatalf("begin an attempt: %v", err)
	}
	pass(time.Second)
	w.Sleep(time.Hour)
	pass(pipeline.StallAfter)
	if ctx.Err() != nil {
		t.Error("the attempt was ended though the whole process stood still")
	}
	pass(2 * time.Second)
	if ctx.Err() == nil {
		t.Error("the attempt was not ended a minute after the process went on")
	}
}

func TestStallNamesTheFiles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		files      []string
		file, want string
	}{
		{nil, "", "no progress for 1m1s"},
		{[]string{"a.mp4"}, "a.mp4", "a.mp4: reading the file made no progress for 1m1s"},
		{[]string{"a.png", "b.png", "c.png"}, "", "reading the 3 files from a.png to c.png made no progress for 1m1s"},
	} {
		got := worker.Stalled(tt.files, 61*time.Second)
		if got.Code != pipeline.CodeStalled || got.File != tt.file || got.Text != tt.want {
			t.Errorf("of the files %v it says %s of %q: %s; want %s", tt.files, got.Code, got.File, got.Text, tt.want)
		}
	}
}

func TestCrashNamesTheFiles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		files []string
		want  string
	}{
		{nil, "reading the files ended the worker each time"},
		{[]string{"a.png"}, "a.png: reading the file ended the worker each time: leave it out or convert it"},
		{[]string{"a.png", "b.png", "c.png"},
			"reading one of the 3 files from a.png to c.png ended the worker each time: leave it out or convert it"},
	} {
		got := worker.Crash(tt.files)
		if got.Code != pipeline.CodeWorkerCrash || got.Text != tt.want {
			t.Errorf("of the files %v it says %s: %s; want %s", tt.files, got.Code, got.Text, tt.want)
		}
	}
}

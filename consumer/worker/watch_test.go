package worker_test

import (
	"log/slog"
	"testing"
	"time"

	"framemill/consumer/worker"
	"framemill/pipeline"
)

// TestHungAttemptIsGivenUp holds an attempt that takes no notice of anything.
func TestHungAttemptIsGivenUp(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	w, err := worker.New(worker.Config{Slots: map[pipeline.Lane]int{pipeline.Bulk: 1}},
		worker.Parts{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatalf("new worker: %v", err)
	}
	w.SetClock(func() time.Time { return now })
	ctx, err := w.Hold(t.Context(), &pipeline.Claim{Unit: pipeline.Unit{ID: "u"}})
	if err != nil {
		t.Fatalf("begin an attempt: %v", err)
	}
	steps := []struct {
		after      time.Duration
		ended      bool
		heldLeases int
	}{
		{pipeline.StallAfter, false, 1},
		{2 * time.Second, true, 1},
		{3 * pipeline.LeaseTime, true, 0},
	}
	for _, s := range steps {
		now = now.Add(s.after)
		w.Watch()
		if ended := ctx.Err() != nil; ended != s.ended || len(w.HeldIDs()) != s.heldLeases {
			t.Errorf("%s later: the attempt was ended: %v, and %d leases are renewed; want %v and %d",
				s.after, ended, len(w.HeldIDs()), s.ended, s.heldLeases)
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

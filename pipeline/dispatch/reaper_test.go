package dispatch_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/dispatch"
	"framemill/pipeline/queue"
	"framemill/pipeline/store"
)

// lostUnits is a store in which messages were sent and never claimed.
type lostUnits struct {
	ids    []pipeline.UnitID
	age    int64 // µs since they were sent
	resent []pipeline.UnitID
	stuck  int // times that stuck requests were asked for
}

func (s *lostUnits) Reap(context.Context) (int64, error) { return 0, errors.New("a row is locked") }
func (s *lostUnits) Unclaimed(context.Context, int) ([]store.SentUnit, error) {
	units := make([]store.SentUnit, len(s.ids))
	for i, id := range s.ids {
		units[i].ID, units[i].Age = id, s.age
	}
	return units, nil
}
func (s *lostUnits) Resend(_ context.Context, id pipeline.UnitID, _ int64) error {
	s.resent = append(s.resent, id)
	return nil
}
func (s *lostUnits) Stuck(context.Context, int) ([]int64, error)               { s.stuck++; return nil, nil }
func (s *lostUnits) LiveWorkers(context.Context, pipeline.Lane) (int64, error) { return 1, nil }

// damagedQueue has lost every message but one, which it cannot read.
type damagedQueue struct{ damaged pipeline.UnitID }

func (q damagedQueue) State(_ context.Context, _ pipeline.Lane, id pipeline.UnitID, _ int64) (queue.MessageState, error) {
	if id == q.damaged {
		return "", errors.New("cannot decode the message")
	}
	return queue.Gone, nil
}
func (damagedQueue) Delete(context.Context, pipeline.Lane, pipeline.UnitID, int64) error { return nil }
func (damagedQueue) Register(context.Context) error                                      { return errors.New("read only") }
func (damagedQueue) Kick()                                                               {}

func TestOneFailureStopsNoOtherDuty(t *testing.T) {
	t.Parallel()
	db := &lostUnits{ids: []pipeline.UnitID{"damaged", "lost"}}
	r := dispatch.NewReaper(db, damagedQueue{"damaged"}, nil, slog.New(slog.DiscardHandler))
	if err := r.Round(t.Context(), true); err == nil {
		t.Error("a round in which duties failed told of none")
	}
	if len(db.resent) != 1 || db.resent[0] != "lost" {
		t.Errorf("sent again: %v, want the lost unit", db.resent)
	}
	if db.stuck != 1 {
		t.Errorf("stuck requests were asked for %d times, want once", db.stuck)
	}
	db.age, db.resent = time.Hour.Microseconds(), nil
	_ = r.Round(t.Context(), false)
	if len(db.resent) != 2 {
		t.Errorf("an hour later, sent again: %v, want the unit of the damaged message too", db.resent)
	}
}

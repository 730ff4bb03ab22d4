package dispatch

import (
	"context"
	"log/slog"
	"time"

	"framemill/pipeline"
)

// relayStore is what the relay needs of the store.
type relayStore interface {
	Dispatch(ctx context.Context, send func(context.Context, pipeline.Unit) error) (int, error)
}

// sender is what the relay needs of the queue.
type sender interface {
	Send(ctx context.Context, m pipeline.Message, kind pipeline.MessageKind, lane pipeline.Lane) error
	Ring(lanes ...pipeline.Lane)
	Kicks() <-chan struct{}
}

// Relay moves ready units from the database to the queue.
type Relay struct {
	db  relayStore
	q   sender
	log *slog.Logger
}

// NewRelay returns a relay.
func NewRelay(db relayStore, q sender, log *slog.Logger) *Relay {
	return &Relay{db: db, q: q, log: log}
}

// Run sends units until ctx ends: at every kick, and at every tick in case a
// kick was lost. While the queue or the database is away it waits a little
// longer between rounds, and says so once.
func (r *Relay) Run(ctx context.Context) {
	tick := time.NewTicker(pipeline.RelayEvery)
	defer tick.Stop()
	down := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.q.Kicks():
		case <-tick.C:
		}
		err := r.Round(ctx)
		switch {
		case err != nil && ctx.Err() == nil && !down:
			down = true
			r.log.Warn("relay cannot send; accepted work is safe and waits", "error", err)
		case err == nil && down:
			down = false
			r.log.Info("relay sends again")
		}
	}
}

// roundTime ends a round that waits for a database which went silent, on a
// connection that nobody closed: the next one takes another connection.
const roundTime = pipeline.LeaseTime

// Round sends what the live workers have room for, and rings for each lane
// that got something.
func (r *Relay) Round(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, roundTime)
	defer cancel()
	rung := make(map[pipeline.Lane]bool)
	_, err := r.db.Dispatch(ctx, func(ctx context.Context, u pipeline.Unit) error {
		m := pipeline.Message{V: pipeline.MessageVersion, ID: u.ID, Gen: u.Gen}
		if err := r.q.Send(ctx, m, u.Kind, u.Lane); err != nil {
			return err
		}
		if !rung[u.Lane] {
			rung[u.Lane] = true
			r.q.Ring(u.Lane)
		}
		return nil
	})
	return err
}

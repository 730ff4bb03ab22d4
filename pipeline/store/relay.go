package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"framemill/pipeline"
)

// relayLock is the key of the advisory lock that lets one relay round run at a
// time among all processes on Postgres.
const relayLock = 0x66726d6c // "frml"

// Dispatch runs one round of the relay: it picks ready units in fair order, as
// many as the live workers have room for, hands them to send, and marks as
// sent those that send accepted. It returns how many these were.
//
// One round runs at a time. A crash between sending and marking costs nothing:
// the next round sends the same generation again, which the queue refuses as a
// duplicate.
func (db *DB) Dispatch(ctx context.Context, send func(context.Context, pipeline.Unit) error) (int, error) {
	if _, ok := db.d.(*sqliteDialect); ok {
		// The only process: a mutex is the lock, and the writer stays free
		// while the queue is spoken to.
		db.relayMu.Lock()
		defer db.relayMu.Unlock()
		units, err := db.pick(ctx)
		if err != nil || len(units) == 0 {
			return 0, err
		}
		sent, sendErr := sendAll(ctx, units, send)
		if len(sent) == 0 {
			return 0, sendErr
		}
		err = db.tx(ctx, func(t *Tx) error { return t.markSent(ctx, sent) })
		return len(sent), joinFirst(err, sendErr)
	}
	return db.dispatchLocked(ctx, send)
}

// dispatchLocked is Dispatch under the advisory lock of Postgres. A round that
// finds nothing ends without a commit.
func (db *DB) dispatchLocked(ctx context.Context, send func(context.Context, pipeline.Unit) error) (int, error) {
	t, err := db.write.BeginTxx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer t.Rollback() //nolint:errcheck // after a commit this is a no-op
	x := &Tx{conn{t, db.d}}
	if err := db.d.begun(ctx, x); err != nil {
		return 0, err
	}
	if _, err := x.exec(ctx, `SELECT pg_advisory_xact_lock(?)`, relayLock); err != nil {
		return 0, err
	}
	units, err := x.pick(ctx)
	if err != nil || len(units) == 0 {
		return 0, err
	}
	sent, sendErr := sendAll(ctx, units, send)
	if len(sent) == 0 {
		return 0, sendErr
	}
	if err := x.markSent(ctx, sent); err != nil {
		return 0, err
	}
	if err := t.Commit(); err != nil {
		return 0, err
	}
	db.commits.Add(1)
	return len(sent), sendErr
}

// sendTime is when a round stops sending and marks what it has sent, because
// the queue is slow: on Postgres the round's transaction says nothing meanwhile,
// and holds up the relays of all other processes.
const sendTime = maxSilence / 4

// sendAll hands the units to send until one fails or the time is over. It sends
// at least one.
func sendAll(ctx context.Context, units []pipeline.Unit, send func(context.Context, pipeline.Unit) error) ([]pipeline.Unit, error) {
	begin := time.Now()
	for i, u := range units {
		if i > 0 && time.Since(begin) > sendTime {
			return units[:i], nil
		}
		if err := send(ctx, u); err != nil {
			return units[:i], fmt.Errorf("send unit %s: %w", u.ID, err)
		}
	}
	return units, nil
}

func joinFirst(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// pick chooses the units of a round, lane by lane.
func (c conn) pick(ctx context.Context) ([]pipeline.Unit, error) {
	room, err := c.room(ctx)
	if err != nil {
		return nil, err
	}
	var out []pipeline.Unit
	for _, lane := range pipeline.Lanes() {
		if room[lane] <= 0 {
			continue
		}
		units, err := c.pickLane(ctx, lane, room[lane])
		if err != nil {
			return nil, fmt.Errorf("pick from lane %s: %w", lane, err)
		}
		out = append(out, units...)
	}
	return out, nil
}

// room returns how many more units each lane may have in flight: the slots of
// its live workers and a few, less what is sent or running.
func (c conn) room(ctx context.Context) (map[pipeline.Lane]int, error) {
	slots, err := c.slots(ctx)
	if err != nil {
		return nil, err
	}
	var busy []struct {
		Lane pipeline.Lane `db:"lane"`
		N    int           `db:"n"`
	}
	err = c.all(ctx, &busy, `
		SELECT lane, COUNT(*) AS n FROM (
			SELECT lane FROM units WHERE state = 'ready' AND sent IS NOT NULL
			UNION ALL
			SELECT lane FROM units WHERE state = 'running'
		) AS busy GROUP BY lane`)
	if err != nil {
		return nil, err
	}
	room := make(map[pipeline.Lane]int)
	for _, lane := range pipeline.Lanes() {
		room[lane] = slots[lane] + pipeline.WindowPadding
	}
	for _, b := range busy {
		room[b.Lane] -= b.N
	}
	return room, nil
}

// slots sums the slots of live workers by lane.
func (c conn) slots(ctx context.Context) (map[pipeline.Lane]int, error) {
	var rows []string
	err := c.all(ctx, &rows, `SELECT slots FROM workers WHERE beat > {now} - ?`, pipeline.LeaseTime.Microseconds())
	if err != nil {
		return nil, err
	}
	sum := make(map[pipeline.Lane]int)
	for _, r := range rows {
		one := make(map[pipeline.Lane]int)
		if err := json.Unmarshal([]byte(r), &one); err != nil {
			return nil, fmt.Errorf("slots of a worker: %w", err)
		}
		for lane, n := range one {
			sum[lane] += n
		}
	}
	return sum, nil
}

// pickLane takes up to n units of a lane in turns over the tenants that have
// any, beginning after the tenant whose turn was last.
func (c conn) pickLane(ctx context.Context, lane pipeline.Lane, n int) ([]pipeline.Unit, error) {
	tenants, err := c.waitingTenants(ctx, lane, n)
	if err != nil || len(tenants) == 0 {
		return nil, err
	}
	queues := make([][]pipeline.Unit, len(tenants))
	for i, tenant := range tenants {
		err := c.all(ctx, &queues[i], `
			SELECT `+unitColumns+` FROM units
			WHERE lane = ? AND tenant = ? AND state = 'ready' AND sent IS NULL AND run_at <= {now}
			ORDER BY rank, id LIMIT ?`, string(lane), tenant, n)
		if err != nil {
			return nil, err
		}
	}
	return inTurns(queues, n), nil
}

// waitingTenants lists up to n tenants with unsent units in a lane that may run
// now, whoever comes after the last served one first. It skips from tenant to tenant in
// the index, so a tenant with a million units costs no more than one with one.
func (c conn) waitingTenants(ctx context.Context, lane pipeline.Lane, n int) ([]string, error) {
	const skip = `
		WITH RECURSIVE w(tenant) AS (
			SELECT MIN(tenant) FROM units
			WHERE lane = ? AND state = 'ready' AND sent IS NULL AND run_at <= {now} AND tenant > ?
			UNION ALL
			SELECT (
				SELECT MIN(tenant) FROM units
				WHERE lane = ? AND state = 'ready' AND sent IS NULL AND run_at <= {now} AND tenant > w.tenant
			) FROM w WHERE w.tenant IS NOT NULL
		)
		SELECT tenant FROM w WHERE tenant IS NOT NULL LIMIT ?`
	var last []string
	if err := c.all(ctx, &last, `SELECT tenant FROM turns WHERE lane = ?`, string(lane)); err != nil {
		return nil, err
	}
	from := strings.Join(last, "")
	var after, before []string
	if err := c.all(ctx, &after, skip, string(lane), from, string(lane), n); err != nil {
		return nil, err
	}
	if from == "" || len(after) == n {
		return after, nil
	}
	if err := c.all(ctx, &before, skip, string(lane), "", string(lane), n-len(after)); err != nil {
		return nil, err
	}
	for _, tenant := range before {
		if tenant <= from {
			after = append(after, tenant)
		}
	}
	return after, nil
}

// inTurns merges queues: one from each, again and again, up to n.
func inTurns(queues [][]pipeline.Unit, n int) []pipeline.Unit {
	var out []pipeline.Unit
	for depth := 0; len(out) < n; depth++ {
		before := len(out)
		for _, q := range queues {
			if depth < len(q) && len(out) < n {
				out = append(out, q[depth])
			}
		}
		if len(out) == before {
			break
		}
	}
	return out
}

// markSent marks units of the generations that were sent, and remembers whose
// turn was last in each lane.
func (t *Tx) markSent(ctx context.Context, sent []pipeline.Unit) error {
	last := make(map[pipeline.Lane]pipeline.Tenant)
	conds := make([]string, len(sent))
	args := make([]any, 0, 2*len(sent))
	for i, u := range sent {
		conds[i] = "(id = ? AND gen = ?)"
		args = append(args, string(u.ID), u.Gen)
		last[u.Lane] = u.Tenant
	}
	_, err := t.exec(ctx, `
		UPDATE units SET sent = {now} WHERE state = 'ready' AND sent IS NULL AND (`+strings.Join(conds, " OR ")+`)`, args...)
	if err != nil {
		return err
	}
	for lane, tenant := range last {
		_, err := t.exec(ctx, `
			INSERT INTO turns (lane, tenant) VALUES (?, ?)
			ON CONFLICT (lane) DO UPDATE SET tenant = excluded.tenant`, string(lane), string(tenant))
		if err != nil {
			return err
		}
	}
	return nil
}

package store

import (
	"context"
	"fmt"

	"framemill/pipeline"
)

// Progress is how far a request has come, for people.
type Progress struct {
	Fraction float64 // 0..1; 1 only when done
	Text     string  // what is going on
	Units    int64   // of the current phase
	Done     int64   // of these
	Ahead    int64   // units that wait before it, while queued; at most maxAhead
}

// bands are the shares of the whole that the phases span. They are fixed, so
// that progress never goes back.
var bands = map[pipeline.Phase][2]float64{
	pipeline.PhaseAll:      {0, 0.99},
	pipeline.PhaseFetch:    {0, 0.08},
	pipeline.PhaseCollect:  {0.08, 0.10},
	pipeline.PhaseProbe:    {0.10, 0.30},
	pipeline.PhaseGenerate: {0.30, 0.35},
	pipeline.PhaseEncode:   {0.35, 0.98},
	pipeline.PhaseFinish:   {0.98, 0.99},
}

// Progress says how far a request has come, from its finished units weighted
// by their cost.
func (db *DB) Progress(ctx context.Context, r *pipeline.Request) (Progress, error) {
	switch r.State {
	case pipeline.RequestAccepted:
		return db.queued(ctx, r)
	case pipeline.RequestRunning:
		return db.running(ctx, r)
	}
	return EndProgress(r), nil
}

// EndProgress is the progress of a request that has ended.
func EndProgress(r *pipeline.Request) Progress {
	p := Progress{Text: r.Text}
	if r.State == pipeline.RequestDone {
		p.Fraction = 1
	}
	return p
}

// maxAhead bounds the count of units that wait before a request: every poll of
// every queued request counts them.
const maxAhead = 1000

// queued says why a request has not begun.
func (db *DB) queued(ctx context.Context, r *pipeline.Request) (Progress, error) {
	var first pipeline.Unit
	err := db.get(ctx, &first, `
		SELECT `+unitColumns+` FROM units WHERE request_id = ? AND state = 'ready' ORDER BY id LIMIT 1`, r.ID)
	if pipeline.KindOf(err) == pipeline.NotFound {
		return Progress{Text: "starting"}, nil
	}
	if err != nil {
		return Progress{}, err
	}
	p := Progress{Units: 1}
	if p.Text, err = db.waitText(ctx, &first); err != nil {
		return p, err
	}
	if first.Sent != nil {
		return p, nil
	}
	err = db.get(ctx, &p.Ahead, `
		SELECT COUNT(*) FROM (
			SELECT 1 FROM units WHERE lane = ? AND state = 'ready' AND sent IS NULL AND id < ? LIMIT ?
		) AS ahead`, string(first.Lane), string(first.ID), maxAhead)
	return p, err
}

// waitText says what a ready unit waits for.
func (db *DB) waitText(ctx context.Context, u *pipeline.Unit) (string, error) {
	live, err := db.LiveWorkers(ctx, u.Lane)
	if err != nil {
		return "", err
	}
	if live > 0 {
		return "waiting for a free worker", nil
	}
	now, err := db.Now(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("no live consumer for lane %s since at least %d s: start a consumer",
		u.Lane, (now-u.Created)/1_000_000), nil
}

func (db *DB) running(ctx context.Context, r *pipeline.Request) (Progress, error) {
	var sum struct {
		Units    int64   `db:"units"`
		Done     int64   `db:"done"`
		Running  int64   `db:"running"`
		Cost     float64 `db:"cost"`
		CostDone float64 `db:"cost_done"`
	}
	err := db.get(ctx, &sum, `
		SELECT COUNT(*) AS units, COALESCE(SUM(CASE WHEN state = 'done' THEN 1 ELSE 0 END), 0) AS done,
			COALESCE(SUM(CASE WHEN state = 'running' THEN 1 ELSE 0 END), 0) AS running,
			COALESCE(SUM(cost), 0) AS cost, COALESCE(SUM(CASE WHEN state = 'done' THEN cost ELSE 0 END), 0) AS cost_done
		FROM units WHERE request_id = ? AND kind = ?`, r.ID, string(kindOf[r.Phase]))
	if err != nil {
		return Progress{}, err
	}
	p := Progress{Units: sum.Units, Done: sum.Done, Text: phaseText(r, sum.Done, sum.Units)}
	share := 0.0
	if sum.Cost > 0 {
		share = sum.CostDone / sum.Cost
	} else if sum.Units > 0 {
		share = float64(sum.Done) / float64(sum.Units)
	}
	band := bands[r.Phase]
	p.Fraction = band[0] + (band[1]-band[0])*min(1, share)
	if sum.Running == 0 && sum.Done < sum.Units {
		var first pipeline.Unit
		err := db.get(ctx, &first, `
			SELECT `+unitColumns+` FROM units WHERE request_id = ? AND state = 'ready' ORDER BY id LIMIT 1`, r.ID)
		if err == nil {
			why, err := db.waitText(ctx, &first)
			if err != nil {
				return p, err
			}
			p.Text += ", " + why
		}
	}
	return p, nil
}

// kindOf is the kind of the units that a phase consists of.
var kindOf = map[pipeline.Phase]pipeline.MessageKind{
	pipeline.PhaseAll:      pipeline.UploadRun,
	pipeline.PhaseFetch:    pipeline.UploadFetch,
	pipeline.PhaseCollect:  pipeline.UploadCollect,
	pipeline.PhaseProbe:    pipeline.UploadProbe,
	pipeline.PhaseGenerate: pipeline.JobsGenerate,
	pipeline.PhaseEncode:   pipeline.ChunksEncode,
	pipeline.PhaseFinish:   pipeline.IngestFinish,
}

// phaseText says in words what a running request does.
func phaseText(r *pipeline.Request, done, units int64) string {
	switch r.Phase {
	case pipeline.PhaseAll:
		return "reading the files and preparing the jobs"
	case pipeline.PhaseFetch:
		return fmt.Sprintf("downloading the files, part %d of %d", min(done+1, units), units)
	case pipeline.PhaseCollect:
		return "listing the files"
	case pipeline.PhaseProbe:
		return fmt.Sprintf("reading the headers of %d files, part %d of %d", r.Total, min(done+1, units), units)
	case pipeline.PhaseGenerate:
		return "cutting the jobs"
	case pipeline.PhaseEncode:
		return fmt.Sprintf("preparing chunks, part %d of %d; the jobs can be opened already", min(done+1, units), units)
	}
	return "finishing"
}

package store

import (
	"context"

	"framemill/pipeline"
)

// OutcomeBad asks a report for every file that is not all right.
const OutcomeBad pipeline.Outcome = "bad"

// Files returns what became of the source files of a request, those after a
// place in the collected list, which begins with 0, and at most limit. An
// outcome of "" means any.
func (db *DB) Files(
	ctx context.Context, requestID, after int64, limit int, outcome pipeline.Outcome,
) ([]pipeline.File, error) {
	where, args := reportScope(requestID, outcome)
	var out []pipeline.File
	err := db.all(ctx, &out, `
		SELECT `+fileColumns+` FROM files WHERE `+where+` AND ord > ? ORDER BY ord LIMIT ?`,
		append(args, after, limit)...)
	return out, err
}

// CountFiles counts the source files of a request with an outcome, or with any.
func (db *DB) CountFiles(ctx context.Context, requestID int64, outcome pipeline.Outcome) (int64, error) {
	where, args := reportScope(requestID, outcome)
	var n int64
	err := db.get(ctx, &n, `SELECT COUNT(*) FROM files WHERE `+where, args...)
	return n, err
}

// reportScope spells the condition so that the index of bad files serves it.
func reportScope(requestID int64, outcome pipeline.Outcome) (string, []any) {
	switch outcome {
	case "":
		return `request_id = ?`, []any{requestID}
	case OutcomeBad:
		return `request_id = ? AND outcome <> 'ok'`, []any{requestID}
	case pipeline.OutcomeOK:
		return `request_id = ? AND outcome = 'ok'`, []any{requestID}
	}
	return `request_id = ? AND outcome <> 'ok' AND outcome = ?`, []any{requestID, string(outcome)}
}

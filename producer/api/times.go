package api

import "framemill/pipeline"

// iso spells a time as stock clients compare it: microseconds with six digits,
// left out when they are 0, and Z.
func iso(m pipeline.Micros) string {
	if m%1_000_000 == 0 {
		return m.Time().Format("2006-01-02T15:04:05Z")
	}
	return m.Time().Format("2006-01-02T15:04:05.000000Z")
}

// isoOrNull is iso of a time that may be missing.
func isoOrNull(m *pipeline.Micros) *string {
	if m == nil {
		return nil
	}
	s := iso(*m)
	return &s
}

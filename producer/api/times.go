package api

import (
	"encoding/json"
	"time"

	"framemill/pipeline"
)

// moment is a time of a request: a date with a time, in UTC unless it says
// otherwise.
type moment time.Time

// UnmarshalJSON implements json.Unmarshaler.
func (m *moment) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			*m = moment(t)
			return nil
		}
	}
	return pipeline.Errorf(pipeline.Invalid, "%q is not a time like 2006-01-02T15:04:05Z.", clip(s))
}

// micros returns the time as it is kept, nil for nil.
func (m *moment) micros() *pipeline.Micros {
	if m == nil {
		return nil
	}
	v := pipeline.Micros(time.Time(*m).UnixMicro())
	return &v
}

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

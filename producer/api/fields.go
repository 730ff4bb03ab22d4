package api

import (
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"strconv"

	"github.com/go-chi/chi/v5"

	"framemill/pipeline"
)

// integer is a whole number of a request. Clients turn fields that they do not
// know into floats, so 5.0 is 5; what no column of the contract holds is
// refused.
type integer int64

// UnmarshalJSON implements json.Unmarshaler.
func (n *integer) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		return pipeline.Errorf(pipeline.Invalid, "This field may not be null.")
	}
	var number json.Number
	if text[0] == '"' || json.Unmarshal(text, &number) != nil {
		return pipeline.Errorf(pipeline.Invalid, "A valid integer is required.")
	}
	v, err := number.Float64() // exact far beyond the bounds below
	if err != nil || v != math.Trunc(v) {
		return pipeline.Errorf(pipeline.Invalid, "A valid integer is required.")
	}
	if v < math.MinInt32 || v > math.MaxInt32 {
		return pipeline.Errorf(pipeline.Invalid, "Ensure this value is between -2147483648 and 2147483647.")
	}
	*n = integer(v)
	return nil
}

// id returns n as the id that it is, nil for nil.
func (n *integer) id() *int64 {
	if n == nil {
		return nil
	}
	v := int64(*n)
	return &v
}

// optional is a field of a request that may be absent, null or there.
type optional[T any] struct {
	Set   bool // the field was sent
	Value *T   // nil for null
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *optional[T]) UnmarshalJSON(text []byte) error {
	o.Set = true
	return json.Unmarshal(text, &o.Value)
}

// param returns a component of the path, decoded.
func param(r *http.Request, name string) string {
	raw := chi.URLParam(r, name)
	if s, err := url.PathUnescape(raw); err == nil {
		return s
	}
	return raw
}

// idParam returns the id in the path. What is not an id names nothing.
func idParam(r *http.Request) (int64, error) {
	n, err := strconv.ParseInt(chi.URLParam(r, "id"), 10, 64)
	if err != nil || n < 1 {
		return 0, errNotFound()
	}
	return n, nil
}

// intQuery returns a whole number of the query, nil if it is not there.
func intQuery(r *http.Request, name string) (*int64, error) {
	s := r.URL.Query().Get(name)
	if s == "" {
		return nil, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return nil, pipeline.FieldErrorf(name, "Enter a number.")
	}
	return &n, nil
}

func errNotFound() error { return pipeline.Errorf(pipeline.NotFound, "Not found.") }

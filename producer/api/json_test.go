package api_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"framemill/pipeline"
	"framemill/producer/api"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		body  string
		patch bool
		check func(api.Strict) bool
		kind  pipeline.Kind // of the error; Internal means none
		field string
	}{
		{name: "empty", body: "", check: func(s api.Strict) bool { return !s.Assignee.Set && s.Maybe == nil }},
		{name: "blank", body: " \n", check: func(s api.Strict) bool { return s.Count == 0 }},
		{name: "integer", body: `{"count":5}`, check: func(s api.Strict) bool { return s.Count == 5 }},
		{name: "integer as float", body: `{"count":5.0,"maybe":3e2}`, check: func(s api.Strict) bool { return s.Count == 5 && *s.Maybe == 300 }},
		{name: "largest", body: `{"count":2147483647}`, check: func(s api.Strict) bool { return s.Count == 1<<31-1 }},
		{name: "null where it may be", body: `{"maybe":null,"assignee":null}`, check: func(s api.Strict) bool { return s.Maybe == nil && s.Assignee.Set && s.Assignee.Value == nil }},
		{name: "set", body: `{"assignee":7.0}`, check: func(s api.Strict) bool { return s.Assignee.Set && *s.Assignee.Value == 7 }},
		{name: "markup stays", body: `{"name":"<b>\u2028&"}`, check: func(s api.Strict) bool { return s.Name == "<b>\u2028&" }},
		{name: "unknown field", body: `{"other":[{}]}`, check: func(s api.Strict) bool { return true }},
		{name: "case matters", body: `{"Count":5}`, check: func(s api.Strict) bool { return s.Count == 0 }},
		{name: "a thousand fields", body: "{" + strings.Repeat(`"x":0,`, 999) + `"count":9}`, check: func(s api.Strict) bool { return s.Count == 9 }},
		{name: "a long list", body: `{"frames":[` + strings.Repeat("1,", 5000) + `1]}`, check: func(s api.Strict) bool { return len(s.Frames) == 5001 }},
		{name: "unknown field of a patch", body: `{"count":1,"other":1}`, patch: true, kind: pipeline.Forbidden, field: "other"},
		{name: "fraction", body: `{"count":5.5}`, kind: pipeline.Invalid, field: "count"},
		{name: "too large", body: `{"count":2147483648}`, kind: pipeline.Invalid, field: "count"},
		{name: "too small", body: `{"count":-2147483649}`, kind: pipeline.Invalid, field: "count"},
		{name: "far too large", body: `{"count":1e400}`, kind: pipeline.Invalid, field: "count"},
		{name: "text for an integer", body: `{"count":"5"}`, kind: pipeline.Invalid, field: "count"},
		{name: "truth for an integer", body: `{"maybe":true}`, kind: pipeline.Invalid, field: "maybe"},
		{name: "null for an integer", body: `{"count":null}`, kind: pipeline.Invalid, field: "count"},
		{name: "fraction where null may be", body: `{"assignee":0.5}`, kind: pipeline.Invalid, field: "assignee"},
		{name: "object for a text", body: `{"name":{}}`, kind: pipeline.Invalid, field: "name"},
		{name: "null in a list", body: `{"frames":[1,null]}`, kind: pipeline.Invalid, field: "frames"},
		{name: "null for a list", body: `{"frames":null}`, kind: pipeline.Invalid, field: "frames"},
		{name: "null character", body: `{"name":"a\u0000b"}`, kind: pipeline.Invalid, field: "detail"},
		{name: "trailing garbage", body: `{"count":1}x`, kind: pipeline.Invalid, field: "detail"},
		{name: "unfinished", body: `{"count":`, kind: pipeline.Invalid, field: "detail"},
		{name: "65 levels", body: strings.Repeat("[", 65), kind: pipeline.Invalid, field: "detail"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest("POST", "/", strings.NewReader(tt.body))
			got, err := api.Decode(r, tt.patch)
			if tt.kind == pipeline.Internal {
				if err != nil || !tt.check(got) {
					t.Errorf("decoded %+v, error %v", got, err)
				}
				return
			}
			if err == nil || pipeline.KindOf(err) != tt.kind || pipeline.Public(err).Field != tt.field {
				t.Errorf("error %v of field %q, want kind %d of field %q", err, pipeline.Public(err).Field, tt.kind, tt.field)
			}
		})
	}
}

// FuzzDecode looks for bodies that panic, or fail as if it were our fault.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{``, `{}`, `{"count":1e5,"frames":[1.0]}`, `{"assignee":null}`, `{"name":"\ud800"}`, `[`, `{"":{}}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, patch := range []bool{false, true} {
			_, err := api.Decode(httptest.NewRequest("POST", "/", strings.NewReader(body)), patch)
			if err != nil && pipeline.KindOf(err) == pipeline.Internal {
				t.Errorf("body %q: error %v is internal", body, err)
			}
		}
	})
}

func TestTimes(t *testing.T) {
	t.Parallel()
	for m, want := range map[pipeline.Micros]string{
		0: "1970-01-01T00:00:00Z", 1763033492132000: "2025-11-13T11:31:32.132000Z", 1763033492000001: "2025-11-13T11:31:32.000001Z",
		1763033492000000: "2025-11-13T11:31:32Z",
	} {
		if got := api.ISO(m); got != want {
			t.Errorf("%d is spelled %s, want %s", m, got, want)
		}
	}
}

// TestEveryKindHasAStatus walks the table of codes, so that no kind is
// answered without a status.
func TestEveryKindHasAStatus(t *testing.T) {
	t.Parallel()
	for code, info := range pipeline.Codes() {
		if s := api.StatusOf[info.Kind]; s < 400 || s > 599 {
			t.Errorf("code %s has the status %d", code, s)
		}
	}
}

package api_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFilters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, name := range []string{"one", "two", "three"} {
		b.create("user", object{"name": name, "subset": name[:1]})
	}
	for _, tt := range filterCases() {
		t.Run(tt.name, func(t *testing.T) {
			path := "/api/tasks?filter=" + url.QueryEscape(tt.filter)
			if tt.err != "" {
				if r := b.want(400, "GET", path, "user", nil); !strings.Contains(r.body, tt.err) {
					t.Errorf("answer %s, want %q in it", r.body, tt.err)
				}
				return
			}
			page := b.want(200, "GET", path, "user", nil).json(t)
			if diff := cmp.Diff(tt.want, field(results(t, page), "name")); diff != "" {
				t.Errorf("names differ (-want +got):\n%s", diff)
			}
		})
	}
	if r := b.want(400, "GET", "/api/tasks?sort="+strings.Repeat("id,", 8)+"id", "user", nil); !strings.Contains(r.body, "sorted") {
		t.Errorf("sort by nine fields: %s", r.body)
	}
	for _, search := range []string{"%", "_", `\`, "'", `"`} {
		if n := b.want(200, "GET", "/api/tasks?search="+url.QueryEscape(search), "user", nil).json(t)["count"]; n != 0.0 {
			t.Errorf("search for %s finds %v tasks", search, n)
		}
	}
}

// filterCase is a filter and the names of the tasks that it finds, or a part
// of the sentence that refuses it.
type filterCase struct {
	name, filter string
	want         []any
	err          string
}

func filterCases() []filterCase {
	long := strings.Repeat("x", 64<<10)
	deep := strings.Repeat(`{"!":`, 99) + `{"==":[{"var":"id"},1]}` + strings.Repeat("}", 99)
	many := strings.TrimSuffix(strings.Repeat(`{"==":[{"var":"id"},1]},`, 199), ",")
	values := strings.TrimSuffix(strings.Repeat("1,", 5000), ",")
	return []filterCase{
		{name: "equal", filter: `{"==":[{"var":"id"},2]}`, want: []any{"two"}},
		{name: "mirrored", filter: `{">":[2,{"var":"id"}]}`, want: []any{"one"}},
		{name: "float", filter: `{"==":[{"var":"id"},2.0]}`, want: []any{"two"}},
		{name: "not equal", filter: `{"!=":[{"var":"name"},"two"]}`, want: []any{"three", "one"}},
		{name: "not equal to null is kept", filter: `{"!=":[{"var":"project_id"},7]}`, want: []any{"three", "two", "one"}},
		{name: "null", filter: `{"==":[{"var":"project_id"},null]}`, want: []any{"three", "two", "one"}},
		{name: "between", filter: `{"<=":[2,{"var":"id"},3]}`, want: []any{"three", "two"}},
		{name: "strictly between", filter: `{"<":[1,{"var":"id"},3]}`, want: []any{"two"}},
		{name: "in a list", filter: `{"in":[{"var":"name"},["one","three"]]}`, want: []any{"three", "one"}},
		{name: "in an empty list", filter: `{"in":[{"var":"name"},[]]}`, want: []any{}},
		{name: "in a text", filter: `{"in":["W",{"var":"name"}]}`, want: []any{"two"}},
		{name: "is set", filter: `{"var":"assignee"}`, want: []any{}},
		{name: "is not set", filter: `{"!":{"var":"assignee"}}`, want: []any{"three", "two", "one"}},
		{name: "twice not", filter: `{"!!":[{"var":"name"}]}`, want: []any{"three", "two", "one"}},
		{name: "and, or", filter: `{"and":[{"or":[{"==":[{"var":"id"},1]},{"==":[{"var":"id"},2]}]},{"!":{"==":[{"var":"subset"},"t"]}}]}`, want: []any{"one"}},
		{name: "dates", filter: `{"<":[{"var":"updated_date"},"2001-01-01T00:00:00Z"]}`, want: []any{}},
		{name: "100 levels", filter: deep, want: []any{"three", "two"}},
		{name: "101 levels", filter: `{"!":` + deep + `}`, err: "deeper"},
		{name: "10,001 levels", filter: strings.Repeat(`{"!":`, 10_001) + "1" + strings.Repeat("}", 10_001), err: "not valid JSON"},
		{name: "1 MB", filter: `{"==":[{"var":"name"},"` + strings.Repeat("x", 1_000_000) + `"]}`, err: "longer than 64 KiB"},
		{name: "199 conditions", filter: `{"or":[` + many + `]}`, want: []any{"one"}},
		{name: "201 conditions", filter: `{"or":[` + many + `,{"var":"id"}]}`, err: "more than 200"},
		{name: "5000 values", filter: `{"in":[{"var":"id"},[` + values + `]]}`, want: []any{"one"}},
		{name: "5001 values", filter: `{"in":[{"var":"id"},[` + values + `,1]]}`, err: "too many values"},
		{name: "64 KiB", filter: `{"==":[{"var":"name"},"` + long + `"]}`, err: "longer than 64 KiB"},
		{name: "no JSON", filter: `{"==":`, err: "not valid JSON"},
		{name: "two rules", filter: `{"var":"id"}{"var":"id"}`, err: "more than one rule"},
		{name: "empty object", filter: `{}`, err: "one operator"},
		{name: "two operators", filter: `{"var":"id","!":{"var":"id"}}`, err: "one operator"},
		{name: "a list", filter: `[]`, err: "one operator"},
		{name: "a number", filter: `5`, err: "one operator"},
		{name: "unknown operator", filter: `{"map":[{"var":"id"},1]}`, err: "unknown operator map"},
		{name: "variable without a name", filter: `{"var":5}`, err: "without a name"},
		{name: "two variables", filter: `{"==":[{"var":"id"},{"var":"name"}]}`, err: "more than a value"},
		{name: "no variable", filter: `{"==":[1,1]}`, err: "nothing with a variable"},
		{name: "one operand", filter: `{"==":[{"var":"id"}]}`, err: "two operands"},
		{name: "negation of two", filter: `{"!":[{"var":"id"},{"var":"id"}]}`, err: "one rule"},
		{name: "in of one", filter: `{"in":[{"var":"id"}]}`, err: "without two operands"},
		{name: "in with null", filter: `{"in":[{"var":"id"},[null]]}`, err: "values"},
		{name: "unknown field", filter: `{"==":[{"var":"password"},1]}`, err: "password"},
		{name: "number in a text", filter: `{"in":["1",{"var":"id"}]}`, err: "text only"},
		{name: "text for a number", filter: `{"==":[{"var":"id"},"x"]}`, err: "whole number"},
		{name: "huge number", filter: `{"==":[{"var":"id"},1e300]}`, err: "whole number"},
		{name: "NUL", filter: `{"==":[{"var":"name"},"\u0000"]}`, err: "NUL"},
		{name: "less than null", filter: `{"<":[{"var":"id"},null]}`, err: "cannot compare"},
		{name: "no date", filter: `{"<":[{"var":"updated_date"},"soon"]}`, err: "date"},
	}
}

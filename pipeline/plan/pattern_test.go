package plan_test

import (
	_ "embed"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/plan"
)

// fnmatchCases is what Python says; testdata/fnmatch.py makes it.
//
//go:embed testdata/fnmatch.json
var fnmatchCases []byte

func TestPatternIsThatOfPython(t *testing.T) {
	t.Parallel()
	var cases [][3]any
	if err := json.Unmarshal(fnmatchCases, &cases); err != nil {
		t.Fatal(err)
	}
	matched := 0
	for _, c := range cases {
		pattern, name, want := c[0].(string), c[1].(string), c[2].(bool)
		p, err := plan.ParsePattern(pattern)
		if err != nil {
			t.Fatalf("ParsePattern(%q): %v", pattern, err)
		}
		if got := p.Match(name); got != want {
			t.Errorf("pattern %q matches %q: %t, Python says %t", pattern, name, got, want)
		}
		if want {
			matched++
		}
	}
	if matched < 250 || len(cases)-matched < 250 {
		t.Errorf("%d of %d cases match: they do not say much", matched, len(cases))
	}
}

func TestPatternIsBounded(t *testing.T) {
	t.Parallel()
	if _, err := plan.ParsePattern(strings.Repeat("é", 257)); pipeline.CodeOf(err) != pipeline.CodeInvalid {
		t.Errorf("a pattern of 257 characters: %v, want invalid", err)
	}
	p, err := plan.ParsePattern(strings.Repeat("*a", 127) + "*b")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if p.Match(strings.Repeat("a", 1024)) {
		t.Error("a name without b matches a pattern that ends in b")
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("the worst pattern takes %s", took)
	}
}

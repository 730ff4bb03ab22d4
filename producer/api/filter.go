package api

import (
	"encoding/json"
	"io"
	"strings"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// Limits of a filter. What a database makes of a longer one is slow at best.
const (
	maxFilterBytes  = 64 << 10
	maxFilterDepth  = 100
	maxFilterConds  = 200
	maxFilterValues = 5000
)

// parseFilter reads a JSON-logic rule, as the query parameter "filter" has it:
// and, or, !, ==, !=, <, <=, >, >=, in, and a bare variable for "is set".
func parseFilter(text string) (store.Cond, error) {
	if len(text) > maxFilterBytes {
		return store.Cond{}, errFilter("is longer than 64 KiB")
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var rule any
	if err := dec.Decode(&rule); err != nil {
		return store.Cond{}, errFilter("is not valid JSON")
	}
	if _, err := dec.Token(); err != io.EOF {
		return store.Cond{}, errFilter("is more than one rule")
	}
	p := filterParser{}
	return p.rule(rule, 1)
}

func errFilter(problem string) error {
	return pipeline.FieldErrorf("filter", "the filter %s", problem)
}

// filterParser counts what it has read, to stop in time.
type filterParser struct {
	conds  int
	values int
}

// rule reads one operation.
func (p *filterParser) rule(v any, depth int) (store.Cond, error) {
	if depth > maxFilterDepth {
		return store.Cond{}, errFilter("is nested deeper than 100 levels")
	}
	if p.conds++; p.conds > maxFilterConds {
		return store.Cond{}, errFilter("has more than 200 conditions")
	}
	object, ok := v.(map[string]any)
	if !ok || len(object) != 1 {
		return store.Cond{}, errFilter("must consist of objects with one operator each")
	}
	for op, args := range object {
		return p.operation(op, args, depth)
	}
	panic("an object with one member has none")
}

func (p *filterParser) operation(op string, v any, depth int) (store.Cond, error) {
	if op == "var" {
		name, ok := variable(map[string]any{"var": v})
		if !ok {
			return store.Cond{}, errFilter("has a variable without a name")
		}
		return store.Cond{Op: store.IsSet, Field: name}, nil
	}
	args, ok := v.([]any)
	if !ok {
		args = []any{v} // {"!": rule} is as good as {"!": [rule]}
	}
	switch op {
	case "and", "or":
		return p.combination(store.Op(op), args, depth)
	case "!", "!!":
		return p.negation(op, args, depth)
	case "==", "!=", "<", "<=", ">", ">=":
		return p.comparison(op, args)
	case "in":
		return p.membership(args)
	}
	return store.Cond{}, errFilter("has the unknown operator " + clip(op))
}

// clip shortens what a client sent for an error.
func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

func (p *filterParser) combination(op store.Op, args []any, depth int) (store.Cond, error) {
	c := store.Cond{Op: op}
	for _, a := range args {
		sub, err := p.rule(a, depth+1)
		if err != nil {
			return c, err
		}
		c.Conds = append(c.Conds, sub)
	}
	return c, nil
}

func (p *filterParser) negation(op string, args []any, depth int) (store.Cond, error) {
	if len(args) != 1 {
		return store.Cond{}, errFilter("negates more or less than one rule")
	}
	c, err := p.rule(args[0], depth+1)
	if err != nil || op == "!!" {
		return c, err
	}
	return store.Cond{Op: store.Not, Conds: []store.Cond{c}}, nil
}

// mirrored is the operator that says the same with its operands swapped.
var mirrored = map[string]string{"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

// comparison reads [variable, value], [value, variable] or, for what lies
// between, [value, variable, value].
func (p *filterParser) comparison(op string, args []any) (store.Cond, error) {
	if len(args) == 3 && (op == "<" || op == "<=") {
		low, err := p.comparison(op, args[:2])
		if err != nil {
			return low, err
		}
		high, err := p.comparison(op, args[1:])
		return store.Cond{Op: store.And, Conds: []store.Cond{low, high}}, err
	}
	if len(args) != 2 {
		return store.Cond{}, errFilter("compares more or less than two operands")
	}
	name, ok := variable(args[0])
	value := args[1]
	if !ok {
		if name, ok = variable(args[1]); !ok {
			return store.Cond{}, errFilter("compares nothing with a variable")
		}
		op, value = mirrored[op], args[0]
	}
	if !p.scalar(value) {
		return store.Cond{}, errFilter("compares a variable with more than a value")
	}
	if op == "!=" {
		return store.Cond{Op: store.Not, Conds: []store.Cond{store.Is(name, value)}}, nil
	}
	return store.Cond{Op: store.Op(op), Field: name, Values: []any{value}}, nil
}

// membership reads [variable, [values]] or, for a part of a text, [text,
// variable].
func (p *filterParser) membership(args []any) (store.Cond, error) {
	if len(args) != 2 {
		return store.Cond{}, errFilter(`has an "in" without two operands`)
	}
	if name, ok := variable(args[1]); ok && p.scalar(args[0]) {
		return store.Cond{Op: store.Contains, Field: name, Values: args[:1]}, nil
	}
	name, ok := variable(args[0])
	values, isList := args[1].([]any)
	if !ok || !isList {
		return store.Cond{}, errFilter(`has an "in" that is neither of a list nor of a text`)
	}
	for _, v := range values {
		if v == nil || !p.scalar(v) {
			return store.Cond{}, errFilter(`has an "in" with too many values, or with more than values`)
		}
	}
	return store.Cond{Op: store.In, Field: name, Values: values}, nil
}

// scalar reports whether v is a single value, and one that there is room for.
func (p *filterParser) scalar(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return false
	}
	p.values++
	return p.values <= maxFilterValues
}

// variable returns the name in {"var": name}.
func variable(v any) (string, bool) {
	object, ok := v.(map[string]any)
	if !ok || len(object) != 1 {
		return "", false
	}
	name, ok := object["var"].(string)
	return name, ok && name != ""
}

package receive

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"framemill/pipeline"
)

// maxDepth bounds how deep the names of fields nest.
const maxDepth = 4

// form is the tree that the text fields of a multipart body describe:
// "a=1" is a string, "a=1" and "a=2" or "a[0]=1" and "a[1]=2" a list,
// "a.b=1" an object. Values stay text; whoever decodes them knows the types.
type form struct {
	values []string         // of the name itself, as they came
	items  map[uint64]*form // by index
	fields map[string]*form // by name
}

// add puts one field into the tree.
func (f *form) add(name, value string) error {
	steps, ok := parseName(name)
	if !ok {
		return pipeline.Errorf(pipeline.Invalid, "The field name %s is malformed", show(name))
	}
	for _, s := range steps {
		f = f.child(s)
	}
	f.values = append(f.values, value)
	return nil
}

// step is one component of a field name: a name, or an index in brackets.
type step struct {
	name    string
	index   uint64
	isIndex bool
}

func (f *form) child(s step) *form {
	if s.isIndex {
		return descend(&f.items, s.index)
	}
	return descend(&f.fields, s.name)
}

func descend[K comparable](m *map[K]*form, k K) *form {
	if *m == nil {
		*m = make(map[K]*form)
	}
	if (*m)[k] == nil {
		(*m)[k] = new(form)
	}
	return (*m)[k]
}

// parseName splits a name like "a.b[3]" into steps.
func parseName(name string) (steps []step, ok bool) {
	for component := range strings.SplitSeq(name, ".") {
		base, rest, _ := strings.Cut(component, "[")
		if base == "" {
			return nil, false
		}
		steps = append(steps, step{name: base})
		for more := rest != "" || strings.HasSuffix(component, "["); more; {
			digits, tail, closed := strings.Cut(rest, "]")
			index, err := strconv.ParseUint(digits, 10, 64)
			if !closed || err != nil || len(steps) == maxDepth {
				return nil, false
			}
			steps = append(steps, step{index: index, isIndex: true})
			if rest, more = strings.CutPrefix(tail, "["); !more && tail != "" {
				return nil, false
			}
		}
		if len(steps) > maxDepth {
			return nil, false
		}
	}
	return steps, true
}

// tree returns the form as encoding/json knows it. A name that was used in
// several ways means the most structured one.
func (f *form) tree() any {
	switch {
	case f.fields != nil:
		object := make(map[string]any, len(f.fields))
		for name, child := range f.fields {
			object[name] = child.tree()
		}
		return object
	case f.items != nil:
		list := make([]any, 0, len(f.items))
		for _, i := range slices.Sorted(maps.Keys(f.items)) {
			list = append(list, f.items[i].tree())
		}
		return list
	case len(f.values) == 1:
		return f.values[0]
	}
	return f.values
}

// document returns the whole form as a JSON object.
func (f *form) document() ([]byte, error) {
	if f.fields == nil {
		return []byte("{}"), nil
	}
	return json.Marshal(f.tree())
}

// show returns hostile text in quotes, short and printable.
func show(s string) string {
	const most = 100
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strconv.QuoteToASCII(s)
}

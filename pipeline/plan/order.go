package plan

import (
	"cmp"
	"slices"
	"strings"

	"framemill/pipeline"
)

// Order returns the order in which files become frames: element k of the
// result is the index within names of the k-th file. Equal names keep their
// order of input. The random order is the list shuffle of a Generator with the
// given seed, which the other methods ignore.
func Order(names []string, by pipeline.Sorting, seed uint64) ([]int, error) {
	switch by {
	case pipeline.SortLexicographical:
		return sorted(names), nil
	case pipeline.SortNatural:
		return sorted(naturalKeys(names)), nil
	case pipeline.SortPredefined:
		return identity(len(names)), nil
	case pipeline.SortRandom:
		order := identity(len(names))
		NewGenerator(seed).Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		return order, nil
	default:
		return nil, pipeline.FieldErrorf("sorting_method", "Sorting method %s is not known", quote(string(by)))
	}
}

func identity(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

// sorted returns the stable order of keys by their bytes, which for UTF-8 is
// the order of code points. Comparing the index last makes the fast, unstable
// sort a stable one.
func sorted(keys []string) []int {
	type entry struct {
		key   string
		index int
	}
	entries := make([]entry, len(keys))
	for i, k := range keys {
		entries[i] = entry{k, i}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		if c := strings.Compare(a.key, b.key); c != 0 {
			return c
		}
		return cmp.Compare(a.index, b.index)
	})
	order := make([]int, len(entries))
	for k := range entries {
		order[k] = entries[k].index
	}
	return order
}

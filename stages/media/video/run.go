package video

import (
	"fmt"
	"slices"
	"strings"

	"framemill/pipeline/frameindex"
)

// Run is Count frames of a video: First, First+Step, and so on. Of those, Only
// lists the ones that are meant, in rising order; nil means all.
type Run struct {
	First, Step, Count int64
	Only               []int64
}

// Picks returns the run of some frames, which must be listed in rising order.
func Picks(frames []int64) Run {
	if len(frames) == 0 {
		return Run{Step: 1}
	}
	first, last := frames[0], frames[len(frames)-1]
	return Run{First: first, Step: 1, Count: last - first + 1, Only: frames}
}

// Last returns the last frame of the run.
func (r Run) Last() int64 { return r.First + (r.Count-1)*r.Step }

// has reports whether a frame is one of the run.
func (r Run) has(k int64) bool {
	if k < r.First || k > r.Last() || (k-r.First)%r.Step != 0 {
		return false
	}
	if r.Only == nil {
		return true
	}
	_, listed := slices.BinarySearch(r.Only, k)
	return listed
}

// from returns what is left of a run from a frame on, which follows one that it
// has.
func (r Run) from(k int64) Run {
	if i, _ := slices.BinarySearch(r.Only, k); i < len(r.Only) {
		return Picks(r.Only[i:])
	}
	return Run{First: k, Step: r.Step, Count: (r.Last()-k)/r.Step + 1}
}

// check reports a run that does not lie in the index.
func (r Run) check(x *frameindex.Index) error {
	if r.First < 0 || r.Step < 1 || r.Count < 1 || r.Count > x.Len() || r.Step > x.Len() || r.Last() >= x.Len() || !slices.IsSorted(r.Only) {
		return fmt.Errorf("video: frames %d, every %d, %d of them, %d listed, of %d", r.First, r.Step, r.Count, len(r.Only), x.Len())
	}
	return nil
}

// terms is an expression that is not 0 where a variable, of which a frame has
// its number and shift more, is that of a frame of the run. Frames that follow
// one another make one term.
func (r Run) terms(variable string, shift int64) string {
	if r.Only == nil {
		first := r.First + shift
		return fmt.Sprintf("between(%s,%d,%d)*not(mod(%s-%d,%d))", variable, first, r.Last()+shift, variable, first, r.Step)
	}
	var terms []string
	for i := 0; i < len(r.Only); {
		j := i + 1
		for j < len(r.Only) && r.Only[j] == r.Only[j-1]+1 {
			j++
		}
		terms = append(terms, fmt.Sprintf("between(%s,%d,%d)", variable, r.Only[i]+shift, r.Only[j-1]+shift))
		i = j
	}
	return strings.Join(terms, "+")
}

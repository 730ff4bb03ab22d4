package plan_test

import (
	"slices"
	"testing"

	"framemill/pipeline"
	"framemill/pipeline/plan"
)

func TestNext32(t *testing.T) {
	t.Parallel()
	tests := []struct {
		seed uint64
		want []uint32
	}{
		{0, []uint32{2058676884, 2606108953}},
		{1, []uint32{1033693557, 3869576402}},
		{42, []uint32{2327846034, 3904886566, 2661450408, 1733955692}},
	}
	for _, tt := range tests {
		g := plan.NewGenerator(tt.seed)
		for i, want := range tt.want {
			if got := g.Next32(); got != want {
				t.Errorf("seed %d: output %d is %d, want %d", tt.seed, i, got, want)
			}
		}
	}
}

func TestChoice(t *testing.T) {
	t.Parallel()
	tests := []struct {
		seed uint64
		n, k int
		want []int // a prefix
	}{
		{42, 20, 3, []int{9, 17, 12}},
		{42, 15, 5, []int{5, 10, 8, 13, 0}},
		{1, 15, 5, []int{2, 10, 9, 1, 8}},
		{0, 100, 4, []int{46, 59, 28, 49}},
		{42, 10001, 600, []int{6249, 7753, 1128, 1924}},
		{7, 5, 0, nil},
	}
	for _, tt := range tests {
		got, err := plan.NewGenerator(tt.seed).Choice(tt.n, tt.k, false)
		if err != nil || len(got) != tt.k || !slices.Equal(got[:len(tt.want)], tt.want) {
			t.Errorf("seed %d: Choice(%d, %d) = %v, %v, want %d numbers that begin with %v", tt.seed, tt.n, tt.k, got, err, tt.k, tt.want)
		}
	}
}

func TestChoiceIsASubset(t *testing.T) {
	t.Parallel()
	for _, shuffle := range []bool{false, true} {
		for _, size := range []struct{ n, k int }{{1, 1}, {10, 10}, {10001, 150}, {10001, 10001}, {20000, 700}} {
			got, err := plan.NewGenerator(3).Choice(size.n, size.k, shuffle)
			if err != nil {
				t.Fatalf("Choice(%d, %d, %t): %v", size.n, size.k, shuffle, err)
			}
			slices.Sort(got)
			if len(slices.Compact(got)) != size.k || got[0] < 0 || got[len(got)-1] >= size.n {
				t.Errorf("Choice(%d, %d, %t) is not %[2]d different numbers below %[1]d", size.n, size.k, shuffle)
			}
		}
	}
}

func TestChoiceOfTooMany(t *testing.T) {
	t.Parallel()
	for _, k := range []int{-1, 6} {
		if _, err := plan.NewGenerator(1).Choice(5, k, false); pipeline.KindOf(err) != pipeline.Invalid {
			t.Errorf("Choice(5, %d) = %v, want an Invalid error", k, err)
		}
	}
}

// The honeypots of a task are a choice and two shuffles from one seed; this is
// the published example of 15 pictures in jobs of 4 with a pool of 5.
func TestShuffleAfterChoice(t *testing.T) {
	t.Parallel()
	g := plan.NewGenerator(42)
	pool, err := g.Choice(15, 5, false)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(pool)
	var rest []int
	for i := range 15 {
		if !slices.Contains(pool, i) {
			rest = append(rest, i)
		}
	}
	shuffle(g, rest)
	shuffle(g, pool)

	var got [][]int
	second, honeypots := plan.NewGenerator(42), 0
	for batch := range slices.Chunk(rest, 4) {
		job := slices.Clone(batch)
		for range 2 {
			job = append(job, pool[honeypots%len(pool)])
			honeypots++
		}
		shuffle(second, job)
		got = append(got, job)
	}
	want := [][]int{{2, 1, 13, 0, 7, 6}, {9, 3, 11, 5, 8, 14}, {4, 12, 10, 0}}
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("jobs are %v, want %v", got, want)
	}
}

func TestShuffle(t *testing.T) {
	t.Parallel()
	got := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	shuffle(plan.NewGenerator(42), got)
	if want := []int{1, 8, 5, 3, 7, 9, 4, 0, 6, 2}; !slices.Equal(got, want) {
		t.Errorf("shuffled to %v, want %v", got, want)
	}
}

func TestBoundsOfDraws(t *testing.T) {
	t.Parallel()
	g := plan.NewGenerator(9)
	for _, limit := range []uint32{0, 1, 2, 3, 1 << 31, 1<<32 - 1} {
		for range 200 {
			if b, i := g.Bounded(limit), g.Interval(limit); b > limit || i > limit {
				t.Fatalf("limit %d: drew %d and %d", limit, b, i)
			}
		}
	}
}

func shuffle(g *plan.Generator, s []int) {
	g.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
}

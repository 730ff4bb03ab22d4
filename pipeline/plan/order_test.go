package plan_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"framemill/pipeline"
	"framemill/pipeline/plan"
)

func TestOrder(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		by   pipeline.Sorting
		seed uint64
		in   []string
		want []int
	}{
		{name: "lexicographical is by code point", by: pipeline.SortLexicographical,
			in: []string{"é.jpg", "a10.jpg", "a2.jpg", "B.jpg", "a/1.jpg", "a-1.jpg", "a.jpg"}, want: []int{3, 5, 6, 4, 1, 2, 0}},
		{name: "lexicographical beyond the first plane", by: pipeline.SortLexicographical,
			in: []string{"\U00010000", "\uffee"}, want: []int{1, 0}},
		{name: "lexicographical keeps equals in place", by: pipeline.SortLexicographical,
			in: []string{"b", "a", "b", "a"}, want: []int{1, 3, 0, 2}},
		{name: "predefined", by: pipeline.SortPredefined, in: []string{"c", "a", "b"}, want: []int{0, 1, 2}},
		{name: "natural", by: pipeline.SortNatural, in: []string{"img10", "IMG2", "img1"}, want: []int{2, 1, 0}},
		{name: "natural keeps equals in place", by: pipeline.SortNatural,
			in: []string{"img01.jpg", "img1.jpg", "IMG001.jpg", "img0.jpg"}, want: []int{3, 0, 1, 2}},
		{name: "random by the seed", by: pipeline.SortRandom, seed: 42,
			in: strings.Split("abcdefghij", ""), want: []int{1, 8, 5, 3, 7, 9, 4, 0, 6, 2}},
		{name: "nothing", by: pipeline.SortNatural, want: []int{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := plan.Order(tt.in, tt.by, tt.seed)
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("Order(%q) = %v, %v, want %v", tt.in, got, err, tt.want)
			}
		})
	}
}

func TestOrderRefusesUnknownMethods(t *testing.T) {
	t.Parallel()
	if _, err := plan.Order(nil, "by size", 0); pipeline.KindOf(err) != pipeline.Invalid {
		t.Errorf("got %v, want an Invalid error", err)
	}
}

func TestNaturalOrder(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		want []string
	}{
		{"sample", []string{
			"1.png", "1,000.png", "1.5.png", "1.10.png", "1e5.png", "2.jpg", "1000.jpg", "-1.png", "A/1.png",
			"a/2/3.png", "a/2.png", "a/10/1.png", "a1.png", "a.b/1.png", "ab.png", "b/1.jpg", "b1.jpg", "file1",
			"file1.png", "file1.tar", "file1.tar.gz", "img01.jpg", "img 2.jpg", "img-2.jpg", "img.2.jpg", "IMG_1.jpg",
			"img_2.jpg", "img_10.jpg", "x_1.png", "x_1_2.png", "x_1_10.png", "z.png", "é1.png",
		}},
		{"numbers longer than a machine word", []string{
			"a99999999999999999998", "a99999999999999999999", "a100000000000000000000",
			"a1" + strings.Repeat("0", 254), "a1" + strings.Repeat("0", 255), "a2" + strings.Repeat("0", 255), "a1" + strings.Repeat("0", 999),
		}},
		{"digits of other scripts", []string{"a1", "a٢", "a3", "a１２", "a\U0001D7D9\U0001D7DB"}},
		{"case folds fully", []string{"strasse1", "STRAßE2", "strasse3"}},
		{"composed and decomposed", []string{"e\u03011", "\u00e92", "e\u03013"}},
		{"dots at the ends", []string{".1.png", ".a.png", "a", "a..png", "a.png", "b."}},
		{"bytes as small as the marks", []string{"a", "a1", "a\x001", "a\x01", "a\x02", "a\x03", "a\x04", "ab"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := slices.Clone(tt.want)
			slices.Reverse(in)
			if got := inOrder(t, in, pipeline.SortNatural); !slices.Equal(got, tt.want) {
				t.Errorf("sorted to\n%q\nwant\n%q", got, tt.want)
			}
		})
	}
}

// A natural key must say what the rule says: components first, then text and
// numbers by turns. The reference compares lists, not bytes.
func FuzzNaturalOrder(f *testing.F) {
	f.Add("a/b10.png", "a/b9.png", "A/B.PNG")
	f.Add("1.5.png", "1.10.png", "\x00\x02")
	f.Add("é", "e\u0301", "\xff\xfe.1")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		names := []string{a, b, c}
		order, err := plan.Order(names, pipeline.SortNatural, 0)
		if err != nil {
			t.Fatal(err)
		}
		if seen := slices.Sorted(slices.Values(order)); !slices.Equal(seen, []int{0, 1, 2}) {
			t.Fatalf("order %v is no permutation", order)
		}
		for _, n := range names {
			if strings.ContainsFunc(n, func(r rune) bool { return r > 126 }) {
				return // the reference folds ASCII only
			}
		}
		want := []int{0, 1, 2}
		slices.SortStableFunc(want, func(i, j int) int {
			return slices.CompareFunc(naturalList(names[i]), naturalList(names[j]), slices.Compare)
		})
		if !slices.Equal(order, want) {
			t.Errorf("Order(%q) = %v, want %v", names, order, want)
		}
	})
}

// naturalList returns the components of a path; numbers are written so that
// they compare by value.
func naturalList(path string) [][]string {
	parts := strings.Split(strings.ToLower(path), "/")
	base := parts[len(parts)-1]
	name := strings.TrimLeft(base, ".")
	pieces := strings.Split(name, ".")
	stem := len(pieces)
	for !strings.HasSuffix(base, ".") && stem > 1 && strings.IndexAny(pieces[stem-1], "0123456789") != 0 {
		stem--
	}
	parts[len(parts)-1] = base[:len(base)-len(name)] + strings.Join(pieces[:stem], ".")
	for _, suffix := range pieces[stem:] {
		parts = append(parts, "."+suffix)
	}
	var out [][]string
	for _, part := range parts {
		if part != "" {
			out = append(out, alternate(part))
		}
	}
	return out
}

// alternate splits a component into text, number, text, …
func alternate(s string) []string {
	const digits = "0123456789"
	out := []string{}
	for s != "" {
		text := strings.IndexAny(s, digits)
		if text < 0 {
			return append(out, s)
		}
		number := s[text:]
		number = number[:len(number)-len(strings.TrimLeft(number, digits))]
		out = append(out, s[:text], fmt.Sprintf("%09d", len(strings.TrimLeft(number, "0")))+strings.TrimLeft(number, "0"))
		s = s[text+len(number):]
	}
	return out
}

func inOrder(t *testing.T, names []string, by pipeline.Sorting) []string {
	t.Helper()
	order, err := plan.Order(names, by, 0)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]string, len(order))
	for k, i := range order {
		out[k] = names[i]
	}
	return out
}

func BenchmarkOrder(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		names := make([]string, n)
		for i := range names {
			h := uint32(i) * 2654435761
			names[i] = fmt.Sprintf("set_%d/Camera %d/frame_%d.jpg", h%7, h%3, h%uint32(n))
		}
		for _, by := range []pipeline.Sorting{pipeline.SortLexicographical, pipeline.SortNatural, pipeline.SortRandom} {
			b.Run(fmt.Sprintf("%s/%d", by, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := plan.Order(names, by, 1); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

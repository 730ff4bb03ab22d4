package plan_test

import (
	"regexp"
	"testing"

	"framemill/pipeline/plan"
)

func TestPalette(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		taken []string
		want  string
	}{
		{name: "background", want: "#000000"},
		{name: "aeroplane", want: "#800000"},
		{name: "person", want: "#c08080"},
		{name: " Traffic-Light ", want: new(plan.Palette).Choose("traffic light")},
		{name: "aeroplane", taken: []string{"#800000"}, want: "#8c1919"},             // lighter
		{name: "background", taken: []string{"#000000", "#191919"}, want: "#333333"}, // lighter still
	}
	for _, tt := range tests {
		var p plan.Palette
		for _, c := range tt.taken {
			p.Take(c)
		}
		if got := p.Choose(tt.name); got != tt.want {
			t.Errorf("color of %q beside %v: %s, want %s", tt.name, tt.taken, got, tt.want)
		}
	}
	if a, b := new(plan.Palette).Choose("weld seam"), new(plan.Palette).Choose("scratch"); a == b {
		t.Errorf("two names have the color %s", a)
	}
}

// TestColorsAreDistinct gives many labels of one name a color, far more than
// there are tints and shades.
func TestColorsAreDistinct(t *testing.T) {
	t.Parallel()
	shape := regexp.MustCompile(`^#[0-9a-f]{6}$`)
	for _, name := range []string{"car", "", "\xff", "名前"} {
		var p plan.Palette
		seen := map[string]bool{}
		for i := range 5000 {
			c := p.Choose(name)
			if seen[c] || !shape.MatchString(c) {
				t.Fatalf("color %d of %q is %s, which is there already or is none", i, name, c)
			}
			seen[c] = true
		}
	}
}

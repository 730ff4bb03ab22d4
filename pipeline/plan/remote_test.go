package plan_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline/plan"
)

func TestRemoteNames(t *testing.T) {
	t.Parallel()
	long := "https://h/" + strings.Repeat("x", 300) + ".JPG"
	tests := []struct {
		name string
		urls []string
		want []string
	}{
		{"basenames", []string{"https://h/a/b.jpg", "http://h/c.png?size=2#x"}, []string{"b.jpg", "c.png"}},
		{"percent-decoded", []string{"https://h/a%20b.jpg"}, []string{"a b.jpg"}},
		{"equal ones", []string{"https://h/a.jpg", "https://i/a.jpg", "https://j/a.jpg"}, []string{"a.jpg", "a_1.jpg", "a_2.jpg"}},
		{"one is named like another", []string{"https://h/a_1.jpg", "https://h/a.jpg", "https://h/x/a.jpg", "https://h/y/a_1.jpg", "https://h/z/a_1.jpg"},
			[]string{"a_1.jpg", "a.jpg", "a_2.jpg", "a_1_3.jpg", "a_1_4.jpg"}},
		{"the new name is taken", []string{"https://h/a.jpg", "https://h/a_2.jpg", "https://h/x/a.jpg"}, []string{"a.jpg", "a_2.jpg", "2_a_2.jpg"}},
		{"none", []string{"https://h", "https://h/", "https://h/.."}, []string{"download", "download_1", "download_2"}},
		{"hostile", []string{"https://h/a%00b.jpg", "https://h/%2e%2e", "https://h/.htaccess", "https://h/a%5Cb.png", "https://h/..%2f..%2fx"},
			[]string{"download.jpg", "download", "download_2", "download.png", "x"}},
		{"too long", []string{long}, []string{"download.jpg"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, plan.RemoteNames(tt.urls)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

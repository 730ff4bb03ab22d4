package blob_test

import (
	"strings"
	"testing"

	"framemill/pipeline"
	"framemill/pipeline/blob"
)

func TestCheckKey(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 200)
	tests := []struct {
		key string
		ok  bool
	}{
		{"a", true},
		{"uploads/42/0190c7e0-1.bin", true},
		{"a_b/c.d/e-f/0", true},
		{long, true},
		{"", false},
		{"/a", false},
		{"a/", false},
		{"a//b", false},
		{".", false},
		{"..", false},
		{"a/../b", false},
		{"a/.hidden", false},
		{"A", false},
		{"a b", false},
		{"a\\b", false},
		{"a\x00b", false},
		{"é", false},
		{long + "a", false},
		{long + "/" + long + "/" + long, false},
	}
	for _, tt := range tests {
		err := blob.CheckKey(tt.key)
		if (err == nil) != tt.ok {
			t.Errorf("CheckKey(%q) = %v, want ok = %t", tt.key, err, tt.ok)
		}
		if err != nil && pipeline.KindOf(err) != pipeline.Invalid {
			t.Errorf("CheckKey(%q): kind %d, want Invalid", tt.key, pipeline.KindOf(err))
		}
	}
}

func TestCheckPrefix(t *testing.T) {
	t.Parallel()
	for prefix, ok := range map[string]bool{"": true, "a": true, "a/": true, "a/b": true, "/": false, "a//": false, "../": false} {
		if err := blob.CheckPrefix(prefix); (err == nil) != ok {
			t.Errorf("CheckPrefix(%q) = %v, want ok = %t", prefix, err, ok)
		}
	}
}

package clip_test

import (
	"os"
	"path/filepath"
	"testing"

	"framemill/tests/clip"
)

func TestClip(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "clip.mp4")
	if err := (clip.Clip{Frames: 40, Width: 64, Height: 64, GOP: 12, BFrames: 2}).Write(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	numbers, err := clip.Numbers(t.Context(), content)
	if err != nil || len(numbers) != 40 {
		t.Fatalf("%d frames, %v, want 40", len(numbers), err)
	}
	for k, n := range numbers {
		if n != k {
			t.Errorf("frame %d shows %d", k, n)
		}
	}
}

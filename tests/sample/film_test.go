package sample_test

import (
	"bytes"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"framemill/tests/barcode"
	"framemill/tests/sample"
)

func TestFilm(t *testing.T) {
	t.Parallel()
	path := makeFilm(t)
	said := tool(t, "ffprobe", "-v", "error", "-show_entries", "packet=pts:frame=pict_type", "-of", "csv=p=0", path)
	types, gaps := map[string]int{}, map[int]bool{}
	last := -1
	for _, line := range strings.Fields(string(said)) {
		kind := strings.Trim(line, ",")
		var pts int
		if _, err := fmt.Sscan(kind, &pts); err != nil {
			types[kind]++
			continue
		}
		gaps[pts-last], last = true, pts
	}
	if types["B"] == 0 || types["I"]+types["P"]+types["B"] != sample.FilmFrames {
		t.Errorf("the frames are of the types %v, want %d with some B", types, sample.FilmFrames)
	}
	if len(gaps) < 3 {
		t.Errorf("frames last %v ticks, want many lengths", gaps)
	}
	const width, height = 160, 90
	raw := tool(t, "ffmpeg", "-v", "error", "-i", path, "-fps_mode", "passthrough", "-vf", fmt.Sprintf("scale=%d:%d", width, height),
		"-f", "rawvideo", "-pix_fmt", "rgba", "pipe:1")
	for n := range sample.FilmFrames {
		m := image.NewRGBA(image.Rect(0, 0, width, height))
		if len(raw) < len(m.Pix) {
			t.Fatalf("the video ends before frame %d", n)
		}
		raw = raw[copy(m.Pix, raw):]
		if got, err := barcode.Read(m); err != nil || got != n {
			t.Fatalf("frame %d shows %d, %v", n, got, err)
		}
	}
}

func TestFilmIsRepeatable(t *testing.T) {
	t.Parallel()
	var files [2][]byte
	for i := range files {
		var err error
		if files[i], err = os.ReadFile(makeFilm(t)); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("the same video was made in two ways")
	}
}

func makeFilm(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "new", "film.mp4")
	if err := sample.Film(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	return path
}

func tool(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).Output()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return out
}

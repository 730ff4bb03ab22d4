package buckets_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/tests/clip"
	"framemill/tests/pack"
	"framemill/tests/sample"
)

// TestPackedMedia makes tasks from a video and from an archive in a bucket.
func TestPackedMedia(t *testing.T) {
	t.Parallel()
	w := setup(t)
	path := filepath.Join(t.TempDir(), "film.mp4")
	if err := (clip.Clip{Frames: 20, Width: 128, Height: 96, GOP: 5}).Write(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	film, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	photo := w.content[keys[0]]
	w.bucket.Put(t, "films/film.mp4", film)
	w.bucket.Put(t, "packed.tar", pack.Tar(pack.Member{Name: "x.jpg", Content: photo}, pack.Member{Name: "y.jpg", Content: w.content[keys[1]]}))
	for key, size := range map[string]int{"films/film.mp4": 20, "packed.tar": 2} {
		task := w.Create(t, nil, map[string]any{"server_files": []string{key}, "cloud_storage_id": w.storage})
		w.AwaitIngest(t, task)
		var made struct{ Size int }
		if w.JSON(t, "GET", fmt.Sprintf("/api/tasks/%d", task), nil, &made); made.Size != size {
			t.Errorf("the task of %s has %d frames, want %d", key, made.Size, size)
		}
		got := w.Frame(t, task, 0, "original")
		if key == "packed.tar" && !bytes.Equal(got, photo) {
			t.Errorf("frame 0 of %s has %d bytes that are not those of its member, which has %d", key, len(got), len(photo))
		}
	}
}

// TestManyObjects lists more than one answer of the server holds, of objects
// that have no ETag.
func TestManyObjects(t *testing.T) {
	t.Parallel()
	w := setup(t)
	photos, err := sample.Photos(t.TempDir(), 2, 64, 48)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]string, 1100)
	for i := range want {
		want[i] = fmt.Sprintf("many/%04d/photo_%06d.jpg", i/1000, i)
	}
	if err := sample.Spread(filepath.Join(w.bucket.Dir, "many"), photos, len(want)); err != nil {
		t.Fatal(err)
	}
	task := w.Create(t, nil, map[string]any{"filename_pattern": "many/*", "cloud_storage_id": w.storage})
	w.AwaitIngest(t, task)
	if diff := cmp.Diff(want, w.names(t, task)); diff != "" {
		t.Fatalf("frames (-want +got):\n%s", diff)
	}
	for _, n := range []int{0, 999, 1099} {
		photo, err := os.ReadFile(photos[n%len(photos)])
		if err != nil {
			t.Fatal(err)
		}
		if got := w.Frame(t, task, n, "original"); !bytes.Equal(got, photo) {
			t.Errorf("frame %d has %d bytes that are not those of its object, which has %d", n, len(got), len(photo))
		}
	}
}

package sample_test

import (
	"image"
	_ "image/gif"
	_ "image/jpeg"
	_ "image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	_ "golang.org/x/image/bmp"
	_ "golang.org/x/image/tiff"

	"framemill/tests/barcode"
	"framemill/tests/sample"
)

func TestWrite(t *testing.T) {
	t.Parallel()
	const turned = 17 // lies on its side until its orientation is applied
	paths, err := sample.Write(filepath.Join(t.TempDir(), "new"), 20)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSorted(paths) {
		t.Errorf("the names do not sort by number: %q", paths)
	}
	for n, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		img, _, err := image.Decode(f)
		f.Close()
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if n == turned {
			if img.Bounds().Dx() <= img.Bounds().Dy() {
				t.Errorf("%s is %v, want it lying on its side", path, img.Bounds())
			}
			continue
		}
		if got, err := barcode.Read(img); err != nil || got != n {
			t.Errorf("%s shows %d, %v, want %d", path, got, err, n)
		}
	}
}

func TestPaintIsRepeatable(t *testing.T) {
	t.Parallel()
	if !slices.Equal(sample.Paint(320, 200, 5).Pix, sample.Paint(320, 200, 5).Pix) {
		t.Error("the same picture was painted in two ways")
	}
}

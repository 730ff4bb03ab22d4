package barcode_test

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"testing"

	"golang.org/x/image/draw"

	"framemill/tests/barcode"
)

func TestReadAfterCompression(t *testing.T) {
	t.Parallel()
	for _, size := range []image.Point{{64, 64}, {333, 250}, {1920, 1080}} {
		for _, n := range []int{0, 1, 59, 0x5555, 0xaaaa, barcode.Max} {
			t.Run(fmt.Sprintf("%v/%d", size, n), func(t *testing.T) {
				t.Parallel()
				img := image.NewRGBA(image.Rectangle{Max: size})
				barcode.Draw(img, n)
				assertReads(t, compressed(t, img), n)

				preview := image.NewRGBA(image.Rect(0, 0, 256, 256*size.Y/size.X))
				draw.BiLinear.Scale(preview, preview.Bounds(), img, img.Bounds(), draw.Src, nil)
				assertReads(t, compressed(t, preview), n)
			})
		}
	}
}

func TestReadRefusesOtherPictures(t *testing.T) {
	t.Parallel()
	if n, err := barcode.Read(image.NewGray(image.Rect(0, 0, 640, 480))); err == nil {
		t.Errorf("read %d from an empty picture, want an error", n)
	}
}

func compressed(t *testing.T, img image.Image) image.Image {
	t.Helper()
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: 20}); err != nil {
		t.Fatal(err)
	}
	out, err := jpeg.Decode(&buf)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func assertReads(t *testing.T, img image.Image, want int) {
	t.Helper()
	if got, err := barcode.Read(img); err != nil || got != want {
		t.Errorf("read %d, %v from %v, want %d", got, err, img.Bounds(), want)
	}
}

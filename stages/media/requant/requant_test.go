package requant_test

import (
	"bytes"
	"errors"
	"image"
	"testing"

	"framemill/stages/media/jpeg"
	"framemill/stages/media/requant"
)

// TestWriteIsAsGoodAsPixels compares what is made of every coding with what a
// decoder and an encoder make of it, by likeness and by size. Of each picture
// image/jpeg and ffmpeg must see the same.
func TestWriteIsAsGoodAsPixels(t *testing.T) {
	t.Parallel()
	const quality, worst, mean = 70, -0.6, -0.05
	sum, n, all := 0.0, 0, sources(t)
	var ours, theirs int
	for _, s := range all {
		if s.fullChroma {
			if _, err := requantised(t, requant.New(), s.file, quality); !errors.Is(err, requant.ErrUnsupported) {
				t.Errorf("%s: got %v, want it refused", s.name, err)
			}
			continue
		}
		n++
		got := mustRequantise(t, s.file, quality)
		from := decoded(t, s.file)
		m := decoded(t, got)
		if m.Bounds() != from.Bounds() {
			t.Errorf("%s: it is %v, want %v", s.name, m.Bounds(), from.Bounds())
			continue
		}
		pixels := encoded(t, from, quality)
		loss := psnr(luma(t, m), luma(t, from)) - psnr(luma(t, decoded(t, pixels)), luma(t, from))
		if loss < worst {
			t.Errorf("%s: the PSNR is %.2f dB beside that of pixels, want at least %.2f", s.name, loss, worst)
		}
		sum += loss
		ours, theirs = ours+len(got), theirs+len(pixels)
		t.Logf("%s: %d → %d bytes (pixels %d), %+.2f dB", s.name, len(s.file), len(got), len(pixels), loss)
		raw := ffmpeg(t, got, "-v", "error", "-i", "pipe:0", "-vf", "extractplanes=y", "-f", "rawvideo", "-pix_fmt", "gray", "pipe:1")
		if p := psnr(luma(t, m), raw); p < 50 {
			t.Errorf("%s: ffmpeg and image/jpeg see it with a PSNR of %.1f dB, want 50", s.name, p)
		}
		checkQuantisers(t, s.name, got, quality)
	}
	if got := sum / float64(n); got < mean {
		t.Errorf("the mean PSNR is %.3f dB beside that of pixels, want at least %.2f", got, mean)
	}
	if ours > theirs {
		t.Errorf("%d bytes were made, and %d by way of pixels", ours, theirs)
	}
}

// checkQuantisers wants those that libjpeg has at a quality.
func checkQuantisers(t *testing.T, name string, file []byte, quality int) {
	t.Helper()
	for slot, want := range jpeg.Quantisers(quality) {
		head := append([]byte{0xff, 0xdb, 0, 67, byte(slot)}, want[:]...)
		if !bytes.Contains(file, head) && (slot == 0 || bytes.Contains(file, []byte{0xff, 0xdb, 0, 67, 1})) {
			t.Errorf("%s: the quantisers %d are not those of quality %d", name, slot, quality)
		}
	}
}

// TestWriteAgain passes through what was made before.
func TestWriteAgain(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.fullChroma {
			continue
		}
		once := mustRequantise(t, s.file, 70)
		if twice := mustRequantise(t, once, 70); !bytes.Equal(once, twice) {
			t.Errorf("%s: made again in the same quality, %d bytes became %d others", s.name, len(once), len(twice))
		}
	}
}

// TestWritePassesThrough wants the coded data of coarse pictures as they are,
// and nothing of the metadata.
func TestWritePassesThrough(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		sos := bytes.Index(s.file, []byte{0xff, 0xda})
		secret := "\xff\xe1\x00\x0aExifhere" + "\xff\xfe\x00\x06here"
		file := append(append(bytes.Clone(s.file[:2]), secret...), s.file[2:]...)
		got := mustRequantise(t, file, 100)
		if !bytes.HasSuffix(got, s.file[sos:]) {
			t.Errorf("%s: the coded data were changed", s.name)
		}
		if bytes.Contains(got, []byte("here")) {
			t.Errorf("%s: metadata came along", s.name)
		}
		if !samePixels(decoded(t, got), decoded(t, s.file)) {
			t.Errorf("%s: the pixels were changed", s.name)
		}
	}
}

func samePixels(a, b image.Image) bool {
	for y := range b.Bounds().Dy() {
		for x := range b.Bounds().Dx() {
			if a.At(x, y) != b.At(x, y) {
				return false
			}
		}
	}
	return a.Bounds() == b.Bounds()
}

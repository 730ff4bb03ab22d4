package picture_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"testing"

	"framemill/pipeline"
	"framemill/stages/media/picture"
)

// samples are small pictures of every format.
func samples(t testing.TB) map[string][]byte {
	m := photo(48, 40)
	return map[string][]byte{
		"jpeg":     withOrientation(jpegBytes(t, m, 80), 6),
		"restarts": withRestarts(t),
		"cmyk":     cmykJPEG(t),
		"png":      pngBytes(t, m),
		"gif":      gifOf(t, m.Rect, m.Rect),
		"tiff":     tiffBytes(t, m),
		"bmp":      bmpOf(2, 2, 24),
		"webp":     webpLossless(t),
		"lossy":    webpLossy(t),
		"extended": webpWithEXIF(t, 3),
	}
}

// use does all that can be done with a file; limits keep it small.
func use(b []byte) error {
	info, err := picture.Probe(bytes.NewReader(b), int64(len(b)), picture.Limits{MaxPixels: 1 << 20})
	if err != nil {
		return err
	}
	ctx := context.Background()
	if _, err := picture.Thumbnail(ctx, io.Discard, bytes.NewReader(b), info, 16); err != nil {
		return err
	}
	_, err = picture.Compress(ctx, io.Discard, bytes.NewReader(b), info, 50)
	return err
}

// checkError wants every failure of a file to be one that people are told.
func checkError(t *testing.T, err error) {
	t.Helper()
	if err != nil && pipeline.Retryable(err) {
		t.Errorf("got %v, want an error that blames the picture", err)
	}
}

func TestFlippedBitsNeverPanic(t *testing.T) {
	t.Parallel()
	for name, data := range samples(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(7, 11))
			for range 200 {
				b := bytes.Clone(data)
				b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
				checkError(t, use(b))
			}
			for n := range len(data) {
				if n%7 == 0 {
					checkError(t, use(data[:n]))
				}
			}
		})
	}
}

func FuzzProbe(f *testing.F) {
	for _, b := range samples(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := probe(b)
		checkError(t, err)
	})
}

func FuzzCompress(f *testing.F) {
	for _, b := range samples(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		checkError(t, use(b))
	})
}

func BenchmarkProbe(b *testing.B) {
	data := withOrientation(jpegBytes(b, photo(640, 480), 85), 6)
	r := bytes.NewReader(data)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Seek(0, io.SeekStart); err != nil {
			b.Fatal(err)
		}
		if _, err := picture.Probe(r, int64(len(data)), picture.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompress1080p(b *testing.B) {
	data := jpegBytes(b, photo(1920, 1080), 90)
	info := mustProbe(b, data)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := picture.Compress(context.Background(), io.Discard, bytes.NewReader(data), info, 70); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkThumbnail12MP(b *testing.B) {
	data := jpegBytes(b, photo(4000, 3000), 90)
	info := mustProbe(b, data)
	for b.Loop() {
		if _, err := picture.Thumbnail(context.Background(), io.Discard, bytes.NewReader(data), info, 256); err != nil {
			b.Fatal(err)
		}
	}
}

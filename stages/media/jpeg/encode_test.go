package jpeg_test

import (
	"bytes"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	"io"
	"math"
	"math/rand/v2"
	"testing"

	"framemill/stages/media/jpeg"
)

// TestEncodeIsReadByTheStandardLibrary encodes each layout at odd sizes and
// compares what image/jpeg reads back with what went in.
func TestEncodeIsReadByTheStandardLibrary(t *testing.T) {
	t.Parallel()
	sizes := []image.Point{{1, 1}, {7, 9}, {8, 8}, {33, 17}, {200, 120}}
	layouts := []struct {
		name string
		make func(image.Point) image.Image
	}{
		{"grey", func(p image.Point) image.Image { return grey(p) }},
		{"ycbcr", func(p image.Point) image.Image { return ycbcr(p) }},
		{"rgba", func(p image.Point) image.Image { return rgba(p) }},
	}
	for _, l := range layouts {
		for _, size := range sizes {
			m := l.make(size)
			got := roundTrip(t, m, 100)
			if got.Bounds().Size() != size {
				t.Fatalf("%s %v came back as %v", l.name, size, got.Bounds())
			}
			if p := psnr(m, got); p < 44 {
				t.Errorf("%s %v: PSNR %.1f dB at quality 100, want at least 44", l.name, size, p)
			}
		}
	}
}

func TestEncodeKeepsFullChroma(t *testing.T) {
	t.Parallel()
	got, ok := roundTrip(t, rgba(image.Pt(32, 32)), 100).(*image.YCbCr)
	if !ok || got.SubsampleRatio != image.YCbCrSubsampleRatio444 {
		t.Fatalf("an RGBA picture came back as %T, want YCbCr 4:4:4", got)
	}
}

func TestEncodeQualityOrdersSize(t *testing.T) {
	t.Parallel()
	m := rgba(image.Pt(128, 128))
	last := 0
	for _, q := range []int{-3, 10, 50, 90, 100} {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, m, q); err != nil {
			t.Fatal(err)
		}
		if b.Len() <= last {
			t.Errorf("quality %d takes %d bytes, not more than a lower one with %d", q, b.Len(), last)
		}
		last = b.Len()
	}
}

// TestEncodeSurvivesNoise drives the coefficients to their extremes.
func TestEncodeSurvivesNoise(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	m := image.NewGray(image.Rect(0, 0, 64, 64))
	for i := range m.Pix {
		m.Pix[i] = byte(rng.IntN(2)) * 255
	}
	if p := psnr(m, roundTrip(t, m, 100)); p < 40 {
		t.Errorf("PSNR of black and white noise is %.1f dB, want at least 40", p)
	}
}

func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		m    image.Image
	}{
		{"empty", image.NewGray(image.Rectangle{})},
		{"too wide", &image.Gray{Rect: image.Rect(0, 0, 65536, 1)}},
		{"4:2:0", image.NewYCbCr(image.Rect(0, 0, 8, 8), image.YCbCrSubsampleRatio420)},
		{"unknown layout", image.NewAlpha(image.Rect(0, 0, 8, 8))},
	}
	for _, tt := range tests {
		if err := jpeg.Encode(io.Discard, tt.m, 90); err == nil {
			t.Errorf("%s: no error", tt.name)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	m := ycbcr(image.Pt(1920, 1080))
	for b.Loop() {
		if err := jpeg.Encode(io.Discard, m, 100); err != nil {
			b.Fatal(err)
		}
	}
}

func roundTrip(t *testing.T, m image.Image, quality int) image.Image {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, quality); err != nil {
		t.Fatalf("encode %T %v: %v", m, m.Bounds(), err)
	}
	got, err := stdjpeg.Decode(&b)
	if err != nil {
		t.Fatalf("decode %T %v: %v", m, m.Bounds(), err)
	}
	return got
}

// wave is a smooth pattern whose phase differs by channel.
func wave(x, y, channel int) byte {
	return byte(128 + 100*math.Sin(float64(x)/9+float64(channel))*math.Cos(float64(y)/7-float64(channel)))
}

func grey(size image.Point) *image.Gray {
	m := image.NewGray(image.Rectangle{Max: size})
	for i := range m.Pix {
		m.Pix[i] = wave(i%size.X, i/size.X, 0)
	}
	return m
}

func ycbcr(size image.Point) *image.YCbCr {
	m := image.NewYCbCr(image.Rectangle{Max: size}, image.YCbCrSubsampleRatio444)
	for i := range m.Y {
		// Chroma stays small enough for every colour to exist in RGB.
		m.Y[i] = wave(i%size.X, i/size.X, 0)/2 + 64
		m.Cb[i] = wave(i%size.X, i/size.X, 1)/8 + 112
		m.Cr[i] = wave(i%size.X, i/size.X, 2)/8 + 112
	}
	return m
}

func rgba(size image.Point) *image.RGBA {
	m := image.NewRGBA(image.Rectangle{Max: size})
	for y := range size.Y {
		for x := range size.X {
			m.SetRGBA(x, y, color.RGBA{wave(x, y, 0), wave(x, y, 1), wave(x, y, 2), 255})
		}
	}
	return m
}

// psnr compares two pictures of one size over their RGB channels.
func psnr(a, b image.Image) float64 {
	size := a.Bounds().Size()
	sum := 0.0
	for y := range size.Y {
		for x := range size.X {
			r, g, bl, _ := a.At(x, y).RGBA()
			r2, g2, bl2, _ := b.At(x, y).RGBA()
			for _, d := range []float64{float64(r>>8) - float64(r2>>8), float64(g>>8) - float64(g2>>8), float64(bl>>8) - float64(bl2>>8)} {
				sum += d * d
			}
		}
	}
	mse := sum / float64(3*size.X*size.Y)
	return 10 * math.Log10(255*255/max(mse, 1e-9))
}

package picture_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"testing"

	"github.com/hhrutter/tiff"

	"framemill/stages/media/picture"
)

// photo is a smooth picture with some texture, every pixel of it its own.
func photo(width, height int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.SetRGBA(x, y, color.RGBA{
				R: byte(128 + 90*math.Sin(float64(x)/23) + 20*math.Cos(float64(y)/3)),
				G: byte(128 + 90*math.Cos(float64(y)/31)),
				B: byte(40 + 150*x/width),
				A: 255,
			})
		}
	}
	return m
}

// quarters is a picture of four colours, one a quarter, which tells every
// orientation from the others.
func quarters(width, height int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.SetRGBA(x, y, quarterColor(x >= width/2, y >= height/2))
		}
	}
	return m
}

func quarterColor(right, below bool) color.RGBA {
	switch {
	case right && below:
		return color.RGBA{230, 230, 230, 255}
	case right:
		return color.RGBA{20, 200, 20, 255}
	case below:
		return color.RGBA{20, 20, 220, 255}
	}
	return color.RGBA{220, 20, 20, 255}
}

func jpegBytes(t testing.TB, m image.Image, quality int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngBytes(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tiffBytes(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := tiff.Encode(&b, m, &tiff.Options{Compression: tiff.LZW}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// exif is a TIFF structure that holds an orientation and nothing else.
func exif(order binary.AppendByteOrder, orient uint16) []byte {
	b := []byte("II*\x00")
	if order == binary.AppendByteOrder(binary.BigEndian) {
		b = []byte("MM\x00*")
	}
	b = order.AppendUint32(b, 8)
	b = order.AppendUint16(b, 1)
	b = order.AppendUint16(b, 274)
	b = order.AppendUint16(b, 3)
	b = order.AppendUint32(b, 1)
	b = order.AppendUint16(b, orient)
	b = order.AppendUint16(b, 0)
	return order.AppendUint32(b, 0)
}

// segment is a JPEG segment.
func segment(marker byte, payload []byte) []byte {
	n := len(payload) + 2
	return append([]byte{0xff, marker, byte(n >> 8), byte(n)}, payload...)
}

// withOrientation inserts EXIF into a JPEG.
func withOrientation(j []byte, orient uint16) []byte {
	app1 := segment(0xe1, append([]byte("Exif\x00\x00"), exif(binary.LittleEndian, orient)...))
	return join(j[:2], app1, j[2:])
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// webpLossless is a picture of one pixel.
func webpLossless(t testing.TB) []byte {
	return unbase64(t, "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
}

// webpLossy is a picture of one pixel.
func webpLossy(t testing.TB) []byte {
	return unbase64(t, "UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")
}

func unbase64(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func probe(b []byte) (picture.Info, error) {
	return picture.Probe(bytes.NewReader(b), int64(len(b)), picture.Limits{})
}

func mustProbe(t testing.TB, b []byte) picture.Info {
	t.Helper()
	info, err := probe(b)
	if err != nil {
		t.Fatalf("probe: %v", err)
	}
	return info
}

// compressed compresses and decodes again.
func compressed(t testing.TB, b []byte, quality int) (image.Image, picture.Result) {
	t.Helper()
	var out bytes.Buffer
	res, err := picture.Compress(context.Background(), &out, bytes.NewReader(b), mustProbe(t, b), quality)
	if err != nil {
		t.Fatalf("compress: %v", err)
	}
	m, err := jpeg.Decode(&out)
	if err != nil {
		t.Fatalf("decode what compress wrote: %v", err)
	}
	return m, res
}

// near reports whether two colours differ by at most d in each channel.
func near(a, b color.Color, d int) bool {
	r, g, bl, _ := a.RGBA()
	r2, g2, bl2, _ := b.RGBA()
	for _, p := range [][2]uint32{{r, r2}, {g, g2}, {bl, bl2}} {
		if diff := int(p[0]>>8) - int(p[1]>>8); diff > d || diff < -d {
			return false
		}
	}
	return true
}

// psnr compares two pictures of one size by luma.
func psnr(a, b image.Image) float64 {
	size := a.Bounds().Size()
	sum := 0.0
	for y := range size.Y {
		for x := range size.X {
			p, _ := color.GrayModel.Convert(a.At(x, y)).(color.Gray)
			q, _ := color.GrayModel.Convert(b.At(x, y)).(color.Gray)
			d := float64(p.Y) - float64(q.Y)
			sum += d * d
		}
	}
	return 10 * math.Log10(255*255/max(sum/float64(size.X*size.Y), 1e-9))
}

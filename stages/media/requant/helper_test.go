package requant_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"math"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"framemill/stages/media/requant"
	"framemill/tests/sample"
)

// requantised makes a picture of the given quality.
func requantised(t testing.TB, e *requant.Engine, file []byte, quality int) ([]byte, error) {
	t.Helper()
	c, err := jpeg.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		t.Fatalf("the source is no JPEG: %v", err)
	}
	var out bytes.Buffer
	p := requant.Picture{Bytes: int64(len(file)), Width: int64(c.Width), Height: int64(c.Height), Quality: quality}
	err = e.Write(context.Background(), &out, bytes.NewReader(file), p)
	if errors.Is(err, requant.ErrUnsupported) && out.Len() > 0 {
		t.Errorf("%d bytes were written before the picture was refused", out.Len())
	}
	return out.Bytes(), err
}

// mustRequantise fails the test on any error.
func mustRequantise(t testing.TB, file []byte, quality int) []byte {
	t.Helper()
	out, err := requantised(t, requant.New(), file, quality)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// source is a JPEG to begin with.
type source struct {
	name       string
	file       []byte
	fullChroma bool
}

// sources are photograph-like pictures in every coding that is taken.
func sources(t testing.TB) []source {
	t.Helper()
	var out []source
	for i, size := range []image.Point{{333, 217}, {640, 360}} {
		m := sample.Paint(size.X, size.Y, i)
		for _, quality := range []int{85, 90, 95} {
			out = append(out, source{fmt.Sprintf("%v 4:2:0 quality %d", size, quality), encoded(t, m, quality), false})
		}
		out = append(out, source{fmt.Sprintf("%v grey", size), encoded(t, grey(m), 92), false})
		var text bytes.Buffer
		if err := png.Encode(&text, m); err != nil {
			t.Fatal(err)
		}
		for _, w := range ways {
			args := append([]string{"-v", "error", "-i", "pipe:0"}, w.args...)
			args = append(args, "-threads", "4", "-thread_type", "slice", "-q:v", "2", "-f", "image2pipe", "-c:v", "mjpeg", "pipe:1")
			out = append(out, source{fmt.Sprintf("%v %s", size, w.name), ffmpeg(t, text.Bytes(), args...), strings.HasPrefix(w.name, "4:4:4")})
		}
	}
	return out
}

// ways are how ffmpeg can write JPEGs. It puts restart markers between the
// slices that its threads work on.
var ways = []struct {
	name string
	args []string
}{
	{"4:2:0, restarts", []string{"-pix_fmt", "yuvj420p", "-huffman", "default"}},
	{"4:2:0, optimal codes", []string{"-pix_fmt", "yuvj420p", "-huffman", "optimal"}},
	{"4:2:2, restarts", []string{"-pix_fmt", "yuvj422p", "-huffman", "default"}},
	{"4:4:4, optimal codes", []string{"-pix_fmt", "yuvj444p", "-huffman", "optimal"}},
}

func encoded(t testing.TB, m image.Image, quality int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decoded(t testing.TB, file []byte) image.Image {
	t.Helper()
	m, err := jpeg.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatalf("image/jpeg does not read it: %v", err)
	}
	return m
}

func grey(m image.Image) *image.Gray {
	out := image.NewGray(m.Bounds())
	for y := range m.Bounds().Dy() {
		for x := range m.Bounds().Dx() {
			out.Set(x, y, m.At(x, y))
		}
	}
	return out
}

// luma returns the brightness of a decoded JPEG, row by row.
func luma(t testing.TB, m image.Image) []byte {
	t.Helper()
	pix, stride := []byte(nil), 0
	switch m := m.(type) {
	case *image.Gray:
		pix, stride = m.Pix, m.Stride
	case *image.YCbCr:
		pix, stride = m.Y, m.YStride
	default:
		t.Fatalf("a JPEG was decoded to %T", m)
	}
	size := m.Bounds().Size()
	var out []byte
	for y := range size.Y {
		out = append(out, pix[y*stride:][:size.X]...)
	}
	return out
}

// psnr compares two planes of the same size.
func psnr(a, b []byte) float64 {
	sum := 0.0
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	return 10 * math.Log10(255*255/max(sum/float64(len(a)), 1e-9))
}

// ffmpeg runs it and returns what it writes.
func ffmpeg(t testing.TB, stdin []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), "ffmpeg", args...)
	var out, complaint bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &complaint
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v: %s", filepath.Base(cmd.Path), err, complaint.String())
	}
	return out.Bytes()
}

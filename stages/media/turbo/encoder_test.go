//go:build cgo

package turbo_test

import (
	"bytes"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"testing"

	"framemill/stages/media/decoder"
	"framemill/stages/media/turbo"
)

// TestEncode encodes frames that differ, so that tables made for one must serve
// others, of even and odd sizes, and compares them with what they should show.
func TestEncode(t *testing.T) {
	t.Parallel()
	for _, j := range []decoder.Job{
		{Width: 640, Height: 480, Quality: 90},
		{Width: 1, Height: 1, Quality: 90, FullRange: true},
		{Width: 601, Height: 483, Quality: 90, FullRange: true},
		{Width: 643, Height: 481, Quality: 90, BT709: true},
		{Width: 640, Height: 470, Quality: 90, BT709: true, FullRange: true},
		{Width: 17, Height: 31, Quality: 100},
	} {
		e, err := turbo.NewEncoder(j)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		for n := range 4 {
			frame := picture(j, n)
			text, err := e.Encode(frame)
			if err != nil {
				t.Fatalf("frame %d of %+v: %v", n, j, err)
			}
			m, err := jpeg.Decode(bytes.NewReader(text))
			if err != nil {
				t.Fatalf("frame %d of %+v: %v", n, j, err)
			}
			if size := m.Bounds().Size(); size != image.Pt(j.Width, j.Height) {
				t.Fatalf("frame %d of %+v is %v", n, j, size)
			}
			assertSamples(t, j, n, m.(*image.YCbCr), frame)
		}
	}
}

// picture is a smooth frame, which gets noisier with n.
func picture(j decoder.Job, n int) []byte {
	frame := make([]byte, j.FrameBytes())
	y, cb, cr := j.Planes(frame)
	r := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range y {
		y[i] = byte(40 + (i%j.Width)*120/j.Width + r.IntN(1+8*n))
	}
	for i := range cb {
		cb[i], cr[i] = byte(108+10*n), byte(150-10*n)
	}
	return frame
}

// assertSamples compares means of a picture with the formulas of the matrices.
func assertSamples(t *testing.T, j decoder.Job, n int, m *image.YCbCr, frame []byte) {
	t.Helper()
	y, cb, cr := j.Planes(frame)
	luma, blue, red := mean(y, j.Width, j.Width, j.Height), float64(cb[0])-128, float64(cr[0])-128
	if !j.FullRange {
		luma, blue, red = (luma-16)*255/219, blue*255/224, red*255/224
	}
	if j.BT709 {
		r, b := luma+1.5748*red, luma+1.8556*blue
		g := luma - 0.1873*blue - 0.4681*red
		luma = 0.299*r + 0.587*g + 0.114*b
		blue, red = (b-luma)/1.772, (r-luma)/1.402
	}
	width, height := (j.Width+1)/2, (j.Height+1)/2
	for i, plane := range []struct{ got, want float64 }{
		{mean(m.Y, m.YStride, j.Width, j.Height), luma},
		{mean(m.Cb, m.CStride, width, height), 128 + blue},
		{mean(m.Cr, m.CStride, width, height), 128 + red},
	} {
		if math.Abs(plane.got-plane.want) > 1.5 {
			t.Errorf("plane %d of frame %d of %+v has a mean of %.1f, want %.1f", i, n, j, plane.got, plane.want)
		}
	}
}

func mean(plane []byte, stride, width, height int) float64 {
	sum := 0
	for y := range height {
		for _, v := range plane[y*stride:][:width] {
			sum += int(v)
		}
	}
	return float64(sum) / float64(width*height)
}

func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	e, err := turbo.NewEncoder(decoder.Job{Width: 64, Height: 64, Quality: 70})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if _, err := e.Encode(make([]byte, 64*64)); err == nil {
		t.Error("half a frame was encoded")
	}
}

package picture_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"strings"
	"testing"
)

// TestCompressTruncated cuts and damages pictures, and wants the upper part
// back, and the lower one calm.
func TestCompressTruncated(t *testing.T) {
	t.Parallel()
	m := photo(256, 256)
	whole := jpegBytes(t, m, 90)
	flat := pngBytes(t, m)
	half := len(whole) * 6 / 10
	tests := []struct {
		name string
		data []byte
	}{
		{"cut", whole[:half]},
		{"cut and ended", join(whole[:half], []byte{0xff, 0xd9})},
		{"without its end marker", whole[:len(whole)-2]},
		{"cut inside a marker", whole[:len(whole)-1]},
		{"wrong marker inside", join(whole[:half], []byte{0xff, 0x41}, whole[half:])},
		{"codes that are none", join(whole[:half], bytes.Repeat([]byte{0xff, 0}, 8), whole[half:])},
		{"png cut", flat[:len(flat)*2/3]},
		{"png without its end", flat[:len(flat)-12]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, res := compressed(t, tt.data, 95)
			if !res.Truncated {
				t.Error("not reported as truncated")
			}
			top := image.Rect(0, 0, 256, 96)
			if p := psnr(m.SubImage(top), crop(got, top)); p < 30 {
				t.Errorf("PSNR of the upper part is %.1f dB, want at least 30", p)
			}
			if strings.HasPrefix(tt.name, "cut") && !near(got.At(100, 200), got.At(101, 201), 16) {
				t.Errorf("what is missing is %v beside %v, want it calm", got.At(100, 200), got.At(101, 201))
			}
		})
	}
	if _, res := compressed(t, whole, 95); res.Truncated {
		t.Error("a whole file is reported as truncated")
	}
}

// TestCompressLosesOnlyDamagedIntervals damages a JPEG with restart markers.
func TestCompressLosesOnlyDamagedIntervals(t *testing.T) {
	t.Parallel()
	whole := withRestarts(t)
	marker := func(n int) int { // where the n-th of the markers stands
		at := bytes.Index(whole, []byte{0xff, 0xda})
		for range n {
			at += 2 + bytes.IndexByte(whole[at+2:], 0xff)
			for whole[at+1] < 0xd0 || whole[at+1] > 0xd7 {
				at += 2 + bytes.IndexByte(whole[at+2:], 0xff)
			}
		}
		return at
	}
	lost := join(whole[:marker(10)], whole[marker(13):])
	for name, data := range map[string][]byte{"cut": whole[:marker(40)], "three intervals lost": lost} {
		got, res := compressed(t, data, 95)
		if !res.Truncated {
			t.Errorf("%s: not reported", name)
		}
		// Block n has the level 4n.
		for _, n := range []int{2, 8, 16, 30, 38} {
			if want := (color.Gray{Y: uint8(4 * n)}); !near(got.At(4, 8*n+4), want, 6) {
				t.Errorf("%s: block %d has the colour %v, want %v", name, n, got.At(4, 8*n+4), want)
			}
		}
	}
}

// TestCompressProgressiveTruncated pads what cannot be mended.
func TestCompressProgressiveTruncated(t *testing.T) {
	t.Parallel()
	j := progressive(t)
	if m, res := compressed(t, j, 95); res.Truncated || !near(m.At(4, 4), color.Gray{Y: 200}, 6) {
		t.Fatalf("the whole picture is %v, truncated %v", m.At(4, 4), res.Truncated)
	}
	if m, res := compressed(t, j[:len(j)-3], 95); !res.Truncated || m.Bounds().Dx() != 8 {
		t.Errorf("cut, it is %v, truncated %v", m.Bounds(), res.Truncated)
	}
	refined := join(j[:len(j)-2], segment(0xda, []byte{1, 1, 0, 1, 63, 0}))
	for _, cut := range []int{len(refined), len(refined) - 4} {
		if m, res := compressed(t, refined[:cut], 95); !res.Truncated || !near(m.At(4, 4), color.Gray{Y: 200}, 6) {
			t.Errorf("cut in its second scan, it is %v, truncated %v", m.At(4, 4), res.Truncated)
		}
	}
}

// progressive is a grey block of the level 200 whose one scan brings the DC
// coefficients of a progressive picture.
func progressive(t testing.TB) []byte {
	m := image.NewGray(image.Rect(0, 0, 8, 8))
	for i := range m.Pix {
		m.Pix[i] = 200
	}
	j := bytes.Clone(jpegBytes(t, m, 90))
	j[bytes.Index(j, []byte{0xff, 0xc0})+1] = 0xc2
	sos := bytes.Index(j, []byte{0xff, 0xda})
	j[sos+8] = 0 // the last coefficient of the scan is the first
	return j
}

func crop(m image.Image, r image.Rectangle) image.Image {
	out := image.NewRGBA(r)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			out.Set(x, y, m.At(x, y))
		}
	}
	return out
}

// withRestarts is a grey JPEG of 64 blocks, one below the other and each of its
// own level, with a restart marker behind each.
func withRestarts(t testing.TB) []byte {
	const blocks = 64
	var out []byte
	for n := range blocks {
		m := image.NewGray(image.Rect(0, 0, 8, 8))
		for i := range m.Pix {
			m.Pix[i] = uint8(4 * n)
		}
		j := jpegBytes(t, m, 90)
		sos := bytes.Index(j, []byte{0xff, 0xda})
		if n == 0 {
			head := bytes.Clone(j[:sos])
			binary.BigEndian.PutUint16(head[bytes.Index(head, []byte{0xff, 0xc0})+5:], 8*blocks)
			out = join(head, segment(0xdd, []byte{0, 1}), j[sos:sos+10])
		}
		out = append(out, j[sos+10:len(j)-2]...)
		if n < blocks-1 {
			out = append(out, 0xff, 0xd0+byte(n%8))
		}
	}
	return append(out, 0xff, 0xd9)
}

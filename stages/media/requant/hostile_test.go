package requant_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"framemill/stages/media/requant"
	"framemill/tests/sample"
)

// TestWriteRefuses wants everything refused that is for a decoder.
func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	whole := encoded(t, sample.Paint(256, 256, 3), 92)
	half := len(whole) * 6 / 10
	at := func(marker byte) int { return bytes.Index(whole, []byte{0xff, marker}) }
	with := func(i int, b byte) []byte {
		out := bytes.Clone(whole)
		out[i] = b
		return out
	}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	adobe := []byte("\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00")
	tests := []struct {
		name string
		file []byte
	}{
		{"cut", whole[:half]},
		{"cut and ended", join(whole[:half], []byte{0xff, 0xd9})},
		{"without its end", whole[:len(whole)-2]},
		{"cut inside a marker", whole[:len(whole)-1]},
		{"a marker inside", join(whole[:half], []byte{0xff, 0x41}, whole[half:])},
		{"a restart marker inside", join(whole[:half], []byte{0xff, 0xd0}, whole[half:])},
		{"codes that are none", join(whole[:half], bytes.Repeat([]byte{0xff, 0}, 8), whole[half:])},
		{"data left over", join(whole[:len(whole)-2], []byte{0x55, 0x55, 0xff, 0xd9})},
		{"another scan", join(whole[:len(whole)-2], whole[at(0xda):])},
		{"progressive", with(at(0xc0)+1, 0xc2)},
		{"arithmetic", with(at(0xc0)+1, 0xc9)},
		{"12 bits", with(at(0xc0)+4, 12)},
		{"two components", with(at(0xc0)+9, 2)},
		{"4:1:1", with(at(0xc0)+11, 0x41)},
		{"no size", with(at(0xc0)+5, 0)},
		{"RGB by Adobe's marker", join(whole[:2], adobe, whole[2:])},
		{"a quantiser of zero", with(at(0xdb)+7, 0)},
		{"a table of too many codes", with(at(0xc4)+5, 9)},
		{"headers alone", whole[:at(0xda)]},
		{"no JPEG", []byte("GIF89a and so on")},
		{"nothing", nil},
	}
	for _, tt := range tests {
		for _, quality := range []int{70, 100} { // coded anew, and passed through
			var out bytes.Buffer
			p := requant.Picture{Bytes: int64(len(tt.file)), Width: 256, Height: 256, Quality: quality}
			err := requant.New().Write(t.Context(), &out, bytes.NewReader(tt.file), p)
			if !errors.Is(err, requant.ErrUnsupported) || out.Len() > 0 {
				t.Errorf("%s, quality %d: got %v and %d bytes, want ErrUnsupported and nothing", tt.name, quality, err, out.Len())
			}
		}
	}
}

// TestWriteKeepsOtherErrors tells a failing storage from a bad picture.
func TestWriteKeepsOtherErrors(t *testing.T) {
	t.Parallel()
	file := encoded(t, sample.Paint(64, 64, 1), 92)
	p := requant.Picture{Bytes: int64(len(file)), Width: 64, Height: 64, Quality: 70}
	broken := errors.New("the disk is on fire")
	err := requant.New().Write(t.Context(), new(bytes.Buffer), iotest.ErrReader(broken), p)
	if !errors.Is(err, broken) || errors.Is(err, requant.ErrUnsupported) {
		t.Errorf("a reader that fails gives %v, want its error", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(broken)
	if err := requant.New().Write(ctx, new(bytes.Buffer), bytes.NewReader(file), p); !errors.Is(err, broken) {
		t.Errorf("a cancelled context gives %v, want its cause", err)
	}
	p.Width++
	if err := requant.New().Write(t.Context(), new(bytes.Buffer), bytes.NewReader(file), p); !errors.Is(err, requant.ErrUnsupported) {
		t.Errorf("a picture of another size gives %v, want ErrUnsupported", err)
	}
}

// seeds are small pictures of every coding that is taken, and a flat one, whose
// codes are the shortest.
func seeds(t testing.TB) [][]byte {
	out := [][]byte{
		encoded(t, sample.Paint(64, 64, 1), 80),
		encoded(t, grey(sample.Paint(64, 64, 2)), 95),
		encoded(t, image.NewGray(image.Rect(0, 0, 100, 100)), 95),
		mustRequantise(t, encoded(t, sample.Paint(72, 70, 3), 95), 40),
	}
	return append(out, withRestarts(t))
}

// withRestarts is a flat picture with a restart marker behind each unit.
func withRestarts(t testing.TB) []byte {
	t.Helper()
	unit := encoded(t, image.NewGray(image.Rect(0, 0, 8, 8)), 90)
	frame, scan := bytes.Index(unit, []byte{0xff, 0xc0}), bytes.Index(unit, []byte{0xff, 0xda})
	const units = 20
	out := append(bytes.Clone(unit[:scan]), 0xff, 0xdd, 0, 4, 0, 1)
	out[frame+6] = 8 * units
	out = append(out, unit[scan:scan+10]...)
	for i := range units {
		out = append(out, unit[scan+10:len(unit)-2]...)
		out = append(out, 0xff, 0xd0+byte(i%8))
	}
	return append(out[:len(out)-2], 0xff, 0xd9)
}

// check wants a picture refused, or else whole before and after: a decoder must
// have found no fault with it, or its report would be lost.
func check(t *testing.T, e *requant.Engine, file []byte) {
	t.Helper()
	c, err := jpeg.DecodeConfig(bytes.NewReader(file))
	if err != nil || c.Width*c.Height > 1<<20 {
		return
	}
	for _, quality := range []int{20, 75, 100} {
		got, err := requantised(t, e, file, quality)
		if errors.Is(err, requant.ErrUnsupported) {
			continue
		}
		if err != nil {
			t.Fatalf("quality %d: %v", quality, err)
		}
		before, err := jpeg.Decode(bytes.NewReader(file))
		if err != nil {
			t.Fatalf("quality %d: a picture is taken that a decoder does not read: %v", quality, err)
		}
		after, err := jpeg.Decode(bytes.NewReader(got))
		if err != nil {
			t.Fatalf("quality %d: the result is not read: %v", quality, err)
		}
		if after.Bounds() != before.Bounds() {
			t.Fatalf("quality %d: %v became %v", quality, before.Bounds(), after.Bounds())
		}
	}
}

func TestFlippedBits(t *testing.T) {
	t.Parallel()
	e, rng := requant.New(), rand.New(rand.NewPCG(3, 5))
	for _, file := range seeds(t) {
		for range 300 {
			b := bytes.Clone(file)
			b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
			check(t, e, b)
		}
		for n := 0; n < len(file); n += 5 {
			check(t, e, file[:n])
		}
	}
}

func FuzzWrite(f *testing.F) {
	for _, file := range seeds(f) {
		f.Add(file)
	}
	e := requant.New()
	f.Fuzz(func(t *testing.T, file []byte) { check(t, e, file) })
}

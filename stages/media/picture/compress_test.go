package picture_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/color/palette"
	"image/jpeg"
	"io"
	"testing"

	"golang.org/x/image/tiff"

	"framemill/pipeline"
	"framemill/stages/media/picture"
)

func crc(b []byte) []byte { return binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(b)) }

// place is where a quarter's colour is looked for, away from its edges.
var places = []struct{ right, below bool }{{false, false}, {true, false}, {false, true}, {true, true}}

// fromUpright maps a quarter of the upright picture to that of the stored one.
var fromUpright = map[uint16]func(right, below bool) (bool, bool){
	1: func(r, b bool) (bool, bool) { return r, b },
	2: func(r, b bool) (bool, bool) { return !r, b },
	3: func(r, b bool) (bool, bool) { return !r, !b },
	4: func(r, b bool) (bool, bool) { return r, !b },
	5: func(r, b bool) (bool, bool) { return b, r },
	6: func(r, b bool) (bool, bool) { return b, !r },
	7: func(r, b bool) (bool, bool) { return !b, !r },
	8: func(r, b bool) (bool, bool) { return !b, r },
}

// checkUpright compares the quarters of an upright picture with those stored.
func checkUpright(t *testing.T, m image.Image, orient uint16, tolerance int) {
	t.Helper()
	size := m.Bounds().Size()
	for _, p := range places {
		x, y := size.X/4, size.Y/4
		if p.right {
			x = size.X * 3 / 4
		}
		if p.below {
			y = size.Y * 3 / 4
		}
		right, below := fromUpright[orient](p.right, p.below)
		if got, want := m.At(x, y), quarterColor(right, below); !near(got, want, tolerance) {
			t.Errorf("orientation %d: at %d,%d stands %v, want %v", orient, x, y, got, want)
		}
	}
}

func TestCompressTurnsUpright(t *testing.T) {
	t.Parallel()
	for orient := uint16(1); orient <= 8; orient++ {
		sources := map[string][]byte{
			"jpeg":      withOrientation(jpegBytes(t, quarters(51, 35), 95), orient),
			"even jpeg": withOrientation(jpegBytes(t, quarters(52, 36), 95), orient),
		}
		p := pngBytes(t, quarters(51, 35))
		sources["png"] = join(p[:33], pngChunk("eXIf", exif(binary.BigEndian, orient)), p[33:])
		for name, data := range sources {
			t.Run(fmt.Sprint(name, orient), func(t *testing.T) {
				t.Parallel()
				m, _ := compressed(t, data, 90)
				want := image.Pt(51, 35)
				if name == "even jpeg" {
					want = image.Pt(52, 36)
				}
				if orient >= 5 {
					want = image.Pt(want.Y, want.X)
				}
				if got := m.Bounds().Size(); got != want {
					t.Fatalf("size %v, want %v", got, want)
				}
				checkUpright(t, m, orient, 12)
			})
		}
	}
}

// TestCompressModes walks the pixel layouts and compares one pixel.
func TestCompressModes(t *testing.T) {
	t.Parallel()
	const w, h = 24, 16
	rect := image.Rect(0, 0, w, h)
	fill := func(set func(x, y int)) {
		for y := range h {
			for x := range w {
				set(x, y)
			}
		}
	}
	grey := image.NewGray(rect)
	fill(func(x, y int) { grey.SetGray(x, y, color.Gray{Y: 77}) })
	hidden := image.NewNRGBA(rect)
	fill(func(x, y int) { hidden.SetNRGBA(x, y, color.NRGBA{200, 100, 50, uint8(x % 2)}) })
	deep := image.NewNRGBA64(rect)
	fill(func(x, y int) { deep.SetNRGBA64(x, y, color.NRGBA64{0xc812, 0x6434, 0x3256, 0xffff - uint16(x)}) })
	indexed := image.NewPaletted(rect, color.Palette{color.Black, color.NRGBA{10, 220, 30, 255}})
	fill(func(x, y int) { indexed.SetColorIndex(x, y, 1) })
	ink := image.NewCMYK(rect)
	fill(func(x, y int) { ink.SetCMYK(x, y, color.CMYK{0, 255, 255, 0}) })
	var inkTIFF = tiffBytes(t, ink)
	tests := []struct {
		name string
		data []byte
		want color.Color
		grey bool
	}{
		{"grey stays grey", pngBytes(t, grey), color.Gray{Y: 77}, true},
		{"grey jpeg", jpegBytes(t, grey, 90), color.Gray{Y: 77}, true},
		{"alpha dropped", pngBytes(t, hidden), color.RGBA{200, 100, 50, 255}, false},
		{"16-bit colour", pngBytes(t, deep), color.RGBA{200, 100, 50, 255}, false},
		{"palette", pngBytes(t, indexed), color.RGBA{10, 220, 30, 255}, false},
		{"cmyk tiff", inkTIFF, color.RGBA{255, 0, 0, 255}, false},
		{"black and white", onePNGBit(t, w, h), color.White, false},
		{"partial gif", gifOf(t, rect, image.Rect(8, 8, 24, 16)), color.White, false},
		{"webp", webpLossless(t), nil, false},
		{"lossy webp", webpLossy(t), nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, _ := compressed(t, tt.data, 95)
			if _, isGrey := m.(*image.Gray); isGrey != tt.grey {
				t.Errorf("came out as %T, want grey: %v", m, tt.grey)
			}
			if tt.want != nil && !near(m.At(12, 12), tt.want, 8) {
				t.Errorf("got %v, want %v", m.At(12, 12), tt.want)
			}
		})
	}
}

// onePNGBit is a white PNG of one bit a pixel.
func onePNGBit(t testing.TB, w, h int) []byte {
	m := image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{color.Black, color.White})
	for i := range m.Pix {
		m.Pix[i] = 1
	}
	b := bytes.Clone(pngBytes(t, m))
	// Turn the palette picture of depth 1 into a grey one: drop PLTE.
	b[25] = 0
	copy(b[29:], crc(b[12:29]))
	at := bytes.Index(b, []byte("PLTE")) - 4
	return join(b[:at], b[at+12+int(binary.BigEndian.Uint32(b[at:])):])
}

func TestCompressLevelsDeepGrey(t *testing.T) {
	t.Parallel()
	m := image.NewGray16(image.Rect(0, 0, 64, 64))
	for i := range 64 * 64 {
		// Twelve bits in use, far above zero.
		m.SetGray16(i%64, i/64, color.Gray16{Y: 20000 + uint16(i)})
	}
	got, _ := compressed(t, pngBytes(t, m), 95)
	g, ok := got.(*image.Gray)
	if !ok {
		t.Fatalf("came out as %T, want *image.Gray", got)
	}
	if lo, hi := g.GrayAt(0, 0).Y, g.GrayAt(63, 63).Y; lo > 8 || hi < 247 {
		t.Errorf("range is %d..%d, want all of 0..255", lo, hi)
	}
	flat, _ := compressed(t, pngBytes(t, image.NewGray16(image.Rect(0, 0, 8, 8))), 90)
	if !near(flat.At(4, 4), color.Black, 2) {
		t.Errorf("a flat picture came out as %v, want black", flat.At(4, 4))
	}
}

func TestCompressCMYKJPEG(t *testing.T) {
	t.Parallel()
	// Four grey planes in one baseline scan are a CMYK picture; Adobe's marker
	// says that the inks are stored inverted.
	j := cmykJPEG(t)
	m, _ := compressed(t, j, 95)
	if want := (color.RGBA{255, 255, 255, 255}); !near(m.At(4, 4), want, 6) {
		t.Errorf("got %v, want %v", m.At(4, 4), want)
	}
}

// cmykJPEG is 8×8 pixels whose four inverted inks are all 255: white.
func cmykJPEG(t testing.TB) []byte {
	m := image.NewGray(image.Rect(0, 0, 8, 8))
	for i := range m.Pix {
		m.Pix[i] = 255
	}
	j := jpegBytes(t, m, 100)
	sof := bytes.Index(j, []byte{0xff, 0xc0})
	dht := bytes.Index(j, []byte{0xff, 0xc4})
	sos := bytes.Index(j, []byte{0xff, 0xda})
	frame := []byte{8, 0, 8, 0, 8, 4}
	scan := []byte{4}
	for c := byte(1); c <= 4; c++ {
		frame = append(frame, c, 0x11, 0)
		scan = append(scan, c, 0)
	}
	data := grayBits(t, j[sos+10:len(j)-2])
	return join(j[:sof], segment(0xee, []byte("Adobe\x00\x64\x00\x00\x00\x00\x00")), segment(0xc0, frame),
		j[dht:sos], segment(0xda, append(scan, 0, 63, 0)), data, []byte{0xff, 0xd9})
}

// grayBits repeats the code of one flat block four times. The block is a DC
// code of 7+10 bits or so and an end of block of 4, then ones to the byte.
func grayBits(t testing.TB, one []byte) []byte {
	t.Helper()
	bits := ""
	for _, c := range one {
		bits += fmt.Sprintf("%08b", c)
	}
	// The end-of-block code of the standard table is 1010.
	end := bytes.LastIndex([]byte(bits), []byte("1010")) + 4
	block := bits[:end]
	all := block + block + block + block
	for len(all)%8 != 0 {
		all += "1"
	}
	var out []byte
	for i := 0; i < len(all); i += 8 {
		var c byte
		for _, b := range all[i : i+8] {
			c = c<<1 | byte(b-'0')
		}
		if out = append(out, c); c == 0xff {
			out = append(out, 0)
		}
	}
	return out
}

func TestCompressQuality(t *testing.T) {
	t.Parallel()
	m := photo(320, 240)
	data := jpegBytes(t, m, 92)
	got, _ := compressed(t, data, 70)
	if p := psnr(m, got); p < 30 {
		t.Errorf("PSNR at quality 70 is %.1f dB, want at least 30", p)
	}
	var zero, one bytes.Buffer
	for q, w := range []*bytes.Buffer{&zero, &one} {
		if _, err := picture.Compress(context.Background(), w, bytes.NewReader(data), mustProbe(t, data), q); err != nil {
			t.Fatalf("quality %d: %v", q, err)
		}
	}
	if !bytes.Equal(zero.Bytes(), one.Bytes()) {
		t.Error("quality 0 differs from quality 1")
	}
}

func TestCompressDropsMetadata(t *testing.T) {
	t.Parallel()
	data := withOrientation(jpegBytes(t, photo(32, 32), 90), 3)
	var out bytes.Buffer
	if _, err := picture.Compress(context.Background(), &out, bytes.NewReader(data), mustProbe(t, data), 90); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(out.Bytes(), []byte("Exif")) {
		t.Error("EXIF was carried over")
	}
}

func TestCompressFailures(t *testing.T) {
	t.Parallel()
	good := jpegBytes(t, photo(64, 64), 90)
	info := mustProbe(t, good)
	other := jpegBytes(t, photo(64, 32), 90)
	broken := bytes.Clone(pngBytes(t, photo(64, 64)))
	broken[len(broken)/2] ^= 0xff
	scans := manyScans(t)
	tests := []struct {
		name string
		data []byte
		info picture.Info
		code pipeline.Code
	}{
		{"another size", other, info, pipeline.CodeSourceChanged},
		{"turned since", withOrientation(good, 3), info, pipeline.CodeSourceChanged},
		{"gone", nil, info, pipeline.CodeSourceChanged},
		{"headers only", good[:bytes.Index(good, []byte{0xff, 0xda})], info, pipeline.CodeDecodeFailed},
		{"broken png", broken, mustProbe(t, broken), pipeline.CodeDecodeFailed},
		{"endless scans", scans, mustProbe(t, scans), pipeline.CodeDecodeFailed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := picture.Compress(context.Background(), io.Discard, bytes.NewReader(tt.data), tt.info, 70)
			if got := pipeline.CodeOf(err); got != tt.code {
				t.Errorf("got %v, want code %s", err, tt.code)
			}
		})
	}
}

// manyScans repeats the one scan of a JPEG far too often.
func manyScans(t testing.TB) []byte {
	j := jpegBytes(t, photo(64, 64), 50)
	sos := bytes.Index(j, []byte{0xff, 0xda})
	return join(j[:sos], bytes.Repeat(j[sos:len(j)-2], 10000), []byte{0xff, 0xd9})
}

func TestCompressEndsWithItsContext(t *testing.T) {
	t.Parallel()
	data := jpegBytes(t, photo(64, 64), 90)
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("cancelled by the client")
	cancel(why)
	_, err := picture.Compress(ctx, io.Discard, bytes.NewReader(data), mustProbe(t, data), 70)
	if !errors.Is(err, why) {
		t.Errorf("got %v, want the cause of the context", err)
	}
}

func TestOriginal(t *testing.T) {
	t.Parallel()
	for orient := uint16(2); orient <= 8; orient++ {
		data := withOrientation(jpegBytes(t, quarters(51, 35), 98), orient)
		format, m := original(t, data)
		y, ok := m.(*image.YCbCr)
		if format != picture.JPEG || !ok || y.SubsampleRatio != image.YCbCrSubsampleRatio444 {
			t.Fatalf("orientation %d: wrote %s that decodes to %T, want a JPEG of 4:4:4", orient, format, m)
		}
		checkUpright(t, m, orient, 8)
	}
	indexed := image.NewPaletted(image.Rect(0, 0, 9, 5), palette.WebSafe)
	for _, src := range []image.Image{quarters(40, 30), image.NewGray16(image.Rect(0, 0, 9, 5)), indexed} {
		format, m := original(t, tiffBytes(t, src))
		if format != picture.TIFF || m.Bounds() != src.Bounds() {
			t.Errorf("a TIFF of %T became %s of %v", src, format, m.Bounds())
		}
	}
	if format, _ := original(t, webpWithEXIF(t, 6)); format != picture.PNG {
		t.Errorf("a turned WebP became %s, want png", format)
	}
}

func original(t *testing.T, data []byte) (string, image.Image) {
	t.Helper()
	var out bytes.Buffer
	format, _, err := picture.Original(context.Background(), &out, bytes.NewReader(data), mustProbe(t, data))
	if err != nil {
		t.Fatal(err)
	}
	var m image.Image
	switch format {
	case picture.JPEG:
		m, err = jpeg.Decode(&out)
	case picture.TIFF:
		m, err = tiff.Decode(&out)
	default:
		m, _, err = image.Decode(&out)
	}
	if err != nil {
		t.Fatalf("decode the original: %v", err)
	}
	return format, m
}

func TestThumbnail(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		data []byte
		want image.Point
	}{
		{"wide", jpegBytes(t, quarters(1600, 900), 90), image.Pt(256, 144)},
		{"tall grey", jpegBytes(t, image.NewGray(image.Rect(0, 0, 300, 900)), 90), image.Pt(85, 256)},
		{"png", pngBytes(t, quarters(1200, 1200)), image.Pt(256, 256)},
		{"small", jpegBytes(t, quarters(100, 50), 90), image.Pt(100, 50)},
		{"thin", pngBytes(t, image.NewGray(image.Rect(0, 0, 5000, 1))), image.Pt(256, 1)},
		{"on its side", withOrientation(jpegBytes(t, quarters(800, 400), 90), 6), image.Pt(128, 256)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if _, err := picture.Thumbnail(context.Background(), &out, bytes.NewReader(tt.data), mustProbe(t, tt.data), 256); err != nil {
				t.Fatal(err)
			}
			m, err := jpeg.Decode(&out)
			if err != nil {
				t.Fatal(err)
			}
			if got := m.Bounds().Size(); got != tt.want {
				t.Errorf("size %v, want %v", got, tt.want)
			}
			if tt.name == "wide" || tt.name == "png" {
				checkUpright(t, m, 1, 12)
			}
		})
	}
}

func TestPlaceholder(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := picture.Placeholder(&out, 1920, 1081, 0); err != nil {
		t.Fatal(err)
	}
	m, err := jpeg.Decode(&out)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Bounds().Size(); got != image.Pt(1920, 1081) || !near(m.At(1919, 1080), color.Black, 1) {
		t.Errorf("got %v of %v, want 1920×1081 of black", got, m.At(1919, 1080))
	}
}

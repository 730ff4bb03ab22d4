package picture_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color/palette"
	"image/gif"
	"io"
	"runtime"
	"testing"
	"time"

	"golang.org/x/image/bmp"

	"framemill/pipeline"
	"framemill/stages/media/picture"
)

func TestProbe(t *testing.T) {
	t.Parallel()
	m := photo(40, 30)
	var g, b bytes.Buffer
	if err := gif.Encode(&g, m, nil); err != nil {
		t.Fatal(err)
	}
	if err := bmp.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	j := jpegBytes(t, m, 80)
	p := pngBytes(t, m)
	farEXIF := join(j[:2], segment(0xed, make([]byte, 60000)), withOrientation(j, 8)[2:])
	rotatedPNG := join(p[:33], pngChunk("eXIf", exif(binary.BigEndian, 6)), p[33:])
	tests := []struct {
		name          string
		data          []byte
		format        string
		width, height int64
		orient        int64
	}{
		{"jpeg", j, picture.JPEG, 40, 30, 1},
		{"jpeg mirrored", withOrientation(j, 2), picture.JPEG, 40, 30, 2},
		{"jpeg on its side", withOrientation(j, 6), picture.JPEG, 30, 40, 6},
		{"jpeg with EXIF far behind", farEXIF, picture.JPEG, 30, 40, 8},
		{"jpeg with a wrong orientation", withOrientation(j, 9), picture.JPEG, 40, 30, 1},
		{"jpeg with stray bytes", join(j[:2], segment(0xe0, nil), []byte{0, 0, 0xff, 0xff}, j[2:]), picture.JPEG, 40, 30, 1},
		{"png", p, picture.PNG, 40, 30, 1},
		{"png on its side", rotatedPNG, picture.PNG, 30, 40, 6},
		{"gif", g.Bytes(), picture.GIF, 40, 30, 1},
		{"bmp", b.Bytes(), picture.BMP, 40, 30, 1},
		{"tiff", tiffBytes(t, m), picture.TIFF, 40, 30, 1},
		{"webp lossless", webpLossless(t), picture.WebP, 1, 1, 1},
		{"webp lossy", webpLossy(t), picture.WebP, 1, 1, 1},
		{"webp with EXIF", webpWithEXIF(t, 6), picture.WebP, 1, 1, 6},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := probe(tt.data)
			if err != nil {
				t.Fatal(err)
			}
			if got.Format != tt.format || got.Width != tt.width || got.Height != tt.height || got.Orient != tt.orient {
				t.Errorf("got %+v, want %s %d×%d orientation %d", got, tt.format, tt.width, tt.height, tt.orient)
			}
			if c := picture.Cost(got); c < got.Width*got.Height {
				t.Errorf("cost %d is less than one byte a pixel", c)
			}
		})
	}
}

// TestProbeRefuses feeds headers that lie or ask too much. Each must be told
// apart quickly, before anything of the stated size is allocated.
//
// It runs alone, for it measures what is allocated.
func TestProbeRefuses(t *testing.T) {
	j := jpegBytes(t, photo(16, 16), 80)
	jpegOf := func(marker, depth byte, width, height uint16, comps byte) []byte {
		sof := []byte{depth, byte(height >> 8), byte(height), byte(width >> 8), byte(width), comps}
		for c := range comps {
			sof = append(sof, c+1, 0x11, 0)
		}
		return join(j[:2], segment(marker, sof))
	}
	tests := []struct {
		name string
		data []byte
		code pipeline.Code
	}{
		{"empty", nil, pipeline.CodeEmptyFile},
		{"one byte", []byte{0xff}, pipeline.CodeUnsupportedFormat},
		{"text", []byte("<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>"), pipeline.CodeUnsupportedFormat},
		{"postscript", []byte("%!PS-Adobe-3.0\nshowpage"), pipeline.CodeUnsupportedFormat},
		{"pdf", []byte("%PDF-1.7\n"), pipeline.CodeUnsupportedFormat},
		{"mvg", []byte("push graphic-context\nviewbox 0 0 1 1\n"), pipeline.CodeUnsupportedFormat},
		{"bigtiff", []byte("II+\x00\x08\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00"), pipeline.CodeUnsupportedFormat},
		{"jpeg bomb", jpegOf(0xc0, 8, 65500, 65500, 3), pipeline.CodeTooLarge},
		{"jpeg without height", jpegOf(0xc0, 8, 10, 0, 3), pipeline.CodeDecodeFailed},
		{"jpeg of 12 bits", jpegOf(0xc1, 12, 10, 10, 3), pipeline.CodeUnsupportedFormat},
		{"jpeg arithmetic", jpegOf(0xc9, 8, 10, 10, 3), pipeline.CodeUnsupportedFormat},
		{"jpeg lossless", jpegOf(0xc3, 8, 10, 10, 3), pipeline.CodeUnsupportedFormat},
		{"jpeg of two components", jpegOf(0xc0, 8, 10, 10, 2), pipeline.CodeDecodeFailed},
		{"jpeg without end of headers", j[:20], pipeline.CodeDecodeFailed},
		{"jpeg ends at once", []byte{0xff, 0xd8, 0xff, 0xd9}, pipeline.CodeDecodeFailed},
		{"jpeg of segments", join(j[:2], bytes.Repeat(segment(0xe2, make([]byte, 9)), 10000)), pipeline.CodeDecodeFailed},
		{"png bomb", pngOf(60000, 60000), pipeline.CodeTooLarge},
		{"png too long for a jpeg", pngOf(65536, 10), pipeline.CodeTooLarge},
		{"png without size", pngOf(0, 5), pipeline.CodeDecodeFailed},
		{"png cut", pngOf(5, 5)[:20], pipeline.CodeDecodeFailed},
		{"gif bomb", []byte("GIF89a\xff\xff\xff\xff\x00\x00\x00"), pipeline.CodeTooLarge},
		{"bmp upside down without rows", bmpOf(100, -100, 24), pipeline.CodeUnsupportedFormat},
		{"bmp lowest height", bmpOf(100, -1<<31, 24), pipeline.CodeTooLarge},
		{"bmp of no bits", bmpOf(100, 100, 0), pipeline.CodeUnsupportedFormat},
		{"tiff loop", tiffOf(8, nil), pipeline.CodeUnsupportedFormat},
		{"tiff bomb", tiffOf(0, map[uint16]uint32{256: 100000, 257: 100000}), pipeline.CodeTooLarge},
		{"tiff of jpeg", tiffOf(0, map[uint16]uint32{256: 10, 257: 10, 259: 7}), pipeline.CodeUnsupportedFormat},
		{"tiff of five bits", tiffOf(0, map[uint16]uint32{256: 10, 257: 10, 258: 5, 259: 1}), pipeline.CodeUnsupportedFormat},
		{"webp animated", append([]byte("RIFF\x24\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02"), make([]byte, 20)...), pipeline.CodeUnsupportedFormat},
		{"webp bomb", []byte("RIFF\x24\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff"), pipeline.CodeTooLarge},
		{"webp cut", []byte("RIFF\x24\x00\x00\x00WEBPVP8 "), pipeline.CodeDecodeFailed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			begun := time.Now()
			_, err := probe(tt.data)
			took := time.Since(begun)
			runtime.ReadMemStats(&after)
			if got := pipeline.CodeOf(err); got != tt.code {
				t.Errorf("got %v, want code %s", err, tt.code)
			}
			if pipeline.Retryable(err) {
				t.Errorf("%v would be tried again", err)
			}
			if used := after.TotalAlloc - before.TotalAlloc; took > 100*time.Millisecond || used > 1<<20 {
				t.Errorf("took %v and %d bytes of memory", took, used)
			}
		})
	}
}

func TestProbeReportsStorageErrors(t *testing.T) {
	t.Parallel()
	boom := errors.New("share is gone")
	data := tiffBytes(t, photo(900, 700))
	for n := range 10 {
		r := &failing{ReadSeeker: bytes.NewReader(data), after: n, err: boom}
		_, err := picture.Probe(r, int64(len(data)), picture.Limits{})
		if err == nil {
			break // all reads that probing needs went well
		}
		if !errors.Is(err, boom) {
			t.Errorf("read %d fails: got %v, want the error of the storage", n, err)
		}
	}
}

// failing returns err from the read after so many.
type failing struct {
	io.ReadSeeker
	after int
	err   error
}

func (f *failing) Read(p []byte) (int, error) {
	if f.after--; f.after < 0 {
		return 0, f.err
	}
	return f.ReadSeeker.Read(p)
}

func pngChunk(kind string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	return join(b, []byte(kind), data, crc(append([]byte(kind), data...)))
}

func pngOf(width, height uint32) []byte {
	ihdr := binary.BigEndian.AppendUint32(nil, width)
	ihdr = binary.BigEndian.AppendUint32(ihdr, height)
	return join([]byte("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", append(ihdr, 8, 2, 0, 0, 0)))
}

func bmpOf(width, height int32, bits uint16) []byte {
	b := append([]byte("BM"), make([]byte, 8)...)
	for _, v := range []uint32{54, 40, uint32(width), uint32(height), uint32(bits)<<16 | 1, 0, 0, 0, 0, 0, 0} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

// tiffOf is a directory of long values that names next as its successor.
func tiffOf(next uint32, tags map[uint16]uint32) []byte {
	b := binary.LittleEndian.AppendUint32([]byte("II*\x00"), 8)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(tags)))
	for tag := uint16(256); tag < 300; tag++ {
		if v, ok := tags[tag]; ok {
			b = binary.LittleEndian.AppendUint16(b, tag)
			b = binary.LittleEndian.AppendUint16(b, 4)
			b = binary.LittleEndian.AppendUint32(b, 1)
			b = binary.LittleEndian.AppendUint32(b, v)
		}
	}
	return binary.LittleEndian.AppendUint32(b, next)
}

func webpWithEXIF(t testing.TB, orient uint16) []byte {
	pixels := webpLossless(t)[12:]
	meta := exif(binary.LittleEndian, orient)
	vp8x := append([]byte("VP8X\x0a\x00\x00\x00\x08"), make([]byte, 9)...)
	chunk := append([]byte("EXIF"), binary.LittleEndian.AppendUint32(nil, uint32(len(meta)))...)
	body := join([]byte("WEBP"), vp8x, pixels, chunk, meta)
	return join([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, uint32(len(body))), body)
}

func gifOf(t testing.TB, canvas, part image.Rectangle) []byte {
	t.Helper()
	frame := image.NewPaletted(part, palette.Plan9)
	for i := range frame.Pix {
		frame.Pix[i] = 255 // white
	}
	var b bytes.Buffer
	g := &gif.GIF{Image: []*image.Paletted{frame}, Delay: []int{0}, Config: image.Config{Width: canvas.Dx(), Height: canvas.Dy(), ColorModel: frame.Palette}}
	if err := gif.EncodeAll(&b, g); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

package encode_test

import (
	"bytes"
	"fmt"
	"testing"

	"framemill/pipeline"
	"framemill/stages/encode"
	"framemill/stages/media/jpeg"
)

// TestJPEGsAreRequantised makes a chunk of JPEGs that take the short way, and of
// those that must not: one that is to be turned, and one that is damaged, which
// must be reported.
func TestJPEGsAreRequantised(t *testing.T) {
	t.Parallel()
	w := setup(t)
	m := noise(120, 80)
	plain, turned := jpegOf(t, m), onItsSide(t, m)
	secret := append([]byte("\xff\xd8\xff\xfe\x00\x06here"), plain[2:]...)
	damaged := append(bytes.Clone(plain[:len(plain)/2]), 0xff, 0xd9)
	frames := []pipeline.FrameFile{
		w.frame(0, "plain.jpg", plain), w.frame(1, "secret.jpg", secret),
		w.frame(2, "turned.jpg", turned), w.frame(3, "damaged.jpg", damaged),
	}
	for _, quality := range []int64{0, 50, 95} {
		out := w.run(w.stage(2), encode.Input{
			Chunks:      []encode.ChunkWork{{SegmentID: 1, Quality: pipeline.Compressed, Key: fmt.Sprint("c", quality), Frames: frames}},
			JPEGQuality: quality,
		})
		if len(out.Reports) != 1 || out.Reports[0].Ord != 3 || out.Reports[0].Code != pipeline.CodeTruncated {
			t.Errorf("quality %d: the reports are %+v, want one of the file that is damaged", quality, out.Reports)
		}
		got := members(t, w.read(out.Chunks[0]))
		luma := jpeg.Quantisers(int(quality))[0]
		if asked := bytes.Contains(got[0].content, luma[:]); asked != (quality < 90) {
			t.Errorf("quality %d: quantisers of this quality: %v", quality, asked)
		}
		if !bytes.Equal(got[0].content, got[1].content) {
			t.Errorf("quality %d: metadata came along", quality)
		}
		if size, _ := level(t, got[2].content); size.X != 80 || size.Y != 120 {
			t.Errorf("quality %d: the turned picture has %v, want 80×120", quality, size)
		}
	}
}

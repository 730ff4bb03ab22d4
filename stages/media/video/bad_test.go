package video_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"framemill/pipeline"
	"framemill/stages/media/video"
)

func TestBadFiles(t *testing.T) {
	t.Parallel()
	good := read(t, clip{file: "x.mp4", args: x264("keyint=12:bframes=2")}.make(t))
	plain := read(t, clip{file: "x.mp4", args: x264("keyint=12:bframes=0")}.make(t))
	front := read(t, clip{file: "x.mp4", args: append(x264("keyint=12:bframes=2"), "-movflags", "+faststart")}.make(t))
	pieces := read(t, clip{file: "x.mp4", args: append(x264("keyint=12"), "-movflags", "+frag_keyframe+empty_moov")}.make(t))
	mkv := read(t, clip{file: "x.mkv", args: x264("keyint=12")}.make(t))
	avi := read(t, clip{file: "x.avi", args: []string{"-c:v", "mjpeg", "-pix_fmt", "yuvj420p"}}.make(t))
	sound := func(file string, args ...string) []byte {
		path := filepath.Join(t.TempDir(), file)
		ffmpeg(t, nil, append(append([]string{"-f", "lavfi", "-i", "sine=duration=1"}, args...), path)...)
		return read(t, path)
	}
	cover := []string{"-f", "lavfi", "-i", "testsrc2=s=64x64:d=0.04:r=25", "-c:v", "png", "-disposition:v:0", "attached_pic"}
	tests := []struct {
		name string
		text []byte
		want pipeline.Code
	}{
		{"empty", nil, pipeline.CodeEmptyFile},
		{"one byte", good[:1], pipeline.CodeTruncated},
		{"table of contents missing", good[:len(good)*9/10], pipeline.CodeTruncated},
		{"99 % with the table in front", front[:len(front)*99/100], pipeline.CodeTruncated},
		{"99 % of fragments", pieces[:len(pieces)*99/100], pipeline.CodeTruncated},
		{"99 % of Matroska", mkv[:len(mkv)*99/100], pipeline.CodeTruncated},
		{"99 % of AVI", avi[:len(avi)*9/10], pipeline.CodeTruncated},
		{"sound only", sound("x.mp4", "-c:a", "aac"), pipeline.CodeNoVideo},
		{"sound only in Matroska", sound("x.mkv", "-c:a", "aac"), pipeline.CodeNoVideo},
		{"sound and a cover", sound("x.m4a", append(cover, "-map", "0:a", "-map", "1:v", "-c:a", "aac")...), pipeline.CodeNoVideo},
		{"80 million samples", claims(t, good, 80_000_000), pipeline.CodeVideoLimits},
		{"2 billion samples", claims(t, good, 2_000_000_000), pipeline.CodeVideoLimits},
		{"encrypted", bytes.Replace(good, []byte("avc1\x00\x00\x00\x00\x00\x00\x00\x01"), []byte("encv\x00\x00\x00\x00\x00\x00\x00\x01"), 1), pipeline.CodeUnsupportedCodec},
		{"unknown codec", bytes.Replace(good, []byte("avc1\x00\x00\x00\x00\x00\x00\x00\x01"), []byte("zzzz\x00\x00\x00\x00\x00\x00\x00\x01"), 1), pipeline.CodeUnsupportedCodec},
		{"frames in another file", bytes.Replace(good, []byte("url \x00\x00\x00\x01"), []byte("url \x00\x00\x00\x00"), 1), pipeline.CodeUnsupportedFormat},
		{"all frames at one time", lasting(t, plain, 0), pipeline.CodeBadTiming},
		{"65,500 by 65,500", giant(t), pipeline.CodeTooLarge},
		{"frames of 46 hours", lasting(t, plain, 1<<31-1), pipeline.CodeBadTiming},
		{"HLS playlist", []byte("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/passwd.mp4\n#EXT-X-ENDLIST\n"), pipeline.CodeUnsupportedFormat},
		{"concat script", []byte("ffconcat version 1.0\nfile other.mp4\n"), pipeline.CodeUnsupportedFormat},
		{"SVG", []byte("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"), pipeline.CodeUnsupportedFormat},
		{"noise in a Matroska", append(bytes.Clone(mkv[:4]), bytes.Repeat([]byte{0x5a}, 4096)...), pipeline.CodeDecodeFailed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			_, err := engine(t).Index(t.Context(), write(t, tt.text), func() {})
			if got := pipeline.CodeOf(err); err == nil || got != tt.want {
				t.Errorf("code %q of %v, want %q", got, err, tt.want)
			}
			if bad, ok := errors.AsType[*pipeline.Error](err); ok && (bad.File != "x.mp4" || strings.Contains(bad.Text, "/")) {
				t.Errorf("file %q, text %q: want the client's name, and no path", bad.File, bad.Text)
			}
			if d := time.Since(begin); d > 10*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func write(t testing.TB, text []byte) video.File {
	t.Helper()
	f := video.File{Path: filepath.Join(t.TempDir(), "stored"), Name: "x.mp4"}
	if err := os.WriteFile(f.Path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

// boxAt returns where the content of the first box of a kind begins.
func boxAt(t testing.TB, text []byte, kind string) int {
	t.Helper()
	at := bytes.Index(text, []byte(kind))
	if at < 0 {
		t.Fatalf("no %s in the file", kind)
	}
	return at + 4
}

// claims makes a file claim samples that all have one size.
func claims(t testing.TB, good []byte, n uint32) []byte {
	t.Helper()
	text := bytes.Clone(good)
	at := boxAt(t, text, "stsz")
	binary.BigEndian.PutUint32(text[at+4:], 1)
	binary.BigEndian.PutUint32(text[at+8:], n)
	binary.BigEndian.PutUint32(text[boxAt(t, text, "stts")+8:], n)
	return text
}

// giant is a file whose pictures say that they are larger than any may be.
func giant(t testing.TB) []byte {
	t.Helper()
	text := read(t, clip{file: "x.mkv", args: []string{"-c:v", "mjpeg", "-pix_fmt", "yuvj420p"}}.make(t))
	size := []byte{0xff, 0xc0, 0, 17, 8, 0, clipHeight, 0, clipWidth}
	if !bytes.Contains(text, size) {
		t.Fatal("no picture of the usual size in the file")
	}
	return bytes.ReplaceAll(text, size, []byte{0xff, 0xc0, 0, 17, 8, 0xff, 0xdc, 0xff, 0xdc})
}

// lasting makes all frames of a file last that long.
func lasting(t testing.TB, good []byte, ticks uint32) []byte {
	t.Helper()
	text := bytes.Clone(good)
	binary.BigEndian.PutUint32(text[boxAt(t, text, "elst")+8:], 1<<32-1) // show all
	binary.BigEndian.PutUint32(text[boxAt(t, text, "stts")+12:], ticks)
	return text
}

// TestTooSlow holds that a video that takes too long is at fault itself: it is
// named, and not tried again.
func TestTooSlow(t *testing.T) {
	t.Parallel()
	src := index(t, engine(t), clip{file: "x.mp4", args: x264("keyint=12:bframes=2")}.make(t))
	for name, cfg := range map[string]video.Config{
		"in all":     {Wall: time.Millisecond},
		"in silence": {Silence: time.Nanosecond},
	} {
		e, err := video.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		all := video.Run{First: 0, Step: 1, Count: clipFrames}
		_, mp4 := encode(t, e, src, []video.Run{all}, video.MP4{Quality: 70})
		for how, err := range map[string]error{
			"JPEGs": e.JPEGs(t.Context(), src, all, 70, func(int64, []byte) error { return nil }),
			"MP4":   mp4,
		} {
			bad, ok := errors.AsType[*pipeline.Error](err)
			if !ok || bad.Code != pipeline.CodeTooSlow || bad.File != src.Name || pipeline.Retryable(err) {
				t.Errorf("too slow %s, %s: %v, want the code %s with the name of the file, and no other try", name, how, err, pipeline.CodeTooSlow)
			}
		}
	}
}

// TestSizeChange joins two sizes in one transport stream.
func TestSizeChange(t *testing.T) {
	t.Parallel()
	small := read(t, clip{file: "x.ts", args: x264("keyint=12:bframes=0")}.make(t))
	large := read(t, clip{file: "x.ts", args: append(x264("keyint=12:bframes=0"), "-vf", "scale=320:240", "-output_ts_offset", "3")}.make(t))
	e := engine(t)
	f := write(t, append(small, large...))
	x, err := e.Index(t.Context(), f, func() {})
	if err == nil {
		src := video.Source{File: f, Index: x}
		seen := int64(0)
		err = e.Decode(t.Context(), src, video.Run{First: 0, Step: 1, Count: x.Len()}, func(k int64, _ *video.Frame) error {
			seen = k + 1
			return nil
		})
		all := video.Run{First: 0, Step: 1, Count: x.Len()}
		for name, e := range encoders(t) {
			if err := e.JPEGs(t.Context(), src, all, 70, func(int64, []byte) error { return nil }); pipeline.KindOf(err) != pipeline.Media {
				t.Errorf("JPEGs of %s over the change: %v, want the media at fault", name, err)
			}
		}
		if _, err := encode(t, e, src, []video.Run{all}, video.MP4{Quality: 70}); pipeline.CodeOf(err) != pipeline.CodeSizeChanges {
			t.Errorf("chunks over the change: %v, want %s", err, pipeline.CodeSizeChanges)
		}
		if seen != clipFrames {
			t.Errorf("%d frames came before the change, want %d", seen, clipFrames)
		}
	}
	if got := pipeline.CodeOf(err); got != pipeline.CodeSizeChanges {
		t.Errorf("code %q of %v, want %q", got, err, pipeline.CodeSizeChanges)
	}
}

// TestSizeChangeInChunk has a chunk over a change of size, which is too late in
// the video to be seen when its frames are listed.
func TestSizeChangeInChunk(t *testing.T) {
	t.Parallel()
	small := read(t, clip{file: "x.ts", args: x264("keyint=12:bframes=0")}.make(t))
	large := read(t, clip{file: "x.ts", args: append(x264("keyint=12:bframes=0"), "-vf", "scale=320:240", "-output_ts_offset", "3")}.make(t))
	e := engine(t)
	f := write(t, append(small, large...))
	x, err := e.Index(t.Context(), f, func() {})
	if err != nil {
		t.Fatal(err)
	}
	src := video.Source{File: f, Index: x}
	for name, runs := range map[string][]video.Run{
		"one chunk": {{First: 60, Step: 1, Count: 36}},
		"two":       {{First: 60, Step: 1, Count: clipFrames - 60}, {First: clipFrames, Step: 1, Count: 36}},
	} {
		_, err := encode(t, e, src, runs, video.MP4{Quality: 70})
		if got := pipeline.CodeOf(err); got != pipeline.CodeSizeChanges {
			t.Errorf("%s: code %q of %v, want %q", name, got, err, pipeline.CodeSizeChanges)
		}
	}
}

// FuzzTables feeds mutated tables to the reader, which must not panic or
// believe in frames outside the file.
func FuzzTables(f *testing.F) {
	f.Add(read(f, clip{file: "x.mp4", args: append(x264("keyint=12:bframes=2"), "-frames:v", "5", "-movflags", "+faststart")}.make(f)))
	f.Fuzz(func(t *testing.T, text []byte) {
		frames, err := video.Tables(bytes.NewReader(text), int64(len(text)))
		for k := 0; err == nil && k < len(frames); k++ {
			if end := frames[k].Offset + int64(frames[k].Size); frames[k].Offset < 0 || end > int64(len(text)) {
				t.Fatalf("frame %d lies at %d to %d of %d", k, frames[k].Offset, end, len(text))
			}
			if k > 0 && frames[k].PTS <= frames[k-1].PTS {
				t.Fatalf("frame %d is shown before the one before", k)
			}
		}
	})
}

// BenchmarkTables reads the tables of an hour of video, and the whole index.
func BenchmarkTables(b *testing.B) {
	const loops = 108_000/clipFrames - 1
	path := clip{file: "x.mp4", args: append(x264("keyint=75:bframes=2"), "-vf", "scale=64:48"),
		more: [][]string{{"-stream_loop", "1439", "-i", "IN", "-c", "copy", "OUT"}}}.make(b)
	file, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("tables", func(b *testing.B) {
		for b.Loop() {
			frames, err := video.Tables(file, info.Size())
			if err != nil || len(frames) != (loops+1)*clipFrames {
				b.Fatalf("%d frames, %v", len(frames), err)
			}
		}
	})
	b.Run("index", func(b *testing.B) {
		e := engine(b)
		for b.Loop() {
			if src := index(b, e, path); src.Index.How != "tables" {
				b.Fatalf("made of %s", src.Index.How)
			}
		}
	})
}

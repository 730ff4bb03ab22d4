package video_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/stages/media/video"
)

// remux is a run of ffmpeg that copies the frames into another file.
func remux(args ...string) [][]string {
	return [][]string{append(append([]string{"-i", "IN", "-map", "0", "-c", "copy"}, args...), "OUT")}
}

// inBand repeats the parameters in front of each keyframe, by way of a transport
// stream, which has no other place for them.
func inBand() [][]string { return append(remux("-f", "mpegts"), remux()...) }

// TestPlainFiles describes files of H.264 by their own tables and by ffprobe:
// where they are plain, both must say the same.
func TestPlainFiles(t *testing.T) {
	t.Parallel()
	chapters := filepath.Join(t.TempDir(), "chapters")
	text := ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=one\n"
	if err := os.WriteFile(chapters, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	usual := x264("keyint=12:bframes=3")
	with := func(more ...string) []string { return append(append([]string{}, usual...), more...) }
	format := func(f string) []string { return []string{"-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", f} }
	colours := []string{"-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"}
	tests := []struct {
		name  string
		plain bool
		clip  clip
	}{
		{"B-frames", true, clip{args: usual}},
		{"no B-frames", true, clip{args: x264("keyint=12:bframes=0")}},
		{"baseline", true, clip{args: with("-profile:v", "baseline")}},
		{"main", true, clip{args: with("-profile:v", "main")}},
		{"several slices", true, clip{args: x264("slices=4:bframes=2")}},
		{"cropped", true, clip{args: with("-vf", "scale=182:138")}},
		{"QuickTime", true, clip{file: "x.mov", args: usual}},
		{"table in front", true, clip{args: with("-movflags", "+faststart")}},
		{"sound as well", true, clip{args: usual, more: [][]string{{"-i", "IN", "-f", "lavfi", "-i", "sine=d=2", "-map", "1:a", "-map", "0:v", "-c:v", "copy", "-c:a", "aac", "OUT"}}}},
		{"no edit list", true, clip{args: with("-use_editlist", "0")}},
		{"negative offsets", true, clip{args: with("-movflags", "+negative_cts_offsets")}},
		{"variable rate", true, clip{args: with("-vf", "settb=1/1000,setpts='N*40+mod(N*N,7)*5'", "-fps_mode", "passthrough", "-enc_time_base", "1:1000")}},
		{"parameters again and again", true, clip{args: usual, more: inBand()}},
		{"shape of pixels", true, clip{args: with("-vf", "setsar=4/3")}},
		{"full range", true, clip{args: with("-vf", "scale=out_range=full", "-color_range", "pc")}},
		{"full range by the file alone", true, clip{args: with("-bsf:v", "h264_metadata=video_full_range_flag=1")}},
		{"BT.709", true, clip{args: with(colours...)}},
		{"BT.709 by the file alone", true, clip{args: usual, more: remux(colours...)}},
		{"BT.601", true, clip{args: with("-colorspace", "smpte170m")}},
		{"turned right", true, clip{args: usual, more: remux("-metadata:s:v:0", "rotate=90")}},
		{"turned round", true, clip{args: usual, more: remux("-metadata:s:v:0", "rotate=180")}},
		{"turned left", true, clip{args: usual, more: remux("-metadata:s:v:0", "rotate=270")}},
		{"turned a little", false, clip{args: usual, more: remux("-metadata:s:v:0", "rotate=30")}},
		{"chapters", false, clip{args: usual, more: [][]string{{"-i", "IN", "-f", "ffmetadata", "-i", chapters, "-map_metadata", "1", "-c", "copy", "OUT"}}}},
		{"ten bits", false, clip{args: format("yuv420p10le")}},
		{"4:4:4", false, clip{args: format("yuv444p")}},
		{"4:2:2", false, clip{args: format("yuv422p")}},
		{"HEVC", false, clip{args: []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error", "-pix_fmt", "yuv420p", "-tag:v", "hvc1"}}},
		{"parameters in the pictures only", false, clip{args: usual, more: append(inBand()[:1], remux("-tag:v", "avc3")...)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.clip.file == "" {
				tt.clip.file = "x.mp4"
			}
			ours, probed, err := engine(t).Described(t.Context(), video.File{Path: tt.clip.make(t), Name: "x.mp4"})
			if err != nil {
				t.Fatal(err)
			}
			if (ours != nil) != tt.plain {
				t.Errorf("the file is plain: %t, want %t", ours != nil, tt.plain)
			}
			if diff := cmp.Diff(probed, ours); tt.plain && diff != "" {
				t.Errorf("ffprobe says something else (-ffprobe +tables):\n%s", diff)
			}
		})
	}
}

// TestNotPlain damages plain files: they are left to ffprobe.
func TestNotPlain(t *testing.T) {
	t.Parallel()
	good := read(t, clip{file: "x.mp4", args: x264("keyint=12:bframes=0"), more: inBand()}.make(t))
	tests := []struct {
		name   string
		damage func(text []byte)
	}{
		{"first sample is empty", func(text []byte) { clear(text[boxAt(t, text, "mdat"):][:64]) }},
		{"unit longer than its sample", func(text []byte) {
			binary.BigEndian.PutUint32(text[boxAt(t, text, "mdat"):], 1<<30)
		}},
		{"unit of an unknown kind", func(text []byte) { text[boxAt(t, text, "mdat")+4] = 0x1f }},
		{"other parameters later", func(text []byte) {
			sps := text[boxAt(t, text, "avcC")+6:]
			sps = sps[2:][:binary.BigEndian.Uint16(sps)]
			media := text[boxAt(t, text, "mdat"):boxAt(t, text, "moov")]
			text[boxAt(t, text, "mdat")+bytes.LastIndex(media, sps)+3]++ // the level
		}},
		{"other parameters in the table", func(text []byte) { text[boxAt(t, text, "avcC")+11]++ }},
		{"parameters cut", func(text []byte) { binary.BigEndian.PutUint16(text[boxAt(t, text, "avcC")+6:], 6) }},
		{"another width", func(text []byte) { text[boxAt(t, text, "stsd")+16+25] ^= 16 }},
		{"moved as a whole", func(text []byte) { text[boxAt(t, text, "mvhd")+37]++ }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := bytes.Clone(good)
			tt.damage(text)
			if bytes.Equal(text, good) {
				t.Fatal("the file is as it was")
			}
			f := write(t, text)
			ours, _, _ := engine(t).Described(t.Context(), f)
			if ours != nil {
				t.Errorf("the file passes for plain: %+v", ours)
			}
		})
	}
	if ours, _, err := engine(t).Described(t.Context(), write(t, good)); err != nil || ours == nil {
		t.Errorf("the undamaged file: %+v, %v; want it to be plain", ours, err)
	}
}

// FuzzPlain feeds mutated files to the reader of parameters and samples, which
// must not panic, nor see pictures of no size.
func FuzzPlain(f *testing.F) {
	f.Add(read(f, clip{file: "x.mp4", args: append(x264("keyint=12:bframes=2"), "-frames:v", "5", "-movflags", "+faststart")}.make(f)))
	f.Fuzz(func(t *testing.T, text []byte) {
		if width, height, ok := video.Plain(text); ok && (width < 1 || height < 1) {
			t.Fatalf("the pictures are %d×%d", width, height)
		}
	})
}

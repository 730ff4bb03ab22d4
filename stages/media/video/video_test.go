package video_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"framemill/pipeline/frameindex"
	"framemill/stages/media/decoder"
	"framemill/stages/media/sandbox"
	"framemill/stages/media/video"
	"framemill/tests/barcode"
	"framemill/tests/program"
)

func TestMain(m *testing.M) {
	sandbox.Helper()
	os.Exit(m.Run())
}

// The clips are small, but have several groups of pictures.
const (
	clipFrames = 75
	clipWidth  = 192
	clipHeight = 144
)

// numbered returns a raw file of frames that have their numbers burnt in.
var numbered = sync.OnceValues(func() ([]byte, error) {
	var out bytes.Buffer
	for n := range clipFrames {
		out.Write(numberedPicture(n, clipWidth, clipHeight).Pix)
	}
	return out.Bytes(), nil
})

// numberedPicture has soft moving shapes below its bar code.
func numberedPicture(n, width, height int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.SetRGBA(x, y, color.RGBA{uint8(64 + (x+n*3)%128), uint8(64 + (y+n)*128/height%128), uint8(90 + (x+y+n*2)%100), 255})
		}
	}
	barcode.Draw(m, n)
	return m
}

// clip is one way to encode the numbered frames.
type clip struct {
	name string
	file string   // of the result
	args []string // of ffmpeg, between input and output
	more [][]string
	how  frameindex.How
	turn bool // the clip is upright only after a quarter turn
}

// make makes the clip and returns its path. Each of more is another run of
// ffmpeg, from IN to OUT.
func (c clip) make(t testing.TB) string {
	t.Helper()
	raw, err := numbered()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "0-"+c.file)
	size := fmt.Sprintf("%dx%d", clipWidth, clipHeight)
	ffmpeg(t, raw, append(append([]string{"-f", "rawvideo", "-pix_fmt", "rgba", "-s", size, "-r", "25", "-i", "-"}, c.args...), path)...)
	for i, args := range c.more {
		next := filepath.Join(dir, strconv.Itoa(i+1)+"-"+c.file)
		out := make([]string, len(args))
		for j, a := range args {
			out[j] = strings.NewReplacer("IN", path, "OUT", next).Replace(a)
		}
		ffmpeg(t, nil, out...)
		path = next
	}
	return path
}

func ffmpeg(t testing.TB, stdin []byte, args ...string) []byte {
	t.Helper()
	return run(t, stdin, "ffmpeg", append([]string{"-v", "error", "-y"}, args...)...)
}

func run(t testing.TB, stdin []byte, name string, args ...string) []byte {
	t.Helper()
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(context.Background(), name, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &complaint
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, complaint.String())
	}
	return out.Bytes()
}

func engine(t testing.TB) *video.Engine {
	t.Helper()
	e, err := video.New(video.Config{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// encoders returns the engines with which JPEGs are made, by who encodes them.
func encoders(t testing.TB) map[string]*video.Engine {
	t.Helper()
	second, err := video.New(video.Config{Threads: 2, Decoder: program.Decoder(t)})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*video.Engine{"ffmpeg": engine(t), decoder.Name: second}
}

func index(t testing.TB, e *video.Engine, path string) video.Source {
	t.Helper()
	f := video.File{Path: path, Name: filepath.Base(path)}
	x, err := e.Index(t.Context(), f, func() {})
	if err != nil {
		t.Fatalf("index %s: %v", f.Name, err)
	}
	return video.Source{File: f, Index: x}
}

func x264(params string) []string {
	return []string{"-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-crf", "20", "-x264-params", params}
}

func clips() []clip {
	usual := x264("keyint=12:min-keyint=12:scenecut=0:bframes=3:b-adapt=0")
	open := x264("keyint=12:min-keyint=12:scenecut=0:bframes=3:b-adapt=0:open-gop=1")
	intra := x264("keyint=1")
	with := func(a []string, b ...string) []string { return append(append([]string{}, a...), b...) }
	return []clip{
		{name: "B-frames", file: "x.mp4", args: usual, how: frameindex.Tables},
		{name: "no B-frames", file: "x.mov", args: x264("keyint=10:bframes=0"), how: frameindex.Tables},
		{name: "variable rate", file: "x.mp4", args: with(usual, "-vf", "settb=1/1000,setpts='N*40+mod(N*N,7)*5'", "-fps_mode", "passthrough", "-enc_time_base", "1:1000"), how: frameindex.Tables},
		{name: "open GOP", file: "x.mp4", args: open, how: frameindex.Tables},
		{name: "open GOP in a transport stream", file: "x.ts", args: open, how: frameindex.Packets},
		{name: "fragmented", file: "x.mp4", args: with(usual, "-movflags", "+frag_keyframe+empty_moov"), how: frameindex.Packets},
		{name: "transport stream", file: "x.ts", args: usual, how: frameindex.Packets},
		{name: "Matroska", file: "x.mkv", args: usual, how: frameindex.Packets},
		{name: "VP9 in WebM", file: "x.webm", args: []string{"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "15", "-b:v", "1M", "-pix_fmt", "yuv420p"}, how: frameindex.Packets},
		{name: "VP8 in WebM", file: "x.webm", args: []string{"-c:v", "libvpx", "-deadline", "good", "-cpu-used", "5", "-auto-alt-ref", "1", "-lag-in-frames", "16", "-g", "20", "-pix_fmt", "yuv420p", "-b:v", "1M"}, how: frameindex.Counted},
		{name: "HEVC", file: "x.mp4", args: []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=12:min-keyint=12:bframes=3:open-gop=1", "-pix_fmt", "yuv420p", "-tag:v", "hvc1"}, how: frameindex.Tables},
		{name: "MJPEG in Matroska", file: "x.mkv", args: []string{"-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p"}, how: frameindex.Packets},
		{name: "MPEG-4 part 2 in AVI", file: "x.avi", args: []string{"-c:v", "mpeg4", "-q:v", "3", "-g", "12"}, how: frameindex.Counted},
		{name: "MPEG-4 part 2 with B-frames in AVI", file: "x.avi", args: []string{"-c:v", "mpeg4", "-q:v", "3", "-g", "12", "-bf", "2"}, how: frameindex.Counted},
		{name: "MPEG-2 in a program stream", file: "x.mpg", args: []string{"-c:v", "mpeg2video", "-q:v", "3", "-g", "12", "-bf", "2"}},
		{name: "one keyframe only", file: "x.mp4", args: x264("keyint=infinite:scenecut=0:bframes=2"), how: frameindex.Tables},
		{name: "every frame a keyframe", file: "x.mp4", args: intra, how: frameindex.Tables},
		{name: "turned", file: "x.mp4", args: with(usual, "-vf", "transpose=cclock"), more: [][]string{{"-i", "IN", "-c", "copy", "-metadata:s:v:0", "rotate=270", "OUT"}}, how: frameindex.Tables, turn: true},
		{name: "odd size", file: "x.mp4", args: with([]string{"-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv444p", "-g", "12"}, "-vf", "scale=181:133"), how: frameindex.Tables},
		{name: "ten bits", file: "x.mp4", args: []string{"-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p10le", "-g", "12"}, how: frameindex.Tables},
		{name: "full range", file: "x.mp4", args: with(x264("keyint=12"), "-vf", "scale=out_range=full", "-color_range", "pc"), how: frameindex.Tables},
		{name: "grey", file: "x.mkv", args: []string{"-c:v", "ffv1", "-pix_fmt", "gray", "-g", "12"}, how: frameindex.Packets},
		{name: "RGB", file: "x.mkv", args: []string{"-c:v", "ffv1", "-pix_fmt", "bgr0"}, how: frameindex.Packets},
	}
}

func TestEveryFrameIsItself(t *testing.T) {
	t.Parallel()
	for _, c := range clips() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := c.make(t)
			e := engine(t)
			src := index(t, e, path)
			if c.how != "" && src.Index.How != c.how {
				t.Errorf("the index is made of %s, want %s", src.Index.How, c.how)
			}
			assertCount(t, src, clipFrames)
			for _, r := range runsOf(src.Index) {
				assertNumbers(t, e, src, r)
			}
			assertChunks(t, e, src)
		})
	}
}

// runsOf returns runs that begin at keyframes, between them, with steps, and
// all of a video.
func runsOf(x *frameindex.Index) []video.Run {
	n := x.Len()
	runs := []video.Run{{First: 0, Step: 1, Count: n}, {First: 3, Step: 5, Count: (n-4)/5 + 1}, {First: n - 1, Step: 1, Count: 1}}
	for lo, hi := range x.GOPs() {
		if lo >= n/3 {
			return append(runs, video.Run{First: lo, Step: 1, Count: hi - lo}, video.Run{First: (lo + hi) / 2, Step: 2, Count: (hi-(lo+hi)/2-1)/2 + 1})
		}
	}
	return runs
}

// assertCount compares the index with what ffmpeg decodes.
func assertCount(t *testing.T, src video.Source, want int) {
	t.Helper()
	lines := strings.Fields(string(run(t, nil, "ffprobe", "-v", "error", "-select_streams", "V:0",
		"-show_entries", "frame=best_effort_timestamp", "-of", "csv=p=0:nk=1:s=|", src.Path)))
	if len(src.Index.Frames) != len(lines) || len(lines) != want {
		t.Fatalf("the index has %d frames, ffprobe decodes %d, want %d", len(src.Index.Frames), len(lines), want)
	}
	for k, line := range lines {
		line, _, _ = strings.Cut(line, "|")
		if pts := strconv.FormatInt(src.Index.Frames[k].PTS, 10); pts != line && line != "N/A" {
			t.Fatalf("frame %d is at %s, ffprobe says %s", k, pts, line)
		}
	}
	counted := run(t, nil, "ffmpeg", "-v", "error", "-i", src.Path, "-map", "0:V:0", "-fps_mode", "passthrough", "-f", "framecrc", "-")
	if n := strings.Count(string(counted), "\n0, "); n != want {
		t.Errorf("ffmpeg decodes %d frames, want %d", n, want)
	}
}

// assertNumbers decodes a run and reads the number in each frame.
func assertNumbers(t *testing.T, e *video.Engine, src video.Source, r video.Run) {
	t.Helper()
	next := r.First
	err := e.Decode(t.Context(), src, r, func(k int64, f *video.Frame) error {
		if k != next {
			t.Errorf("frame %d comes, want %d", k, next)
		}
		next += r.Step
		n, err := barcode.Read(f.Image)
		if err != nil || int64(n) != k {
			return fmt.Errorf("frame %d shows %d, %v", k, n, err)
		}
		return nil
	})
	if err != nil {
		t.Errorf("decode %+v: %v", r, err)
	}
	if next != r.Last()+r.Step {
		t.Errorf("run %+v ends before frame %d", r, next)
	}
}

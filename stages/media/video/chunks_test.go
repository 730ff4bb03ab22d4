package video_test

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline/frameindex"
	"framemill/stages/media/video"
	"framemill/tests/barcode"
)

// encode encodes chunks and returns their files in the order of the chunks.
func encode(t testing.TB, e *video.Engine, src video.Source, chunks []video.Run, m video.MP4) ([]string, error) {
	t.Helper()
	files := make([]string, len(chunks))
	err := e.EncodeMP4(t.Context(), src, t.TempDir(), chunks, m, video.Hooks{
		Progress: func() {},
		Done: func(chunk int, path string) error {
			if files[chunk] != "" {
				t.Errorf("chunk %d is handed over again", chunk)
			}
			files[chunk] = path
			return nil
		},
	})
	return files, err
}

// assertChunks encodes chunks and JPEGs of a numbered clip.
func assertChunks(t *testing.T, e *video.Engine, src video.Source) {
	t.Helper()
	// Segments of 30 that overlap by 5, in chunks of 12.
	chunks := every(1, []int64{0, 12}, []int64{12, 12}, []int64{24, 6}, []int64{25, 12}, []int64{37, 12}, []int64{49, 6},
		[]int64{50, 12}, []int64{62, 12}, []int64{74, 1})
	if src.Index.Codec != "h264" { // every second frame
		chunks = every(2, []int64{17, 9}, []int64{35, 9}, []int64{53, 3})
	}
	files, err := encode(t, e, src, chunks, video.MP4{Quality: 70, Downscale: true})
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	for i, r := range chunks {
		if src.Index.How != frameindex.Tables || i%4 == 0 { // each is two processes
			assertChunk(t, files[i], r)
		}
	}
	for name, e := range encoders(t) {
		t.Run("JPEGs of "+name, func(t *testing.T) {
			assertJPEGs(t, e, src, video.Run{First: 5, Step: 3, Count: 20})
		})
	}
}

// every returns runs with a step, each given by its first frame and its count.
func every(step int64, runs ...[]int64) []video.Run {
	var out []video.Run
	for _, r := range runs {
		out = append(out, video.Run{First: r[0], Step: step, Count: r[1]})
	}
	return out
}

// assertJPEGs reads the number of each JPEG of a run.
func assertJPEGs(t *testing.T, e *video.Engine, src video.Source, r video.Run) {
	t.Helper()
	next := r.First
	err := e.JPEGs(t.Context(), src, r, 70, func(k int64, text []byte) error {
		m, err := jpeg.Decode(bytes.NewReader(text))
		if err != nil {
			return err
		}
		if n, err := barcode.Read(m); k != next || int64(n) != k || int64(m.Bounds().Dx()) != src.Index.Width {
			t.Errorf("frame %d comes as %d, shows %d and is %v: %v", next, k, n, m.Bounds(), err)
		}
		next += r.Step
		return nil
	})
	if err != nil || next != r.Last()+r.Step {
		t.Errorf("JPEGs %+v end before %d: %v", r, next, err)
	}
}

// assertChunk decodes a chunk with ffmpeg and reads the number of each frame.
func assertChunk(t *testing.T, path string, r video.Run) {
	t.Helper()
	facts := string(run(t, nil, "ffprobe", "-v", "error", "-show_entries", "stream=codec_name,profile,has_b_frames,pix_fmt,id,r_frame_rate,avg_frame_rate,width,height", "-of", "default=nw=1", path))
	for _, want := range []string{"codec_name=h264", "profile=Constrained Baseline", "has_b_frames=0", "pix_fmt=yuv420p", "id=0x1", "r_frame_rate=25/1", "avg_frame_rate=25/1"} {
		if r.Count > 1 && !strings.Contains(facts, want+"\n") {
			t.Errorf("%s has no %s:\n%s", filepath.Base(path), want, facts)
		}
	}
	var got, want []int
	for k := r.First; k <= r.Last(); k += r.Step {
		want = append(want, int(k))
	}
	for _, m := range stills(t, path) {
		n, err := barcode.Read(m)
		if err != nil {
			t.Fatalf("chunk %+v: %v", r, err)
		}
		got = append(got, n)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("chunk %+v shows other frames (-want +got):\n%s", r, diff)
	}
}

// stills decodes all of a file to pictures.
func stills(t testing.TB, path string) []image.Image {
	t.Helper()
	r := bytes.NewReader(ffmpeg(t, nil, "-i", path, "-fps_mode", "passthrough", "-f", "image2pipe", "-c:v", "png", "-"))
	var out []image.Image
	for r.Len() > 0 {
		m, err := png.Decode(r)
		if err != nil {
			t.Fatalf("picture %d of %s: %v", len(out), path, err)
		}
		out = append(out, m)
	}
	return out
}

func TestChunkQuality(t *testing.T) {
	t.Parallel()
	e := engine(t)
	src := index(t, e, clip{file: "x.mp4", args: x264("keyint=25:bframes=2:crf=12")}.make(t))
	all := video.Run{First: 0, Step: 1, Count: 36}
	files, err := encode(t, e, src, []video.Run{all}, video.MP4{Quality: 70, Downscale: true})
	if err != nil {
		t.Fatal(err)
	}
	chunk := index(t, e, files[0])
	var want [][]byte
	if err := e.Decode(t.Context(), src, all, func(_ int64, f *video.Frame) error {
		want = append(want, bytes.Clone(f.Image.Y))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := e.Decode(t.Context(), chunk, all, func(k int64, f *video.Frame) error {
		if db := psnr(want[k], f.Image.Y); db < 38 {
			t.Errorf("frame %d has a PSNR of %.1f dB, want 38", k, db)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func psnr(a, b []byte) float64 {
	sum := 0.0
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	return 10 * math.Log10(255*255*float64(len(a))/sum)
}

func TestChunkSize(t *testing.T) {
	t.Parallel()
	tests := []struct{ width, height, wantWidth, wantHeight int64 }{
		{320, 240, 320, 240},
		{1919, 1079, 1920, 1080},
		{1920, 1080, 960, 540},
		{3840, 2160, 960, 540},
		{2560, 1440, 1280, 720},
		{1, 1, 2, 2},
		{8738, 1079, 8738, 1080}, // 8738·1080 pixels are just few enough
		{8739, 1079, 4370, 540},
		{32766, 100, 16384, 50},
		{65000, 1000, 16250, 250},
	}
	for _, tt := range tests {
		w, h := video.MP4{Quality: 70, Downscale: true}.Size(tt.width, tt.height)
		if w != tt.wantWidth || h != tt.wantHeight {
			t.Errorf("chunks of %d×%d are %d×%d, want %d×%d", tt.width, tt.height, w, h, tt.wantWidth, tt.wantHeight)
		}
		if w, h := (video.MP4{}).Size(tt.width, tt.height); w != (tt.width+1)/2*2 || h != (tt.height+1)/2*2 {
			t.Errorf("original chunks of %d×%d are %d×%d", tt.width, tt.height, w, h)
		}
	}
}

// TestFits holds that a chunk is a film as long as every decoder takes it.
func TestFits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		width, height int64
		want          bool
	}{
		{1920, 1080, true},
		{4096, 2304, true},
		{4096, 2305, false}, // has an even height of 2306
		{2304, 4096, true},
		{7680, 4320, false},
		{16384, 576, true},
		{16386, 10, false},
		{10, 16385, false},
		{1 << 30, 1 << 30, false},
	} {
		if got := video.Fits(tt.width, tt.height); got != tt.want {
			t.Errorf("a film of %d×%d fits: %v, want %v", tt.width, tt.height, got, tt.want)
		}
	}
}

// TestColours compares stills with what ffmpeg makes of the same frame.
func TestColours(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, filter, matrix string }{
		{"BT.601", "scale=out_color_matrix=bt601", "smpte170m"},
		{"BT.709", "scale=out_color_matrix=bt709", "bt709"},
		{"full range", "scale=out_color_matrix=bt601:out_range=full", "smpte170m"},
		{"BT.709 in full range", "scale=out_color_matrix=bt709:out_range=full", "bt709"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := engine(t)
			args := []string{"-vf", tt.filter + ",format=yuv420p", "-c:v", "libx264", "-crf", "2", "-preset", "ultrafast", "-colorspace", tt.matrix}
			if strings.Contains(tt.filter, "full") {
				args = append(args, "-color_range", "pc")
			}
			src := index(t, e, clip{file: "x.mp4", args: args}.make(t))
			text, err := e.FramePNG(t.Context(), src, 7)
			if err != nil {
				t.Fatal(err)
			}
			got, err := png.Decode(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			assertLike(t, got, numberedPicture(7, clipWidth, clipHeight), 4)
			var b bytes.Buffer
			if err := e.Decode(t.Context(), src, video.Run{First: 7, Step: 1, Count: 1}, func(_ int64, f *video.Frame) error {
				return video.EncodeJPEG(&b, f, 95)
			}); err != nil {
				t.Fatal(err)
			}
			if got, err = jpeg.Decode(&b); err != nil {
				t.Fatal(err)
			}
			assertLike(t, got, numberedPicture(7, clipWidth, clipHeight), 5)
			for name, e := range encoders(t) {
				if err := e.JPEGs(t.Context(), src, video.Run{First: 7, Step: 1, Count: 1}, 95, func(_ int64, text []byte) error {
					got, err = jpeg.Decode(bytes.NewReader(text))
					return err
				}); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				assertLike(t, got, numberedPicture(7, clipWidth, clipHeight), 5)
			}
		})
	}
}

// assertLike compares mean colours below the bar code, in shades of 256.
func assertLike(t *testing.T, got, want image.Image, tolerance float64) {
	t.Helper()
	if got.Bounds() != want.Bounds() {
		t.Fatalf("the picture is %v, want %v", got.Bounds(), want.Bounds())
	}
	var diff [3]float64
	n := 0.0
	for y := clipHeight / 4; y < clipHeight; y++ {
		for x := range clipWidth {
			r1, g1, b1, _ := got.At(x, y).RGBA()
			r2, g2, b2, _ := want.At(x, y).RGBA()
			for i, d := range []float64{float64(r1) - float64(r2), float64(g1) - float64(g2), float64(b1) - float64(b2)} {
				diff[i] += math.Abs(d) / 257
			}
			n++
		}
	}
	for i, d := range diff {
		if d/n > tolerance {
			t.Errorf("channel %d differs by %.1f shades, want at most %.0f", i, d/n, tolerance)
		}
	}
}

func TestPreview(t *testing.T) {
	t.Parallel()
	e := engine(t)
	src := index(t, e, clips()[0].make(t))
	text, err := e.PreviewJPEG(t.Context(), src, 40, 128, 70)
	if err != nil {
		t.Fatal(err)
	}
	m, err := jpeg.Decode(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := barcode.Read(m); m.Bounds().Size() != image.Pt(128, 96) || n != 40 {
		t.Errorf("the preview is %v and shows %d, %v; want 128×96 and 40", m.Bounds(), n, err)
	}
}

package video_test

import (
	"io"
	"path/filepath"
	"testing"

	"framemill/stages/media/video"
)

// fullHD makes a clip of 1080p with noise in it, as a camera does.
func fullHD(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "hd.mp4")
	ffmpeg(b, nil, append(append([]string{"-f", "lavfi", "-i", "mandelbrot=s=1920x1080:r=25,noise=alls=6:allf=t", "-frames:v", "100"},
		x264("keyint=50:bframes=2")...), path)...)
	return path
}

func BenchmarkFullHD(b *testing.B) {
	e := engine(b)
	src := index(b, e, fullHD(b))
	all := video.Run{First: 0, Step: 1, Count: src.Index.Len()}
	perFrame := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(int64(b.N)*all.Count), "ms/frame")
	}
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if err := e.Decode(b.Context(), src, all, func(int64, *video.Frame) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
		perFrame(b)
	})
	b.Run("step 5", func(b *testing.B) {
		for b.Loop() {
			if err := e.Decode(b.Context(), src, video.Run{First: 0, Step: 5, Count: all.Count / 5}, func(int64, *video.Frame) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
		perFrame(b)
	})
	b.Run("image/jpeg", func(b *testing.B) {
		for b.Loop() {
			if err := e.Decode(b.Context(), src, all, func(_ int64, f *video.Frame) error {
				return video.EncodeJPEG(io.Discard, f, 70)
			}); err != nil {
				b.Fatal(err)
			}
		}
		perFrame(b)
	})
	b.Run("JPEGs", func(b *testing.B) {
		for b.Loop() {
			if err := e.JPEGs(b.Context(), src, all, 70, func(int64, []byte) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
		perFrame(b)
	})
	b.Run("mp4", func(b *testing.B) {
		for b.Loop() {
			chunks := []video.Run{{First: 0, Step: 1, Count: 36}, {First: 36, Step: 1, Count: 36}, {First: 72, Step: 1, Count: 28}}
			if _, err := encode(b, e, src, chunks, video.MP4{Quality: 70, Downscale: true}); err != nil {
				b.Fatal(err)
			}
		}
		perFrame(b)
	})
}

package video_test

import (
	"bytes"
	"image/jpeg"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline/frameindex"
	"framemill/stages/media/sandbox"
	"framemill/stages/media/video"
	"framemill/tests/barcode"
)

// TestFedFrames decodes runs from what ffmpeg is fed with, which leaves out the
// frames that nobody asked for where it can, and from the whole file. The
// pictures must be the same to the last bit.
func TestFedFrames(t *testing.T) {
	t.Parallel()
	every5 := video.Run{First: 0, Step: 5, Count: 15}
	tests := []struct {
		name   string
		params string
		more   []string
		run    video.Run
		fed    int // frames; 0 = ffmpeg opens the file itself
	}{
		{"B-frames, one in five", "keyint=25:min-keyint=25:scenecut=0:bframes=2:b-adapt=0:b-pyramid=none", nil, every5, 33},
		{"B-frames that are referred to", "keyint=25:min-keyint=25:scenecut=0:bframes=3:b-adapt=0:b-pyramid=normal", nil, every5, 36},
		{"open groups", "keyint=25:min-keyint=25:scenecut=0:bframes=2:b-adapt=0:b-pyramid=none:open-gop=1", nil, every5, 35},
		{"all frames", "keyint=25:bframes=2:b-adapt=0:b-pyramid=none", nil, video.Run{First: 0, Step: 1, Count: 75}, 0},
		{"one frame far from its keyframe", "keyint=75:scenecut=0:bframes=2:b-adapt=0:b-pyramid=none", nil, video.Run{First: 60, Step: 1, Count: 1}, 21},
		{"no B-frames", "keyint=25:bframes=0", nil, every5, 3 * 21},
		{"groups of which nothing is asked", "keyint=10:bframes=0", nil, video.Run{First: 5, Step: 25, Count: 3}, 6 + 1 + 6},
		{"parameters before each keyframe", "keyint=25:bframes=0:repeat-headers=1", nil, video.Run{First: 0, Step: 60, Count: 2}, 1 + 1 + 11},
		{"pixels that are not square", "keyint=25:bframes=2:b-adapt=0:b-pyramid=none", []string{"-vf", "setsar=4/3"}, every5, 0},
		{"full range", "keyint=25:bframes=2:b-adapt=0:b-pyramid=none", []string{"-vf", "scale=out_range=full", "-color_range", "pc"}, every5, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := engine(t)
			src := index(t, e, clip{file: "x.mp4", args: append(x264(tt.params), tt.more...)}.make(t))
			if got := e.Fed(t.Context(), src, tt.run); got != tt.fed {
				t.Errorf("%d frames are fed, want %d", got, tt.fed)
			}
			whole := *src.Index
			whole.How = frameindex.Packets // which is not trusted that far
			assertSamePictures(t, e, src, video.Source{File: src.File, Index: &whole}, tt.run)
		})
	}
}

// assertSamePictures compares stills and chunks of two sources.
func assertSamePictures(t *testing.T, e *video.Engine, a, b video.Source, r video.Run) {
	t.Helper()
	var results [2][][]byte
	for i, src := range []video.Source{a, b} {
		err := e.JPEGs(t.Context(), src, r, 80, func(_ int64, jpeg []byte) error {
			results[i] = append(results[i], bytes.Clone(jpeg))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		files, err := encode(t, e, src, []video.Run{r}, video.MP4{Quality: 70})
		if err != nil {
			t.Fatal(err)
		}
		results[i] = append(results[i], read(t, files[0]))
	}
	for k := range results[1] {
		if !bytes.Equal(results[0][k], results[1][k]) {
			t.Errorf("picture %d of %d differs", k, len(results[1]))
		}
	}
}

// TestFedAstray feeds frames that are not where the index has them: the decoder
// goes astray, and finds its way in the whole file.
func TestFedAstray(t *testing.T) {
	t.Parallel()
	e := engine(t)
	src := index(t, e, clip{file: "x.mp4", args: x264("keyint=75:scenecut=0:bframes=2:b-adapt=0:b-pyramid=none")}.make(t))
	run := video.Run{First: 0, Step: 5, Count: 15}
	assertJPEGs(t, e, src, run)
	frames := src.Index.Frames
	frames[20].Offset, frames[30].Offset = frames[30].Offset, frames[20].Offset
	frames[20].Size, frames[30].Size = frames[30].Size, frames[20].Size
	if e.Fed(t.Context(), src, run) == 0 {
		t.Fatal("ffmpeg is not fed")
	}
	assertJPEGs(t, e, src, run)
}

// TestPicks has frames that do not follow one another made by one program,
// whether it is fed or not.
func TestPicks(t *testing.T) {
	t.Parallel()
	runs := 0
	e := engine(t).Watched(func(sandbox.Command) { runs++ })
	for _, params := range []string{"keyint=25:bframes=2:b-adapt=0:b-pyramid=none", "keyint=25:bframes=0"} {
		src := index(t, e, clip{file: "x.mp4", args: x264(params)}.make(t))
		for _, want := range [][]int64{{60}, {0, 74}, {3, 4, 5, 23, 25, 49, 50, 51, 70}} {
			var got []int64
			before := runs
			err := e.JPEGs(t.Context(), src, video.Picks(want), 70, func(k int64, text []byte) error {
				got = append(got, k)
				m, err := jpeg.Decode(bytes.NewReader(text))
				if err != nil {
					return err
				}
				if n, err := barcode.Read(m); err != nil || int64(n) != k {
					t.Errorf("frame %d shows %d: %v", k, n, err)
				}
				return nil
			})
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("frames %v of %s, %v (-want +got):\n%s", want, params, err, diff)
			}
			if n := runs - before; n != 1 {
				t.Errorf("frames %v of %s took %d programs, want 1", want, params, n)
			}
		}
	}
}

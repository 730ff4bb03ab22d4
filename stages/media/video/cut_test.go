package video_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"framemill/pipeline/frameindex"
	"framemill/stages/media/video"
	"framemill/tests/barcode"
)

// TestCutClips indexes clips that were cut without encoding them again, so that
// they begin with frames which are not presented, or cannot be decoded.
func TestCutClips(t *testing.T) {
	t.Parallel()
	usual := x264("keyint=12:min-keyint=12:scenecut=0:bframes=3:b-adapt=0")
	open := x264("keyint=12:min-keyint=12:scenecut=0:bframes=3:b-adapt=0:open-gop=1")
	hevc := []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=12:min-keyint=12:bframes=3:open-gop=1", "-pix_fmt", "yuv420p"}
	mpeg2 := []string{"-c:v", "mpeg2video", "-q:v", "3", "-g", "12", "-bf", "2"}
	from := func(second string) [][]string { return [][]string{{"-ss", second, "-i", "IN", "-c", "copy", "OUT"}} }
	tests := []struct {
		clip
		first int // the number that frame 0 shows; -1: whichever ffmpeg begins with
		skip  int // bytes left out at the start
	}{
		{clip: clip{name: "edit list", file: "x.mp4", args: usual, more: from("0.8"), how: frameindex.Packets}, first: 20},
		{clip: clip{name: "edit list at a keyframe", file: "x.mp4", args: usual, more: from("0.96")}, first: 24},
		{clip: clip{name: "edit list in an open GOP", file: "x.mp4", args: open, more: from("1.2")}, first: 30},
		{clip: clip{name: "HEVC in an open GOP", file: "x.mp4", args: hevc, more: from("1.0")}, first: -1},
		{clip: clip{name: "open GOP in Matroska", file: "x.mkv", args: open, more: from("1.0")}, first: -1},
		{clip: clip{name: "transport stream entered in the middle", file: "x.ts", args: usual}, first: -1, skip: 188 * 100},
		{clip: clip{name: "open GOP entered in the middle", file: "x.ts", args: open}, first: -1, skip: 188 * 150},
		{clip: clip{name: "MPEG-2 entered in the middle", file: "x.ts", args: mpeg2}, first: -1, skip: 188 * 150},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := tt.make(t)
			if tt.skip > 0 {
				text := read(t, path)
				path = filepath.Join(t.TempDir(), "cut-"+tt.file)
				if err := os.WriteFile(path, text[tt.skip:], 0o600); err != nil {
					t.Fatal(err)
				}
			}
			e := engine(t)
			src := index(t, e, path)
			if tt.how != "" && src.Index.How != tt.how {
				t.Errorf("the index is made of %s, want %s", src.Index.How, tt.how)
			}
			shown := assertShown(t, src)
			if tt.first >= 0 && shown[0] != tt.first {
				t.Errorf("ffmpeg begins with frame %d, want %d", shown[0], tt.first)
			}
			for _, r := range runsOf(src.Index) {
				assertShows(t, e, src, r, shown)
			}
			if files, err := encode(t, e, src, []video.Run{{First: 5, Step: 1, Count: 12}}, video.MP4{Quality: 70}); err != nil {
				t.Errorf("encode: %v", err)
			} else if m := stills(t, files[0]); len(m) != 12 {
				t.Errorf("the chunk has %d frames, want 12", len(m))
			}
		})
	}
}

// assertShown compares the index with what ffmpeg presents, and returns the
// number that each frame shows.
func assertShown(t *testing.T, src video.Source) []int {
	t.Helper()
	var want, shown []int
	for _, m := range stills(t, src.Path) {
		n, err := barcode.Read(m)
		if err != nil {
			n = -1 // decoded without what it depends on
		}
		shown = append(shown, n)
	}
	for field := range strings.FieldsSeq(string(run(t, nil, "ffprobe", "-v", "error", "-select_streams", "V:0",
		"-show_entries", "frame=best_effort_timestamp", "-of", "csv=p=0:nk=1", src.Path))) {
		n, err := strconv.Atoi(string(bytes.TrimRight([]byte(field), ",")))
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, n)
	}
	if src.Index.Len() != int64(len(shown)) || len(shown) != len(want) {
		t.Fatalf("the index has %d frames, ffmpeg decodes %d, ffprobe %d", src.Index.Len(), len(shown), len(want))
	}
	for k, pts := range want {
		if src.Index.Frames[k].PTS != int64(pts) {
			t.Fatalf("frame %d is at %d, want %d", k, src.Index.Frames[k].PTS, pts)
		}
	}
	return shown
}

// assertShows decodes a run and compares the number in each frame with what a
// decoder shows that plays the file from its start.
func assertShows(t *testing.T, e *video.Engine, src video.Source, r video.Run, shown []int) {
	t.Helper()
	frames := int64(0)
	err := e.Decode(t.Context(), src, r, func(k int64, f *video.Frame) error {
		frames++
		if n, err := barcode.Read(f.Image); n != shown[k] && shown[k] >= 0 {
			t.Errorf("frame %d shows %d, %v, want %d", k, n, err, shown[k])
		}
		return nil
	})
	if err != nil || frames != r.Count {
		t.Errorf("decode %+v: %d frames, %v", r, frames, err)
	}
}

// TestProgressOnTheWay decodes one frame that is far from its keyframe.
func TestProgressOnTheWay(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.mp4")
	args := append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc=s=64x48:r=25", "-frames:v", "700"}, x264("keyint=9999:scenecut=0")...)
	run(t, nil, "ffmpeg", append(args, path)...)
	e := engine(t)
	src := index(t, e, path)
	told := 0
	src.Progress = func() { told++ }
	for _, last := range []int64{255, 256, 257, 699} {
		told = 0
		var got []int64
		r := video.Run{First: last - 2, Step: 2, Count: 2}
		err := e.JPEGs(t.Context(), src, r, 70, func(k int64, _ []byte) error {
			got = append(got, k)
			return nil
		})
		if err != nil || len(got) != 2 || got[0] != last-2 || got[1] != last {
			t.Errorf("the run %+v has the frames %v, %v", r, got, err)
		}
		signs := int(last / 256)
		if last == 256 { // it is asked for
			signs--
		}
		if told != signs {
			t.Errorf("on the way to frame %d progress was told %d times, want %d", last, told, signs)
		}
	}
}

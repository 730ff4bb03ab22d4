package video_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"
	"time"

	"framemill/pipeline"
	"framemill/stages/media/video"
	"framemill/tests/program"
)

// TestDecoderQuality compares the JPEGs of both encoders with the frames that
// they were made of.
func TestDecoderQuality(t *testing.T) {
	t.Parallel()
	engines := encoders(t)
	src := index(t, engines["ffmpeg"], clip{file: "x.mp4", args: x264("keyint=25:bframes=2:crf=12")}.make(t))
	all := video.Run{First: 0, Step: 1, Count: clipFrames}
	var want [][]byte // luma of full range
	if err := engines["ffmpeg"].Decode(t.Context(), src, all, func(_ int64, f *video.Frame) error {
		f.Normalise()
		want = append(want, bytes.Clone(f.Image.Y))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	sizes := map[string]int{}
	for name, e := range engines {
		if err := e.JPEGs(t.Context(), src, all, 70, func(k int64, text []byte) error {
			sizes[name] += len(text)
			m, err := jpeg.Decode(bytes.NewReader(text))
			if err != nil {
				return err
			}
			if db := psnr(want[k], m.(*image.YCbCr).Y); db < 38 {
				t.Errorf("frame %d of %s has a PSNR of %.1f dB, want 38", k, name, db)
			}
			return nil
		}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	// ffmpeg drops more of what is small, for a few bytes and some of the picture.
	if ours, theirs := sizes["framemill-decoder"], sizes["ffmpeg"]; float64(ours) > 1.1*float64(theirs) {
		t.Errorf("the JPEGs take %d bytes, %d from ffmpeg", ours, theirs)
	}
}

// TestDecoderFails has other programs in the place of framemill-decoder: an
// attempt ends then, and may be made again, and the film is not at fault.
func TestDecoderFails(t *testing.T) {
	t.Parallel()
	src := index(t, engine(t), clip{file: "x.mp4", args: x264("keyint=12:bframes=2")}.make(t))
	all := video.Run{First: 0, Step: 1, Count: clipFrames}
	for name, path := range map[string]string{
		"another program": "/bin/true",
		"one that fails":  "/bin/false",
		"none":            filepath.Join(t.TempDir(), "missing"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := video.New(video.Config{Threads: 2, Decoder: path})
			if err != nil {
				t.Fatal(err)
			}
			err = e.JPEGs(t.Context(), src, all, 70, func(int64, []byte) error { return nil })
			if err == nil || !pipeline.Retryable(err) {
				t.Errorf("the error is %v, want one after which it is tried again", err)
			}
		})
	}
}

// TestDecoderKilled kills framemill-decoder between two frames.
func TestDecoderKilled(t *testing.T) {
	t.Parallel()
	own := filepath.Join(t.TempDir(), "decoder") // told from those of other tests by its file
	if err := os.Link(program.Decoder(t), own); err != nil {
		if err := os.WriteFile(own, read(t, program.Decoder(t)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	e, err := video.New(video.Config{Threads: 2, Decoder: own})
	if err != nil {
		t.Fatal(err)
	}
	// Frames that no pipe can hold all of.
	src := index(t, e, clip{file: "x.mp4", args: append(x264("keyint=12:bframes=2"), "-vf", "scale=1920:1440")}.make(t))
	err = e.JPEGs(t.Context(), src, video.Run{First: 0, Step: 1, Count: clipFrames}, 95, func(k int64, _ []byte) error {
		if k == 2 {
			killRunning(t, own)
		}
		return nil
	})
	if err == nil || !pipeline.Retryable(err) {
		t.Errorf("the error is %v, want one after which it is tried again", err)
	}
}

// TestDecoderIsStopped ends a run from outside, by an error of who takes the
// frames: both programs are gone when JPEGs returns.
func TestDecoderIsStopped(t *testing.T) {
	t.Parallel()
	e := encoders(t)["framemill-decoder"]
	src := index(t, e, clip{file: "x.mp4", args: x264("keyint=12:bframes=2")}.make(t))
	errFull := errors.New("no room")
	began := time.Now()
	err := e.JPEGs(t.Context(), src, video.Run{First: 0, Step: 1, Count: clipFrames}, 70, func(int64, []byte) error { return errFull })
	if !errors.Is(err, errFull) {
		t.Errorf("the error is %v, want that of who takes the frames", err)
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("it took %s to end", took)
	}
}

// killRunning kills the process that runs a file.
func killRunning(t *testing.T, path string) {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if target, err := os.Readlink(link); err != nil || target != path {
			continue
		}
		pid, err := processOf(link)
		if err == nil {
			err = pid.Kill()
		}
		if err != nil {
			t.Error(err)
		}
		return
	}
	t.Errorf("no process runs %s", path)
}

func processOf(link string) (*os.Process, error) {
	var pid int
	if _, err := fmt.Sscanf(link, "/proc/%d/exe", &pid); err != nil {
		return nil, err
	}
	return os.FindProcess(pid)
}

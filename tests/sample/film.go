package sample

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/image/draw"

	"framemill/tests/barcode"
)

// The film of the sample: 20 seconds.
const (
	// FilmFrames is how many frames it has.
	FilmFrames = 400

	filmWidth  = 640
	filmHeight = 360
)

// Film has ffmpeg write a video of 20 seconds whose every frame shows its
// number in digits and as a bar code. It has what goes wrong easily: frames
// that are stored in another order than they are shown in (B-frames), and that
// do not last equally long, as those of telephones. The same ffmpeg writes the
// same file again.
func Film(ctx context.Context, path string) error {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		return errors.New("the video is made by ffmpeg, which is not installed: install the package ffmpeg")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	var complaint strings.Builder
	frames, paint := io.Pipe()
	cmd := exec.CommandContext(ctx, "ffmpeg", filmArgs(path)...)
	cmd.Stdin, cmd.Stderr = frames, &complaint
	go func() { paint.CloseWithError(paintFilm(paint)) }()
	err := cmd.Run()
	frames.Close() // ends the painter, should ffmpeg have ended first
	if err != nil {
		return fmt.Errorf("make a video: %w: %s", err, strings.TrimSpace(complaint.String()))
	}
	return nil
}

// filmArgs has frames last 50 ms, give or take 24.
func filmArgs(path string) []string {
	return []string{
		"-y", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgba", "-s", fmt.Sprintf("%dx%d", filmWidth, filmHeight), "-r", "20", "-i", "pipe:0",
		"-vf", "settb=1/1000,setpts='N*50+mod(N*N,7)*6'", "-fps_mode", "passthrough", "-enc_time_base", "1:1000",
		"-c:v", "libx264", "-preset", "veryfast", "-threads", "1", "-pix_fmt", "yuv420p", "-crf", "26", "-bf", "3", "-g", "60",
		"-flags", "+bitexact", "-fflags", "+bitexact", "-movflags", "+faststart", "-f", "mp4", "file:" + path,
	}
}

// paintFilm writes the frames: a landscape that passes by, and discs that do
// not stand still either.
func paintFilm(w io.Writer) error {
	wide := image.NewRGBA(image.Rect(0, 0, filmWidth+FilmFrames, filmHeight))
	background(wide, 1)
	frame := image.NewRGBA(image.Rect(0, 0, filmWidth, filmHeight))
	for n := range FilmFrames {
		draw.Draw(frame, frame.Rect, wide, image.Pt(n, 0), draw.Src)
		discs(frame, n)
		digits(frame, fmt.Sprint(n))
		barcode.Draw(frame, n)
		if _, err := w.Write(frame.Pix); err != nil {
			return err
		}
	}
	return nil
}

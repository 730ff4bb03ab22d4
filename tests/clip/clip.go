// Package clip makes videos whose frames have their numbers in them, and reads
// the numbers back from chunks. It needs ffmpeg.
package clip

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"io"
	"os/exec"
	"strconv"

	"framemill/tests/barcode"
)

// Clip is a video in H.264, whose frame k has the bar code of k. Its sides are
// even, and at least 64.
type Clip struct {
	Frames, Width, Height int
	GOP                   int // frames from one keyframe to the next
	BFrames               int
}

// Write makes the video. The extension of the path says in which container.
func (c Clip) Write(ctx context.Context, path string) error {
	cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-y",
		"-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", fmt.Sprintf("%dx%d", c.Width, c.Height), "-r", "25", "-i", "-",
		"-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", "-g", strconv.Itoa(c.GOP), "-bf", strconv.Itoa(c.BFrames),
		"-x264-params", fmt.Sprintf("min-keyint=%d:scenecut=0", c.GOP), path)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("make a clip: %w", err)
	}
	drawn := c.draw(in)
	in.Close() // what could not be written, the program complains of
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("make a clip: %w: %s", err, complaint.String())
	}
	return drawn
}

// draw writes the raw frames: soft stripes that move, and the bar code.
func (c Clip) draw(w io.Writer) error {
	luma := image.NewGray(image.Rect(0, 0, c.Width, c.Height))
	chroma := bytes.Repeat([]byte{120}, c.Width*c.Height/2)
	stripes := make([]byte, c.Width+stripe)
	for x := range stripes {
		stripes[x] = byte(64 + max(x%stripe, stripe-x%stripe))
	}
	for n := range c.Frames {
		for y := c.Height / 8; y < c.Height; y++ {
			copy(luma.Pix[y*luma.Stride:][:c.Width], stripes[(n+y)%stripe:])
		}
		barcode.Draw(luma, n)
		if _, err := w.Write(luma.Pix); err != nil {
			return err
		}
		if _, err := w.Write(chroma); err != nil {
			return err
		}
	}
	return nil
}

// stripe is how wide a stripe is.
const stripe = 128

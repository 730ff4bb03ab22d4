// Package decoder speaks with framemill-decoder, the second program of
// Framemill, which is linked with libjpeg-turbo and makes JPEGs of raw frames
// several times as fast as ffmpeg or Go do. It is small, gets its frames from
// ffmpeg by a pipe between the two, and runs within the same walls. Framemill
// itself stays one static file without any C, and does without the program
// where it is not there.
package decoder

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Name is the name of the program.
const Name = "framemill-decoder"

// Commands of the program, its first argument.
const (
	CommandJPEGs   = "jpegs"   // and a Job: reads NUT from standard input
	CommandVersion = "version" // says Version and what it is linked with
)

// Version is that of the protocol. Programs of another one are not used.
const Version = Name + " 1"

// The sides and the quality of frames that are encoded: what a JPEG can state.
const (
	maxSide    = 1<<16 - 1
	maxQuality = 100
)

// Job says what frames come, and how they are encoded.
type Job struct {
	Width     int  `json:"width"`
	Height    int  `json:"height"`
	FullRange bool `json:"full_range"` // samples use 0..255, not 16..235
	BT709     bool `json:"bt709"`      // the matrix, else BT.601
	Quality   int  `json:"quality"`    // 1 to 100, as libjpeg counts
}

// Args returns the arguments of the program for the job.
func (j Job) Args() ([]string, error) {
	text, err := json.Marshal(j)
	return []string{CommandJPEGs, string(text)}, err
}

// ParseJob reads a job from an argument.
func ParseJob(text string) (Job, error) {
	var j Job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return j, fmt.Errorf("the job: %w", err)
	}
	return j, j.check()
}

// check refuses what is no picture before anything is allocated for it.
func (j Job) check() error {
	if j.Width < 1 || j.Height < 1 || j.Width > maxSide || j.Height > maxSide {
		return fmt.Errorf("frames of %d×%d cannot be JPEGs", j.Width, j.Height)
	}
	if j.Quality < 1 || j.Quality > maxQuality {
		return errors.New("the quality must lie between 1 and 100")
	}
	return nil
}

// FrameBytes is the size of a raw frame: planes in 4:2:0 without padding.
func (j Job) FrameBytes() int { return j.Width*j.Height + 2*j.chromaBytes() }

func (j Job) chromaBytes() int { return (j.Width + 1) / 2 * ((j.Height + 1) / 2) }

// Planes cuts a raw frame into its planes.
func (j Job) Planes(frame []byte) (y, cb, cr []byte) {
	luma, chroma := j.Width*j.Height, j.chromaBytes()
	return frame[:luma], frame[luma : luma+chroma], frame[luma+chroma : luma+2*chroma]
}

package video

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"framemill/pipeline/frameindex"
)

// Hooks are told how the making of chunks goes on. Neither is called by two
// goroutines at a time.
type Hooks struct {
	Progress func()                             // for each frame that is decoded
	Done     func(chunk int, path string) error // for each chunk, once; an error ends the work
}

// outbox hands over chunks while later ones are being written. The program that
// writes the chunks of a lane completes each before it begins the next.
type outbox struct {
	m      MP4
	x      *frameindex.Index
	dir    string
	lanes  []lane
	chunks []Run
	done   func(chunk int, path string) error
	next   []int // of each lane, the first chunk that was not handed over
}

func newOutbox(m MP4, x *frameindex.Index, dir string, lanes []lane, chunks []Run, done func(int, string) error) *outbox {
	return &outbox{m: m, x: x, dir: dir, lanes: lanes, chunks: chunks, done: done, next: make([]int, len(lanes))}
}

// path is where the j-th chunk of a lane is written.
func (o *outbox) path(lane, j int) string {
	return filepath.Join(o.dir, fmt.Sprintf("%d-%d.mp4", lane, j))
}

// reset removes what an attempt before has written.
func (o *outbox) reset() error {
	for i, l := range o.lanes {
		for j := range l {
			if err := os.Remove(o.path(i, j)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// look hands over the chunks behind which another has been begun.
func (o *outbox) look() error {
	for i, l := range o.lanes {
		for o.next[i]+1 < len(l) {
			if _, err := os.Lstat(o.path(i, o.next[i]+1)); err != nil {
				break
			}
			if err := o.hand(i); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish hands over the rest, when the program has ended well.
func (o *outbox) finish() error {
	for i, l := range o.lanes {
		for o.next[i] < len(l) {
			if err := o.hand(i); err != nil {
				return err
			}
		}
	}
	return nil
}

// hand checks the next chunk of a lane and hands it over.
func (o *outbox) hand(lane int) error {
	j := o.next[lane]
	chunk := o.lanes[lane][j]
	width, height := o.m.Size(o.x.Width, o.x.Height)
	if err := checkChunk(o.path(lane, j), o.chunks[chunk].Count, width, height); err != nil {
		return fmt.Errorf("chunk of frames %+v: %w", o.chunks[chunk], err)
	}
	o.next[lane]++
	return o.done(chunk, o.path(lane, j))
}

// checkChunk makes sure that a chunk is what its readers can play.
func checkChunk(path string, frames, width, height int64) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	m, err := readMovie(file, info.Size())
	if err != nil {
		return err
	}
	if !m.found || m.fragmented || len(m.tracks) != 1 {
		return errors.New("not a plain file of one track")
	}
	const baseline, constrained = 66, 0x40
	switch t := m.tracks[0]; {
	case t.id != 1 || int64(t.count) != frames || t.width != width || t.height != height:
		return fmt.Errorf("track %d has %d frames of %d×%d, want track 1 with %d of %d×%d", t.id, t.count, t.width, t.height, frames, width, height)
	case len(t.config) < 4 || t.config[1] != baseline || t.config[2]&constrained == 0:
		return fmt.Errorf("not of constrained baseline profile: %x", t.config[:min(len(t.config), 4)])
	case t.hasKeys && (t.stss.len() == 0 || t.stss.u32(0, 0) != 1):
		return errors.New("the first frame is no keyframe")
	}
	return nil
}

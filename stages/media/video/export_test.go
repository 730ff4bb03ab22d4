package video

import (
	"bytes"
	"context"
	"image/jpeg"
	"io"

	"framemill/pipeline/frameindex"
	"framemill/stages/media/sandbox"
)

// Described returns the index of an MP4 file twice, without the frames: as the
// file's own tables and parameters describe it, nil if it is not plain, and as
// ffprobe does.
func (e *Engine) Described(ctx context.Context, f File) (ours, probed *frameindex.Index, err error) {
	file, size, err := open(f)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	m, frames, err := readTables(file, size, f)
	if err != nil {
		return nil, nil, err
	}
	summary := func(d *description) (*frameindex.Index, error) {
		if err := d.confirm(frames); err != nil {
			return nil, err
		}
		x := &frameindex.Index{Frames: frames}
		err := d.apply(x, f)
		x.Frames = nil
		return x, err
	}
	if d := m.describe(file, frames); d != nil {
		if ours, err = summary(d); err != nil {
			return nil, nil, err
		}
	}
	d, err := e.describe(ctx, f, "mov")
	if err != nil {
		return ours, nil, err
	}
	probed, err = summary(d)
	return ours, probed, err
}

// Plain returns what the tables and parameters of a plain MP4 file say of the
// size of its pictures.
func Plain(text []byte) (width, height int64, ok bool) {
	r := bytes.NewReader(text)
	m, frames, err := readTables(r, r.Size(), File{})
	if err != nil {
		return 0, 0, false
	}
	d := m.describe(r, frames)
	if d == nil {
		return 0, 0, false
	}
	return d.Streams[0].Width, d.Streams[0].Height, true
}

// Fed says how many frames are decoded for a run, 0 if ffmpeg opens the file
// itself.
func (e *Engine) Fed(ctx context.Context, src Source, run Run) (n int) {
	g := newGate(src.Index, run.First, run.Last())
	in, file := e.feed(ctx, src, g, g.putOut(run))
	if in == nil {
		return 0
	}
	defer file.Close()
	return len(in.stdin.(*feeder).frames)
}

// Watched returns an engine like this one that tells of each program that it
// runs.
func (e *Engine) Watched(tell func(sandbox.Command)) *Engine {
	out := *e
	out.run = func(ctx context.Context, c sandbox.Command) error {
		tell(c)
		return e.run(ctx, c)
	}
	return &out
}

// EncodeJPEG writes a frame as a JPEG by another encoder than that of JPEGs. It
// converts the frame in place.
func EncodeJPEG(w io.Writer, f *Frame, quality int) error {
	f.normalise()
	return jpeg.Encode(w, f.Image, &jpeg.Options{Quality: quality})
}

// Normalise makes the samples of a frame full-range BT.601.
func (f *Frame) Normalise() { f.normalise() }

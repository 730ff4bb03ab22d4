package video

import (
	"context"
	"errors"
	"io"

	"framemill/pipeline"
	"framemill/pipeline/frameindex"
)

// Index finds the frames of a file. It calls progress now and then while it
// reads all of the file, which it avoids where the file's own tables say
// everything, and say nothing that its first frame disproves. Of plain MP4 files
// no frame is decoded at all, and no program run: where their tables lie, the
// first decoding tells. It takes a turn for each program that it runs.
func (e *Engine) Index(ctx context.Context, f File, progress func()) (*frameindex.Index, error) {
	file, size, err := open(f)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	demuxer, err := admit(file, size, f)
	if err != nil {
		return nil, err
	}
	var m *movie
	var frames []frameindex.Frame
	doubt := errUntrusted
	if demuxer == "mov" {
		if m, frames, doubt = readTables(file, size, f); doubt != nil && !errors.Is(doubt, errUntrusted) {
			return nil, doubt
		}
	}
	var d *description
	if doubt == nil {
		d = m.describe(file, frames)
	}
	if d != nil {
		err = d.check(f, e.cfg.MaxPixels)
	} else {
		err = e.Turn(ctx, unknownPixels, progress, func(e *Engine) error {
			d, err = e.describe(ctx, f, demuxer)
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	x := &frameindex.Index{Demuxer: demuxer, How: frameindex.Tables, Frames: frames}
	if doubt == nil {
		doubt = d.confirm(frames)
	}
	if doubt != nil {
		err := e.Turn(ctx, d.pixels(), progress, func(e *Engine) error { return e.readAll(ctx, f, d, x, progress) })
		if err != nil {
			return nil, err
		}
	}
	if len(d.Frames) == 0 {
		return nil, pipeline.Failf(pipeline.CodeDecodeFailed, f.Name, "the first frames of %s cannot be decoded", f.Name)
	}
	if err := d.apply(x, f); err != nil {
		return nil, err
	}
	return x, checkTimes(x, f)
}

// unknownPixels stands for the pixels of a frame that nobody knows yet: as many
// as most videos have at most.
const unknownPixels = 3840 * 2160

// checkTimes refuses frames that last longer than encoders can say.
func checkTimes(x *frameindex.Index, f File) error {
	const day = 24 * 60 * 60
	for k := 1; k < len(x.Frames); k++ {
		if x.Frames[k].PTS-x.Frames[k-1].PTS > day*x.TimeDen/x.TimeNum {
			return pipeline.Failf(pipeline.CodeBadTiming, f.Name, "frame %d of %s lasts longer than a day", k-1, f.Name)
		}
	}
	return nil
}

// Tables returns what the container's tables alone say of the frames of an MP4
// file, in milliseconds. Index checks them against the first decoded frame.
func Tables(r io.ReaderAt, size int64) ([]frameindex.Frame, error) {
	_, frames, err := readTables(r, size, File{})
	return frames, err
}

// admit tells the demuxer of a file that may be a video.
func admit(r io.ReaderAt, size int64, f File) (demuxer string, err error) {
	const least = 16 // no format tells itself by less
	switch demuxer = Sniff(r); {
	case size == 0:
		return "", pipeline.Failf(pipeline.CodeEmptyFile, f.Name, "%s has no bytes", f.Name)
	case size < least:
		return "", pipeline.Failf(pipeline.CodeTruncated, f.Name, "%s has only %d bytes", f.Name, size)
	case demuxer == "":
		return "", pipeline.Failf(pipeline.CodeUnsupportedFormat, f.Name, "%s is not a video of a supported format", f.Name)
	case statedSize(demuxer, r) > size:
		return "", pipeline.Failf(pipeline.CodeTruncated, f.Name, "%s says that it has %d bytes, and has %d", f.Name, statedSize(demuxer, r), size)
	}
	return demuxer, nil
}

// readTables reads the tables of an MP4 file. Its errors are errUntrusted, or
// final.
func readTables(r io.ReaderAt, size int64, f File) (*movie, []frameindex.Frame, error) {
	m, err := readMovie(r, size)
	if err == nil {
		err = m.check(f)
	}
	var frames []frameindex.Frame
	if err == nil {
		frames, err = m.frames(r)
	}
	switch {
	case errors.Is(err, errTooManyFrames):
		return nil, nil, tooMany(f)
	case errors.Is(err, errOutside):
		return nil, nil, pipeline.Failf(pipeline.CodeTruncated, f.Name, "%s ends before its last frame", f.Name)
	case errors.Is(err, errBoxes) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return nil, nil, pipeline.Failf(pipeline.CodeDecodeFailed, f.Name, "the tables of %s are damaged", f.Name).Because(err)
	}
	return m, frames, err
}

func tooMany(f File) error {
	return pipeline.Failf(pipeline.CodeVideoLimits, f.Name, "%s claims more than %d frames", f.Name, frameindex.MaxFrames)
}

// check refuses what no walk over the packets could mend.
func (m *movie) check(f File) error {
	switch {
	case !m.found, m.cut && m.fragmented:
		return pipeline.Failf(pipeline.CodeTruncated, f.Name, "%s is not complete", f.Name)
	case len(m.tracks) == 0:
		return pipeline.Failf(pipeline.CodeNoVideo, f.Name, "%s has no video", f.Name)
	}
	switch t := &m.tracks[0]; {
	case t.encrypted:
		return pipeline.Failf(pipeline.CodeUnsupportedCodec, f.Name, "%s is encrypted (its codec is %q)", f.Name, printable(t.codec))
	case t.timescale == 0 && t.count > 0:
		return pipeline.Failf(pipeline.CodeBadTiming, f.Name, "the clock of %s stands still", f.Name)
	case t.external:
		return pipeline.Failf(pipeline.CodeUnsupportedFormat, f.Name, "the frames of %s lie in another file", f.Name)
	}
	return nil
}

// confirm doubts tables whose first frame is not the one that a decoder puts
// out, and codecs whose packets may hide frames or hold several.
func (d *description) confirm(frames []frameindex.Frame) error {
	switch {
	case !d.framePerPacket():
		return untrusted("packets of %s need not be frames", d.Streams[0].Codec)
	case len(d.Frames) == 0 || d.Frames[0].Time == nil || *d.Frames[0].Time != frames[0].PTS:
		return untrusted("the first frame is not the one that is decoded first")
	}
	return nil
}

// framePerPacket reports whether each packet makes one frame, by the codec.
func (d *description) framePerPacket() bool {
	switch d.Streams[0].FieldOrder {
	case "", "unknown", "progressive":
	default:
		return false // a packet may be half a frame
	}
	switch d.Streams[0].Codec {
	case "h264", "hevc", "vp9", "av1", "mjpeg", "prores", "dnxhd", "ffv1", "png", "rawvideo",
		"mpeg1video", "mpeg2video", "huffyuv", "ffvhuff", "utvideo":
		return true
	}
	return false
}

// readAll makes an index of the packets, or, where those leave a doubt, of the
// decoded frames.
func (e *Engine) readAll(ctx context.Context, f File, d *description, x *frameindex.Index, progress func()) error {
	err := errUntrusted
	if d.framePerPacket() {
		x.How = frameindex.Packets
		if x.Frames, err = e.packets(ctx, f, x.Demuxer, progress); err == nil {
			err = d.confirm(x.Frames)
		}
	}
	if errors.Is(err, errUntrusted) {
		x.How = frameindex.Counted
		x.Frames, err = e.count(ctx, f, x.Demuxer, progress)
	}
	if errors.Is(err, errTooManyFrames) {
		return tooMany(f)
	}
	return err
}

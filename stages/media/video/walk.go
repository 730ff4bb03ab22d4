package video

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"

	"framemill/pipeline"
	"framemill/pipeline/frameindex"
	"framemill/stages/media/sandbox"
)

// unknown stands for a number that ffprobe does not know.
const unknown = math.MinInt64

// packets lists the presented frames by the packets of the file. It is
// errUntrusted unless each packet surely makes one frame.
func (e *Engine) packets(ctx context.Context, f File, demuxer string, progress func()) ([]frameindex.Frame, error) {
	var frames []frameindex.Frame
	lastDTS := int64(unknown)
	err := e.walk(ctx, f, demuxer, progress, "packet=pts,dts,size,pos,flags", func(row map[string]string) error {
		pts, dts, size, pos := number(row["pts"]), number(row["dts"]), number(row["size"]), number(row["pos"])
		flags := row["flags"]
		switch {
		case pts == unknown || size < 1 || size > math.MaxUint32 || len(flags) < 2:
			return untrusted("a packet with the time %q and %q bytes", row["pts"], row["size"])
		case dts != unknown && lastDTS != unknown && dts < lastDTS:
			return untrusted("packets out of order")
		case len(frames) == 0 && flags[0] != 'K':
			return untrusted("the first packet is no keyframe")
		case len(flags) > 2 && flags[2] == 'C':
			return untrusted("a damaged packet")
		}
		lastDTS = dts
		if flags[1] == 'D' { // decoded, but an edit list hides it
			pts = unknown
		}
		frames = append(frames, frameindex.Frame{PTS: pts, Offset: max(pos, -1), Size: uint32(size), Key: flags[0] == 'K'})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return shown(frames)
}

// shown puts frames into the order of presentation, without those that have no
// time.
func shown(frames []frameindex.Frame) ([]frameindex.Frame, error) {
	out := frames[:0]
	for _, f := range frames {
		if f.PTS != unknown {
			out = append(out, f)
		}
	}
	if len(out) == 0 {
		return nil, untrusted("no frame is presented")
	}
	present(out)
	return out, distinct(out)
}

// count lists the presented frames by decoding all of them.
func (e *Engine) count(ctx context.Context, f File, demuxer string, progress func()) ([]frameindex.Frame, error) {
	var frames []frameindex.Frame
	var width, height int64
	err := e.walk(ctx, f, demuxer, progress, "frame=key_frame,best_effort_timestamp,pkt_pos,pkt_size,width,height", func(row map[string]string) error {
		k := len(frames)
		pts, pos, size := number(row["best_effort_timestamp"]), number(row["pkt_pos"]), number(row["pkt_size"])
		if pts == unknown && k > 1 { // as ffmpeg does with what is left in a decoder at the end
			pts = 2*frames[k-1].PTS - frames[k-2].PTS
		}
		if pts == unknown || k > 0 && pts <= frames[k-1].PTS {
			return pipeline.Failf(pipeline.CodeBadTiming, f.Name, "frame %d of %s has no time of its own", k, f.Name)
		}
		w, h := number(row["width"]), number(row["height"])
		if k == 0 {
			width, height = w, h
		} else if w != width || h != height {
			return sizeChanges(f, int64(k), w, h, width, height)
		}
		frames = append(frames, frameindex.Frame{
			PTS: pts, Offset: max(pos, -1), Size: uint32(min(max(size, 0), math.MaxUint32)), Key: row["key_frame"] == "1",
		})
		return nil
	})
	if err == nil && len(frames) == 0 {
		err = e.whyNone(ctx, f, demuxer)
	}
	keepSafeKeys(frames)
	return frames, err
}

// whyNone says why no frame of a file can be decoded. The program that lists
// frames takes no offence at that; the one that decodes says what is wrong.
func (e *Engine) whyNone(ctx context.Context, f File, demuxer string) error {
	args := append(append([]string{"-nostdin", "-xerror"}, e.inputArgs(demuxer)...),
		"-i", "file:"+f.Path, "-map", "0:V:0", "-frames:v", "1", "-f", "null", "-")
	c := sandbox.Command{Program: "ffmpeg", Args: args, Inputs: []string{f.Path}, Limits: sandbox.Limits{Wall: probeTime}}
	err := e.stream(ctx, c, e.cfg.MaxPixels/4, func(io.Reader) error { return nil })
	if err == nil {
		return pipeline.Failf(pipeline.CodeDecodeFailed, f.Name, "no frame of %s can be decoded", f.Name)
	}
	return explain(err, f)
}

// keepSafeKeys takes the flag from keyframes that come in the file after a
// frame which is shown later, and so may need what was before.
func keepSafeKeys(frames []frameindex.Frame) {
	first := int64(math.MaxInt64) // in the file, of the frames shown later
	for k := len(frames) - 1; k >= 0; k-- {
		f := &frames[k]
		f.Key = f.Key && f.Offset >= 0 && f.Offset < first
		first = min(first, f.Offset)
	}
}

func sizeChanges(f File, k, w, h, width, height int64) error {
	return pipeline.Failf(pipeline.CodeSizeChanges, f.Name, "frame %d of %s is %d×%d, the frames before are %d×%d", k, f.Name, w, h, width, height)
}

// progressEvery is how many rows make a step of progress.
const progressEvery = 256

// walk has ffprobe list packets or decoded frames, and calls yield for each
// with its fields.
func (e *Engine) walk(ctx context.Context, f File, demuxer string, progress func(), entries string, yield func(map[string]string) error) error {
	args := append(e.inputArgs(demuxer), "-select_streams", "V:0", "-show_entries", entries, "-of", "compact=p=0", "file:"+f.Path)
	c := sandbox.Command{Program: "ffprobe", Args: args, Inputs: []string{f.Path}, Limits: sandbox.Limits{Busy: progress}}
	err := e.stream(ctx, c, e.cfg.MaxPixels/4, func(r io.Reader) error {
		lines := bufio.NewScanner(r)
		row := map[string]string{}
		n := 0
		for lines.Scan() {
			clear(row)
			for field := range bytes.SplitSeq(lines.Bytes(), []byte{'|'}) {
				if key, value, ok := bytes.Cut(field, []byte{'='}); ok {
					row[string(key)] = string(value)
				}
			}
			if len(row) == 0 {
				continue
			}
			if n++; n > frameindex.MaxFrames {
				return errTooManyFrames
			}
			if n%progressEvery == 0 {
				progress()
			}
			if err := yield(row); err != nil {
				return err
			}
		}
		return lines.Err()
	})
	return explainWalk(err, f)
}

// explainWalk leaves alone what is not a program's bad end.
func explainWalk(err error, f File) error {
	if err == nil || errors.Is(err, errUntrusted) || errors.Is(err, errTooManyFrames) {
		return err
	}
	return explain(err, f)
}

// number reads what ffprobe wrote.
func number(s string) int64 {
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return unknown
	}
	return v
}

// open opens a file for our own reading.
func open(f File) (*os.File, int64, error) {
	file, err := os.Open(f.Path)
	if err != nil {
		return nil, 0, fmt.Errorf("open a video: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, 0, fmt.Errorf("stat a video: %w", err)
	}
	return file, info.Size(), nil
}

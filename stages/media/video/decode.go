package video

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"math/bits"
	"strconv"
	"strings"

	"framemill/pipeline"
	"framemill/pipeline/frameindex"
	"framemill/stages/media/decoder"
	"framemill/stages/media/nut"
	"framemill/stages/media/sandbox"
)

// Frame is one upright frame with the samples as the source has them. It is
// valid only until the function that it was given to returns.
type Frame struct {
	Image     *image.YCbCr // 4:2:0, with no padding
	FullRange bool         // samples use 0..255, not 16..235
	Matrix    string       // bt601 or bt709
}

// errAstray is the error of a decoder that puts out another frame than the
// index has. Decoding from an earlier place may put it right.
var errAstray = errors.New("the decoder puts out another frame than the index has")

// Decode calls yield for each frame of a run, in order, with its number. One
// ffmpeg decodes from the last keyframe before the run to its end. Each frame
// is checked against the index by its time. Where it is another, decoding
// begins again at an earlier keyframe, at last at the start of the file; yield
// sees no frame twice. An error of yield ends it.
func (e *Engine) Decode(ctx context.Context, src Source, run Run, yield func(k int64, f *Frame) error) error {
	if err := run.check(src.Index); err != nil {
		return err
	}
	g, next := newGate(src.Index, run.First, run.Last()), run.First
	return e.climb(ctx, src, g, g.putOut(run), func(in *entry) error {
		return e.decodeFrom(ctx, in, run.from(next), func(k int64, f *Frame) error {
			next = k + run.Step
			return yield(k, f)
		})
	})
}

// climb tries to decode what passes a gate, first from what ffmpeg is fed with,
// then from where the gate begins, and from earlier and earlier keyframes while
// the decoder goes astray.
func (e *Engine) climb(ctx context.Context, src Source, g gate, wanted func(k int64) bool, try func(in *entry) error) error {
	x := src.Index
	if in, file := e.feed(ctx, src, g, wanted); in != nil {
		err := try(in)
		file.Close()
		if !errors.Is(err, errAstray) {
			return named(err, src.File)
		}
	}
	seek := g.key
	// A transport stream is entered at any packet, so that the frames up to
	// the next keyframe are lost: it is entered a keyframe earlier.
	if strings.HasPrefix(x.Demuxer, "mpeg") && seek > 0 {
		seek = x.KeyBefore(seek - 1)
	}
	for back := 1; ; back *= 8 {
		err := try(e.at(src, seek))
		if !errors.Is(err, errAstray) {
			return named(err, src.File)
		}
		if seek == 0 {
			return pipeline.Failf(pipeline.CodeDecodeFailed, src.Name, "the frames of %s from %d on cannot be decoded", src.Name, g.first).Because(err)
		}
		for range back {
			if seek > 0 {
				seek = x.KeyBefore(seek - 1)
			}
		}
	}
}

// decodeFrom decodes a run with one ffmpeg.
func (e *Engine) decodeFrom(ctx context.Context, in *entry, run Run, yield func(int64, *Frame) error) error {
	f := newFrame(in.src.Index)
	return e.pass(ctx, in, run, output{filters: []string{"format=" + rawFormat(in.src.Index)}, encoder: rawEncoder()}, func(n frames, k, size int64) error {
		return f.read(n, in.src, k, size)
	}, func(k int64) error { return yield(k, f) })
}

// output is what becomes of decoded frames.
type output struct {
	filters, encoder []string         // of ffmpeg
	taker            *sandbox.Command // takes what ffmpeg puts out and answers in its stead; nil = nobody does
}

// rawEncoder are the options of ffmpeg for frames as they are.
func rawEncoder() []string { return []string{"-c:v", "rawvideo"} }

// frames is a stream of frames. After Next, the frame at hand is read by Fill.
type frames interface {
	Clock() nut.Ratio
	Next() (pts, size int64, err error)
	Fill(p []byte) error
}

// framesOf reads what is put out.
func (o output) framesOf(r io.Reader) (frames, error) {
	if o.taker != nil {
		return decoder.NewReader(r)
	}
	return nut.NewReader(r)
}

// pass has ffmpeg hand over a run. Each frame is read, and done if it is one of
// the run.
func (e *Engine) pass(ctx context.Context, in *entry, run Run, out output, read func(n frames, k, size int64) error, done func(k int64) error) error {
	src, x := in.src, in.src.Index
	g := newGate(x, run.First, run.Last())
	count := int64(0)
	for k := g.key; k <= g.last; k++ {
		if run.has(k) || g.sign(k) {
			count++
		}
	}
	args := append(in.args, "-copyts", "-map", "0:V:0", "-frames:v", strconv.FormatInt(count, 10),
		"-fps_mode", "passthrough", "-autoscale", "0", "-enc_time_base", "-1", "-threads", strconv.Itoa(e.cfg.Threads))
	passing := fmt.Sprintf("%s,select='%s+%s'", g.filter(in), g.signs(in), g.wanted(in, run))
	args = append(args, "-vf", strings.Join(append([]string{passing}, out.filters...), ","))
	args = append(append(args, out.encoder...), "-f", "nut", "-write_index", "0", "pipe:1")
	c := sandbox.Command{Program: "ffmpeg", Args: args, Inputs: in.files, Stdin: in.stdin, Limits: sandbox.Limits{Busy: src.Progress}}
	err := e.streamTo(ctx, c, out.taker, x.CodedWidth*x.CodedHeight, func(r io.Reader) error {
		n, err := out.framesOf(r)
		if err != nil {
			return ended(err, run.First)
		}
		for k := g.key; k <= g.last; k++ {
			if !run.has(k) && !g.sign(k) {
				continue
			}
			if err := in.expect(n, k, read); err != nil {
				return err
			}
			if run.has(k) {
				if err := done(k); err != nil {
					return err
				}
			} else if src.Progress != nil && k > g.key {
				src.Progress()
			}
		}
		return nil
	})
	return astray(err)
}

// astray makes a decoder that gave up a reason to try from elsewhere.
func astray(err error) error {
	if _, ok := errors.AsType[*sandbox.Died](err); ok {
		return errors.Join(errAstray, err)
	}
	return err
}

// seekArgs are the options up to the file for decoding from a keyframe.
func (e *Engine) seekArgs(x *frameindex.Index, seek int64) []string {
	args := append([]string{"-nostdin"}, e.inputArgs(x.Demuxer)...)
	if x.Rotation == 0 {
		args = append(args, "-noautorotate") // angles that are no quarters are left as they are
	}
	if seek == 0 {
		return args
	}
	return append(args, "-noaccurate_seek", "-seek_timestamp", "1", "-ss", seekTime(x, seek))
}

// seekTime is when a frame is shown in seconds, rounded up to microseconds:
// just before it, the keyframe before would be found.
func seekTime(x *frameindex.Index, k int64) string {
	pts, sign := x.Frames[k].PTS, ""
	if pts < 0 {
		pts, sign = -pts, "-"
	}
	hi, lo := bits.Mul64(uint64(pts), uint64(x.TimeNum))
	den := uint64(x.TimeDen)
	if hi >= den { // no video lasts that long; from the start is right
		return "0"
	}
	seconds, rest := bits.Div64(hi, lo, den)
	hi, lo = bits.Mul64(rest, 1_000_000)
	micros, left := bits.Div64(hi, lo, den)
	if left > 0 && sign == "" {
		micros++
	}
	return sign + strconv.FormatUint(seconds+micros/1_000_000, 10) + fmt.Sprintf(".%06d", micros%1_000_000)
}

// gate is the part of a video that passes a filter: from a keyframe on, so that
// whatever is decoded before or besides does not count.
type gate struct{ key, first, last int64 }

func newGate(x *frameindex.Index, first, last int64) gate {
	return gate{key: x.KeyBefore(first), first: first, last: last}
}

// signEvery is how far apart frames are that are put out as a sign of life.
const signEvery = 256

// sign reports whether a frame is put out though nobody may have asked for it.
// The keyframe always is: it proves that the decoder was entered where it
// should be.
func (g gate) sign(k int64) bool { return (k-g.key)%signEvery == 0 }

// putOut says which frames are put out for a run.
func (g gate) putOut(run Run) func(k int64) bool {
	return func(k int64) bool { return run.has(k) || g.sign(k) }
}

// filter lets frames pass by their times.
func (g gate) filter(in *entry) string {
	return fmt.Sprintf("select='between(pts,%d,%d)'", in.time(g.key), in.time(g.last))
}

// number is a variable that counts frames behind the gate, and its value at the
// keyframe.
func (g gate) number(in *entry) (name string, key int64) {
	if in.numbered {
		return "pts", g.key
	}
	return "n", 0
}

// signs is an expression that is not 0 for the frames that are signs of life.
func (g gate) signs(in *entry) string {
	n, key := g.number(in)
	return fmt.Sprintf("not(mod(%s-%d,%d))", n, key, signEvery)
}

// wanted is an expression that is not 0 for the frames of a run.
func (g gate) wanted(in *entry, r Run) string {
	n, key := g.number(in)
	return r.terms(n, key-g.key)
}

// rawFormat is the format of raw frames that keeps the range of the source.
func rawFormat(x *frameindex.Index) string {
	if x.FullRange {
		return "yuvj420p"
	}
	return "yuv420p"
}

// ended makes the end of the output a decoder gone astray.
func ended(err error, k int64) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: nothing instead of frame %d", errAstray, k)
	}
	return err
}

// expect reads a frame that must be frame k.
func (in *entry) expect(n frames, k int64, read func(n frames, k, size int64) error) error {
	pts, size, err := n.Next()
	if err != nil {
		return ended(err, k)
	}
	if !sameTime(pts, n.Clock(), in.time(k), in.clock()) {
		return fmt.Errorf("%w: time %d of %v instead of frame %d", errAstray, pts, n.Clock(), k)
	}
	return ended(read(n, k, size), k)
}

// read reads the planes of a frame.
func (f *Frame) read(n frames, src Source, k, size int64) error {
	m, x := f.Image, src.Index
	f.FullRange, f.Matrix = x.FullRange, x.Matrix // a still may have converted the frame before
	if size != int64(len(m.Y)+len(m.Cb)+len(m.Cr)) {
		return pipeline.Failf(pipeline.CodeSizeChanges, src.Name, "frame %d of %s has another size than the frames before, %d×%d", k, src.Name, x.Width, x.Height)
	}
	for _, plane := range [][]byte{m.Y, m.Cb, m.Cr} {
		if err := n.Fill(plane); err != nil {
			return err
		}
	}
	return nil
}

func newFrame(x *frameindex.Index) *Frame {
	return &Frame{Image: image.NewYCbCr(image.Rect(0, 0, int(x.Width), int(x.Height)), image.YCbCrSubsampleRatio420)}
}

// sameTime reports whether a ticks of one clock are b ticks of another.
func sameTime(a int64, of nut.Ratio, b int64, by nut.Ratio) bool {
	if (a < 0) != (b < 0) {
		return false
	}
	ahi, alo := mul3(a, of.Num, by.Den)
	bhi, blo := mul3(b, by.Num, of.Den)
	return ahi == bhi && alo == blo
}

// mul3 multiplies without regard to the sign; more than 128 bits are cut off.
func mul3(a, b, c int64) (hi, lo uint64) {
	if a < 0 {
		a = -a
	}
	hi, lo = bits.Mul64(uint64(a), uint64(b))
	over, lo := bits.Mul64(lo, uint64(c))
	return hi*uint64(c) + over, lo
}

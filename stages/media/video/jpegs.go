package video

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"framemill/pipeline/frameindex"
	"framemill/stages/media/decoder"
	"framemill/stages/media/nut"
	"framemill/stages/media/sandbox"
)

// JPEGs calls yield for each frame of a run, in order, with its number and the
// frame as a JPEG of a quality of 1 to 100, which is valid until yield returns.
// framemill-decoder encodes them; without it ffmpeg does where it decodes, with
// the tables that libjpeg has for the quality. It is as strict as Decode.
func (e *Engine) JPEGs(ctx context.Context, src Source, run Run, quality int, yield func(k int64, jpeg []byte) error) error {
	if err := run.check(src.Index); err != nil {
		return err
	}
	g, next := newGate(src.Index, run.First, run.Last()), run.First
	var data []byte
	return e.climb(ctx, src, g, g.putOut(run), func(in *entry) error {
		rest := run.from(next)
		out, err := e.jpegOutput(in, rest, quality)
		if err != nil {
			return err
		}
		return e.pass(ctx, in, rest, out, func(n frames, _, size int64) error {
			if size > decoder.MaxJPEG {
				return nut.ErrFormat
			}
			if int64(cap(data)) < size {
				data = make([]byte, size)
			}
			data = data[:size]
			return n.Fill(data)
		}, func(k int64) error {
			next = k + run.Step
			return yield(k, data)
		})
	})
}

// jpegOutput is how frames become JPEGs.
func (e *Engine) jpegOutput(in *entry, run Run, quality int) (output, error) {
	x := in.src.Index
	// When frames change their size, ffmpeg makes its filters anew, and they
	// count from 0. The time of the frame is spoilt then, so that it is noticed:
	// the encoder would not.
	key := in.time(x.KeyBefore(run.First))
	filters := []string{fmt.Sprintf("setpts='PTS+eq(N,0)*not(eq(PTS,%d))'", key), fmt.Sprintf("scale=%d:%d", x.Width, x.Height)}
	if e.cfg.Decoder == "" {
		return output{filters: append(filters, stillColours(x)...), encoder: jpegEncoder(quality)}, nil
	}
	job := decoder.Job{
		Width: int(x.Width), Height: int(x.Height), FullRange: x.FullRange, BT709: x.Matrix == "bt709", Quality: min(max(quality, 1), 100),
	}
	args, err := job.Args()
	taker := &sandbox.Command{Program: decoder.Name, Path: e.cfg.Decoder, Args: args}
	return output{filters: append(filters, "format="+rawFormat(x)), encoder: rawEncoder(), taker: taker}, err
}

// jpegEncoder are the options of ffmpeg for JPEGs, whose samples are of full
// range and BT.601.
func jpegEncoder(quality int) []string {
	luma, chroma := quantisers(quality)
	return []string{
		"-c:v", "mjpeg", "-flags:v", "+bitexact", "-huffman", "optimal",
		"-strict", "unofficial", // full range without the name of it in the format
		"-q:v", strconv.Itoa(unitScale), "-intra_matrix", luma, "-chroma_intra_matrix", chroma,
	}
}

// stillColours are the filters that make samples full-range BT.601.
func stillColours(x *frameindex.Index) []string {
	if !x.FullRange && x.Width%2 == 0 && x.Height%2 == 0 {
		matrix := "smpte170m"
		if x.Matrix == "bt709" {
			matrix = x.Matrix
		}
		// One pass over the samples, a third of the cost of what scale does, for
		// even sides only. Curves and primaries stay, whatever they are.
		return []string{"format=yuv420p", "colorspace=ispace=" + matrix + ":space=smpte170m:irange=tv:range=pc:format=yuv420p" +
			":itrc=bt709:trc=bt709:iprimaries=bt709:primaries=bt709"}
	}
	var filters []string
	if x.Matrix == "bt709" {
		filters = append(filters, "format=yuv420p", "colormatrix=bt709:bt601")
	}
	return append(filters, "scale=out_range=full", "format=yuvj420p")
}

// unitScale is the scale with which the encoder uses a matrix as it is.
const unitScale = 8

// quantisers returns the tables of Annex K, scaled as libjpeg scales them.
func quantisers(quality int) (luma, chroma string) {
	quality = min(max(quality, 1), 100)
	scale := 200 - 2*quality
	if quality < 50 {
		scale = 5000 / quality
	}
	list := func(base [64]int) string {
		var out []string
		for _, v := range base {
			out = append(out, strconv.Itoa(min(max((v*scale+50)/100, 1), math.MaxUint8)))
		}
		return strings.Join(out, ",")
	}
	return list(lumaBase), list(chromaBase)
}

var lumaBase = [64]int{
	16, 11, 10, 16, 24, 40, 51, 61,
	12, 12, 14, 19, 26, 58, 60, 55,
	14, 13, 16, 24, 40, 57, 69, 56,
	14, 17, 22, 29, 51, 87, 80, 62,
	18, 22, 37, 56, 68, 109, 103, 77,
	24, 35, 55, 64, 81, 104, 113, 92,
	49, 64, 78, 87, 103, 121, 120, 101,
	72, 92, 95, 98, 112, 100, 103, 99,
}

var chromaBase = [64]int{
	17, 18, 24, 47, 99, 99, 99, 99,
	18, 21, 26, 66, 99, 99, 99, 99,
	24, 26, 56, 99, 99, 99, 99, 99,
	47, 66, 99, 99, 99, 99, 99, 99,
	99, 99, 99, 99, 99, 99, 99, 99,
	99, 99, 99, 99, 99, 99, 99, 99,
	99, 99, 99, 99, 99, 99, 99, 99,
	99, 99, 99, 99, 99, 99, 99, 99,
}

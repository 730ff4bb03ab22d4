package video

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"framemill/pipeline"
	"framemill/stages/media/sandbox"
)

// MP4 says how chunks are encoded.
type MP4 struct {
	Quality   int64 // 0 to 100, as the contract counts
	Downscale bool  // by a whole factor, until players can be expected to take it
}

// Fits reports whether chunks can be films of the full size. Where they cannot,
// because no decoder need take so many pixels, they are pictures.
func Fits(width, height int64) bool {
	w, h := MP4{}.Size(width, height)
	return w <= maxSide && h <= maxSide && w*h <= maxPixels
}

// OriginalQuality is the quality of chunks that stand for the source: QP 17.
const OriginalQuality = 67

// A downscaled chunk stays below maxRows rows. It also has no more pixels than
// H.264 decoders of level 5.2 take, and no longer side than the encoder does.
const (
	maxRows   = 1080
	maxPixels = 36_864 * 16 * 16
	maxSide   = 16_384
)

// qp turns the quality of the contract into the scale of x264. All pictures
// have one quantiser, as those of the encoder that the contract had in mind:
// looking for better ones costs time and, by PSNR, picture. Of the same number,
// downscaled pictures are a step better. 0 would be lossless, which no baseline
// decoder reads.
func (m MP4) qp() int64 {
	qp := int64(math.RoundToEven(51 * float64(100-m.Quality) / 99))
	if m.Downscale {
		qp++
	}
	return min(max(qp, 1), 51)
}

// Size returns the sides of chunks of a video of these sides.
func (m MP4) Size(width, height int64) (int64, int64) {
	for factor := int64(1); ; factor *= 2 {
		even := func(v int64) int64 { return max((v/factor+1)/2*2, 2) }
		w, h := even(width), even(height)
		if !m.Downscale || height/factor < maxRows && w <= maxSide && w*h <= maxPixels {
			return w, h
		}
	}
}

// EncodeMP4 writes each chunk as one file into an empty folder, and hands over
// each as soon as it is complete: H.264 of constrained baseline profile,
// exactly the frames of the chunk at 25 a second, the first of them an IDR
// picture, in track 1. Chunks may come in any order, and have frames in common
// as those of overlapping segments have; all must have one step. One ffmpeg
// decodes from the keyframe before the first frame to the last frame once, and
// tells the time of each frame, which is checked against the index.
func (e *Engine) EncodeMP4(ctx context.Context, src Source, dir string, chunks []Run, m MP4, h Hooks) error {
	if len(chunks) == 0 {
		return nil
	}
	first, last := chunks[0].First, int64(0)
	for _, c := range chunks {
		if err := c.check(src.Index); err != nil {
			return err
		}
		if c.Only != nil {
			return errors.New("video: single frames are not encoded as MP4")
		}
		first, last = min(first, c.First), max(last, c.Last())
	}
	lanes := newLanes(chunks)
	out := newOutbox(m, src.Index, dir, lanes, chunks, h.Done)
	g := newGate(src.Index, first, last)
	wanted := func(k int64) bool {
		return k == g.key || slices.ContainsFunc(chunks, func(c Run) bool { return c.has(k) })
	}
	return e.climb(ctx, src, g, wanted, func(in *entry) error {
		if err := out.reset(); err != nil {
			return err
		}
		args := append(in.args, "-copyts", "-filter_complex", m.graph(in, g, lanes, chunks))
		for i, lane := range lanes {
			args = append(args, m.output(e.cfg.Threads, i, lane, chunks, dir)...)
		}
		c := sandbox.Command{Program: "ffmpeg", Args: args, Inputs: in.files, Stdin: in.stdin, OutDir: dir, Limits: sandbox.Limits{Busy: src.Progress}}
		pixels := src.Index.CodedWidth * src.Index.CodedHeight * int64(1+len(lanes))
		err := e.stream(ctx, c, pixels, func(r io.Reader) error {
			return followTimes(r, in, g, func() error {
				h.Progress()
				return out.look()
			})
		})
		if err != nil {
			return astray(err)
		}
		return out.finish()
	})
}

// lane is a list of chunks, by their numbers, that follow one another without
// a frame in common, so that one encoder can write them.
type lane []int

// newLanes spreads chunks over as few lanes as are needed.
func newLanes(chunks []Run) []lane {
	order := make([]int, len(chunks))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(chunks[a].First, chunks[b].First), cmp.Compare(a, b))
	})
	var lanes []lane
	for _, c := range order {
		free := slices.IndexFunc(lanes, func(l lane) bool { return chunks[l[len(l)-1]].Last() < chunks[c].First })
		if free < 0 {
			lanes, free = append(lanes, nil), len(lanes)
		}
		lanes[free] = append(lanes[free], c)
	}
	return lanes
}

// graph is the filter graph: the gate, a line of text for each frame that
// passes it, and a branch for each lane.
func (m MP4) graph(in *entry, g gate, lanes []lane, chunks []Run) string {
	// The times are printed with metadata only, so that each frame gets some.
	common := []string{g.filter(in), "metadata=add:key=k:value=1", "metadata=print:file=-:direct=1"}
	common = append(common, fmt.Sprintf("split=%d", len(lanes)))
	graph := "[0:V:0]" + strings.Join(common, ",")
	for i := range lanes {
		graph += fmt.Sprintf("[in%d]", i)
	}
	width, height := m.Size(in.src.Index.Width, in.src.Index.Height)
	for i, l := range lanes {
		graph += fmt.Sprintf(";[in%d]select='%s',scale=%d:%d:flags=bilinear,format=yuv420p,settb=1/25,setpts=N[out%d]",
			i, l.wanted(in, g, chunks), width, height, i)
	}
	return graph
}

// wanted is an expression for the frames of a lane. Chunks that follow one
// another make one term.
func (l lane) wanted(in *entry, g gate, chunks []Run) string {
	var terms []string
	run := chunks[l[0]]
	for _, c := range l[1:] {
		if next := chunks[c]; next.First == run.Last()+run.Step && next.Step == run.Step {
			run.Count += next.Count
		} else {
			terms = append(terms, g.wanted(in, run))
			run = next
		}
	}
	return strings.Join(append(terms, g.wanted(in, run)), "+")
}

// output are the options of the encoder of a lane. Each chunk begins with a
// forced keyframe, where the output is cut. The frames come at 25 a second
// already, so a constant rate neither drops nor repeats any; without it the
// encoder and the length of the last frame would follow the rate of the source.
func (m MP4) output(threads, i int, l lane, chunks []Run, dir string) []string {
	var cuts, keys []string
	n := int64(0)
	for _, c := range l {
		keys = append(keys, fmt.Sprintf("%d.%02d", n/25, n%25*4))
		n += chunks[c].Count
		cuts = append(cuts, strconv.FormatInt(n, 10))
	}
	return []string{
		"-map", fmt.Sprintf("[out%d]", i), "-map_metadata", "-1", "-map_chapters", "-1",
		"-fps_mode", "cfr", "-r", "25", "-frames:v", strconv.FormatInt(n, 10),
		"-c:v", "libx264", "-preset", "superfast", "-profile:v", "baseline", "-bf", "0",
		"-qp", strconv.FormatInt(m.qp(), 10), "-sc_threshold", "0", "-threads", strconv.Itoa(threads),
		"-force_key_frames", strings.Join(keys, ","), "-forced-idr", "1",
		"-f", "segment", "-segment_format", "mp4", "-segment_frames", strings.Join(cuts, ","), "-reset_timestamps", "1",
		"file:" + strings.ReplaceAll(filepath.Join(dir, fmt.Sprintf("%d-", i)), "%", "%%") + "%d.mp4",
	}
}

// followTimes reads the line of each frame that passes the gate: they must be
// the frames of the index, all of them.
func followTimes(r io.Reader, in *entry, g gate, step func() error) error {
	name, k, passed := in.src.Name, g.key, int64(0)
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := bytes.Fields(lines.Bytes())
		if len(fields) < 2 || !bytes.HasPrefix(fields[0], []byte("frame:")) {
			continue
		}
		if text, _ := bytes.CutPrefix(fields[1], []byte("pts:")); k > g.last || number(string(text)) != in.time(k) {
			return fmt.Errorf("%w: time %q instead of frame %d", errAstray, text, k)
		}
		// Filters are made anew, and count from 0, when frames change.
		if count, _ := bytes.CutPrefix(fields[0], []byte("frame:")); number(string(count)) != passed {
			return pipeline.Failf(pipeline.CodeSizeChanges, name, "frame %d of %s has another size or format than the frames before", k, name)
		}
		passed++
		for next := in.after(k, g); k < next; k++ { // those left out are passed as well
			if err := step(); err != nil {
				return err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if k <= g.last {
		// The program may have failed, which says more.
		return ended(io.EOF, k)
	}
	return nil
}

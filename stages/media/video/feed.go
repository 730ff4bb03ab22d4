package video

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"slices"

	"framemill/pipeline/frameindex"
	"framemill/stages/media/nut"
)

// entry is one way to have ffmpeg decode from a keyframe on: what it reads, and
// by which clock the frames come.
type entry struct {
	src      Source
	args     []string           // up to the input
	stdin    io.Reader          // nil = it opens the file itself
	files    []string           // that it may open
	numbered bool               // the time of a frame is its number, in milliseconds
	fed      func(k int64) bool // whether a frame is decoded; nil = all are
}

// time is when frame k is shown, by the clock of the entry.
func (in *entry) time(k int64) int64 {
	if in.numbered {
		return k
	}
	return in.src.Index.Frames[k].PTS
}

// clock is how long a tick is.
func (in *entry) clock() nut.Ratio {
	if in.numbered {
		return nut.Ratio{Num: 1, Den: 1000}
	}
	return nut.Ratio{Num: in.src.Index.TimeNum, Den: in.src.Index.TimeDen}
}

// after returns the frame that passes a gate after frame k.
func (in *entry) after(k int64, g gate) int64 {
	for k++; in.fed != nil && k <= g.last && !in.fed(k); k++ {
	}
	return k
}

// at is the entry in which ffmpeg opens the file itself and seeks.
func (e *Engine) at(src Source, seek int64) *entry {
	return &entry{
		src: src, args: append(e.seekArgs(src.Index, seek), "-i", "file:"+src.Path), files: []string{src.Path},
	}
}

// feed is the entry in which ffmpeg is handed what it needs, without frames
// that nobody asked for and no other frame refers to. It is nil where there are
// none, and where the file is not as plain as it must be to tell. The caller
// closes the file after use.
func (e *Engine) feed(ctx context.Context, src Source, g gate, wanted func(k int64) bool) (*entry, *os.File) {
	x := src.Index
	if x.How != frameindex.Tables || x.Codec != "h264" || x.Rotation != 0 || x.FullRange || g.all(wanted) {
		return nil, nil
	}
	file, size, err := open(src.File)
	if err != nil {
		return nil, nil
	}
	config := plainConfig(file, size, x)
	need, dropped := needed(ctx, file, src, g, wanted)
	if config == nil || dropped == 0 {
		file.Close()
		return nil, nil
	}
	fed := make(map[int64]bool, len(need))
	for _, k := range need {
		fed[k] = true
	}
	args := append([]string{"-nostdin"}, e.inputArgs("matroska")...)
	return &entry{
		src: src, args: append(args, "-i", "pipe:0"), numbered: true,
		stdin: &feeder{file: file, index: x, frames: need, head: *bytes.NewBuffer(matroskaHead(config, x))},
		fed:   func(k int64) bool { return fed[k] },
	}, file
}

// all reports whether all frames that pass a gate are wanted.
func (g gate) all(wanted func(k int64) bool) bool {
	for k := g.key; k <= g.last; k++ {
		if !wanted(k) {
			return false
		}
	}
	return true
}

// plainConfig returns the parameters of a plain file whose frames are stored in
// the order of decoding and say their own colours, else nil.
func plainConfig(file *os.File, size int64, x *frameindex.Index) []byte {
	m, err := readMovie(file, size)
	if err != nil || len(m.tracks) != 1 || m.fragmented || m.odd {
		return nil
	}
	t := &m.tracks[0]
	avc, err := readAVC(t.config)
	if err != nil || t.codec != "avc1" || t.odd || t.oblong || t.descriptions != 1 || t.count != len(x.Frames) || !avc.frames ||
		t.colr != nil && avc.matrix == 0 {
		return nil
	}
	stored := make([]frameindex.Frame, t.count)
	if t.fillSizes(stored) != nil || t.fillOffsets(stored) != nil ||
		!slices.IsSortedFunc(stored, func(a, b frameindex.Frame) int { return cmp.Compare(a.Offset, b.Offset) }) {
		return nil
	}
	return t.config
}

// lookedEvery is how many frames are looked into for a sign of life: seconds on
// a slow disk.
const lookedEvery = 1 << 14

// needed lists the frames that are decoded for the wanted ones, in the order of
// decoding, and says how many are left out: those that no other refers to, and
// those that only others refer to which are left out, up to the next IDR
// picture. It leaves none out where one is not what it should be.
func needed(ctx context.Context, r io.ReaderAt, src Source, g gate, wanted func(k int64) bool) (frames []int64, dropped int) {
	passing := func(k int64) bool { return k >= g.key && k <= g.last && wanted(k) }
	var since []int64 // the last needed frame: what may be referred to later
	for looked, k := range g.decoded(src.Index, passing) {
		role, err := roleOf(r, src.Index.Frames[k])
		if err != nil || ctx.Err() != nil {
			return nil, 0
		}
		if role.fresh {
			dropped += len(since)
			since = since[:0]
		}
		switch {
		case passing(k) || role.sets:
			frames = append(append(frames, since...), k)
			since = since[:0]
		case role.referred:
			since = append(since, k)
		default:
			dropped++
		}
		if looked%lookedEvery == lookedEvery-1 && src.Progress != nil {
			src.Progress()
		}
	}
	return frames, dropped
}

// decoded lists the frames from the key frame of a gate to the last wanted one,
// in the order of decoding.
func (g gate) decoded(x *frameindex.Index, wanted func(k int64) bool) (frames []int64) {
	lo, hi := x.Frames[g.key].Offset, int64(0)
	for k := g.key; k <= g.last; k++ {
		if wanted(k) {
			hi = max(hi, x.Frames[k].Offset)
		}
	}
	for k, f := range x.Frames {
		if f.Offset >= lo && f.Offset <= hi {
			frames = append(frames, int64(k))
		}
	}
	slices.SortFunc(frames, func(a, b int64) int { return cmp.Compare(x.Frames[a].Offset, x.Frames[b].Offset) })
	return frames
}

// role is what a sample is to those that are decoded after it.
type role struct {
	referred bool // they may refer to it
	fresh    bool // it is an IDR picture: they refer to nothing before it
	sets     bool // it has parameter sets, which they may need
}

// roleOf reads the role of a sample, which its first slice says and what stands
// before that. What has no slice is taken for what is referred to.
func roleOf(r io.ReaderAt, f frameindex.Frame) (role, error) {
	out, found := role{}, false
	err := avcUnits(r, f, func(u avcUnit) error {
		switch u.kind {
		case unitSlice, unitKeySlice:
			out.referred, out.fresh, found = u.reference, u.kind == unitKeySlice, true
			return errFound
		case unitSPS, unitPPS:
			out.sets = true
		}
		return nil
	})
	if found {
		return out, nil
	}
	out.referred = true
	return out, err
}

// errFound ends a search.
var errFound = errors.New("found")

// feeder is a Matroska stream of some frames of a file.
type feeder struct {
	file   io.ReaderAt
	index  *frameindex.Index
	frames []int64 // in the order of decoding
	head   bytes.Buffer
	data   io.SectionReader
	start  int64 // of the cluster
	open   bool
}

// Read implements io.Reader.
func (f *feeder) Read(p []byte) (int, error) {
	for {
		if f.head.Len() > 0 {
			return f.head.Read(p)
		}
		if n, err := f.data.Read(p); n > 0 || err != io.EOF {
			return n, err
		}
		if len(f.frames) == 0 {
			return 0, io.EOF
		}
		f.next()
	}
}

// next begins the next frame.
func (f *feeder) next() {
	k := f.frames[0]
	f.frames = f.frames[1:]
	if !f.open || k-f.start > math.MaxInt16 || k-f.start < math.MinInt16 {
		f.open, f.start = true, k
		f.head.Write(matroskaCluster(k))
	}
	sample := f.index.Frames[k]
	f.head.Write(matroskaBlock(k-f.start, sample))
	f.data = *io.NewSectionReader(f.file, sample.Offset, int64(sample.Size))
}

package video

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"framemill/pipeline/frameindex"
)

// errUntrusted is the error of tables that do not say everything about what is
// presented, or contradict themselves. Walking the packets tells.
var errUntrusted = errors.New("the tables of the file cannot be trusted")

// errOutside is the error of samples that lie behind the end of the file.
var errOutside = errors.New("samples lie behind the end of the file")

func untrusted(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errUntrusted, fmt.Sprintf(format, args...))
}

// frames lists the presented frames by the tables alone.
func (m *movie) frames(r io.ReaderAt) ([]frameindex.Frame, error) {
	if len(m.tracks) != 1 || m.fragmented {
		return nil, untrusted("%d tracks of video, fragmented: %t", len(m.tracks), m.fragmented)
	}
	t := &m.tracks[0]
	if t.descriptions != 1 || t.timescale == 0 || t.count == 0 {
		return nil, untrusted("%d descriptions, timescale %d, %d samples", t.descriptions, t.timescale, t.count)
	}
	frames := make([]frameindex.Frame, t.count)
	for _, fill := range []func([]frameindex.Frame) error{t.fillSizes, t.fillOffsets, t.fillTimes, t.fillKeys} {
		if err := fill(frames); err != nil {
			return nil, err
		}
	}
	for i := range frames {
		if frames[i].Offset > m.size-int64(frames[i].Size) {
			return nil, errOutside
		}
	}
	if !t.hasKeys {
		if err := t.checkIntra(r, frames); err != nil {
			return nil, err
		}
	}
	present(frames)
	return frames, m.applyEdits(t, frames)
}

func (t *track) fillSizes(frames []frameindex.Frame) error {
	for i := range frames {
		frames[i].Size = t.fixedSize
	}
	if t.fixedSize == 0 {
		if t.stsz.width == 0 {
			return untrusted("no sizes")
		}
		for i := range frames {
			frames[i].Size = t.stsz.u32(i, 0)
		}
	}
	return nil
}

// fillOffsets lays the samples out in their chunks.
func (t *track) fillOffsets(frames []frameindex.Frame) error {
	if t.stsc.width == 0 || t.offsets.width == 0 || t.stsc.len() == 0 {
		return untrusted("no chunks")
	}
	row, i := 0, 0
	for c := range t.offsets.len() {
		if row+1 < t.stsc.len() && int64(t.stsc.u32(row+1, 0)) == int64(c)+1 {
			row++
		}
		if t.stsc.u32(row, 8) != 1 {
			return untrusted("a chunk of another description")
		}
		at := t.chunkOffset(c)
		for range min(t.stsc.u32(row, 4), uint32(len(frames)-i)) {
			if at < 0 {
				return errOutside
			}
			frames[i].Offset = at
			at += int64(frames[i].Size)
			i++
		}
	}
	if i != len(frames) || t.stsc.u32(0, 0) != 1 {
		return untrusted("the chunks hold %d of %d samples", i, len(frames))
	}
	return nil
}

func (t *track) chunkOffset(c int) int64 {
	if t.offsets.width == 8 {
		return int64(binary.BigEndian.Uint64(t.offsets.rows[c*8:])) // negative if absurd
	}
	return int64(t.offsets.u32(c, 0))
}

// fillTimes adds up how long samples last, and how far each one's presentation
// is from its decoding.
func (t *track) fillTimes(frames []frameindex.Frame) error {
	i, dts := 0, int64(0)
	for row := range t.stts.rowsOf() {
		n, delta := t.stts.u32(row, 0), int64(t.stts.u32(row, 4))
		if int64(n) > int64(len(frames)-i) || delta > math.MaxInt32 {
			return untrusted("times for more samples than there are")
		}
		for range n {
			frames[i].PTS = dts
			dts += delta
			i++
		}
	}
	if i != len(frames) {
		return untrusted("times for %d of %d samples", i, len(frames))
	}
	i = 0
	for row := range t.ctts.rowsOf() {
		n := t.ctts.u32(row, 0)
		if int64(n) > int64(len(frames)-i) {
			return untrusted("offsets for more samples than there are")
		}
		for range n {
			frames[i].PTS += int64(int32(t.ctts.u32(row, 4)))
			i++
		}
	}
	return nil
}

// rowsOf returns the number of rows, also of a table that is not there.
func (t table) rowsOf() int {
	if t.width == 0 {
		return 0
	}
	return t.len()
}

func (t *track) fillKeys(frames []frameindex.Frame) error {
	if !t.hasKeys {
		for i := range frames {
			frames[i].Key = true
		}
		return nil
	}
	for row := range t.stss.rowsOf() {
		i := int64(t.stss.u32(row, 0)) - 1
		if i < 0 || i >= int64(len(frames)) {
			return untrusted("a keyframe that is no sample")
		}
		frames[i].Key = true
	}
	if !frames[0].Key {
		return untrusted("the first sample is no keyframe")
	}
	return nil
}

// checkIntra doubts a file of a codec with dependent frames that has no table
// of keyframes, and so says that all are: it looks into some.
func (t *track) checkIntra(r io.ReaderAt, frames []frameindex.Frame) error {
	const looks = 64
	for i := 0; i < len(frames); i += max(len(frames)/looks, 1) {
		if t.codec != "avc1" && t.codec != "hvc1" {
			return untrusted("no table of keyframes for %s", t.codec)
		}
		if !hasIntra(r, frames[i], t.codec == "hvc1") {
			return untrusted("sample %d is no keyframe, as all should be", i)
		}
	}
	return nil
}

// hasIntra reports whether a sample has a slice of a keyframe. Lengths of NAL
// units are taken to be four bytes, as they are but in very old files.
func hasIntra(r io.ReaderAt, f frameindex.Frame, hevc bool) bool {
	const maxUnits = 32
	at, end := f.Offset, f.Offset+int64(f.Size)
	for range maxUnits {
		var head [5]byte
		if at+5 > end {
			return false
		}
		if _, err := r.ReadAt(head[:], at); err != nil {
			return false
		}
		if kind := head[4] >> 1 & 0x3f; hevc && kind >= 16 && kind <= 21 {
			return true
		}
		if !hevc && head[4]&0x1f == 5 {
			return true
		}
		at += 4 + int64(binary.BigEndian.Uint32(head[:]))
	}
	return false
}

// present puts frames that come in the order of decoding into that of
// presentation. A keyframe that follows a frame which is shown after it is not
// where decoding can begin.
func present(frames []frameindex.Frame) {
	latest := int64(math.MinInt64)
	for i := range frames {
		if frames[i].PTS < latest {
			frames[i].Key = false
		}
		latest = max(latest, frames[i].PTS)
	}
	slices.SortStableFunc(frames, func(a, b frameindex.Frame) int { return cmp.Compare(a.PTS, b.PTS) })
}

// applyEdits trusts an edit list that only moves all of the video in time.
func (m *movie) applyEdits(t *track, frames []frameindex.Frame) error {
	if err := distinct(frames); err != nil {
		return err
	}
	if len(t.edits) == 0 {
		return nil
	}
	e, first, last := t.edits[0], frames[0].PTS, frames[len(frames)-1].PTS
	if len(t.edits) > 1 || e.rate != 1<<16 || e.time != first || m.timescale == 0 || e.duration > math.MaxInt64/int64(t.timescale) {
		return untrusted("an edit list of %d", len(t.edits))
	}
	if e.duration != 0 && last-first >= e.duration*int64(t.timescale)/int64(m.timescale) {
		return untrusted("an edit list that ends before the last frame")
	}
	for i := range frames {
		frames[i].PTS -= e.time
	}
	return nil
}

// distinct reports two frames that are presented at one time.
func distinct(frames []frameindex.Frame) error {
	for i := 1; i < len(frames); i++ {
		if frames[i].PTS == frames[i-1].PTS {
			return untrusted("two frames at the time %d", frames[i].PTS)
		}
	}
	return nil
}

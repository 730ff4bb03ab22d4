package frameindex

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// What a blob may hold. Nothing is allocated for more.
const (
	maxBlob     = MaxFrames * 32
	maxText     = 1 << 10
	maxChapters = 10_000
	minFrame    = 3 // bytes that a frame takes at least
)

// ErrCorrupt is the error of a blob that is no index, or is damaged.
var ErrCorrupt = errors.New("the frame index is damaged")

// Decode reads an index that Encode wrote.
func Decode(r io.Reader) (*Index, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxBlob+1))
	if err != nil {
		return nil, fmt.Errorf("read a frame index: %w", err)
	}
	if len(b) > maxBlob || len(b) < len(magic)+4 || string(b[:len(magic)]) != magic {
		return nil, ErrCorrupt
	}
	body, sum := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	if crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)) != sum {
		return nil, ErrCorrupt
	}
	d := &decoder{b: body[len(magic):]}
	if v := d.uint(); v != version && !d.bad {
		return nil, fmt.Errorf("frame index of version %d, want %d", v, version)
	}
	x := d.index()
	if d.bad || len(d.b) > 0 || !x.valid() {
		return nil, ErrCorrupt
	}
	return x, nil
}

// decoder takes values off b. After the first bad one all are 0.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) skip(n int) {
	if n <= 0 {
		d.bad, d.b = true, nil
		return
	}
	d.b = d.b[n:]
}

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.b)
	d.skip(n)
	return v
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	d.skip(n)
	return v
}

func (d *decoder) text() string {
	n := d.uint()
	if n > maxText || n > uint64(len(d.b)) {
		d.bad, n = true, 0
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

func (d *decoder) index() *Index {
	x := &Index{}
	for _, v := range x.numbers() {
		*v = d.int()
	}
	for _, s := range x.texts() {
		*s = d.text()
	}
	x.How = How(d.text())
	x.FullRange = d.uint() != 0
	x.Variable = d.uint() != 0
	x.Chapters = d.chapters()
	x.Frames = d.frames()
	return x
}

func (d *decoder) chapters() []Chapter {
	n := d.uint()
	if n > maxChapters {
		d.bad = true
		return nil
	}
	var out []Chapter
	for range n {
		if d.bad {
			return nil
		}
		out = append(out, Chapter{ID: d.int(), Start: d.int(), Stop: d.int(), Title: d.text()})
	}
	return out
}

func (d *decoder) frames() []Frame {
	n := d.uint()
	if n > MaxFrames || n > uint64(len(d.b)/minFrame) {
		d.bad = true
		return nil
	}
	frames := make([]Frame, n)
	var last, step int64
	for i := range frames {
		step += d.int()
		last += step
		frames[i].PTS = last
	}
	offsets := make([]int64, n) // relative to the end of the frame before
	for i := range offsets {
		offsets[i] = d.int()
	}
	end := int64(0)
	for i := range frames {
		v := d.uint()
		if v>>1 > math.MaxUint32 {
			d.bad = true
			return nil
		}
		frames[i].Size, frames[i].Key = uint32(v>>1), v&1 != 0
		frames[i].Offset = offsets[i] + end
		end = frames[i].Offset + int64(frames[i].Size)
	}
	return frames
}

// valid reports whether the parts fit one another.
func (x *Index) valid() bool {
	if x.TimeNum < 1 || x.TimeDen < 1 || x.Width < 1 || x.Height < 1 || x.CodedWidth < 1 || x.CodedHeight < 1 {
		return false
	}
	if x.Rotation < 0 || x.Rotation > 270 || x.Rotation%90 != 0 {
		return false
	}
	for k := range x.Frames {
		if k > 0 && x.Frames[k].PTS <= x.Frames[k-1].PTS || x.Frames[k].Offset < -1 {
			return false
		}
	}
	return true
}

package frameindex

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
)

// The blob is: magic, header, columns, checksum. All integers are varints. A
// column holds one property of all frames as differences from what the frame
// before makes likely, which are small. The checksum is CRC-32C, little-endian.
const (
	magic   = "FMIX"
	version = 1
)

// Encode writes x to w.
func (x *Index) Encode(w io.Writer) error {
	if x.Len() > MaxFrames {
		return fmt.Errorf("an index of %d frames, at most %d are possible", x.Len(), int64(MaxFrames))
	}
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	e := &encoder{w: bufio.NewWriterSize(io.MultiWriter(w, sum), 64<<10), sum: sum}
	e.header(x)
	e.columns(x.Frames)
	if err := e.w.Flush(); err != nil {
		return err
	}
	_, err := w.Write(binary.LittleEndian.AppendUint32(nil, sum.Sum32()))
	return err
}

// encoder writes values; the first error is kept by its buffered writer.
type encoder struct {
	w   *bufio.Writer
	sum hash.Hash32
}

func (e *encoder) int(v int64)   { e.w.Write(binary.AppendVarint(e.w.AvailableBuffer(), v)) }
func (e *encoder) uint(v uint64) { e.w.Write(binary.AppendUvarint(e.w.AvailableBuffer(), v)) }

func (e *encoder) text(s string) {
	e.uint(uint64(len(s)))
	e.w.WriteString(s)
}

func (e *encoder) bool(b bool) {
	v := uint64(0)
	if b {
		v = 1
	}
	e.uint(v)
}

func (e *encoder) header(x *Index) {
	e.w.WriteString(magic)
	e.uint(version)
	for _, v := range x.numbers() {
		e.int(*v)
	}
	for _, s := range x.texts() {
		e.text(*s)
	}
	e.text(string(x.How))
	e.bool(x.FullRange)
	e.bool(x.Variable)
	e.uint(uint64(len(x.Chapters)))
	for _, c := range x.Chapters {
		e.int(c.ID)
		e.int(c.Start)
		e.int(c.Stop)
		e.text(c.Title)
	}
	e.uint(uint64(len(x.Frames)))
}

// numbers and texts list the plain fields of the header in the order of the
// blob, for both directions.
func (x *Index) numbers() []*int64 {
	return []*int64{&x.Width, &x.Height, &x.CodedWidth, &x.CodedHeight, &x.Rotation, &x.TimeNum, &x.TimeDen}
}

func (x *Index) texts() []*string {
	return []*string{&x.Demuxer, &x.Codec, &x.PixFmt, &x.Matrix}
}

func (e *encoder) columns(frames []Frame) {
	var last, step int64
	for i := range frames {
		d := frames[i].PTS - last
		e.int(d - step) // 0 while the rate is constant
		last, step = frames[i].PTS, d
	}
	end := int64(0)
	for i := range frames {
		e.int(frames[i].Offset - end)
		end = frames[i].Offset + int64(frames[i].Size)
	}
	for i := range frames {
		size := uint64(frames[i].Size) << 1
		if frames[i].Key {
			size |= 1
		}
		e.uint(size)
	}
}

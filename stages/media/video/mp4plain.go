package video

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"

	"framemill/pipeline/frameindex"
)

// describe says of a plain file of H.264 what ffprobe would say of it, without
// the tenth of a second that it takes to start. It gives nil for a file that
// has anything out of the ordinary, be it a colour profile or a second set of
// parameters: that is left to ffprobe. What is said is taken from where the
// decoder takes it, the parameters and the first and some later pictures. As
// everywhere, decoded frames are checked against the index.
func (m *movie) describe(r io.ReaderAt, frames []frameindex.Frame) *description {
	t := &m.tracks[0]
	rotation, straight := turnOf(t.matrix)
	if m.chapters || m.odd || t.codec != "avc1" || t.odd || !straight {
		return nil
	}
	avc, err := readAVC(t.config)
	if err != nil || !avc.frames || avc.width != t.width || avc.height != t.height || !t.colour(&avc.avcPicture) {
		return nil
	}
	if !avc.fits(r, frames) {
		return nil
	}
	d := &description{}
	d.Streams = make([]streamFacts, 1)
	d.Streams[0] = streamFacts{
		Codec: "h264", Tag: t.codec, Width: avc.width, Height: avc.height, FieldOrder: "progressive",
		TimeBase: "1/" + strconv.FormatUint(uint64(t.timescale), 10),
	}
	if rotation != 0 {
		d.Streams[0].SideData = []sideData{{Rotation: -float64(rotation)}}
	}
	first := firstFrame{Time: &frames[0].PTS, Width: avc.width, Height: avc.height, PixFmt: "yuv420p", ColorRange: "unknown"}
	if avc.limited {
		first.ColorRange = "tv"
	}
	if avc.full {
		first.PixFmt, first.ColorRange = "yuvj420p", "pc"
	}
	first.ColorSpace = matrixNames[avc.matrix]
	d.Frames = []firstFrame{first}
	return d
}

// matrixNames are what ffmpeg calls the matrices of video that are told by one
// number in H.264 and in MP4.
var matrixNames = map[byte]string{
	0: "unknown", 1: "bt709", 2: "unknown", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020nc", 10: "bt2020c",
}

// colour completes what pictures say of their colours by what the file says,
// which counts less. It reports whether both are understood.
func (t *track) colour(p *avcPicture) bool {
	const rgb = 0 // or not told, where a file says it
	if c := t.colr; len(c) >= 10 && (string(c[:4]) == "nclx" || string(c[:4]) == "nclc") {
		matrix := binary.BigEndian.Uint16(c[8:])
		if matrix == rgb || matrix > 255 {
			return false
		}
		if p.matrix == 0 {
			p.matrix = byte(matrix)
		}
		if string(c[:4]) == "nclx" && !p.full && !p.limited {
			p.full = len(c) > 10 && c[10]&0x80 != 0
			p.limited = !p.full
		}
	} else if c != nil {
		return false
	}
	_, known := matrixNames[p.matrix]
	return known
}

// plainMatrix is the matrix of a picture that is shown as it is.
var plainMatrix = turnMatrix(1, 0, 0, 1)

// turnMatrix is a matrix that turns and does not move.
func turnMatrix(a, b, c, d int32) [9]int32 {
	return [9]int32{a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30}
}

// turnOf returns by how much, clockwise, a picture is to be turned, and whether
// that is all that a matrix does. Where it moves the picture to is of no
// interest.
func turnOf(matrix [9]int32) (degrees int64, ok bool) {
	matrix[6], matrix[7] = 0, 0
	for i, m := range [][9]int32{plainMatrix, turnMatrix(0, 1, -1, 0), turnMatrix(-1, 0, 0, -1), turnMatrix(0, -1, 1, 0)} {
		if matrix == m {
			return int64(i) * 90, true
		}
	}
	return 0, false
}

// The samples that are looked into: the first ones, and some of the others.
const (
	firstLooks = 32
	laterLooks = 64
)

// fits reports whether samples are one whole picture each, of these parameters,
// and the first is where decoding begins.
func (p *avcParameters) fits(r io.ReaderAt, frames []frameindex.Frame) bool {
	for k := 0; k < len(frames); k++ {
		if k >= firstLooks {
			k += max(len(frames)/laterLooks, 1) - 1
		}
		if k >= len(frames) {
			break
		}
		key, ok := p.look(r, frames[k])
		if !ok || k == 0 && !(key && frames[k].Key) {
			return false
		}
	}
	return true
}

// look reports whether a sample is a picture as it should be, and a key one.
func (p *avcParameters) look(r io.ReaderAt, f frameindex.Frame) (key, ok bool) {
	pictures, other := 0, false
	err := avcUnits(r, f, func(u avcUnit) error {
		switch u.kind {
		case unitSlice, unitKeySlice:
			if u.first {
				pictures++
			}
			key, other = key || u.kind == unitKeySlice, other || u.kind == unitSlice
		case unitSPS:
			return p.same(r, u)
		case unitSupplement, unitPPS, unitDelimiter, unitFiller:
		default:
			return errParameters
		}
		return nil
	})
	return key, err == nil && pictures == 1 && !(key && other)
}

// same refuses parameters of a sequence that are not those of the file.
func (p *avcParameters) same(r io.ReaderAt, u avcUnit) error {
	if u.hi-u.lo != int64(len(p.sps)) {
		return errParameters
	}
	text := make([]byte, len(p.sps))
	if _, err := r.ReadAt(text, u.lo); err != nil {
		return err
	}
	if !bytes.Equal(text, p.sps) {
		return errParameters
	}
	return nil
}

// avcUnits calls yield for each unit of a sample, which must fill it.
func avcUnits(r io.ReaderAt, f frameindex.Frame, yield func(avcUnit) error) error {
	const length, maxUnits = 4, 256
	at, end := f.Offset, f.Offset+int64(f.Size)
	for range maxUnits {
		var head [length + unitHead]byte
		if end-at < int64(len(head)) {
			return errParameters
		}
		if _, err := r.ReadAt(head[:], at); err != nil {
			return fmt.Errorf("read a unit: %w", err)
		}
		u := avcUnit{kind: head[length] & 0x1f, reference: head[length]&0x60 != 0, lo: at + length}
		u.hi = u.lo + int64(binary.BigEndian.Uint32(head[:]))
		u.first = head[length+1]&0x80 != 0
		if head[length]&0x80 != 0 || u.hi > end || u.hi-u.lo < unitHead {
			return errParameters
		}
		if err := yield(u); err != nil {
			return err
		}
		if at = u.hi; at == end {
			return nil
		}
	}
	return errParameters
}

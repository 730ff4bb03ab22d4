package video

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"framemill/pipeline/frameindex"
)

// errTooManyFrames is the error of tables that claim more frames than an index
// can hold.
var errTooManyFrames = errors.New("the file claims too many frames")

// maxTracks bounds the tracks that are looked at.
const maxTracks = 64

// movie is what the boxes of an MP4 file say.
type movie struct {
	size       int64 // of the file
	found      bool  // there is a whole moov
	cut        bool  // a box that belongs to the movie goes on behind the end of the file
	fragmented bool
	chapters   bool // there may be some
	odd        bool // the whole movie is turned or moved
	timescale  uint32
	tracks     []track // of video, in the order of the file
}

// track is one track of video.
type track struct {
	id           uint32
	handler      string
	timescale    uint32
	codec        string // of the first description
	encrypted    bool
	descriptions int
	chaptered    bool   // another track has chapters for it
	external     bool   // the frames lie in another file
	config       []byte // content of avcC
	colr         []byte // content of colr
	oblong       bool   // pixels are said not to be square
	odd          bool   // the description has what is not known here
	matrix       [9]int32
	width        int64
	height       int64
	edits        []edit
	fixedSize    uint32
	count        int // of samples
	stsz         table
	stts, ctts   table
	stss         table
	hasKeys      bool // there is a stss
	stsc         table
	offsets      table // stco or co64
}

// edit is one row of an edit list.
type edit struct {
	duration, time int64
	rate           int32
}

// readMovie reads the tables of a file, but not its samples.
func readMovie(r io.ReaderAt, size int64) (*movie, error) {
	m := &movie{size: size}
	err := boxes(r, 0, size, func(b box) error {
		switch b.kind {
		case "moov":
			if m.found || !b.uncut {
				m.cut = m.cut || !b.uncut
				return nil
			}
			m.found = true
			return m.readMoov(r, b)
		case "moof":
			m.fragmented = true
			m.cut = m.cut || !b.uncut
		case "mdat":
			m.cut = m.cut || !b.uncut
		}
		return nil
	})
	return m, err
}

func (m *movie) readMoov(r io.ReaderAt, moov box) error {
	seen := 0
	return boxes(r, moov.lo, moov.hi, func(b box) error {
		switch b.kind {
		case "mvhd":
			p, err := readSmall(r, b, 1<<10)
			if err != nil {
				return err
			}
			m.timescale = headerTimescale(p)
			m.odd = headerMatrix(p, 36) != plainMatrix
		case "udta":
			return boxes(r, b.lo, b.hi, func(b box) error {
				m.chapters = m.chapters || b.kind == "chpl"
				return nil
			})
		case "mvex":
			m.fragmented = true
		case "trak":
			if seen++; seen > maxTracks {
				return errBoxes
			}
			var t track
			if err := t.read(r, b); err != nil {
				return err
			}
			m.chapters = m.chapters || t.chaptered
			if t.handler == "vide" {
				m.tracks = append(m.tracks, t)
			}
		}
		return nil
	})
}

// headerTimescale returns the timescale of a mvhd or mdhd, 0 if it has none.
func headerTimescale(p []byte) uint32 {
	at := 12
	if len(p) > 0 && p[0] == 1 {
		at = 20
	}
	if len(p) < at+4 {
		return 0
	}
	return binary.BigEndian.Uint32(p[at:])
}

// headerMatrix returns the matrix of a mvhd or tkhd, which follows so many bytes
// if its times are of four bytes each.
func headerMatrix(p []byte, at int) (matrix [9]int32) {
	if len(p) > 0 && p[0] == 1 {
		at += 12
	}
	for i := range matrix {
		if at+4*i+4 <= len(p) {
			matrix[i] = int32(binary.BigEndian.Uint32(p[at+4*i:]))
		}
	}
	return matrix
}

// read reads a track. Containers inside it are walked into by name, each at
// its own place, so that nesting cannot be deep.
func (t *track) read(r io.ReaderAt, trak box) error {
	var minf *box
	err := boxes(r, trak.lo, trak.hi, func(b box) error {
		switch b.kind {
		case "tkhd":
			return t.readID(r, b)
		case "tref":
			return boxes(r, b.lo, b.hi, func(b box) error {
				t.chaptered = t.chaptered || b.kind == "chap"
				return nil
			})
		case "edts":
			return boxes(r, b.lo, b.hi, func(b box) error {
				if b.kind == "elst" {
					return t.readEdits(r, b)
				}
				return nil
			})
		case "mdia":
			return boxes(r, b.lo, b.hi, func(b box) error {
				if b.kind == "minf" {
					minf = &b
				}
				return t.readMedia(r, b)
			})
		}
		return nil
	})
	if err != nil || t.handler != "vide" || minf == nil {
		return err
	}
	return boxes(r, minf.lo, minf.hi, func(b box) error {
		switch b.kind {
		case "dinf":
			return t.readReferences(r, b)
		case "stbl":
			return boxes(r, b.lo, b.hi, func(b box) error { return t.readTable(r, b) })
		}
		return nil
	})
}

func (t *track) readID(r io.ReaderAt, b box) error {
	p, err := readSmall(r, b, 1<<10)
	if err != nil || len(p) < 24 {
		return err
	}
	t.matrix = headerMatrix(p, 40)
	t.id = binary.BigEndian.Uint32(p[12:])
	if p[0] == 1 {
		t.id = binary.BigEndian.Uint32(p[20:])
	}
	return nil
}

func (t *track) readMedia(r io.ReaderAt, b box) error {
	if b.kind != "mdhd" && b.kind != "hdlr" {
		return nil
	}
	p, err := readSmall(r, b, 64<<10)
	if err != nil {
		return err
	}
	switch {
	case b.kind == "mdhd":
		t.timescale = headerTimescale(p)
	case len(p) >= 12 && t.handler == "":
		t.handler = string(p[8:12])
	}
	return nil
}

func (t *track) readEdits(r io.ReaderAt, b box) error {
	const maxEdits = 1 << 10
	var version [1]byte
	if _, err := r.ReadAt(version[:], b.lo); err != nil {
		return err
	}
	width := 12
	if version[0] == 1 {
		width = 20
	}
	rows, err := readTable(r, b, 4, width, maxEdits)
	if err != nil {
		return err
	}
	for i := range rows.len() {
		row := rows.rows[i*width:]
		e := edit{rate: int32(binary.BigEndian.Uint32(row[width-4:]))}
		if width == 20 {
			e.duration, e.time = int64(binary.BigEndian.Uint64(row)), int64(binary.BigEndian.Uint64(row[8:]))
		} else {
			e.duration, e.time = int64(binary.BigEndian.Uint32(row)), int64(int32(binary.BigEndian.Uint32(row[4:])))
		}
		t.edits = append(t.edits, e)
	}
	return nil
}

// readReferences notes whether the frames lie in another file.
func (t *track) readReferences(r io.ReaderAt, dinf box) error {
	return boxes(r, dinf.lo, dinf.hi, func(b box) error {
		if b.kind != "dref" {
			return nil
		}
		return boxes(r, b.lo+8, b.hi, func(b box) error {
			p, err := readSmall(r, b, 64<<10)
			if err == nil && (len(p) < 4 || p[3]&1 == 0) {
				t.external = true
			}
			return err
		})
	})
}

// readTable reads one of the tables of samples.
func (t *track) readTable(r io.ReaderAt, b box) (err error) {
	const limit = frameindex.MaxFrames
	switch b.kind {
	case "stsd":
		return t.readDescriptions(r, b)
	case "stts":
		t.stts, err = readTable(r, b, 4, 8, limit)
	case "ctts":
		t.ctts, err = readTable(r, b, 4, 8, limit)
	case "stss":
		t.hasKeys = true
		t.stss, err = readTable(r, b, 4, 4, limit)
	case "stsc":
		t.stsc, err = readTable(r, b, 4, 12, limit)
	case "stco":
		t.offsets, err = readTable(r, b, 4, 4, limit)
	case "co64":
		t.offsets, err = readTable(r, b, 4, 8, limit)
	case "stsz":
		return t.readSizes(r, b)
	}
	return err
}

// readSizes reads the sizes of samples, or the one that all have.
func (t *track) readSizes(r io.ReaderAt, b box) error {
	head, err := readSmall(r, box{lo: b.lo, hi: b.lo + 12, uncut: b.uncut && b.hi >= b.lo+12}, 12)
	if err != nil {
		return err
	}
	t.fixedSize = binary.BigEndian.Uint32(head[4:])
	if n := binary.BigEndian.Uint32(head[8:]); n > frameindex.MaxFrames {
		return errTooManyFrames
	} else if t.count = int(n); t.fixedSize != 0 {
		return nil
	}
	t.stsz, err = readTable(r, b, 8, 4, frameindex.MaxFrames)
	return err
}

// readDescriptions reads what the codec is. Encrypted samples have another
// name in front, and their own inside.
func (t *track) readDescriptions(r io.ReaderAt, b box) error {
	const header = 78 // of a description of video, behind the box's own
	return boxes(r, b.lo+8, b.hi, func(b box) error {
		t.descriptions++
		if t.descriptions > 1 {
			return nil
		}
		t.codec = b.kind
		p, err := readSmall(r, b, 1<<20)
		if err != nil || len(p) < header {
			return err
		}
		t.width, t.height = int64(binary.BigEndian.Uint16(p[24:])), int64(binary.BigEndian.Uint16(p[26:]))
		t.encrypted = b.kind == "encv"
		return boxes(r, b.lo+header, b.hi, func(b box) error { return t.readCodec(r, b) })
	})
}

func (t *track) readCodec(r io.ReaderAt, b box) (err error) {
	switch b.kind {
	case "avcC":
		t.config, err = readSmall(r, b, 64<<10)
	case "colr":
		t.odd = t.odd || t.colr != nil
		t.colr, err = readSmall(r, b, 64<<10)
	case "pasp":
		p, err := readSmall(r, b, 64)
		t.oblong = err != nil || len(p) < 8 || !bytes.Equal(p[:4], p[4:8])
		return err
	case "btrt", "clap", "gama": // of no interest
	case "sinf":
		t.encrypted = true
		return boxes(r, b.lo, b.hi, func(b box) error {
			p, err := readSmall(r, b, 64<<10)
			if err == nil && b.kind == "frma" && len(p) >= 4 {
				t.codec = string(p[:4])
			}
			return err
		})
	default:
		t.odd = true
	}
	return err
}

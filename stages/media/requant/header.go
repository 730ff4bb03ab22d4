package requant

import (
	"encoding/binary"
)

// The markers that matter (T.81, table B.1).
const (
	mSOF0 = 0xc0 // baseline
	mSOF1 = 0xc1 // extended, here with 8 bits and Huffman codes as well
	mDHT  = 0xc4
	mRST0 = 0xd0
	mRST7 = 0xd7
	mSOI  = 0xd8
	mEOI  = 0xd9
	mSOS  = 0xda
	mDQT  = 0xdb
	mDRI  = 0xdd
	mAPP0 = 0xe0
	mAPPE = 0xee
	mAPPF = 0xef
	mCOM  = 0xfe
)

// component is what the headers say of one component.
type component struct {
	id     byte
	h, v   int // sampling factors
	quant  byte
	dc, ac byte // slots of the Huffman tables
}

// codeSpec is a Huffman table as a file states it (B.2.4.2).
type codeSpec struct {
	counts  [16]byte
	symbols []byte // nil if the table was not given
}

// header is what stands before the coded data.
type header struct {
	width, height int
	extended      bool // a frame of SOF1
	comps         []component
	quants        [4][64]uint16 // in zig-zag order, zeros if not given
	specs         [2][4]codeSpec
	restart       int // coded units between restart markers, 0 for none
	rgb           bool
	needed        [][]byte // the segments without which it cannot be decoded
	scanAt        int      // where the coded data begin
}

// parse reads the segments up to the first scan, which must hold everything.
func (h *header) parse(file []byte) error {
	*h = header{comps: h.comps[:0], needed: h.needed[:0]}
	if len(file) < 4 || file[0] != 0xff || file[1] != mSOI {
		return unsupported("no JPEG")
	}
	at := 2
	for {
		for at+1 < len(file) && file[at] == 0xff && file[at+1] == 0xff {
			at++ // fill bytes (B.1.1.2)
		}
		if at+4 > len(file) || file[at] != 0xff {
			return unsupported("no segment at byte %d", at)
		}
		marker, n := file[at+1], 2+int(binary.BigEndian.Uint16(file[at+2:]))
		if n < 4 || at+n > len(file) {
			return unsupported("the segment at byte %d does not end", at)
		}
		if err := h.segment(marker, file[at+4:at+n]); err != nil {
			return err
		}
		if marker < mAPP0 {
			h.needed = append(h.needed, file[at:at+n])
		}
		at += n
		if marker == mSOS {
			h.scanAt = at
			return h.check()
		}
	}
}

// segment reads one segment.
func (h *header) segment(marker byte, b []byte) error {
	switch marker {
	case mDQT:
		return h.readQuantisers(b)
	case mDHT:
		return h.readCodes(b)
	case mSOF0, mSOF1:
		h.extended = marker == mSOF1
		return h.readFrame(b)
	case mDRI:
		if len(b) != 2 {
			return unsupported("a restart interval of %d bytes", len(b))
		}
		h.restart = int(binary.BigEndian.Uint16(b))
		return nil
	case mSOS:
		return h.readScan(b)
	case mAPPE:
		// Adobe's marker says whether colours are YCbCr. What JFIF has to say is
		// left out of account: two opinions are not for here.
		const transform = 11
		if len(b) > transform && string(b[:5]) == "Adobe" && b[transform] == 0 {
			h.rgb = true
		}
		return nil
	}
	if marker >= mAPP0 && marker <= mAPPF || marker == mCOM {
		return nil
	}
	return unsupported("a marker %#x", marker)
}

// readQuantisers reads the tables of one segment (B.2.4.1).
func (h *header) readQuantisers(b []byte) error {
	for len(b) > 0 {
		size, slot := 1+int(b[0]>>4), b[0]&15
		if size > 2 || slot > 3 || len(b) < 1+64*size {
			return unsupported("quantisers are malformed")
		}
		for z := range 64 {
			if size == 1 {
				h.quants[slot][z] = uint16(b[1+z])
			} else {
				h.quants[slot][z] = binary.BigEndian.Uint16(b[1+2*z:])
				h.extended = true
			}
			if h.quants[slot][z] == 0 {
				return unsupported("a quantiser is zero")
			}
		}
		b = b[1+64*size:]
	}
	return nil
}

// readCodes reads the Huffman tables of one segment (B.2.4.2).
func (h *header) readCodes(b []byte) error {
	for len(b) > 0 {
		if len(b) < 17 || b[0]>>4 > 1 || b[0]&15 > 3 {
			return unsupported("Huffman tables are malformed")
		}
		s := &h.specs[b[0]>>4][b[0]&15]
		n := 0
		for i, count := range b[1:17] {
			s.counts[i] = count
			n += int(count)
		}
		if n == 0 || n > 256 || len(b) < 17+n {
			return unsupported("a Huffman table has %d codes", n)
		}
		s.symbols = b[17 : 17+n]
		b = b[17+n:]
	}
	return nil
}

// readFrame reads the frame header (B.2.2).
func (h *header) readFrame(b []byte) error {
	if len(h.comps) > 0 || len(b) < 6 || b[0] != 8 {
		return unsupported("two frames, or not 8 bits a sample")
	}
	h.height, h.width = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	n := int(b[5])
	if n != 1 && n != 3 || len(b) != 6+3*n || h.width == 0 || h.height == 0 {
		return unsupported("%d components, %d×%d pixels", n, h.width, h.height)
	}
	for i := range n {
		c := component{id: b[6+3*i], h: int(b[7+3*i] >> 4), v: int(b[7+3*i] & 15), quant: b[8+3*i]}
		if c.quant > 3 {
			return unsupported("quantisers in slot %d", c.quant)
		}
		h.comps = append(h.comps, c)
	}
	return nil
}

// readScan reads the scan header (B.2.3), which must name all components, all
// coefficients and all bits.
func (h *header) readScan(b []byte) error {
	n := len(h.comps)
	if n == 0 || len(b) != 4+2*n || int(b[0]) != n || b[1+2*n] != 0 || b[2+2*n] != 63 || b[3+2*n] != 0 {
		return unsupported("the first scan is not all of the picture")
	}
	for i := range h.comps {
		c := &h.comps[i]
		c.dc, c.ac = b[2+2*i]>>4, b[2+2*i]&15
		if c.id != b[1+2*i] || c.dc > 3 || c.ac > 3 {
			return unsupported("the scan does not match the frame")
		}
		if h.specs[0][c.dc].symbols == nil || h.specs[1][c.ac].symbols == nil || h.quants[c.quant][0] == 0 {
			return unsupported("a table is missing")
		}
	}
	return nil
}

// check refuses what the segments tell only together: colours other than YCbCr,
// and rarer samplings.
func (h *header) check() error {
	c := h.comps
	if len(c) == 1 {
		c[0].h, c[0].v = 1, 1 // a lone component is not interleaved (A.2.2)
		return nil
	}
	if h.rgb || c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B' {
		return unsupported("it is not YCbCr")
	}
	blocks := 0
	for _, k := range c {
		if k.h < 1 || k.h > c[0].h || k.v < 1 || k.v > c[0].v || c[0].h > 2 || c[0].v > 2 {
			return unsupported("a sampling of %d×%d in one of %d×%d", k.h, k.v, c[0].h, c[0].v)
		}
		blocks += k.h * k.v
	}
	if blocks > maxUnitBlocks {
		return unsupported("%d blocks in a coded unit", blocks)
	}
	return nil
}

// units returns how many coded units the picture has (A.2), and how many of
// them a restart interval has.
func (h *header) units() (all, each int) {
	width, height := 8*h.comps[0].h, 8*h.comps[0].v
	all = ((h.width + width - 1) / width) * ((h.height + height - 1) / height)
	if h.restart == 0 {
		return all, all
	}
	return all, h.restart
}

// fullChroma reports whether chroma has the resolution of luma (4:4:4). An
// encoder would halve it both ways.
func (h *header) fullChroma() bool {
	return len(h.comps) == 3 && h.comps[0].h == h.comps[1].h && h.comps[0].v == h.comps[1].v
}

// coarse reports whether no quantiser is much finer than the wanted one: to
// code the picture again would lose more than it saves.
func (h *header) coarse(target *[2][64]uint8) bool {
	for i, c := range h.comps {
		for z, q := range h.quants[c.quant] {
			if 5*int(q) < 4*int(target[min(i, 1)][z]) {
				return false
			}
		}
	}
	return true
}

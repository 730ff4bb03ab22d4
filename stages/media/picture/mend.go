package picture

import (
	"bufio"
	"errors"
	"io"
)

// errCannotMend means that a JPEG is of a kind that cannot be mended here.
var errCannotMend = errors.New("not a baseline picture in one scan")

// mender copies the one scan of a baseline JPEG, symbol by symbol, and puts
// neutral blocks where the data are missing or make no sense, as libjpeg does.
// The standard decoder gives up on such a file altogether.
type mender struct {
	in       bitReader
	out      bitWriter
	unit     []blockCodes // the blocks of one coded unit
	units    int64
	interval int64  // units between restart markers; all of them if there are none
	pending  []code // of the unit under way
}

// blockCodes are the tables of one block.
type blockCodes struct{ dc, ac *huffman }

// mendJPEG reads a JPEG of size bytes from r and writes one that is whole.
func mendJPEG(w io.Writer, r io.ReadSeeker, size int64) error {
	l, err := readLayout(&window{src: r, size: size, pos: -1})
	if err != nil {
		return err
	}
	unit, err := l.unit()
	if err != nil {
		return err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return err
	}
	m := &mender{in: bitReader{r: bufio.NewReaderSize(r, 64<<10)}, out: bitWriter{w: bufio.NewWriterSize(w, 64<<10)}, unit: unit}
	if _, err := io.CopyN(m.out.w, m.in.r, l.scan); err != nil {
		return err
	}
	_, m.units = l.frame.blocks()
	m.interval = l.restart
	if m.interval == 0 {
		m.interval = m.units
	}
	if err := m.run(); err != nil {
		return err
	}
	return m.out.w.Flush()
}

// run copies all restart intervals.
func (m *mender) run() error {
	for i := int64(0); i*m.interval < m.units; i++ {
		present := true
		if i > 0 {
			m.out.mark(mRST0 + byte((i-1)%8))
			var err error
			if present, err = m.reach(int((i - 1) % 8)); err != nil {
				return err
			}
		}
		if err := m.copyInterval(min(m.interval, m.units-i*m.interval), present); err != nil {
			return err
		}
	}
	m.out.mark(mEOI)
	return nil
}

// reach goes to the restart marker of the given number. It reports false if
// that was lost: the one found is for later.
func (m *mender) reach(number int) (bool, error) {
	found, ok, err := m.in.restart()
	if err != nil || !ok || found != number {
		return false, err
	}
	m.in.pass()
	return true, nil
}

// copyInterval writes n units: those that are there, and then neutral ones.
func (m *mender) copyInterval(n int64, present bool) error {
	for range n {
		if present {
			err := m.copyUnit()
			if err != nil && !errors.Is(err, errScanEnd) {
				return err
			}
			present = err == nil
		}
		if !present {
			m.writeNeutral()
		}
		// Once its reader is gone, a writer is not to go on for long.
		if _, err := m.out.w.Write(nil); err != nil {
			return err
		}
	}
	return nil
}

// writeNeutral writes a unit that goes on as the last one ended.
func (m *mender) writeNeutral() {
	for _, b := range m.unit {
		m.emit(b.dc.codes[0])
		m.emit(b.ac.codes[0])
	}
}

func (m *mender) emit(c code) { m.out.emit(c.v, c.n) }

// copyUnit copies one unit if all of it is there.
func (m *mender) copyUnit() error {
	m.pending = m.pending[:0]
	for _, b := range m.unit {
		if err := m.readDC(b.dc); err != nil {
			return err
		}
		if err := m.readAC(b.ac); err != nil {
			return err
		}
	}
	for _, c := range m.pending {
		m.emit(c)
	}
	return nil
}

// readDC reads the first coefficient of a block. Damage counts as no change.
func (m *mender) readDC(h *huffman) error {
	const largest = 11
	size, ok, err := h.read(&m.in)
	if err != nil {
		return err
	}
	if !ok || size > largest {
		m.pending = append(m.pending, h.codes[0])
		return nil
	}
	return m.take(h.codes[size], int(size))
}

// readAC reads the other coefficients. Damage ends the block.
func (m *mender) readAC(h *huffman) error {
	const endOfBlock, sixteenZeros = 0x00, 0xf0
	for k := 1; k < 64; k++ {
		symbol, ok, err := h.read(&m.in)
		if err != nil {
			return err
		}
		run, size := int(symbol>>4), int(symbol&15)
		k += run
		if !ok || k > 63 || size == 0 && symbol != sixteenZeros {
			m.pending = append(m.pending, h.codes[endOfBlock])
			return nil
		}
		if err := m.take(h.codes[symbol], size); err != nil {
			return err
		}
	}
	return nil
}

// take appends a symbol and the n bits of its value, which come next.
func (m *mender) take(symbol code, n int) error {
	v, err := m.in.bits(n)
	if err != nil {
		return err
	}
	m.pending = append(m.pending, symbol, code{v, n})
	return nil
}

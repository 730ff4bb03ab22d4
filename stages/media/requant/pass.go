package requant

import "io"

// pass writes the picture as it is, without its metadata. Its coded data are
// walked through before, for nobody else looks at them.
func (c *coder) pass(w io.Writer) error {
	if err := c.check(); err != nil {
		return err
	}
	b := append([]byte{0xff, mSOI}, segment(nil, mAPP0, []byte(jfifIntro)...)...)
	for _, s := range c.header.needed {
		b = append(b, s...)
	}
	if _, err := w.Write(b); err != nil {
		return wrap(err)
	}
	out := &c.writer
	out.reset(w)
	begin := 0
	for i, end := range c.scan.ends {
		if i > 0 {
			if err := out.mark(mRST0 + byte((i-1)%8)); err != nil {
				return err
			}
		}
		out.copy(c.scan.data[begin:end])
		begin = end
	}
	return out.mark(mEOI)
}

// check walks through all coded units.
func (c *coder) check() error {
	if err := c.layUnit(); err != nil {
		return err
	}
	for i := range c.header.comps {
		c.lanes[i].strides = c.lanes[i].ac.stride()
	}
	return c.eachInterval(func(begin, end, units int) error {
		pos, ok := uint(8*begin), true
		for range units {
			if pos > uint(8*end) {
				return errDamaged
			}
			for _, l := range c.unit {
				if pos, ok = c.walk(l, pos); !ok {
					return errDamaged
				}
			}
		}
		return filled(pos, end)
	})
}

// walk passes over a block, several codes at a time.
func (c *coder) walk(l *lane, pos uint) (uint, bool) {
	acc, strides := peek(c.scan.data, pos), l.strides
	length, symbol := l.dc.next(acc)
	if length == 0 || symbol > maxDCSize {
		return pos, false
	}
	length += uint(symbol)
	pos += length
	acc <<= length
	// The bits that are seen last for two strides, also behind the DC value.
	for place := uint(0); place < 63; acc = peek(c.scan.data, pos) {
		for range 2 {
			e := uint(strides[acc>>(64-lookBits)])
			next := place + e%strideEnd>>strideShift
			if e == 0 || next >= 63 {
				var ok, ended bool
				if pos, place, ended, ok = c.step(l, pos, place); !ok || ended {
					return pos, ok
				}
				break
			}
			pos += e & strideMask
			place = next
			if e >= strideEnd {
				return pos, true
			}
			acc <<= e & strideMask
		}
	}
	return pos, true
}

// step passes over one code, where a stride would lead too far: the codes behind
// the last coefficient are of another block.
func (c *coder) step(l *lane, pos, place uint) (nextPos, nextPlace uint, ended, ok bool) {
	length, symbol := l.ac.next(peek(c.scan.data, pos))
	run, size := uint(symbol>>4), uint(symbol&15)
	pos += length + size
	if symbol == 0 {
		return pos, place, true, length > 0
	}
	place += run + 1
	return pos, place, false, length > 0 && size <= maxACSize && (size > 0 || run == 15) && place <= 63
}

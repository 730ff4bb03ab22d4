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
	if err := c.buildCodes(); err != nil {
		return err
	}
	c.layUnit()
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

// walk passes over a block.
func (c *coder) walk(l *lane, pos uint) (uint, bool) {
	length, symbol := l.dc.next(peek(c.scan.data, pos))
	if length == 0 || symbol > maxDCSize {
		return pos, false
	}
	pos += length + uint(symbol)
	for k := uint(0); k < 63; {
		length, symbol = l.ac.next(peek(c.scan.data, pos))
		run, size := uint(symbol>>4), uint(symbol&15)
		if symbol == 0 && length > 0 {
			return pos + length, true
		}
		k += run + 1
		if length == 0 || size > maxACSize || size == 0 && run != 15 || k > 63 {
			return pos, false
		}
		pos += length + size
	}
	return pos, true
}

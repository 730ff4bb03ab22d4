package requant

import "math/bits"

// decode turns all coded units into tokens.
func (c *coder) decode() error {
	p, err := c.tokens.page()
	if err != nil {
		return err
	}
	c.page = p
	return c.eachInterval(c.interval)
}

// eachInterval calls do for every restart interval, with its bounds in the data
// and its number of units.
func (c *coder) eachInterval(do func(begin, end, units int) error) error {
	units, each := c.header.units()
	begin := 0
	for _, end := range c.scan.ends {
		if err := do(begin, end, min(each, units)); err != nil {
			return err
		}
		begin = end
		units -= each
	}
	return nil
}

// interval decodes the units of one restart interval, which must fill it.
func (c *coder) interval(begin, end, units int) error {
	for i := range c.lanes {
		c.lanes[i].pred = 0
	}
	pos, n, ok := uint(8*begin), c.page.n, true
	for range units {
		if pos > uint(8*end) {
			return errDamaged
		}
		if n > pageTokens-maxUnitTokens {
			c.page.n = n
			p, err := c.tokens.page()
			if err != nil {
				return err
			}
			c.page, n = p, 0
		}
		for _, l := range c.unit {
			if pos, ok = c.dc(l, pos, n); !ok {
				return errDamaged
			}
			if pos, n, ok = c.ac(l, pos, n+1); !ok {
				return errDamaged
			}
		}
	}
	c.page.n = n
	return filled(pos, end)
}

// filled refuses an interval that was not used up to its last byte.
func filled(pos uint, end int) error {
	if left := 8*end - int(pos); left < 0 || left > 7 {
		return errDamaged
	}
	return nil
}

// dc turns the DC coefficient of a block into a token (F.1.2.1, F.2.2.1).
func (c *coder) dc(l *lane, pos, n uint) (uint, bool) {
	acc := peek(c.scan.data, pos)
	length, symbol := l.dc.next(acc)
	if length == 0 || symbol > maxDCSize {
		return pos, false
	}
	magnitude, sign := extend(acc<<length, uint(symbol))
	l.pred += int32(magnitude^sign) - int32(sign)

	neg := l.pred >> 31
	q := int32((uint64(uint32((l.pred^neg)-neg))*l.ratio[0] + 1<<(ratioBits-1)) >> ratioBits)
	q = (q ^ neg) - neg
	diff := q - l.coded
	l.coded = q
	neg = diff >> 31
	m := uint32((diff ^ neg) - neg)
	if m > maxDC {
		return pos, false
	}
	size := uint32(bits.Len32(m))
	c.page.tokens[n%pageTokens] = l.class | size | (uint32(diff+neg)&(1<<size-1))<<valueShift
	return pos + length + uint(symbol), true
}

// ac turns the other coefficients of a block into tokens (F.1.2.2, F.2.2.2). It
// is where the time goes, so it branches on little that cannot be foreseen:
// every coefficient makes a token, and those that became zero are overwritten
// by the next. Places are in units of onePlace.
func (c *coder) ac(l *lane, pos, n uint) (uint, uint, bool) {
	out, fast, fine := &c.page.tokens, l.fast, l.fine
	class := l.class | acToken - oneRun
	place, last := uint(0), uint(0) // of the last coefficient, and of the last token
block:
	for place < lastPlace {
		acc := peek(c.scan.data, pos)
		for range perPeek {
			e := uint(fast[acc>>(64-lookBits)])
			step, length := e&stepMask, e>>lengthBits
			if step == 0 {
				pos += length
				if length > 0 {
					break block
				}
				var ok bool
				if pos, n, place, last, ok = c.long(l, pos, n, place, last); !ok {
					return pos, n, false
				}
				continue block
			}
			acc <<= length & 63
			pos += length
			place += step
			t := fine[place%uint(len(fine))]
			place &^= valueMask
			run := place - last
			if run > 16*onePlace && t&nonZero != 0 {
				n, run = c.zeros(l, n, run)
			}
			out[n%pageTokens] = t + class + uint32(run)>>(placeBits-runShift)
			n += uint(t / nonZero % 2)
			if t&nonZero != 0 {
				last = place
			}
			if place >= lastPlace {
				break block
			}
		}
	}
	if place > lastPlace && place != ended {
		return pos, n, false
	}
	if last < lastPlace {
		out[n%pageTokens] = l.class | acToken
		n++
	}
	return pos, n, true
}

// perPeek is how many small coefficients are surely in the bits that are seen
// at a time.
const perPeek = 57 / lookBits

// ended is the place behind a block that a long code ended.
const ended = 1 << 20

// long is the step of ac for what is not in its table: long codes, large values
// and sixteen zeros.
func (c *coder) long(l *lane, pos, n, place, last uint) (uint, uint, uint, uint, bool) {
	acc := peek(c.scan.data, pos)
	length, symbol := l.ac.next(acc)
	run, size := uint(symbol>>4), uint(symbol&15)
	pos += length + size
	switch {
	case length == 0 || size > maxACSize || size == 0 && run != 0 && run != 15:
		return pos, n, place, last, false
	case symbol == 0:
		return pos, n, ended, last, true
	case size == 0:
		return pos, n, place + 16*onePlace, last, true
	}
	place += (run + 1) * onePlace
	if place > lastPlace {
		return pos, n, place, last, false
	}
	magnitude, sign := extend(acc<<length, size)
	q := (magnitude*l.ratio[place/onePlace] + half) >> ratioBits
	if q == 0 || q > maxAC {
		return pos, n, place, last, q == 0
	}
	run = place - last
	if run > 16*onePlace {
		n, run = c.zeros(l, n, run)
	}
	t := token(q, sign) + l.class + acToken - oneRun
	c.page.tokens[n%pageTokens] = t + uint32(run)>>(placeBits-runShift)
	return pos, n + 1, place, place, true
}

// zeros makes tokens of sixteen zeros until the run that is left can stand
// before a coefficient.
func (c *coder) zeros(l *lane, n, run uint) (uint, uint) {
	for ; run > 16*onePlace; run -= 16 * onePlace {
		c.page.tokens[n%pageTokens] = l.class | acToken | sixteenZeros
		n++
	}
	return n, run
}

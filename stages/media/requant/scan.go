package requant

import "bytes"

// scan is the coded data of a picture without what protects them: the zeros
// behind bytes 0xff, and the restart markers.
type scan struct {
	data []byte // with margin zeros behind
	ends []int  // where each restart interval ends in data; the last is its length
}

// unstuff takes the data out of raw, in place, which begins with them and must
// go on with the end of the image (B.1.1.5, B.2.1). They must have the given
// number of intervals. Behind raw there must be room for the margin.
func (s *scan) unstuff(raw []byte, intervals int) error {
	s.ends = s.ends[:0]
	n, at := 0, 0
	for {
		i := bytes.IndexByte(raw[at:], 0xff)
		if i < 0 || at+i+1 >= len(raw) {
			return unsupported("the picture has no end")
		}
		n += copy(raw[n:], raw[at:at+i])
		at += i
		switch next := raw[at+1]; {
		case next == 0:
			raw[n] = 0xff
			n++
			at += 2
		case next == mRST0+byte(len(s.ends)%8) && len(s.ends) < intervals-1:
			s.ends = append(s.ends, n)
			at += 2
		case next == mEOI && len(s.ends) == intervals-1:
			s.ends = append(s.ends, n)
			s.data = raw[:n+margin]
			clear(s.data[n:])
			return nil
		default:
			return unsupported("a marker %#x within the coded data", next)
		}
	}
}

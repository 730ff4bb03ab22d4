package picture

// layout is what the headers of a JPEG say of its coded data.
type layout struct {
	frame   frame
	restart int64 // units between restart markers, 0 for none
	scan    int64 // where the data of the first scan begin
	header  []byte
	tables  [2][4]*huffman // by class and slot
}

// readLayout reads the headers up to the first scan.
func readLayout(w *window) (*layout, error) {
	l := &layout{}
	err := walkJPEG(w, func(marker byte, off, n int64) error {
		b, err := w.bytes(off, n)
		switch {
		case err != nil && (marker == mDHT || marker == mDRI || marker == mSOS):
			return err
		case isFrame(marker):
			l.frame, err = readFrame(w, marker, off, n)
			return err
		case marker == mDHT:
			return l.readTables(b)
		case marker == mDRI && n == 2:
			l.restart = int64(b[0])<<8 | int64(b[1])
		case marker == mSOS:
			l.scan, l.header = off+n, append(l.header, b...)
		}
		return nil
	})
	if err == nil && (l.frame.width == 0 || l.frame.height == 0) {
		err = errShort
	}
	return l, err
}

// readTables reads the Huffman tables of one segment.
func (l *layout) readTables(b []byte) error {
	for len(b) > 0 {
		class, slot := b[0]>>4, b[0]&15
		if class > 1 || slot > 3 {
			return errCannotMend
		}
		h, rest, err := newHuffman(b[1:])
		if err != nil {
			return err
		}
		l.tables[class][slot], b = h, rest
	}
	return nil
}

// unit returns the tables of each block of a coded unit, if the picture is a
// baseline one whose first scan holds all of it.
func (l *layout) unit() ([]blockCodes, error) {
	comps := len(l.frame.sampling)
	if l.frame.progressive || len(l.header) != 4+2*comps || int(l.header[0]) != comps {
		return nil, errCannotMend
	}
	var unit []blockCodes
	for c, hv := range l.frame.sampling {
		id, slots := l.header[1+2*c], l.header[2+2*c]
		if id != l.frame.ids[c] || slots>>4 > 3 || slots&15 > 3 {
			return nil, errCannotMend
		}
		b := blockCodes{l.tables[0][slots>>4], l.tables[1][slots&15]}
		// Neutral blocks need the codes of no change and of the end.
		if b.dc == nil || b.ac == nil || b.dc.codes[0].n == 0 || b.ac.codes[0].n == 0 {
			return nil, errCannotMend
		}
		n := int(hv>>4) * int(hv&15)
		if comps == 1 {
			n = 1
		}
		for range n {
			unit = append(unit, b)
		}
	}
	return unit, nil
}

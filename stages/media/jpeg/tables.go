package jpeg

// The tables that ITU T.81 gives in Annex K: luma first, then chroma.

// zigzag[z] is the row-order index of coefficient z of the scan.
var zigzag = [64]int{
	0, 1, 8, 16, 9, 2, 3, 10,
	17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34,
	27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36,
	29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46,
	53, 60, 61, 54, 47, 55, 62, 63,
}

// baseQuant are the quantisers of quality 50, in zig-zag order.
var baseQuant = [2][64]byte{
	{
		16, 11, 12, 14, 12, 10, 16, 14,
		13, 14, 18, 17, 16, 19, 24, 40,
		26, 24, 22, 22, 24, 49, 35, 37,
		29, 40, 58, 51, 61, 60, 57, 51,
		56, 55, 64, 72, 92, 78, 64, 68,
		87, 69, 55, 56, 80, 109, 81, 87,
		95, 98, 103, 104, 103, 62, 77, 113,
		121, 112, 100, 120, 92, 101, 103, 99,
	},
	{
		17, 18, 18, 24, 21, 24, 47, 26,
		26, 47, 99, 66, 56, 66, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
	},
}

// Quantisers returns the tables of a quality, 1 to 100 as libjpeg counts, for
// luma and for chroma, in zig-zag order: those of Annex K scaled as libjpeg
// does, so that qualities mean what people expect.
func Quantisers(quality int) (tables [2][64]uint8) {
	quality = min(max(quality, 1), 100)
	scale := 200 - 2*quality
	if quality < 50 {
		scale = 5000 / quality
	}
	for t := range tables {
		for z, base := range baseQuant[t] {
			tables[t][z] = uint8(min(max((int(base)*scale+50)/100, 1), 255))
		}
	}
	return tables
}

// dcSpec are the tables of DC sizes.
var dcSpec = [2]codeSpec{
	{counts: [16]byte{0, 1, 5, 1, 1, 1, 1, 1, 1}, symbols: []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
	{counts: [16]byte{0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1}, symbols: []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
}

// acSpec are the tables of AC (run, size) symbols.
var acSpec = [2]codeSpec{
	{
		counts: [16]byte{0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125},
		symbols: withRest(
			0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06,
			0x13, 0x51, 0x61, 0x07, 0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xa1, 0x08,
			0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0, 0x24, 0x33, 0x62, 0x72, 0x82),
	},
	{
		counts: [16]byte{0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119},
		symbols: withRest(
			0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41,
			0x51, 0x07, 0x61, 0x71, 0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91,
			0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0, 0x15, 0x62, 0x72, 0xd1,
			0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1),
	},
}

// withRest completes the frequent symbols by the rare ones, which Annex K
// lists in ascending order: all runs 0 to 15 with sizes 1 to 10.
func withRest(frequent ...byte) []byte {
	seen := [256]bool{}
	for _, s := range frequent {
		seen[s] = true
	}
	out := frequent
	for run := range 16 {
		for size := 1; size <= 10; size++ {
			if s := byte(run<<4 | size); !seen[s] {
				out = append(out, s)
			}
		}
	}
	return out
}

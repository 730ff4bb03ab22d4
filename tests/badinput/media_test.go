package badinput_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"strings"
)

// photo returns a small JPEG that differs for each n.
func photo(n int) []byte { return photoOf(n, 96, 64) }

func photoOf(n, width, height int) []byte {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.SetRGBA(x, y, color.RGBA{uint8(x*2 + n*40), uint8(y * 3), uint8(x ^ y), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		panic(err) // a buffer takes everything
	}
	return b.Bytes()
}

// cut returns the first three fifths of a file.
func cut(content []byte) []byte { return content[:len(content)*3/5] }

// flipped returns a file with n random bits turned over, in front as well.
func flipped(content []byte, n int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	out := bytes.Clone(content)
	for range n {
		out[r.IntN(len(out))] ^= 1 << r.IntN(8)
	}
	return out
}

// jpegHeader is a JPEG that ends behind its size.
func jpegHeader(width, height uint16) []byte {
	b := []byte{0xff, 0xd8, 0xff, 0xc0, 0, 17, 8}
	b = binary.BigEndian.AppendUint16(b, height)
	b = binary.BigEndian.AppendUint16(b, width)
	return append(b, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1)
}

// coded returns a JPEG that says it is coded in another way.
func coded(marker, bits byte) []byte {
	b := photo(1)
	at := bytes.Index(b, []byte{0xff, 0xc0})
	b[at+1], b[at+4] = marker, bits
	return b
}

// manyScans is a progressive JPEG with n empty scans.
func manyScans(n int) []byte {
	b := jpegHeader(2048, 2048)
	b[3] = 0xc2
	scan := []byte{0xff, 0xda, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 0, 0}
	return append(append(b, bytes.Repeat(scan, n)...), 0xff, 0xd9)
}

// pngHeader is a PNG that ends behind its size.
func pngHeader(width, height uint32) []byte {
	ihdr := binary.BigEndian.AppendUint32(nil, width)
	ihdr = binary.BigEndian.AppendUint32(ihdr, height)
	return append([]byte("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", append(ihdr, 8, 2, 0, 0, 0))...)
}

func pngChunk(kind string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(append(b, kind...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// plainPNG returns a PNG of one colour, which packs very well.
func plainPNG(width, height int) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// textBomb is a PNG with a text chunk that claims two gigabytes.
func textBomb() []byte {
	small := plainPNG(8, 8)
	head := len("\x89PNG\r\n\x1a\n") + 25
	claim := append([]byte{0x7f, 0xff, 0xff, 0xff}, "zTXtComment\x00\x00x"...)
	return append(append(bytes.Clone(small[:head]), claim...), small[head:]...)
}

// gifHeader is a GIF whose canvas is larger than anything in it.
func gifHeader(width, height uint16) []byte {
	b := binary.LittleEndian.AppendUint16([]byte("GIF89a"), width)
	b = binary.LittleEndian.AppendUint16(b, height)
	return append(b, 0x80, 0, 0, 0, 0, 0, 255, 255, 255, ',', 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x4c, 1, 0, ';')
}

// tiffLoop is a TIFF whose first directory is its own successor.
func tiffLoop() []byte {
	b := []byte("II*\x00\x08\x00\x00\x00")
	b = append(b, 1, 0)                                      // one entry
	b = append(b, 0, 1, 3, 0, 1, 0, 0, 0, 0xff, 0xff, 0, 0)  // ImageWidth
	return append(append(b, 8, 0, 0, 0), make([]byte, 8)...) // the next directory is this one
}

// bmpHeader is a BMP that says so of its bits for each pixel.
func bmpHeader(width, height int32, bits uint16) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32([]byte("BM"), 54)
	b = append(b, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0)
	b = le.AppendUint32(le.AppendUint32(b, uint32(width)), uint32(height))
	b = le.AppendUint16(append(b, 1, 0), bits)
	return append(b, make([]byte, 24)...)
}

// svg is a picture that browsers run and that reads what it should not.
func svg() []byte {
	return []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script>` +
		`<image href="file:///etc/passwd"/></svg>`)
}

// polyglot is a JPEG that is also a page, by a comment in front.
func polyglot() []byte {
	page := "<html><script>alert(1)</script></html>"
	jpg := photo(1)
	comment := append([]byte{0xff, 0xfe, 0, byte(len(page) + 2)}, page...)
	return append(append(bytes.Clone(jpg[:2]), comment...), jpg[2:]...)
}

// long returns a name of n characters.
func long(n int) string { return strings.Repeat("n", n-4) + ".jpg" }

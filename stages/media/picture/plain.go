package picture

import (
	"image"
	"image/color"
	"image/draw"
)

// plain brings a picture into one of the layouts that JPEG encoders take:
// *image.Gray, *image.YCbCr, or *image.RGBA whose alpha has no meaning.
// Alpha is dropped without compositing, as annotators expect: hidden colours
// show. It may reuse the memory of the picture.
func plain(b bitmap) image.Image {
	switch m := b.Image.(type) {
	case *image.Gray:
		if b.bilevel {
			return greyToRGB(m)
		}
		return m
	case *image.Gray16:
		return equalised(m)
	case *image.YCbCr:
		return m
	case *image.NYCbCrA:
		return &m.YCbCr
	case *image.RGBA:
		return m
	case *image.NRGBA:
		return &image.RGBA{Pix: m.Pix, Stride: m.Stride, Rect: m.Rect}
	case *image.RGBA64:
		return highBytes(m.Pix, m.Stride, m.Rect)
	case *image.NRGBA64:
		return highBytes(m.Pix, m.Stride, m.Rect)
	case *image.CMYK:
		return cmykToRGB(m)
	case *image.Paletted:
		return expanded(m)
	}
	out := image.NewRGBA(image.Rectangle{Max: b.Bounds().Size()})
	draw.Draw(out, out.Rect, b.Image, b.Bounds().Min, draw.Src)
	return out
}

// greyToRGB gives a black and white picture three channels, as the contract
// has it for pictures of one bit.
func greyToRGB(m *image.Gray) *image.RGBA {
	out := image.NewRGBA(m.Rect)
	for i, v := range m.Pix {
		at := 4 * i
		out.Pix[at], out.Pix[at+1], out.Pix[at+2], out.Pix[at+3] = v, v, v, 255
	}
	return out
}

// highBytes keeps the high byte of each 16-bit channel, in place.
func highBytes(pix []byte, stride int, rect image.Rectangle) *image.RGBA {
	n := len(pix) / 2
	for i := range n {
		pix[i] = pix[2*i]
	}
	return &image.RGBA{Pix: pix[:n], Stride: stride / 2, Rect: rect}
}

// cmykToRGB mixes the inks, in place.
func cmykToRGB(m *image.CMYK) *image.RGBA {
	for i := 0; i+4 <= len(m.Pix); i += 4 {
		p := m.Pix[i : i+4]
		p[0], p[1], p[2] = color.CMYKToRGB(p[0], p[1], p[2], p[3])
		p[3] = 255
	}
	return &image.RGBA{Pix: m.Pix, Stride: m.Stride, Rect: m.Rect}
}

// expanded replaces palette indices by their colours.
func expanded(m *image.Paletted) *image.RGBA {
	var table [256][3]byte
	for i, c := range m.Palette[:min(len(m.Palette), 256)] {
		// NRGBA undoes what alpha did to the colour.
		n, _ := color.NRGBAModel.Convert(c).(color.NRGBA)
		table[i] = [3]byte{n.R, n.G, n.B}
	}
	out := image.NewRGBA(image.Rectangle{Max: m.Rect.Size()})
	width := m.Rect.Dx()
	for y := range m.Rect.Dy() {
		row := out.Pix[y*out.Stride:]
		for x, v := range m.Pix[y*m.Stride:][:width] {
			copy(row[4*x:4*x+3], table[v][:])
		}
	}
	return out
}

// equalised makes 16-bit grey visible: its range is stretched to 8 bits and
// its histogram levelled, so that sensors that use a few of their bits do not
// come out black.
func equalised(m *image.Gray16) *image.Gray {
	width, height := m.Rect.Dx(), m.Rect.Dy()
	low, high := uint16(0xffff), uint16(0)
	for y := range height {
		row := m.Pix[y*m.Stride:][:2*width]
		for i := 0; i < len(row); i += 2 {
			v := uint16(row[i])<<8 | uint16(row[i+1])
			low, high = min(low, v), max(high, v)
		}
	}
	span := uint32(max(high-low, 1))
	out := image.NewGray(image.Rect(0, 0, width, height))
	var histogram [256]int
	for y := range height {
		row := m.Pix[y*m.Stride:][:2*width]
		for x := range width {
			v := uint16(row[2*x])<<8 | uint16(row[2*x+1])
			level := byte(uint32(v-low) * 255 / span)
			out.Pix[y*out.Stride+x] = level
			histogram[level]++
		}
	}
	table := levelling(&histogram)
	for i, v := range out.Pix {
		out.Pix[i] = table[v]
	}
	return out
}

// levelling returns the table that spreads the levels of a histogram evenly.
// The brightest level in use does not count towards the step, so that it ends
// up at 255.
func levelling(histogram *[256]int) (table [256]byte) {
	total, last, used := 0, 0, 0
	for _, n := range histogram {
		total += n
		if n > 0 {
			last = n
			used++
		}
	}
	step := (total - last) / 255
	if used <= 1 || step == 0 {
		for i := range table {
			table[i] = byte(i)
		}
		return table
	}
	sum := step / 2
	for i, n := range histogram {
		table[i] = byte(min(sum/step, 255))
		sum += n
	}
	return table
}

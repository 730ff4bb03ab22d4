package sample

import (
	"image"
	"image/color"
	"math"
	"strconv"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"framemill/tests/barcode"
)

// Paint returns picture n in a size of at least 64 by 64: soft colours, shapes
// and a little noise as in a photograph, n in large digits, and n as a bar code
// at the top. The same n and size give the same picture.
func Paint(width, height, n int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	background(img, n)
	discs(img, n)
	digits(img, strconv.Itoa(n))
	barcode.Draw(img, n)
	return img
}

// background fills the picture with waves of colour, and noise of ±4 shades.
func background(img *image.RGBA, n int) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	phase := float64(n)
	across, down := make([][3]int, w), make([][3]int, h)
	for c := range 3 {
		f := float64(c + 1)
		for x := range across {
			across[x][c] = int(50 * math.Sin(phase*f+f*3*float64(x)/float64(w)))
		}
		for y := range down {
			down[y][c] = int(45 * math.Cos(phase/f+4*float64(y)/float64(h)))
		}
	}
	noise := uint32(n)*2654435761 + 1
	for y := range h {
		row := img.Pix[y*img.Stride:]
		for x := range w {
			noise = noise*1664525 + 1013904223
			grain := int(noise>>29) - 4
			for c := range 3 {
				row[4*x+c] = uint8(128 + across[x][c] + down[y][c] + grain)
			}
			row[4*x+3] = 255
		}
	}
}

// discs draws three filled circles whose places depend on n.
func discs(img *image.RGBA, n int) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	for i := range 3 {
		r := h / (8 + 3*i)
		cx, cy := (n*37+i*w/3)%w, h/2+(n*53+i*h/5)%(h/2)
		c := color.RGBA{uint8(60 + 70*i), uint8(200 - 50*i), uint8(n * 29 % 256), 255}
		for y := max(cy-r, 0); y < min(cy+r, h); y++ {
			half := int(math.Sqrt(float64(r*r - (y-cy)*(y-cy))))
			span := image.Rect(cx-half, y, cx+half, y+1)
			draw.Draw(img, span, image.NewUniform(c), image.Point{}, draw.Src)
		}
	}
}

// digits writes text across the middle of the picture.
func digits(img *image.RGBA, text string) {
	face := basicfont.Face7x13
	small := image.NewAlpha(image.Rect(0, 0, face.Advance*len(text), face.Height))
	d := font.Drawer{Dst: small, Src: image.Opaque, Face: face, Dot: fixed.P(0, face.Ascent)}
	d.DrawString(text)

	scale := max(1, img.Rect.Dy()/3/face.Height)
	size := small.Rect.Max.Mul(scale)
	at := img.Rect.Max.Sub(size).Div(2)
	large := image.NewAlpha(image.Rectangle{Max: size})
	draw.NearestNeighbor.Scale(large, large.Rect, small, small.Rect, draw.Src, nil)
	draw.DrawMask(img, large.Rect.Add(at), image.White, image.Point{}, large, image.Point{}, draw.Over)
}

// Package barcode writes a number into a picture so that it can be read again
// after lossy compression and scaling. With it a test proves which picture a
// frame shows.
//
// The code is a strip over the top eighth of the picture: two rows, each one
// sixteenth of the height, of 16 cells each, one sixteenth of the width. A cell
// is white or black. The upper row is the number, its highest bit first, white
// for 1; the lower row is the opposite of the upper. So a bit is 1 if the middle
// of its upper cell is brighter than that of its lower cell.
//
// The Python clients' tests write and read the same code on their own.
package barcode

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
)

// Max is the largest number that the code can hold.
const Max = 1<<bits - 1

const (
	bits = 16
	rows = 16 // of the height
	// clear is how much two cells of a bit must differ, in 256 shades of grey.
	clear = 64
)

// Draw writes n, 0 to Max, into a picture of at least 64 by 64.
func Draw(dst draw.Image, n int) {
	for i := range bits {
		upper, lower := image.White, image.Black
		if n>>(bits-1-i)&1 == 0 {
			upper, lower = lower, upper
		}
		draw.Draw(dst, cell(dst.Bounds(), i, 0), upper, image.Point{}, draw.Src)
		draw.Draw(dst, cell(dst.Bounds(), i, 1), lower, image.Point{}, draw.Src)
	}
}

// Read returns the number in a picture, or an error if a bit is not clear.
func Read(src image.Image) (int, error) {
	n := 0
	for i := range bits {
		upper := shade(src, cell(src.Bounds(), i, 0))
		lower := shade(src, cell(src.Bounds(), i, 1))
		if max(upper-lower, lower-upper) < clear {
			return 0, fmt.Errorf("no bar code: bit %d is %d over %d, want them %d apart", i, upper, lower, clear)
		}
		n <<= 1
		if upper > lower {
			n |= 1
		}
	}
	return n, nil
}

// cell returns the place of bit i in a row of the strip.
func cell(b image.Rectangle, i, row int) image.Rectangle {
	return image.Rect(b.Dx()*i/bits, b.Dy()*row/rows, b.Dx()*(i+1)/bits, b.Dy()*(row+1)/rows).Add(b.Min)
}

// shade returns the grey in the middle of a cell.
func shade(src image.Image, r image.Rectangle) int {
	c := src.At((r.Min.X+r.Max.X)/2, (r.Min.Y+r.Max.Y)/2)
	return int(color.GrayModel.Convert(c).(color.Gray).Y)
}

package picture

import (
	"context"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	"io"

	"golang.org/x/image/draw"
)

// thumbnailQuality is that of previews, which are small and looked at a lot.
const thumbnailQuality = 85

// Thumbnail writes the picture that info describes as a JPEG whose longer side
// is at most maxSide; smaller ones keep their size. Errors are as those of
// Compress.
func Thumbnail(ctx context.Context, w io.Writer, r io.ReadSeeker, info Info, maxSide int) (Result, error) {
	b, err := load(ctx, r, info)
	if err != nil {
		return Result{}, err
	}
	m := shrink(plain(b), maxSide)
	err = stdjpeg.Encode(w, m, &stdjpeg.Options{Quality: thumbnailQuality})
	return Result{Truncated: b.truncated}, wrap(err)
}

// shrink scales m until its longer side is at most maxSide. Large pictures are
// averaged over whole blocks first, which is cheap, and the good filter sees
// at least twice the wanted size.
func shrink(m image.Image, maxSide int) image.Image {
	size := m.Bounds().Size()
	longer := max(size.X, size.Y)
	if longer <= maxSide {
		return m
	}
	target := image.Pt(max(size.X*maxSide/longer, 1), max(size.Y*maxSide/longer, 1))
	if k := longer / (2 * maxSide); k > 1 {
		m = averaged(m, min(k, size.X, size.Y))
	}
	out := image.NewRGBA(image.Rectangle{Max: target})
	draw.CatmullRom.Scale(out, out.Rect, m, m.Bounds(), draw.Src, nil)
	return out
}

// averaged reduces a plain picture k-fold by the mean of k×k pixels.
func averaged(m image.Image, k int) *image.RGBA {
	size := m.Bounds().Size()
	out := image.NewRGBA(image.Rect(0, 0, size.X/k, size.Y/k))
	sum := summer(m, k)
	for y := range out.Rect.Dy() {
		row := out.Pix[y*out.Stride:]
		for x := range out.Rect.Dx() {
			c := sum(x*k, y*k)
			copy(row[4*x:], []byte{c.R, c.G, c.B, 255})
		}
	}
	return out
}

// summer returns a function that gives the mean colour of the k×k pixels at a
// point.
func summer(m image.Image, k int) func(x, y int) color.RGBA {
	n := k * k
	switch m := m.(type) {
	case *image.Gray:
		return func(x, y int) color.RGBA {
			v := byte(blockSum(m.Pix[y*m.Stride+x:], m.Stride, 1, k) / n)
			return color.RGBA{v, v, v, 255}
		}
	case *image.YCbCr:
		return func(x, y int) color.RGBA { return meanYCbCr(m, x, y, k) }
	case *image.RGBA:
		return func(x, y int) color.RGBA {
			at := y*m.Stride + 4*x
			return color.RGBA{
				byte(blockSum(m.Pix[at:], m.Stride, 4, k) / n),
				byte(blockSum(m.Pix[at+1:], m.Stride, 4, k) / n),
				byte(blockSum(m.Pix[at+2:], m.Stride, 4, k) / n), 255,
			}
		}
	}
	return func(x, y int) color.RGBA {
		c, _ := color.RGBAModel.Convert(m.At(x, y)).(color.RGBA)
		return c
	}
}

// blockSum adds k rows of k values that lie step apart.
func blockSum(pix []byte, stride, step, k int) int {
	sum := 0
	for j := range k {
		row := pix[j*stride:]
		for i := range k {
			sum += int(row[i*step])
		}
	}
	return sum
}

func meanYCbCr(m *image.YCbCr, x, y, k int) color.RGBA {
	luma := blockSum(m.Y[m.YOffset(m.Rect.Min.X+x, m.Rect.Min.Y+y):], m.YStride, 1, k)
	cb, cr := 0, 0
	for j := range k {
		for i := range k {
			at := m.COffset(m.Rect.Min.X+x+i, m.Rect.Min.Y+y+j)
			cb, cr = cb+int(m.Cb[at]), cr+int(m.Cr[at])
		}
	}
	n := k * k
	r, g, b := color.YCbCrToRGB(byte(luma/n), byte(cb/n), byte(cr/n))
	return color.RGBA{r, g, b, 255}
}

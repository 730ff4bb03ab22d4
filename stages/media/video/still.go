package video

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/draw"
)

// FramePNG returns a frame of the source as a PNG.
func (e *Engine) FramePNG(ctx context.Context, src Source, k int64) ([]byte, error) {
	var out bytes.Buffer
	err := e.Decode(ctx, src, Run{First: k, Step: 1, Count: 1}, func(_ int64, f *Frame) error {
		f.normalise()
		enc := png.Encoder{CompressionLevel: png.BestSpeed}
		return enc.Encode(&out, f.rgba())
	})
	return out.Bytes(), err
}

// PreviewJPEG returns a frame as a small JPEG whose longer side is at most
// maxSide.
func (e *Engine) PreviewJPEG(ctx context.Context, src Source, k int64, maxSide, quality int) ([]byte, error) {
	var out bytes.Buffer
	err := e.Decode(ctx, src, Run{First: k, Step: 1, Count: 1}, func(_ int64, f *Frame) error {
		f.normalise()
		size := f.Image.Rect.Size()
		if longer := max(size.X, size.Y); longer > maxSide {
			size = image.Pt(max(size.X*maxSide/longer, 1), max(size.Y*maxSide/longer, 1))
		}
		small := image.NewRGBA(image.Rectangle{Max: size})
		draw.BiLinear.Scale(small, small.Rect, f.Image, f.Image.Rect, draw.Src, nil)
		return jpeg.Encode(&out, small, &jpeg.Options{Quality: quality})
	})
	return out.Bytes(), err
}

// rgba converts a frame of full range.
func (f *Frame) rgba() *image.RGBA {
	m := f.Image
	out := image.NewRGBA(m.Rect)
	for y := range m.Rect.Dy() {
		row := out.Pix[y*out.Stride:]
		for x := range m.Rect.Dx() {
			c := m.COffset(x, y)
			r, g, b := color.YCbCrToRGB(m.Y[m.YOffset(x, y)], m.Cb[c], m.Cr[c])
			row[4*x], row[4*x+1], row[4*x+2], row[4*x+3] = r, g, b, 255
		}
	}
	return out
}

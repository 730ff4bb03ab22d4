package pointcloud

import (
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math"
)

// Preview writes the picture that stands for every point cloud: a globe of
// points, of so many pixels to a side.
func Preview(w io.Writer, side int) error {
	m := image.NewGray(image.Rect(0, 0, side, side))
	const points, golden = 4000, 2.399963229728653
	radius := float64(side) * 0.45
	for i := range points {
		z := 1 - (2*float64(i)+1)/points // from pole to pole
		r := math.Sqrt(1 - z*z)
		x, depth := r*math.Cos(golden*float64(i)), r*math.Sin(golden*float64(i))
		at := image.Pt(side/2+int(x*radius), side/2+int(z*radius))
		if level := uint8(90 + 80*(depth+1)); m.GrayAt(at.X, at.Y).Y < level {
			m.SetGray(at.X, at.Y, color.Gray{Y: level})
		}
	}
	return jpeg.Encode(w, m, &jpeg.Options{Quality: 90})
}

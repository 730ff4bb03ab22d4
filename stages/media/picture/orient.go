package picture

import (
	"image"
	"image/draw"
)

// upright turns a picture by its EXIF orientation. YCbCr comes back as 4:2:0
// if it was that and its sides are even, and else as 4:4:4: a halved grid of
// chroma cannot be turned exactly when a side is odd.
func upright(m image.Image, orient int64) image.Image {
	if orient <= 1 {
		return m
	}
	size := m.Bounds().Size()
	rect := image.Rectangle{Max: size}
	if orient >= 5 {
		rect.Max = image.Pt(size.Y, size.X)
	}
	switch m := m.(type) {
	case *image.YCbCr:
		if m.SubsampleRatio == image.YCbCrSubsampleRatio420 && size.X%2 == 0 && size.Y%2 == 0 {
			return uprightHalved(m, rect, orient)
		}
		return uprightYCbCr(m, rect, orient)
	case *image.NYCbCrA:
		return uprightYCbCr(&m.YCbCr, rect, orient) // alpha is dropped anyway
	case *image.Gray:
		out := image.NewGray(rect)
		turn(plane{out.Pix, out.Stride}, plane{m.Pix, m.Stride}, 1, size, orient)
		return out
	case *image.Gray16:
		out := image.NewGray16(rect)
		turn(plane{out.Pix, out.Stride}, plane{m.Pix, m.Stride}, 2, size, orient)
		return out
	case *image.Paletted:
		out := image.NewPaletted(rect, m.Palette)
		turn(plane{out.Pix, out.Stride}, plane{m.Pix, m.Stride}, 1, size, orient)
		return out
	}
	return uprightPacked(m, rect, orient)
}

// uprightPacked turns the layouts of four channels.
func uprightPacked(m image.Image, rect image.Rectangle, orient int64) image.Image {
	size := m.Bounds().Size()
	switch m := m.(type) {
	case *image.NRGBA:
		out := image.NewNRGBA(rect)
		turn(plane{out.Pix, out.Stride}, plane{m.Pix, m.Stride}, 4, size, orient)
		return out
	case *image.RGBA:
		out := image.NewRGBA(rect)
		turn(plane{out.Pix, out.Stride}, plane{m.Pix, m.Stride}, 4, size, orient)
		return out
	case *image.CMYK:
		out := image.NewCMYK(rect)
		turn(plane{out.Pix, out.Stride}, plane{m.Pix, m.Stride}, 4, size, orient)
		return out
	case *image.NRGBA64:
		out := image.NewNRGBA64(rect)
		turn(plane{out.Pix, out.Stride}, plane{m.Pix, m.Stride}, 8, size, orient)
		return out
	case *image.RGBA64:
		out := image.NewRGBA64(rect)
		turn(plane{out.Pix, out.Stride}, plane{m.Pix, m.Stride}, 8, size, orient)
		return out
	}
	flat := image.NewRGBA(image.Rectangle{Max: size})
	draw.Draw(flat, flat.Rect, m, m.Bounds().Min, draw.Src)
	return upright(flat, orient)
}

// plane is a run of rows.
type plane struct {
	pix    []byte
	stride int
}

// turn copies src, whose size is given, turned to dst; a pixel has n bytes.
func turn(dst, src plane, n int, size image.Point, orient int64) {
	width, height := size.X, size.Y
	if orient >= 5 {
		width, height = height, width
	}
	start, right, down := steps(orient, size, n, src.stride)
	for y := range height {
		from := start + y*down
		row := dst.pix[y*dst.stride:][:width*n]
		if n == 1 {
			for x := range row {
				row[x] = src.pix[from]
				from += right
			}
			continue
		}
		for at := 0; at < len(row); at += n {
			copy(row[at:at+n], src.pix[from:from+n])
			from += right
		}
	}
}

// steps returns the offset in the source of the upright picture's first pixel,
// and how the offset moves with one pixel to the right and one down.
func steps(orient int64, size image.Point, n, stride int) (start, right, down int) {
	lastX, lastY := (size.X-1)*n, (size.Y-1)*stride
	switch orient {
	case 2:
		return lastX, -n, stride
	case 3:
		return lastX + lastY, -n, -stride
	case 4:
		return lastY, n, -stride
	case 5:
		return 0, stride, n
	case 6:
		return lastY, -stride, n
	case 7:
		return lastX + lastY, -stride, -n
	case 8:
		return lastX, stride, -n
	}
	return 0, n, stride
}

// uprightHalved turns a 4:2:0 picture with even sides plane by plane.
func uprightHalved(m *image.YCbCr, rect image.Rectangle, orient int64) *image.YCbCr {
	out := image.NewYCbCr(rect, image.YCbCrSubsampleRatio420)
	size, half := m.Rect.Size(), m.Rect.Size().Div(2)
	turn(plane{out.Y, out.YStride}, plane{m.Y, m.YStride}, 1, size, orient)
	turn(plane{out.Cb, out.CStride}, plane{m.Cb, m.CStride}, 1, half, orient)
	turn(plane{out.Cr, out.CStride}, plane{m.Cr, m.CStride}, 1, half, orient)
	return out
}

// uprightYCbCr turns m into a 4:4:4 picture; orientation 1 only lifts it.
func uprightYCbCr(m *image.YCbCr, rect image.Rectangle, orient int64) *image.YCbCr {
	size := m.Rect.Size()
	out := image.NewYCbCr(rect, image.YCbCrSubsampleRatio444)
	y := plane{m.Y[m.YOffset(m.Rect.Min.X, m.Rect.Min.Y):], m.YStride}
	turn(plane{out.Y, out.YStride}, y, 1, size, orient)
	// The chroma of a row is spread to full width once, and then turned as
	// one row.
	lift := plane{make([]byte, 2*size.X), size.X}
	for j := range size.Y {
		for i := range size.X {
			at := m.COffset(m.Rect.Min.X+i, m.Rect.Min.Y+j)
			lift.pix[i], lift.pix[size.X+i] = m.Cb[at], m.Cr[at]
		}
		turnRow(out.Cb, out.CStride, lift.pix[:size.X], j, size, orient)
		turnRow(out.Cr, out.CStride, lift.pix[size.X:], j, size, orient)
	}
	return out
}

// turnRow puts row j of a one-byte plane of the given size where it belongs in
// the turned plane dst.
func turnRow(dst []byte, stride int, row []byte, j int, size image.Point, orient int64) {
	back := size.Y - 1 - j
	at, step := j*stride, 1
	switch orient {
	case 2:
		at, step = j*stride+size.X-1, -1
	case 3:
		at, step = back*stride+size.X-1, -1
	case 4:
		at = back * stride
	case 5:
		at, step = j, stride
	case 6:
		at, step = back, stride
	case 7:
		at, step = (size.X-1)*stride+back, -stride
	case 8:
		at, step = (size.X-1)*stride+j, -stride
	}
	for _, v := range row {
		dst[at] = v
		at += step
	}
}

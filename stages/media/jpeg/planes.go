package jpeg

import (
	"errors"
	"image"
	"image/color"
)

// planes gives out the picture by blocks of one component.
type planes interface {
	count() int
	// load fills b with the 8×8 samples of component c at x, y, less 128. What
	// lies beyond the edge repeats the edge.
	load(b *block, c, x, y int)
}

// sampler returns the planes of m.
func sampler(m image.Image) (planes, error) {
	switch m := m.(type) {
	case *image.Gray:
		return &separate{rect: m.Rect, pix: [][]byte{m.Pix}, stride: []int{m.Stride}}, nil
	case *image.YCbCr:
		if m.SubsampleRatio != image.YCbCrSubsampleRatio444 {
			return nil, errors.New("jpeg: only 4:4:4 can be encoded")
		}
		return &separate{rect: m.Rect, pix: [][]byte{m.Y, m.Cb, m.Cr}, stride: []int{m.YStride, m.CStride, m.CStride}}, nil
	case *image.RGBA:
		return &packed{m: m}, nil
	}
	return nil, errors.New("jpeg: the pixel layout cannot be encoded")
}

// separate is a picture whose components are full planes.
type separate struct {
	rect   image.Rectangle
	pix    [][]byte
	stride []int
}

func (s *separate) count() int { return len(s.pix) }

func (s *separate) load(b *block, c, x, y int) {
	w, h := s.rect.Dx(), s.rect.Dy()
	for j := range 8 {
		row := s.pix[c][min(y+j, h-1)*s.stride[c]:]
		for i := range 8 {
			b[8*j+i] = float32(row[min(x+i, w-1)]) - 128
		}
	}
}

// packed is an RGBA picture. Its components come out in turn, so each block is
// converted once, with the first component, and kept for the other two.
type packed struct {
	m      *image.RGBA
	chroma [2]block
}

func (p *packed) count() int { return 3 }

func (p *packed) load(b *block, c, x, y int) {
	if c > 0 {
		*b = p.chroma[c-1]
		return
	}
	w, h := p.m.Rect.Dx(), p.m.Rect.Dy()
	for j := range 8 {
		row := p.m.Pix[min(y+j, h-1)*p.m.Stride:]
		for i := range 8 {
			px := row[4*min(x+i, w-1):]
			yy, cb, cr := color.RGBToYCbCr(px[0], px[1], px[2])
			at := 8*j + i
			b[at] = float32(yy) - 128
			p.chroma[0][at] = float32(cb) - 128
			p.chroma[1][at] = float32(cr) - 128
		}
	}
}

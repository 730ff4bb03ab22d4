package plan

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"unicode"
)

// Palette gives the labels of one parent colors that differ from each other.
// Its zero value has none yet.
type Palette struct {
	taken map[string]bool
	moves uint32 // so far, so that many labels of one color do not repeat them
}

// Take notes that a label has a color, #rrggbb.
func (p *Palette) Take(color string) {
	if p.taken == nil {
		p.taken = map[string]bool{}
	}
	p.taken[color] = true
}

// Choose returns a color for a label for which a client chose none, and takes
// it: that of a well-known name, else one that follows from the name. If
// another label has it already, it is a lighter or darker one, or any that is
// free.
func (p *Palette) Choose(name string) string {
	color := p.free(colorOf(normalName(name)))
	p.Take(color)
	return color
}

func (p *Palette) free(base rgb) string {
	if c := base.String(); !p.taken[c] {
		return c
	}
	for _, towards := range []float64{255, 0} {
		for tenths := 1.0; tenths < 10; tenths++ {
			if c := base.mixed(towards, tenths/10).String(); !p.taken[c] {
				return c
			}
		}
	}
	for { // visits every color before it repeats one
		p.moves++
		if c := base.moved(p.moves).String(); !p.taken[c] {
			return c
		}
	}
}

// rgb is a color.
type rgb [3]uint8

// String returns the color as it is kept.
func (c rgb) String() string { return fmt.Sprintf("#%02x%02x%02x", c[0], c[1], c[2]) }

// mixed returns the color a part of the way to black or white.
func (c rgb) mixed(towards, part float64) rgb {
	for i, v := range c {
		c[i] = uint8(float64(v) + (towards-float64(v))*part)
	}
	return c
}

// moved returns the color n steps further, where the steps are far apart and
// only all colors together lead back to the first.
func (c rgb) moved(n uint32) rgb {
	const stride = 0x9e3779 // odd
	v := uint32(c[0])<<16 | uint32(c[1])<<8 | uint32(c[2])
	v += n * stride
	return rgb{uint8(v >> 16), uint8(v >> 8), uint8(v)}
}

// normalName returns a name in lower case, its words apart by underscores.
func normalName(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	return strings.Join(words, "_")
}

func colorOf(name string) rgb {
	for i, known := range wellKnown {
		if name == known {
			return spread(i)
		}
	}
	sum := sha256.Sum256([]byte(name))
	return rgb(sum[:3])
}

// spread returns the color of a place in the color map of the PASCAL VOC
// challenge: the bits of the number are dealt out to the channels in turns,
// the first to the most significant, so that neighbors are far apart.
func spread(n int) (c rgb) {
	for bit := 7; n > 0; bit-- {
		for channel := range c {
			c[channel] |= uint8(n>>channel&1) << bit
		}
		n >>= 3
	}
	return c
}

// wellKnown are names that many projects share, each in its place of the color
// map: the classes of the PASCAL VOC challenge, which have had these colors for
// long, and what is often seen in traffic.
var wellKnown = []string{
	"background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
	"diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
	"truck", "pedestrian", "cyclist", "rider", "motorcycle", "van", "trailer", "traffic_light", "traffic_sign",
	"road", "sidewalk", "lane", "crosswalk", "building", "wall", "fence", "pole", "vegetation", "terrain", "sky",
	"water", "tree", "animal", "face", "license_plate",
}

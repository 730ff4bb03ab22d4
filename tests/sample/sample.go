// Package sample makes photograph-like pictures in the formats that people
// upload, each with its number in it, for the demo and for tests.
package sample

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color/palette"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/image/bmp"
	"golang.org/x/image/draw"
	"golang.org/x/image/tiff"
	"golang.org/x/sync/errgroup"
)

// kind is one sort of picture of the sample.
type kind struct {
	ext           string
	width, height int
	encode        func(w io.Writer, img *image.RGBA) error
}

// plain are the sorts that most of the sample is of, in turn.
var plain = []kind{
	{"jpg", 1280, 720, encodeJPEG},
	{"jpg", 800, 600, encodeJPEG},
	{"png", 640, 480, encodePNG},
	{"jpg", 1024, 768, encodeJPEG},
	{"jpeg", 601, 803, encodeJPEG},
	{"bmp", 400, 300, encodeBMP},
	{"jpg", 1920, 1080, encodeJPEG},
	{"tiff", 320, 240, encodeTIFF},
	{"png", 333, 500, encodePNG},
	{"gif", 640, 480, encodeGIF},
}

// odd are single pictures of sorts that go wrong easily, by number.
var odd = map[int]kind{
	3:  {"jpg", 640, 480, encodeGreyJPEG},
	7:  {"png", 800, 600, encodePalettePNG},
	12: {"png", 320, 240, encodeDeepPNG},
	17: {"jpg", 600, 800, encodeTurnedJPEG},
}

// Write puts pictures 0 to n-1 into dir, which it makes, and returns their
// paths. Their names sort in the order of their numbers.
func Write(dir string, n int) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	paths := make([]string, n)
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		k, ok := odd[i]
		if !ok {
			k = plain[i%len(plain)]
		}
		paths[i] = filepath.Join(dir, fmt.Sprintf("picture-%05d.%s", i, k.ext))
		g.Go(func() error { return writeOne(paths[i], k, i) })
	}
	return paths, g.Wait()
}

// Photos is Write for JPEGs of one size.
func Photos(dir string, n, width, height int) ([]string, error) {
	return write(dir, n, kind{"jpg", width, height, encodeJPEG})
}

// Stills is Photos as PNGs, whose chunks take a decoder and an encoder.
func Stills(dir string, n, width, height int) ([]string, error) {
	return write(dir, n, kind{"png", width, height, encodePNG})
}

func write(dir string, n int, k kind) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	paths := make([]string, n)
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		paths[i] = filepath.Join(dir, fmt.Sprintf("photo-%05d.%s", i, k.ext))
		g.Go(func() error { return writeOne(paths[i], k, i) })
	}
	return paths, g.Wait()
}

// Spread fills a folder, which it makes, with n links to files in turn, in
// subfolders of a thousand. Their names sort in the order of their numbers.
func Spread(dir string, files []string, n int) error {
	for i := range n {
		folder := filepath.Join(dir, fmt.Sprintf("%04d", i/1000))
		if i%1000 == 0 {
			if err := os.MkdirAll(folder, 0o755); err != nil {
				return err
			}
		}
		from := files[i%len(files)]
		name := fmt.Sprintf("photo_%06d%s", i, filepath.Ext(from))
		if err := os.Link(from, filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	return nil
}

func writeOne(path string, k kind, n int) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return k.encode(f, Paint(k.width, k.height, n))
}

func encodeJPEG(w io.Writer, img *image.RGBA) error {
	return jpeg.Encode(w, img, &jpeg.Options{Quality: 92})
}

func encodeGreyJPEG(w io.Writer, img *image.RGBA) error {
	grey := image.NewGray(img.Rect)
	draw.Draw(grey, grey.Rect, img, image.Point{}, draw.Src)
	return jpeg.Encode(w, grey, &jpeg.Options{Quality: 92})
}

func encodePNG(w io.Writer, img *image.RGBA) error {
	return (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(w, img)
}

func encodePalettePNG(w io.Writer, img *image.RGBA) error {
	return png.Encode(w, paletted(img))
}

// encodeDeepPNG writes 16 bits a channel.
func encodeDeepPNG(w io.Writer, img *image.RGBA) error {
	deep := image.NewRGBA64(img.Rect)
	draw.Draw(deep, deep.Rect, img, image.Point{}, draw.Src)
	return png.Encode(w, deep)
}

func encodeBMP(w io.Writer, img *image.RGBA) error { return bmp.Encode(w, img) }

func encodeTIFF(w io.Writer, img *image.RGBA) error {
	return tiff.Encode(w, img, &tiff.Options{Compression: tiff.Deflate})
}

func encodeGIF(w io.Writer, img *image.RGBA) error {
	return gif.Encode(w, paletted(img), nil)
}

// paletted returns the picture in the 216 colours of the web.
func paletted(img *image.RGBA) *image.Paletted {
	out := image.NewPaletted(img.Rect, palette.WebSafe)
	draw.Draw(out, out.Rect, img, image.Point{}, draw.Src)
	return out
}

// encodeTurnedJPEG writes the picture lying on its side, with the EXIF
// orientation 6 that tells viewers to turn it upright.
func encodeTurnedJPEG(w io.Writer, img *image.RGBA) error {
	var plain bytes.Buffer
	if err := encodeJPEG(&plain, quarterTurn(img)); err != nil {
		return err
	}
	const orientation = "\xff\xe1\x00\x22Exif\x00\x00" + // APP1, 34 bytes
		"MM\x00*\x00\x00\x00\x08" + "\x00\x01" + // big-endian TIFF, one entry
		"\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00" + "\x00\x00\x00\x00"
	start, rest := plain.Bytes()[:2], plain.Bytes()[2:]
	_, err := fmt.Fprintf(w, "%s%s%s", start, orientation, rest)
	return err
}

// quarterTurn turns the picture to the left.
func quarterTurn(img *image.RGBA) *image.RGBA {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := image.NewRGBA(image.Rect(0, 0, h, w))
	for y := range w {
		for x := range h {
			out.SetRGBA(x, y, img.RGBAAt(w-1-y, x))
		}
	}
	return out
}

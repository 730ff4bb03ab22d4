package picture

import (
	"context"
	"errors"
	"fmt"
	"image"
	stdjpeg "image/jpeg"
	"image/png"
	"io"

	"github.com/hhrutter/tiff"

	"framemill/stages/media/jpeg"
)

// Result tells what is to be known of a picture that was written.
type Result struct {
	// Truncated means that the source ends early: what was there has been
	// decoded, and the rest made up.
	Truncated bool
}

// Compress decodes the picture that info describes, upright, and writes it to
// w as the JPEG of a compressed chunk, of quality 0 to 100 where 0 acts as 1.
// Grey of 8 bits stays grey, 16-bit grey is levelled, everything else becomes
// colour without alpha. No metadata are carried over.
//
// The error is a *pipeline.Error with the code decode_failed or source_changed
// if the picture is at fault; any other is the reader's, the writer's or the
// context's.
func Compress(ctx context.Context, w io.Writer, r io.ReadSeeker, info Info, quality int) (Result, error) {
	b, err := load(ctx, r, info)
	if err != nil {
		return Result{}, err
	}
	if err := stdjpeg.Encode(w, plain(b), &stdjpeg.Options{Quality: max(quality, 1)}); err != nil {
		return Result{}, fmt.Errorf("encode picture: %w", err)
	}
	return Result{Truncated: b.truncated}, nil
}

// Original writes the original of a picture whose own bytes will not do,
// because it must be turned upright or is a TIFF: JPEG at quality 100 with full
// chroma, PNG, or TIFF with LZW. It returns the format written, which is the
// picture's own, or PNG for WebP. Errors are as those of Compress.
func Original(ctx context.Context, w io.Writer, r io.ReadSeeker, info Info) (format string, res Result, err error) {
	b, err := load(ctx, r, info)
	if err != nil {
		return "", Result{}, err
	}
	res.Truncated = b.truncated
	switch info.Format {
	case JPEG:
		err = jpeg.Encode(w, fullChroma(plain(b)), 100)
		return JPEG, res, wrap(err)
	case TIFF:
		err = tiff.Encode(w, b.Image, &tiff.Options{Compression: tiff.LZW})
		return TIFF, res, wrap(err)
	case PNG, WebP:
		e := png.Encoder{CompressionLevel: png.BestSpeed}
		return PNG, res, wrap(e.Encode(w, b.Image))
	}
	return "", Result{}, errors.New("a " + info.Format + " has no derived original")
}

func wrap(err error) error {
	if err != nil {
		return fmt.Errorf("encode picture: %w", err)
	}
	return nil
}

// fullChroma lifts YCbCr of any ratio to 4:4:4.
func fullChroma(m image.Image) image.Image {
	y, ok := m.(*image.YCbCr)
	if !ok || y.SubsampleRatio == image.YCbCrSubsampleRatio444 {
		return m
	}
	return uprightYCbCr(y, image.Rectangle{Max: y.Rect.Size()}, 1)
}

// Placeholder writes a black JPEG of the given size, which stands in for a
// frame that cannot be decoded: frames are never renumbered. It takes the
// memory of one row.
func Placeholder(w io.Writer, width, height int64, quality int) error {
	// With a stride of zero all rows are the same one.
	m := &image.Gray{Pix: make([]byte, width), Rect: image.Rect(0, 0, int(width), int(height))}
	return wrap(stdjpeg.Encode(w, m, &stdjpeg.Options{Quality: max(quality, 1)}))
}

package account

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"image/jpeg"
	"io"

	"golang.org/x/sync/errgroup"

	"framemill/tests/barcode"
	"framemill/tests/clip"
)

// checkContent reads every chunk: its length and checksum are those of its
// row, every frame decodes, and frame k shows the picture of frame k.
func (b *Books) checkContent(ctx context.Context, segments []segment, chunks []chunk, want Want) error {
	first := map[int64]int64{} // frame of the next chunk of a segment
	for _, s := range segments {
		first[s.id] = s.start
	}
	errs := make([]error, len(chunks))
	var g errgroup.Group
	g.SetLimit(2)
	for i, c := range chunks {
		from := first[c.segment]
		first[c.segment] += c.frames
		g.Go(func() error {
			if err := b.checkChunk(ctx, c, from, want); err != nil {
				errs[i] = fmt.Errorf("segment %d, chunk %d, %s: %w", c.segment, c.idx, c.key, err)
			}
			return nil
		})
	}
	return errors.Join(append(errs, g.Wait())...)
}

func (b *Books) checkChunk(ctx context.Context, c chunk, from int64, want Want) error {
	o, err := b.bucket.Open(ctx, c.key)
	if err != nil {
		return err
	}
	defer o.Close()
	raw, err := io.ReadAll(o)
	if err != nil {
		return err
	}
	if int64(len(raw)) != c.bytes || int64(crc32.ChecksumIEEE(raw)) != c.crc {
		return fmt.Errorf("%d bytes with checksum %08x, the row says %d with %08x", len(raw), crc32.ChecksumIEEE(raw), c.bytes, c.crc)
	}
	if want.Video {
		return checkFilm(ctx, raw, c, from, want)
	}
	pictures, err := zip.NewReader(bytes.NewReader(raw), c.bytes)
	if err != nil {
		return err
	}
	if int64(len(pictures.File)) != c.frames {
		return fmt.Errorf("%d pictures, the row says %d", len(pictures.File), c.frames)
	}
	for k, f := range pictures.File {
		if err := checkPicture(f, want.Picture(from+int64(k))); err != nil {
			return fmt.Errorf("frame %d: %w", from+int64(k), err)
		}
	}
	return nil
}

// checkFilm reads the numbers in all frames of a chunk of a video.
func checkFilm(ctx context.Context, raw []byte, c chunk, from int64, want Want) error {
	numbers, err := clip.Numbers(ctx, raw)
	if err != nil {
		return err
	}
	if int64(len(numbers)) != c.frames {
		return fmt.Errorf("%d frames, the row says %d", len(numbers), c.frames)
	}
	for k, got := range numbers {
		if n := want.Picture(from + int64(k)); got != n {
			return fmt.Errorf("frame %d shows picture %d, want %d", from+int64(k), got, n)
		}
	}
	return nil
}

func checkPicture(f *zip.File, want int) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	img, err := jpeg.Decode(r)
	if err != nil {
		return err
	}
	got, err := barcode.Read(img)
	if err == nil && got != want {
		err = fmt.Errorf("shows picture %d, want %d", got, want)
	}
	return err
}

package encode

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"framemill/pipeline"
	"framemill/pipeline/source"
	"framemill/stages/media/picture"
	"framemill/stages/media/requant"
)

// thumbnailSide is the longer side of previews, as the contract has it.
const thumbnailSide = 256

// entry is one encoded picture.
type entry struct {
	name   string
	data   *bytes.Buffer
	report FileReport // its code is "" if all went well
}

// encoder writes one picture, and returns the extension of what it wrote.
type encoder func(ctx context.Context, dst *bytes.Buffer, src source.File, f *pipeline.FrameFile, info picture.Info) (ext string, res picture.Result, err error)

func (w *work) compressed(ctx context.Context, dst *bytes.Buffer, src source.File, _ *pipeline.FrameFile, info picture.Info) (string, picture.Result, error) {
	res, err := picture.Compress(ctx, dst, src, info, w.jpegQuality)
	return ".jpeg", res, err
}

// context is a picture as good as a JPEG can show it.
func (w *work) context(ctx context.Context, dst *bytes.Buffer, src source.File, _ *pipeline.FrameFile, info picture.Info) (string, picture.Result, error) {
	const best = 100
	res, err := picture.Compress(ctx, dst, src, info, best)
	return ".jpg", res, err
}

// original keeps the extension of the source unless the format had to change.
func (w *work) original(ctx context.Context, dst *bytes.Buffer, src source.File, f *pipeline.FrameFile, info picture.Info) (string, picture.Result, error) {
	if info.Orient == 1 && info.Format != picture.TIFF { // nobody knew that beforehand
		return path.Ext(f.Name), picture.Result{}, copyWhole(dst, src)
	}
	format, res, err := picture.Original(ctx, dst, src, info)
	ext := path.Ext(f.Name)
	if format != info.Format || len(ext) < 2 {
		ext = "." + format
	}
	return ext, res, err
}

// copyWhole takes a file as it is.
func copyWhole(dst *bytes.Buffer, src source.File) error {
	if _, err := src.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := dst.ReadFrom(src)
	return err
}

func (w *work) thumbnail(ctx context.Context, dst *bytes.Buffer, src source.File, _ *pipeline.FrameFile, info picture.Info) (string, picture.Result, error) {
	res, err := picture.Thumbnail(ctx, dst, src, info, thumbnailSide)
	return ".jpeg", res, err
}

// picture encodes frame i of the chunk. Whatever is wrong with the frame's
// file is put into the entry; an error means that another try may go well, or
// that the source is needed and not there.
func (w *work) picture(ctx context.Context, i int, encode encoder) (entry, error) {
	f := &w.Frames[i]
	data, _ := w.stage.buffers.Get().(*bytes.Buffer)
	data.Reset()
	e := entry{data: data, report: FileReport{Ord: f.Ord}}
	ext, flaw, err := w.encode(ctx, data, f, encode)
	switch {
	case err == nil && flaw != nil:
		e.report = FileReport{Ord: f.Ord, Code: flaw.Code, Text: fmt.Sprintf("%s %s", f.Name, flaw.Text), Shown: true}
	case err == nil:
	case pipeline.Retryable(err) || ctx.Err() != nil || w.needSources && lost(err):
		return entry{}, err
	default:
		bad := pipeline.Public(err)
		e.report.Code, e.report.Text = bad.Code, fmt.Sprintf("%s: %s", f.Name, strings.TrimPrefix(bad.Text, f.Name+": "))
		data.Reset()
		if ext, err = w.placeholder(ctx, data, f); err != nil {
			return entry{}, err
		}
	}
	e.name = fmt.Sprintf("%06d%s", i, ext)
	if w.names != nil {
		e.name = w.names[i]
	}
	return e, nil
}

// lost reports whether err says that a source is not where or what it was.
func lost(err error) bool {
	switch pipeline.CodeOf(err) {
	case pipeline.CodeSourceGone, pipeline.CodeSourceChanged, pipeline.CodeUnsafePath,
		pipeline.CodeForbidden, pipeline.CodeStorageDetached, pipeline.CodeDownloadFailed:
		return true
	}
	return false
}

// same reports whether a picture is the one that was probed. Of one that only a
// manifest describes, the size is all that was promised.
func same(info picture.Info, f *pipeline.FrameFile) bool {
	known := f.Unseen() || info.Format == f.Format && info.Orient == max(f.Orient, 1)
	return known && info.Width == f.Width && info.Height == f.Height
}

// encode encodes the picture in a file. A flaw is what is wrong with one that can
// be shown nevertheless.
func (w *work) encode(ctx context.Context, dst *bytes.Buffer, f *pipeline.FrameFile, encode encoder) (ext string, flaw *pipeline.Error, err error) {
	src, err := w.stage.sources.Whole(ctx, f.Ref, f.Stamp())
	if err != nil {
		return "", nil, err
	}
	defer src.Close()
	ext, truncated, err := w.encodeFrom(ctx, dst, src, f, encode)
	switch summed, ok := src.(source.Summed); {
	case err != nil:
		return "", nil, err
	case truncated:
		return ext, pipeline.Failf(pipeline.CodeTruncated, "", "ends early; what is there was decoded"), nil
	case ok:
		flaw, err = summed.Verify()
	}
	return ext, flaw, err
}

// encodeFrom checks that a file is still the picture that was probed, waits for
// its turn and encodes.
func (w *work) encodeFrom(ctx context.Context, dst *bytes.Buffer, src source.File, f *pipeline.FrameFile, encode encoder) (ext string, truncated bool, err error) {
	// The limit was judged when the file was probed, and might have been
	// lowered since; its size is compared, which bounds it as well.
	info, err := picture.Probe(src, src.Size(), picture.Limits{MaxPixels: f.Width * f.Height})
	if err != nil && pipeline.Retryable(err) {
		return "", false, err
	}
	if err != nil || !same(info, f) {
		return "", false, pipeline.Failf(pipeline.CodeSourceChanged, f.Name, "the picture is not the one that was there when the task was created")
	}
	if w.Quality == pipeline.Compressed && info.Format == picture.JPEG && info.Orient == 1 {
		if err := w.requantise(ctx, dst, src, info); !errors.Is(err, requant.ErrUnsupported) {
			return ".jpeg", false, err
		}
		if _, err := src.Seek(0, io.SeekStart); err != nil {
			return "", false, fmt.Errorf("rewind picture: %w", err)
		}
	}
	release, err := w.turn(ctx, picture.Cost(info))
	if err != nil {
		return "", false, err
	}
	defer release()
	ext, res, err := encode(ctx, dst, src, f, info)
	return ext, res.Truncated, err
}

// requantise makes a compressed picture of a JPEG in the short way, if it is of
// the kind that can go it.
func (w *work) requantise(ctx context.Context, dst *bytes.Buffer, src source.File, info picture.Info) error {
	job := requant.Picture{Bytes: src.Size(), Width: info.Width, Height: info.Height, Quality: w.jpegQuality}
	release, err := w.turn(ctx, job.Cost())
	if err != nil {
		return err
	}
	defer release()
	if _, err := src.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("rewind picture: %w", err)
	}
	return w.stage.jpegs.Write(ctx, dst, src, job)
}

// placeholder stands in for a frame that cannot be decoded.
func (w *work) placeholder(ctx context.Context, dst *bytes.Buffer, f *pipeline.FrameFile) (ext string, err error) {
	release, err := w.turn(ctx, 1<<20)
	if err != nil {
		return "", err
	}
	defer release()
	width, height := f.Width, f.Height
	if longer := max(width, height); w.Quality == pipeline.Preview && longer > thumbnailSide {
		width, height = max(width*thumbnailSide/longer, 1), max(height*thumbnailSide/longer, 1)
	}
	return ".jpeg", picture.Placeholder(dst, width, height, w.jpegQuality)
}

package video

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/frameindex"
	"framemill/stages/media/sandbox"
)

// probeTime bounds what ffprobe may take for the headers and first frames.
const probeTime = 30 * time.Second

// maxDescription bounds the text that ffprobe may say of a file.
const maxDescription = 4 << 20

// description is what ffprobe says of a file and its first frames.
type description struct {
	Streams  []streamFacts `json:"streams"`
	Frames   []firstFrame  `json:"frames"`
	Chapters []struct {
		ID    int64  `json:"id"`
		Start string `json:"start_time"`
		End   string `json:"end_time"`
		Tags  struct {
			Title string `json:"title"`
		} `json:"tags"`
	} `json:"chapters"`
}

// streamFacts are what is said of a stream of video.
type streamFacts struct {
	Codec      string     `json:"codec_name"`
	Tag        string     `json:"codec_tag_string"`
	Width      int64      `json:"width"`
	Height     int64      `json:"height"`
	FieldOrder string     `json:"field_order"`
	TimeBase   string     `json:"time_base"`
	SideData   []sideData `json:"side_data_list"`
}

// sideData is how a picture is to be turned, counter-clockwise.
type sideData struct {
	Rotation float64 `json:"rotation"`
}

// firstFrame is a decoded frame. Its time is nil if nobody knows it.
type firstFrame struct {
	Time       *int64 `json:"best_effort_timestamp"`
	Width      int64  `json:"width"`
	Height     int64  `json:"height"`
	PixFmt     string `json:"pix_fmt"`
	ColorRange string `json:"color_range"`
	ColorSpace string `json:"color_space"`
}

// describe asks ffprobe for the streams, the chapters, and the first frames as
// a decoder puts them out.
func (e *Engine) describe(ctx context.Context, f File, demuxer string) (*description, error) {
	args := append(e.inputArgs(demuxer), "-select_streams", "V:0", "-show_chapters", "-show_frames",
		"-read_intervals", "%+#32",
		"-show_entries", "stream=codec_name,codec_tag_string,width,height,field_order,time_base"+
			":stream_side_data=rotation:chapter:chapter_tags=title"+
			":frame=best_effort_timestamp,width,height,pix_fmt,color_range,color_space",
		"-of", "json", "file:"+f.Path)
	var d description
	c := sandbox.Command{Program: "ffprobe", Args: args, Inputs: []string{f.Path}, Limits: sandbox.Limits{Wall: probeTime}}
	err := e.stream(ctx, c, e.cfg.MaxPixels/4, func(r io.Reader) error {
		text, err := io.ReadAll(io.LimitReader(r, maxDescription))
		if err == nil {
			err = json.Unmarshal(text, &d)
		}
		return err
	})
	if err != nil {
		return nil, explain(err, f)
	}
	return &d, d.check(f, e.cfg.MaxPixels)
}

// explain says what the media are at fault for when a program ended badly.
func explain(err error, f File) error {
	died, ok := errors.AsType[*sandbox.Died](err)
	if !ok {
		return named(err, f)
	}
	for _, sign := range []struct {
		text string
		code pipeline.Code
		says string
	}{
		{"moov atom not found", pipeline.CodeTruncated, "%s ends before its table of contents"},
		{"End of file", pipeline.CodeTruncated, "%s ends early"},
		{"Picture size", pipeline.CodeTooLarge, "the frames of %s are too large"},
		{"Decoder not found", pipeline.CodeUnsupportedCodec, "%s is of a codec that is not supported"},
	} {
		if strings.Contains(died.Stderr, sign.text) {
			return pipeline.Failf(sign.code, f.Name, sign.says, f.Name).Because(died)
		}
	}
	return pipeline.Failf(pipeline.CodeDecodeFailed, f.Name, "%s cannot be read as a video", f.Name).Because(died)
}

// check refuses what cannot become frames.
func (d *description) check(f File, maxPixels int64) error {
	if len(d.Streams) == 0 {
		return pipeline.Failf(pipeline.CodeNoVideo, f.Name, "%s has no video, only sound or a cover picture", f.Name)
	}
	s := d.Streams[0]
	if s.Codec == "" || s.Codec == "unknown" || s.Tag == "encv" {
		return pipeline.Failf(pipeline.CodeUnsupportedCodec, f.Name, "%s is of the codec %q, which is not supported", f.Name, printable(s.Tag))
	}
	width, height := s.Width, s.Height
	if len(d.Frames) > 0 {
		width, height = max(width, d.Frames[0].Width), max(height, d.Frames[0].Height)
	}
	if width < 0 || height < 0 || height > 0 && width > maxPixels/height {
		return pipeline.Failf(pipeline.CodeTooLarge, f.Name, "the frames of %s are %d×%d, more than %d pixels", f.Name, width, height, maxPixels)
	}
	for k := range d.Frames {
		if w, h := d.Frames[k].Width, d.Frames[k].Height; w != d.Frames[0].Width || h != d.Frames[0].Height {
			return sizeChanges(f, int64(k), w, h, d.Frames[0].Width, d.Frames[0].Height)
		}
	}
	if num, den, err := parseRatio(s.TimeBase); err != nil || num < 1 || den < 1 {
		return pipeline.Failf(pipeline.CodeBadTiming, f.Name, "the clock of %s runs at %q", f.Name, printable(s.TimeBase))
	}
	return nil
}

// pixels returns how many a frame has.
func (d *description) pixels() int64 {
	if len(d.Frames) == 0 {
		return unknownPixels
	}
	return d.Frames[0].Width * d.Frames[0].Height
}

// printable keeps short plain text of what a file says.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), 32)]
}

// apply writes what was described into an index that has its frames.
func (d *description) apply(x *frameindex.Index, f File) error {
	s, first := d.Streams[0], d.Frames[0]
	x.TimeNum, x.TimeDen, _ = parseRatio(s.TimeBase)
	x.Codec, x.PixFmt = s.Codec, first.PixFmt
	x.CodedWidth, x.CodedHeight = first.Width, first.Height
	x.Width, x.Height = first.Width, first.Height
	if len(s.SideData) > 0 {
		x.Rotation = clockwise(s.SideData[0].Rotation)
	}
	if x.Rotation%180 != 0 {
		x.Width, x.Height = x.Height, x.Width
	}
	if x.Width < 1 || x.Height < 1 {
		return pipeline.Failf(pipeline.CodeDecodeFailed, f.Name, "the frames of %s are %d×%d", f.Name, x.Width, x.Height)
	}
	x.FullRange = first.ColorRange == "pc" || strings.HasPrefix(first.PixFmt, "yuvj")
	x.Matrix = "bt601"
	if strings.HasPrefix(first.ColorSpace, "bt709") || strings.HasPrefix(first.ColorSpace, "bt2020") {
		x.Matrix = "bt709"
	}
	x.MeasureVariable()
	x.Chapters = d.chapters(x)
	return nil
}

// clockwise turns the rotation of a display matrix, which counts the other
// way, into quarters. Any other angle is left as it is filmed.
func clockwise(degrees float64) int64 {
	r := (int64(-degrees)%360 + 360) % 360
	if r%90 != 0 {
		return 0
	}
	return r
}

// chapters numbers the chapters by frames: a chapter has the frames that begin
// inside it.
func (d *description) chapters(x *frameindex.Index) []frameindex.Chapter {
	const most, longest = 1000, 256
	var out []frameindex.Chapter
	for _, c := range d.Chapters[:min(len(d.Chapters), most)] {
		start, err1 := strconv.ParseFloat(c.Start, 64)
		end, err2 := strconv.ParseFloat(c.End, 64)
		first := x.At(start)
		if err1 != nil || err2 != nil || first >= x.Len() || end <= start {
			continue
		}
		title := strings.ToValidUTF8(strings.ReplaceAll(c.Tags.Title, "\x00", ""), "\ufffd")
		if len(title) > longest {
			title = strings.ToValidUTF8(title[:longest], "")
		}
		out = append(out, frameindex.Chapter{ID: c.ID, Start: first, Stop: max(x.At(end)-1, first), Title: title})
	}
	return out
}

// parseRatio reads a fraction such as 1/30000.
func parseRatio(s string) (num, den int64, err error) {
	if _, err := fmt.Sscanf(s, "%d/%d", &num, &den); err != nil {
		return 0, 0, fmt.Errorf("fraction %q: %w", s, err)
	}
	return num, den, nil
}

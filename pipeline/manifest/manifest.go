// Package manifest reads and writes manifests: lists of the pictures of a data
// set, or of the key frames of a video, with what one would have to open the
// files for. A manifest is one JSON object a line: the version, the type, and
// then the items.
//
// Manifests come from users. A mistake in one is an error that names its line.
package manifest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"

	"framemill/pipeline"
	"framemill/pipeline/plan"
)

// Type says what a manifest lists.
type Type string

// The types.
const (
	Images Type = "images"
	Video  Type = "video"
)

// The versions that are read. The newest is written.
const (
	oldVersion = "1.0"
	Version    = "1.1"
)

// Limits of what is read.
const (
	maxLine  = 1 << 20 // bytes
	maxItems = 2_000_000
	maxSide  = 1<<16 - 1
)

// Image is one picture of a manifest.
type Image struct {
	Name          string // with its extension, relative to the folder of the manifest
	Width, Height int64  // upright
	Line          int64  // of the manifest, from 1
}

// header, kind and image are lines as they are written.
type header struct {
	Version string `json:"version"`
}

type kind struct {
	Type Type `json:"type"`
}

type image struct {
	Name      *string `json:"name"`
	Extension *string `json:"extension"`
	Width     *int64  `json:"width"`
	Height    *int64  `json:"height"`
}

type video struct {
	Properties *struct {
		Name       string  `json:"name"`
		Resolution []int64 `json:"resolution"`
		Length     int64   `json:"length"`
	} `json:"properties"`
}

type keyFrame struct {
	Number *int64 `json:"number"`
	PTS    *int64 `json:"pts"`
}

// Read reads a manifest and calls each for every picture in it; a manifest of a
// video is checked only. Its errors are those of r, those of each, and
// bad_manifest.
func Read(r io.Reader, each func(Image) error) (Type, error) {
	in := &reader{in: bufio.NewReaderSize(r, 64<<10), seen: map[[2]uint64]struct{}{}, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
	typ, err := in.head()
	if err != nil {
		return "", err
	}
	if typ == Video {
		return typ, in.video()
	}
	for {
		i, err := in.image()
		if errors.Is(err, io.EOF) {
			return typ, nil
		}
		if err == nil {
			err = each(i)
		}
		if err != nil {
			return typ, err
		}
	}
}

// reader reads line by line.
type reader struct {
	in    *bufio.Reader
	buf   []byte
	line  int64
	items int64
	seen  map[[2]uint64]struct{} // hashes of the names so far: a million of them take little
	seeds [2]maphash.Seed
}

// fail is the error of the line that was read last.
func (r *reader) fail(format string, args ...any) error {
	return pipeline.Failf(pipeline.CodeBadManifest, "", "line %d of the manifest: %s", r.line, fmt.Sprintf(format, args...))
}

// next reads the next line that is not blank, and io.EOF behind the last.
func (r *reader) next() ([]byte, error) {
	for {
		line, err := r.read()
		if err != nil {
			return nil, err
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return line, nil
		}
	}
}

// read reads one line, however it ends.
func (r *reader) read() ([]byte, error) {
	r.line++
	r.buf = r.buf[:0]
	for {
		part, err := r.in.ReadSlice('\n')
		if len(r.buf)+len(part) > maxLine {
			return nil, r.fail("it is longer than %d bytes", maxLine)
		}
		r.buf = append(r.buf, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(r.buf) > 0:
			return r.buf, nil
		default:
			return r.buf, err
		}
	}
}

// decode reads the next line into an object.
func (r *reader) decode(into any, what string) error {
	line, err := r.next()
	if errors.Is(err, io.EOF) {
		return r.fail("the manifest ends, want %s", what)
	}
	if err != nil {
		return err
	}
	return r.unmarshal(line, into, what)
}

func (r *reader) unmarshal(line []byte, into any, what string) error {
	if json.Unmarshal(line, into) != nil {
		return r.fail("want %s, as a JSON object", what)
	}
	return nil
}

// head reads the version and the type.
func (r *reader) head() (Type, error) {
	if b, err := r.in.Peek(3); err == nil && string(b) == "\xef\xbb\xbf" {
		_, _ = r.in.Discard(3) // some editors begin a text so
	}
	var h header
	if err := r.decode(&h, `the version, such as {"version":"1.1"}`); err != nil {
		return "", err
	}
	if h.Version != Version && h.Version != oldVersion {
		return "", r.fail("the version %.20q is not known", h.Version)
	}
	var k kind
	if err := r.decode(&k, `the type, such as {"type":"images"}`); err != nil {
		return "", err
	}
	if k.Type != Images && k.Type != Video {
		return "", r.fail("the type %.20q is not known", k.Type)
	}
	return k.Type, nil
}

// image reads the next picture. Empty objects are skipped.
func (r *reader) image() (Image, error) {
	const what = "a picture with name, extension, width and height"
	for {
		line, err := r.next()
		if err != nil {
			return Image{}, err
		}
		if string(line) == "{}" {
			continue
		}
		var i image
		if err := r.unmarshal(line, &i, what); err != nil {
			return Image{}, err
		}
		if i.Name == nil || i.Extension == nil || i.Width == nil || i.Height == nil {
			return Image{}, r.fail("want %s", what)
		}
		out := Image{Name: *i.Name + *i.Extension, Width: *i.Width, Height: *i.Height, Line: r.line}
		return out, r.check(out)
	}
}

// check judges one picture.
func (r *reader) check(i Image) error {
	if err := plan.ObjectKey(i.Name); err != nil {
		return r.fail("%s", pipeline.Public(err).Text)
	}
	if i.Width < 1 || i.Height < 1 || i.Width > maxSide || i.Height > maxSide {
		return r.fail("no picture has %d×%d pixels", i.Width, i.Height)
	}
	if r.items++; r.items > maxItems {
		return r.fail("it lists more than %d pictures", maxItems)
	}
	key := [2]uint64{maphash.String(r.seeds[0], i.Name), maphash.String(r.seeds[1], i.Name)}
	if _, twice := r.seen[key]; twice {
		return r.fail("%.200q is listed twice", i.Name)
	}
	r.seen[key] = struct{}{}
	return nil
}

// video checks the properties and the first key frame of a video.
func (r *reader) video() error {
	var v video
	if err := r.decode(&v, "the properties of the video"); err != nil {
		return err
	}
	if p := v.Properties; p == nil || p.Name == "" || len(p.Resolution) != 2 || p.Length < 1 {
		return r.fail("want name, resolution and length of the video")
	}
	var k keyFrame
	if err := r.decode(&k, "a key frame with number and pts"); err != nil {
		return err
	}
	if k.Number == nil || k.PTS == nil {
		return r.fail("want a key frame with number and pts")
	}
	return nil
}

// Package pointcloud reads the headers of point clouds in the PCD format. The
// points themselves are nobody's business but the viewer's: they are served as
// they are. What the header promises is held against the length of the file,
// so that no viewer makes room for points that are not there.
package pointcloud

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"framemill/pipeline"
)

// Limits of headers, which are a dozen short lines.
const (
	maxHeader = 64 << 10
	maxFields = 256
	maxPoints = math.MaxInt32
)

// Info is what the header of a point cloud says.
type Info struct {
	Width, Height int64 // their product is the number of points
}

// header is a header while it is read.
type header struct {
	Info
	version string
	fields  []string
	sizes   []int64
	types   []string
	counts  []int64
	points  int64
	data    string
	length  int64 // of the header itself
}

// Probe reads the header of the point cloud of size bytes. Its errors blame the
// file, unless they are the reader's.
func Probe(r io.Reader, size int64) (Info, error) {
	if size == 0 {
		return Info{}, pipeline.Failf(pipeline.CodeEmptyFile, "", "the file has no bytes")
	}
	in := bufio.NewReaderSize(io.LimitReader(r, maxHeader), maxHeader)
	h := &header{points: -1}
	for h.data == "" {
		line, err := in.ReadString('\n')
		h.length += int64(len(line))
		if errors.Is(err, io.EOF) {
			return Info{}, bad("its header is incomplete")
		}
		if err != nil {
			return Info{}, fmt.Errorf("read a point cloud: %w", err)
		}
		if err := h.read(strings.Fields(line)); err != nil {
			return Info{}, err
		}
	}
	if err := h.check(); err != nil {
		return Info{}, err
	}
	return h.Info, h.checkData(in, size-h.length)
}

func bad(format string, args ...any) error {
	return pipeline.Failf(pipeline.CodeUnsupportedFormat, "", "the file is no point cloud that can be read: %s", fmt.Sprintf(format, args...))
}

// read reads one line.
func (h *header) read(words []string) (err error) {
	if len(words) == 0 || strings.HasPrefix(words[0], "#") {
		return nil
	}
	values := words[1:]
	switch words[0] {
	case "VERSION":
		h.version, err = one(values)
	case "FIELDS", "COLUMNS":
		h.fields = values
	case "SIZE":
		h.sizes, err = numbers(values, 8)
	case "TYPE":
		h.types = values
	case "COUNT":
		h.counts, err = numbers(values, 1<<20)
	case "WIDTH":
		h.Width, err = number(values)
	case "HEIGHT":
		h.Height, err = number(values)
	case "POINTS":
		h.points, err = number(values)
	case "VIEWPOINT":
	case "DATA":
		h.data, err = one(values)
	default:
		err = bad("its header has a line %.40q", words[0])
	}
	return err
}

func one(values []string) (string, error) {
	if len(values) != 1 {
		return "", bad("its header has a line of %d values instead of one", len(values))
	}
	return values[0], nil
}

func number(values []string) (int64, error) {
	text, err := one(values)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > maxPoints {
		return 0, bad("its header says %.40q where a number of points belongs", text)
	}
	return n, nil
}

// numbers reads small positive numbers.
func numbers(values []string, most int64) ([]int64, error) {
	out := make([]int64, 0, min(len(values), maxFields))
	for _, text := range values[:min(len(values), maxFields+1)] {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 || n > most {
			return nil, bad("its header says %.40q where a small number belongs", text)
		}
		out = append(out, n)
	}
	return out, nil
}

// versions are those that viewers read, with and without the zero.
const versions = " 0.7 0.6 0.5 0.4 0.3 0.2 0.1 .7 .6 .5 .4 .3 .2 .1 "

// check holds the lines of the header against one another.
func (h *header) check() error {
	n := len(h.fields)
	switch {
	case !strings.Contains(versions, " "+h.version+" ") || h.version == "":
		return bad("its version is %.20q", h.version)
	case n == 0 || n > maxFields:
		return bad("it has %d fields", n)
	case len(h.sizes) != n || len(h.types) != n || h.counts != nil && len(h.counts) != n:
		return bad("its header describes its %d fields in different numbers", n)
	case h.Width < 1 || h.Height < 1:
		return pipeline.Failf(pipeline.CodeEmptyFile, "", "the point cloud has no points")
	case h.Width > maxPoints/h.Height:
		return pipeline.Failf(pipeline.CodeTooLarge, "", "the point cloud claims %d × %d points", h.Width, h.Height)
	case h.points >= 0 && h.points != h.Width*h.Height:
		return bad("it has %d points, and %d × %d", h.points, h.Width, h.Height)
	}
	return nil
}

// checkData holds what the header promises against the rest of the file.
func (h *header) checkData(in io.Reader, rest int64) error {
	points := h.Width * h.Height
	var each, values int64
	for i := range h.fields {
		count := int64(1)
		if h.counts != nil {
			count = h.counts[i]
		}
		each, values = each+h.sizes[i]*count, values+count
	}
	switch h.data {
	case "ascii":
		const shortest = 2 // a digit and a space
		return enough(points, values*shortest, rest+1)
	case "binary":
		return enough(points, each, rest)
	case "binary_compressed":
		return compressed(in, points, each, rest)
	}
	return bad("its data are %.40q", h.data)
}

// enough refuses points of so many bytes each that do not fit into the rest.
func enough(points, each, rest int64) error {
	if points > rest/each {
		return pipeline.Failf(pipeline.CodeTruncated, "", "the point cloud has %d points by its header, and ends before", points)
	}
	return nil
}

// compressed checks the two lengths in front of compressed points. A byte
// expands to at most 88.
func compressed(in io.Reader, points, each, rest int64) error {
	const lengths, most = 8, 88
	var b [lengths]byte
	if _, err := io.ReadFull(in, b[:]); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return enough(points, each, 0)
		}
		return err
	}
	packed, whole := int64(binary.LittleEndian.Uint32(b[:])), int64(binary.LittleEndian.Uint32(b[4:]))
	switch {
	case packed > rest-lengths:
		return enough(points, each, 0)
	case whole/each != points || whole%each != 0 || whole/most > packed:
		return bad("its points expand to another length than they have")
	}
	return nil
}

package source

import (
	"context"
	"fmt"
	"io"

	"framemill/pipeline"
)

// kittiPoint is the length of a point: x, y, z and intensity, each a float of 32
// bits in little endian.
const kittiPoint = 16

// maxPoints is how many points a cloud may have.
const maxPoints = 1 << 31

// KITTI returns the reference by which a point cloud as KITTI has it is read as a
// .pcd, and how long that is. The points are the same bytes in both.
func KITTI(bin pipeline.Ref, bytes int64) (pipeline.Ref, int64, error) {
	switch {
	case bytes == 0:
		return "", 0, pipeline.Failf(pipeline.CodeEmptyFile, "", "the file has no bytes")
	case bytes%kittiPoint != 0 || bytes/kittiPoint >= maxPoints:
		return "", 0, pipeline.Failf(pipeline.CodeUnsupportedFormat, "", "the file is no point cloud: of points of %d bytes each", kittiPoint)
	}
	return pipeline.KITTIRef(bin, bytes), int64(len(pcdHeader(bytes))) + bytes, nil
}

// pcdHeader is the header of a .pcd with the points of so many bytes of KITTI's.
func pcdHeader(bytes int64) string {
	points := bytes / kittiPoint
	return fmt.Sprintf("# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\nFIELDS x y z intensity\nSIZE 4 4 4 4\n"+
		"TYPE F F F F\nCOUNT 1 1 1 1\nWIDTH %d\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS %d\nDATA binary\n", points, points)
}

// openKITTI opens a point cloud of KITTI as a .pcd.
func (o *Opener) openKITTI(ctx context.Context, rest string, stamp pipeline.Stamp) (File, error) {
	ref, bytes, err := pipeline.ParseKITTI(rest)
	if err != nil {
		return nil, err
	}
	stamp.Bytes = bytes
	bin, err := o.Open(ctx, ref, stamp)
	if err != nil {
		return nil, err
	}
	return &headed{head: pcdHeader(bytes), File: bin}, nil
}

// headed is a file with a few bytes in front of it.
type headed struct {
	File
	head string
	at   int64
}

// Size returns the length of both.
func (h *headed) Size() int64 { return int64(len(h.head)) + h.File.Size() }

// Read implements io.Reader.
func (h *headed) Read(p []byte) (int, error) {
	if h.at < int64(len(h.head)) {
		n := copy(p, h.head[h.at:])
		h.at += int64(n)
		return n, nil
	}
	n, err := h.File.Read(p)
	h.at += int64(n)
	return n, err
}

// Seek implements io.Seeker.
func (h *headed) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		off += h.at
	case io.SeekEnd:
		off += h.Size()
	}
	if off < 0 || whence < io.SeekStart || whence > io.SeekEnd {
		return 0, fmt.Errorf("seek to %d from %d in a point cloud: out of range", off, whence)
	}
	if _, err := h.File.Seek(max(off-int64(len(h.head)), 0), io.SeekStart); err != nil {
		return 0, err
	}
	h.at = off
	return off, nil
}

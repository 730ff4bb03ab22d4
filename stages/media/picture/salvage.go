package picture

import (
	"bufio"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/png"
	"io"
)

// pngLayout is what the header of a PNG says of its rows.
type pngLayout struct {
	bits       int64 // of one pixel
	interlaced bool
}

// rawSize returns the length of the unpacked rows: for each row of each pass a
// filter byte and the pixels.
func (l pngLayout) rawSize(width, height int64) int64 {
	rows := func(w, h int64) int64 {
		if w <= 0 || h <= 0 {
			return 0
		}
		return h * (1 + (w*l.bits+7)/8)
	}
	if !l.interlaced {
		return rows(width, height)
	}
	size := int64(0)
	for _, p := range adam7 {
		size += rows((width-p.x+p.dx-1)/p.dx, (height-p.y+p.dy-1)/p.dy)
	}
	return size
}

// adam7 are the passes of an interlaced PNG: first pixel and steps.
var adam7 = [7]struct{ x, y, dx, dy int64 }{
	{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2},
}

// decodePNG decodes a PNG. If the file ends early, the rows that are there are
// unpacked, the others are black, and truncated is true.
func decodePNG(src *source, h *header) (m image.Image, truncated bool, err error) {
	m, err = png.Decode(bufio.NewReaderSize(src, 64<<10))
	if err == nil || !src.ended || src.err != nil {
		return m, false, err
	}
	if _, err := src.r.Seek(0, io.SeekStart); err != nil {
		return nil, false, err
	}
	// What can be read is written anew as a whole PNG, which the decoder reads
	// at the other end of a pipe.
	m, err = throughPipe(png.Decode, func(w io.Writer) error {
		return rewritePNG(w, bufio.NewReader(src), h.png.rawSize(h.stored()))
	})
	return m, true, err
}

// rewritePNG copies the header chunks of a PNG and as many of its rows as can
// be unpacked, and fills them up to size with zeros.
func rewritePNG(w io.Writer, r io.Reader, size int64) error {
	idat, err := copyHead(w, r)
	if err != nil {
		return err
	}
	chunks := bufio.NewWriterSize(idatWriter{w}, 64<<10)
	packed, err := zlib.NewWriterLevel(chunks, zlib.NoCompression)
	if err != nil {
		return err
	}
	done := int64(0)
	if rows, err := zlib.NewReader(idat); err == nil {
		// That reading fails is why we are here; a failed write fails again.
		done, _ = io.Copy(packed, io.LimitReader(rows, size))
	}
	if _, err := io.CopyN(packed, zeros{}, size-done); err != nil {
		return err
	}
	if err := errors.Join(packed.Close(), chunks.Flush()); err != nil {
		return err
	}
	return writeChunk(w, "IEND", nil)
}

// copyHead copies what stands before the pixels and matters to them. It
// returns a reader of the packed pixels, which stops where they do.
func copyHead(w io.Writer, r io.Reader) (*idatReader, error) {
	const largest = 1 << 10 // IHDR, PLTE and tRNS are shorter
	if _, err := io.CopyN(w, r, 8); err != nil {
		return nil, err
	}
	for {
		var head [8]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return nil, err
		}
		n, kind := int64(binary.BigEndian.Uint32(head[:])), string(head[4:])
		switch kind {
		case "IDAT":
			return &idatReader{r: r, left: n}, nil
		case "IHDR", "PLTE", "tRNS":
			data := make([]byte, min(n, largest))
			if _, err := io.ReadFull(r, data); err != nil {
				return nil, err
			}
			if err := writeChunk(w, kind, data); err != nil {
				return nil, err
			}
			n -= int64(len(data))
		}
		if _, err := io.CopyN(io.Discard, r, n+4); err != nil {
			return nil, err
		}
	}
}

// idatReader reads the content of consecutive IDAT chunks.
type idatReader struct {
	r    io.Reader
	left int64 // of the chunk under way
}

// Read implements io.Reader.
func (i *idatReader) Read(p []byte) (int, error) {
	for i.left == 0 {
		var head [12]byte // checksum, then the next chunk's length and kind
		if _, err := io.ReadFull(i.r, head[:]); err != nil {
			return 0, err
		}
		if string(head[8:]) != "IDAT" {
			return 0, io.EOF
		}
		i.left = int64(binary.BigEndian.Uint32(head[4:]))
	}
	n, err := i.r.Read(p[:min(int64(len(p)), i.left)])
	i.left -= int64(n)
	return n, err
}

// idatWriter makes a chunk of each write.
type idatWriter struct{ w io.Writer }

// Write implements io.Writer.
func (i idatWriter) Write(p []byte) (int, error) {
	if err := writeChunk(i.w, "IDAT", p); err != nil {
		return 0, err
	}
	return len(p), nil
}

func writeChunk(w io.Writer, kind string, data []byte) error {
	head := append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), kind...)
	sum := crc32.Update(crc32.ChecksumIEEE([]byte(kind)), crc32.IEEETable, data)
	for _, part := range [][]byte{head, data, binary.BigEndian.AppendUint32(nil, sum)} {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// zeros is an endless row of them.
type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

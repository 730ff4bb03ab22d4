package ziparchive

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"

	"framemill/pipeline"
)

// The records of a zip archive by their signatures, and their fixed lengths.
const (
	sigLocal     = 0x04034b50
	sigEntry     = 0x02014b50
	sigEnd       = 0x06054b50
	sigEnd64     = 0x06064b50
	sigLocator64 = 0x07064b50

	localHeader  = 30
	entryHeader  = 46
	endRecord    = 22
	end64Record  = 56
	locator64    = 20
	longestEnd   = endRecord + 0xffff // with the longest comment
	inZip64      = 0xffffffff         // a size or offset that stands elsewhere
	countInZip64 = 0xffff
)

// directory is where the central directory lies, and what it claims to hold.
type directory struct {
	records int64
	start   int64
	size    int64
	base    int64 // bytes before the archive proper, as in self-extracting ones
}

// findDirectory reads the record at the end of the archive.
func findDirectory(r io.ReaderAt, size int64) (directory, error) {
	n := min(size, longestEnd)
	tail := make([]byte, n)
	if err := readAt(r, tail, size-n); err != nil {
		return directory{}, err
	}
	at, err := findEnd(tail)
	if err != nil {
		return directory{}, err
	}
	if at < 0 {
		return directory{}, notZip(r, size)
	}
	end := tail[at:]
	d := directory{
		records: int64(binary.LittleEndian.Uint16(end[10:])),
		size:    int64(binary.LittleEndian.Uint32(end[12:])),
		start:   int64(binary.LittleEndian.Uint32(end[16:])),
	}
	limit := size - n + int64(at)
	if d.records == countInZip64 || d.size == inZip64 || d.start == inZip64 {
		if limit, err = d.readZip64(r, limit); err != nil {
			return directory{}, err
		}
	}
	if d.size > limit || d.start > limit-d.size {
		return directory{}, bad("", "the archive's directory does not lie in the archive")
	}
	d.base = limit - d.size - d.start
	d.start += d.base
	return d, nil
}

// findEnd returns the index of the end record in the tail of an archive, or -1.
// An archive whose comment holds a second, equally good one means different
// things to different readers, and is refused.
func findEnd(tail []byte) (int, error) {
	found, lax := -1, -1
	for at := len(tail) - endRecord; at >= 0; at-- {
		if binary.LittleEndian.Uint32(tail[at:]) != sigEnd {
			continue
		}
		end := at + endRecord + int(binary.LittleEndian.Uint16(tail[at+20:]))
		switch {
		case end == len(tail) && found >= 0:
			return -1, bad("", "the archive has two directories")
		case end == len(tail):
			found = at
		case end < len(tail) && lax < 0:
			lax = at // something was appended to the archive
		}
	}
	if found < 0 {
		found = lax
	}
	return found, nil
}

// notZip tells an archive that was cut from what never was one.
func notZip(r io.ReaderAt, size int64) error {
	var head [4]byte
	if size >= 4 {
		if err := readAt(r, head[:], 0); err != nil {
			return err
		}
	}
	if binary.LittleEndian.Uint32(head[:]) == sigLocal {
		return bad("", "the archive ends early: its directory is missing")
	}
	return pipeline.Failf(pipeline.CodeUnsupportedFormat, "", "the file is no zip archive")
}

// readZip64 reads the wide numbers of an archive that needs them. It returns
// where the directory must end.
func (d *directory) readZip64(r io.ReaderAt, end int64) (int64, error) {
	if end < locator64 {
		return end, nil
	}
	var loc [locator64]byte
	if err := readAt(r, loc[:], end-locator64); err != nil {
		return 0, err
	}
	if binary.LittleEndian.Uint32(loc[:]) != sigLocator64 {
		return end, nil // the numbers just are that large
	}
	at := int64(binary.LittleEndian.Uint64(loc[8:]))
	if at < 0 || at > end-locator64-end64Record {
		return 0, bad("", "the archive's zip64 record does not lie in the archive")
	}
	var rec [end64Record]byte
	if err := readAt(r, rec[:], at); err != nil {
		return 0, err
	}
	if binary.LittleEndian.Uint32(rec[:]) != sigEnd64 {
		return 0, bad("", "the archive's zip64 record is malformed")
	}
	d.records = int64(binary.LittleEndian.Uint64(rec[32:]))
	d.size = int64(binary.LittleEndian.Uint64(rec[40:]))
	d.start = int64(binary.LittleEndian.Uint64(rec[48:]))
	if d.records < 0 || d.size < 0 || d.start < 0 {
		return 0, bad("", "the archive's zip64 record is malformed")
	}
	return at, nil
}

// walk calls visit with each entry, which is valid until the next. Entries
// past the stated number are visited too, as long as the directory goes on.
func (d *directory) walk(r io.ReaderAt, visit func(*entry) error) error {
	in := bufio.NewReaderSize(io.NewSectionReader(r, d.start, d.size), 64<<10)
	var head [entryHeader]byte
	var rest []byte
	seen := int64(0)
	for {
		switch _, err := io.ReadFull(in, head[:]); {
		case errors.Is(err, io.EOF) && seen&countInZip64 == d.records&countInZip64:
			return nil
		case err != nil:
			return directoryError(err)
		}
		if binary.LittleEndian.Uint32(head[:]) != sigEntry {
			return bad("", "the archive's directory is malformed")
		}
		n := int(binary.LittleEndian.Uint16(head[28:])) + int(binary.LittleEndian.Uint16(head[30:])) + int(binary.LittleEndian.Uint16(head[32:]))
		rest = append(rest[:0], make([]byte, n)...)
		if _, err := io.ReadFull(in, rest); err != nil {
			return directoryError(err)
		}
		e, err := parseEntry(head[:], rest, d.base)
		if err != nil {
			return err
		}
		if err := visit(&e); err != nil {
			return err
		}
		seen++
	}
}

// directoryError blames the archive for an early end, and the reader for
// everything else.
func directoryError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return bad("", "the archive's directory does not hold as many members as it says")
	}
	return err
}

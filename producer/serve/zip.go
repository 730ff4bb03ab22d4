package serve

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"iter"
	"math"

	"framemill/pipeline"
)

// entry is one file of a zip that is put together while it is sent.
type entry struct {
	ext  string // of its name, with the dot
	size int64
	crc  int64 // unknown until it was read if negative
	open func() (io.ReadCloser, error)
}

// entries yields the files of a zip in order. It can be run more than once and
// yields the same each time, up to the first error.
type entries = iter.Seq2[entry, error]

// name returns the name of the k-th entry.
func (e *entry) name(k int64) string { return fmt.Sprintf("%06d%s", k, e.ext) }

// The records of the format. Nothing is compressed, so that every length is
// known before the first byte is read.
const (
	localSig   = 0x04034b50
	dataSig    = 0x08074b50
	centralSig = 0x02014b50
	endSig     = 0x06054b50
	end64Sig   = 0x06064b50
	locate64   = 0x07064b50

	localSize   = 30
	centralSize = 46
	endSize     = 22
	end64Size   = 56 + 20 // with its locator
	dataSize    = 16
	data64Size  = 24

	plainVersion = 20
	bigVersion   = 45
	laterFlag    = 1 << 3 // the checksum follows the data
	zipEpoch     = 1<<5 | 1
	max32        = math.MaxUint32
	max16        = math.MaxUint16
)

// record is what the directory at the end says of an entry.
type record struct {
	name   string
	size   int64
	offset int64
	crc    uint32
	later  bool
}

// big reports whether the entry's own records need 64 bits.
func (r *record) big() bool { return r.size >= max32 }

// extra returns the fields that do not fit into 32 bits, as the directory
// holds them.
func (r *record) extra() []byte {
	var b []byte
	if r.big() {
		b = le.AppendUint64(le.AppendUint64(b, uint64(r.size)), uint64(r.size))
	}
	if r.offset >= max32 {
		b = le.AppendUint64(b, uint64(r.offset))
	}
	if b == nil {
		return nil
	}
	return append(le.AppendUint16(le.AppendUint16(nil, 1), uint16(len(b))), b...)
}

var le = binary.LittleEndian

// zipLength adds up the length of a zip without reading its content.
func zipLength(all entries) (length int64, err error) {
	var directory, count int64
	for e, err := range all {
		if err != nil {
			return 0, err
		}
		r := record{name: e.name(count), size: e.size, offset: length, later: e.crc < 0}
		length += int64(len(r.local())) + e.size + int64(len(r.descriptor()))
		directory += int64(centralSize + len(r.name) + len(r.extra()))
		count++
	}
	return length + directory + int64(len(end(count, directory, length))), nil
}

// local returns the record before the data.
func (r *record) local() []byte {
	var flags, version uint16 = 0, plainVersion
	size, crc := uint64(r.size), r.crc
	var extra []byte
	if r.later {
		flags, size, crc = laterFlag, 0, 0
	}
	if r.big() {
		// The field is there in any case: it tells readers how long the numbers
		// behind the data are.
		extra = le.AppendUint64(le.AppendUint64([]byte{1, 0, 16, 0}, size), size)
		version, size = bigVersion, max32
	}
	b := make([]byte, 0, localSize+len(r.name)+len(extra))
	b = le.AppendUint32(b, localSig)
	b = le.AppendUint16(b, version)
	b = le.AppendUint16(b, flags)
	b = le.AppendUint16(b, 0) // stored
	b = le.AppendUint16(b, 0)
	b = le.AppendUint16(b, zipEpoch)
	b = le.AppendUint32(b, crc)
	b = le.AppendUint32(b, uint32(size))
	b = le.AppendUint32(b, uint32(size))
	b = le.AppendUint16(b, uint16(len(r.name)))
	b = le.AppendUint16(b, uint16(len(extra)))
	return append(append(b, r.name...), extra...)
}

// descriptor returns the record behind the data of an entry whose checksum was
// not known before.
func (r *record) descriptor() []byte {
	if !r.later {
		return nil
	}
	b := le.AppendUint32(le.AppendUint32(nil, dataSig), r.crc)
	if r.big() {
		return le.AppendUint64(le.AppendUint64(b, uint64(r.size)), uint64(r.size))
	}
	return le.AppendUint32(le.AppendUint32(b, uint32(r.size)), uint32(r.size))
}

// central returns the entry's record of the directory.
func (r *record) central() []byte {
	var flags, version uint16 = 0, plainVersion
	extra := r.extra()
	if r.later {
		flags = laterFlag
	}
	if extra != nil {
		version = bigVersion
	}
	size, offset := uint32(min(r.size, max32)), uint32(min(r.offset, max32))
	b := make([]byte, 0, centralSize+len(r.name)+len(extra))
	b = le.AppendUint32(b, centralSig)
	b = le.AppendUint16(b, version)
	b = le.AppendUint16(b, version)
	b = le.AppendUint16(b, flags)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint16(b, zipEpoch)
	b = le.AppendUint32(b, r.crc)
	b = le.AppendUint32(b, size)
	b = le.AppendUint32(b, size)
	b = le.AppendUint16(b, uint16(len(r.name)))
	b = le.AppendUint16(b, uint16(len(extra)))
	b = append(b, make([]byte, 10)...) // no comment, first disk, no attributes
	b = le.AppendUint32(b, offset)
	return append(append(b, r.name...), extra...)
}

// end returns the records behind the directory.
func end(count, directory, offset int64) []byte {
	var b []byte
	if count >= max16 || directory >= max32 || offset >= max32 {
		b = le.AppendUint32(make([]byte, 0, end64Size+endSize), end64Sig)
		b = le.AppendUint64(b, 44) // what follows of this record
		b = le.AppendUint16(b, bigVersion)
		b = le.AppendUint16(b, bigVersion)
		b = le.AppendUint64(b, 0) // disks
		b = le.AppendUint64(b, uint64(count))
		b = le.AppendUint64(b, uint64(count))
		b = le.AppendUint64(b, uint64(directory))
		b = le.AppendUint64(b, uint64(offset))
		b = le.AppendUint32(b, locate64)
		b = le.AppendUint32(b, 0)
		b = le.AppendUint64(b, uint64(offset+directory))
		b = le.AppendUint32(b, 1)
	}
	b = le.AppendUint32(b, endSig)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint16(b, uint16(min(count, max16)))
	b = le.AppendUint16(b, uint16(min(count, max16)))
	b = le.AppendUint32(b, uint32(min(directory, max32)))
	b = le.AppendUint32(b, uint32(min(offset, max32)))
	return le.AppendUint16(b, 0)
}

// zipWriter writes a zip to w.
type zipWriter struct {
	w       io.Writer
	at      int64
	records []record
	buf     []byte
}

// writeZip writes a whole zip to w.
func writeZip(ctx context.Context, w io.Writer, all entries) error {
	z := &zipWriter{w: w, buf: make([]byte, copyBuffer)}
	for e, err := range all {
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err == nil {
			err = z.add(e)
		}
		if err != nil {
			return err
		}
	}
	return z.finish()
}

func (z *zipWriter) write(b []byte) error {
	n, err := z.w.Write(b)
	z.at += int64(n)
	return err
}

func (z *zipWriter) add(e entry) error {
	r := record{name: e.name(int64(len(z.records))), size: e.size, offset: z.at, later: e.crc < 0, crc: uint32(max(e.crc, 0))}
	src, err := e.open()
	if err != nil {
		return err
	}
	defer src.Close()
	if err := z.write(r.local()); err != nil {
		return err
	}
	var sum hash.Hash32
	if r.later {
		sum = crc32.NewIEEE()
	}
	n, err := copyExactly(z.w, src, e.size, sum, z.buf)
	z.at += n
	if err != nil {
		return fmt.Errorf("copy into entry %s: %w", r.name, err)
	}
	if r.later {
		r.crc = sum.Sum32()
	}
	z.records = append(z.records, r)
	return z.write(r.descriptor())
}

func (z *zipWriter) finish() error {
	offset := z.at
	for i := range z.records {
		if err := z.write(z.records[i].central()); err != nil {
			return err
		}
	}
	return z.write(end(int64(len(z.records)), z.at-offset, offset))
}

const (
	copyBuffer = 128 << 10
	// Below this size the kernel's own copying saves less than it costs.
	kernelCopy = 64 << 10
)

// copyExactly copies size bytes, which must be all that src has. The source is
// read to its very end, where it says whether it has stayed the same.
func copyExactly(w io.Writer, src io.Reader, size int64, sum hash.Hash32, buf []byte) (int64, error) {
	if sum == nil && size >= kernelCopy {
		if f := fileOf(src); f != nil {
			n, err := io.CopyN(w, f, size)
			return n, early(err)
		}
	}
	out := io.Writer(plainWriter{w})
	if sum != nil {
		out = io.MultiWriter(w, sum)
	}
	n, err := io.CopyBuffer(out, io.LimitReader(src, size), buf)
	if err == nil && n < size {
		err = io.EOF
	}
	if err != nil {
		return n, early(err)
	}
	var more [1]byte
	if k, err := io.ReadFull(src, more[:]); k > 0 {
		return n, pipeline.Failf(pipeline.CodeSourceChanged, "", "the source has more than the %d bytes that it had", size)
	} else if !errors.Is(err, io.EOF) {
		return n, err
	}
	return n, nil
}

// early turns the end of a source, where there should be more, into an error.
func early(err error) error {
	if errors.Is(err, io.EOF) {
		return pipeline.Failf(pipeline.CodeSourceChanged, "", "the source ends early")
	}
	return err
}

// plainWriter hides every method but Write, so that io.CopyBuffer uses the
// buffer that it is given.
type plainWriter struct{ io.Writer }

package source

import (
	"bufio"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"

	"framemill/pipeline"
)

// Compression methods of zip members.
const (
	stored   = 0
	deflated = 8
)

// inflateBuffer is how much packed data is read at once.
const inflateBuffer = 32 << 10

// openMember opens a member of an archive where it lies.
func (o *Opener) openMember(ctx context.Context, rest string, stamp pipeline.Stamp) (File, error) {
	m, err := pipeline.ParseZipMember(rest)
	if err != nil {
		return nil, err
	}
	if stamp.Bytes < 0 {
		return nil, fmt.Errorf("open zip reference %q: the size of the member is not given", rest)
	}
	_, name := m.Archive.Split()
	archive, err := o.openWhole(ctx, m.Archive, pipeline.Stamp{Bytes: -1, MTime: stamp.MTime})
	if err != nil {
		return nil, err
	}
	f, err := o.member(archive, m, name, stamp.Bytes)
	if err != nil {
		archive.Close()
		return nil, err
	}
	return f, nil
}

func (o *Opener) member(archive whole, m pipeline.ZipMember, name string, bytes int64) (File, error) {
	if m.Offset > math.MaxInt64-m.Packed || m.Offset+m.Packed > archive.Size() {
		return nil, badMember(name, "it lies outside the archive")
	}
	packed := io.NewSectionReader(archive, m.Offset, m.Packed)
	switch {
	case m.Method == stored && m.Packed != bytes:
		return nil, badMember(name, "it is stored, but its sizes differ")
	case m.Method == stored:
		return &storedMember{SectionReader: packed, archive: archive, sum: m.Sum}, nil
	case m.Method == deflated:
		return &deflatedMember{o: o, name: name, archive: archive, packed: packed, size: bytes, stated: m.Sum}, nil
	}
	return nil, badMember(name, "compression method %d is not supported", m.Method)
}

func badMember(name, format string, args ...any) *pipeline.Error {
	return pipeline.Failf(pipeline.CodeBadMember, name, "the archive member cannot be read: %s", fmt.Sprintf(format, args...))
}

// Summed is a file whose checksum was written down by whoever packed it.
type Summed interface {
	// Verify reports whether the content is another. It reads what was not read
	// yet, and is the last use of the file.
	Verify() (damage *pipeline.Error, err error)
}

func wrongSum(wrong bool) *pipeline.Error {
	if !wrong {
		return nil
	}
	return pipeline.Failf(pipeline.CodeBadMember, "", "is damaged: its checksum in the archive is another")
}

// storedMember is a member that is not compressed.
type storedMember struct {
	*io.SectionReader
	archive whole
	sum     uint32 // as the archive has it, 0 if not known
}

// Read adds to the section's Read that the end counts only if the archive is
// still the same.
func (m *storedMember) Read(p []byte) (int, error) {
	n, err := m.SectionReader.Read(p)
	switch {
	case err != io.EOF:
		return n, err
	case n > 0: // the end is for the next Read to report
		return n, nil
	}
	return 0, atEnd(m.archive)
}

// Verify implements Summed.
func (m *storedMember) Verify() (*pipeline.Error, error) {
	if m.sum == 0 {
		return nil, nil
	}
	sum := crc32.NewIEEE()
	if _, err := io.Copy(sum, io.NewSectionReader(m.SectionReader, 0, m.Size())); err != nil {
		return nil, fmt.Errorf("read a zip member again: %w", err)
	}
	return wrongSum(sum.Sum32() != m.sum), nil
}

// Close closes the archive.
func (m *storedMember) Close() error { return m.archive.Close() }

// deflatedMember inflates as it is read. Seeking takes effect at the next
// Read: forward by reading on, backward by starting over.
type deflatedMember struct {
	o       *Opener
	name    string
	archive whole
	packed  *io.SectionReader
	size    int64

	stated  uint32        // the checksum, as the archive has it; 0 if not known
	sum     uint32        // of what was inflated so far
	inflate io.ReadCloser // nil before the first Read
	at      int64         // where inflate stands
	want    int64         // where the next Read is to begin
}

// Size returns the expanded size that the archive declares.
func (m *deflatedMember) Size() int64 { return m.size }

// Seek implements io.Seeker.
func (m *deflatedMember) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		off += m.want
	case io.SeekEnd:
		off += m.size
	}
	if off < 0 || whence < io.SeekStart || whence > io.SeekEnd {
		return 0, fmt.Errorf("seek to %d from %d in a zip member: out of range", off, whence)
	}
	m.want = off
	return off, nil
}

// Read implements io.Reader.
func (m *deflatedMember) Read(p []byte) (int, error) {
	if m.want > m.size {
		return 0, io.EOF
	}
	if err := m.align(); err != nil {
		return 0, err
	}
	if m.at == m.size {
		return 0, m.end()
	}
	n, err := m.inflate.Read(p[:min(int64(len(p)), m.size-m.at)])
	m.took(p[:n])
	m.want = m.at
	if err == io.EOF && m.at < m.size {
		return n, badMember(m.name, "it holds %d bytes and declares %d", m.at, m.size)
	}
	if err != nil && err != io.EOF {
		return n, m.failure(err)
	}
	return n, nil
}

// align brings the inflater to where the next Read is to begin.
func (m *deflatedMember) align() error {
	if m.inflate == nil || m.want < m.at {
		if err := m.restart(); err != nil {
			return err
		}
	}
	_, err := io.CopyN(taker{m}, m.inflate, m.want-m.at)
	if err == io.EOF {
		return badMember(m.name, "it holds %d bytes and declares %d", m.at, m.size)
	}
	if err != nil {
		return m.failure(err)
	}
	return nil
}

// restart begins to inflate anew.
func (m *deflatedMember) restart() error {
	if _, err := m.packed.Seek(0, io.SeekStart); err != nil {
		return err
	}
	m.at, m.sum = 0, 0
	in := bufio.NewReaderSize(m.packed, inflateBuffer)
	if m.inflate == nil {
		m.inflate, _ = m.o.inflaters.Get().(io.ReadCloser)
	}
	if m.inflate == nil {
		m.inflate = flate.NewReader(in)
		return nil
	}
	return m.inflate.(flate.Resetter).Reset(in, nil)
}

// end checks, once all declared bytes were read, that there are no more, and
// that the archive is still the same.
func (m *deflatedMember) end() error {
	var more [1]byte
	n, err := io.ReadFull(m.inflate, more[:])
	m.at += int64(n)
	switch {
	case n > 0:
		return badMember(m.name, "it holds more than the declared %d bytes", m.size)
	case err != io.EOF:
		return m.failure(err)
	}
	return atEnd(m.archive)
}

// took counts what was inflated.
func (m *deflatedMember) took(p []byte) {
	m.at += int64(len(p))
	m.sum = crc32.Update(m.sum, crc32.IEEETable, p)
}

// taker takes what is passed over.
type taker struct{ m *deflatedMember }

// Write implements io.Writer.
func (t taker) Write(p []byte) (int, error) {
	t.m.took(p)
	return len(p), nil
}

// Verify implements Summed. Whoever read to the end has inflated everything
// already.
func (m *deflatedMember) Verify() (*pipeline.Error, error) {
	if m.stated == 0 {
		return nil, nil
	}
	m.want = m.size
	if err := m.align(); err != nil {
		return nil, err
	}
	return wrongSum(m.sum != m.stated), nil
}

// failure tells broken data from an archive that cannot be read.
func (m *deflatedMember) failure(err error) error {
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	if corrupt || errors.Is(err, io.ErrUnexpectedEOF) {
		return badMember(m.name, "its compressed data are damaged").Because(err)
	}
	return fmt.Errorf("inflate a zip member: %w", err)
}

// Close closes the archive.
func (m *deflatedMember) Close() error {
	if m.inflate != nil {
		m.o.inflaters.Put(m.inflate)
		m.inflate = nil
	}
	return m.archive.Close()
}

// atEnd returns io.EOF, or why the file that was read to its end does not
// count.
func atEnd(f whole) error {
	if s, ok := f.(*shareFile); ok {
		return s.atEnd()
	}
	return io.EOF
}

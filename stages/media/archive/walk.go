package archive

import (
	"compress/bzip2"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mikelolasagasti/xz"

	"framemill/pipeline"
)

// Member is a file of an archive while it is unpacked.
type Member struct {
	Name  string // relative, / between components
	CRC32 *int64 // of the content as the archive has it, nil if it says nothing
	io.Reader
}

// Walker says how an archive is to be walked.
type Walker struct {
	Limits   Limits
	Wanted   func(name string) bool
	Visit    func(m Member) error // reads as much of the member as it likes
	Progress func()               // called as bytes are unpacked
}

// Walk unpacks the archive of size bytes and visits its wanted members in
// order.
//
// Errors that blame the archive are *pipeline.Error: unsupported_format if it
// is none that can be read, unsafe_path, unsafe_member, bad_member, encrypted, or
// archive_limits. Any other is of the reader or of Visit.
func (w Walker) Walk(ctx context.Context, r io.ReaderAt, size int64) error {
	format, err := Detect(r, size)
	if err != nil {
		return err
	}
	p := &passage{Walker: w, ctx: ctx, guard: newGuard(w.Limits, w.Wanted), src: &counter{r: r, size: size}}
	switch format {
	case Tar:
		return p.streamError(Tar, p.tar(io.NewSectionReader(p.src, 0, size)))
	case Gzip, Bzip2, XZ:
		return p.packedTar(format, io.NewSectionReader(p.src, 0, size))
	case SevenZip:
		return p.sevenZip()
	case RAR:
		return p.rar(io.NewSectionReader(p.src, 0, size))
	}
	return pipeline.Failf(pipeline.CodeUnsupportedFormat, "", "the file is no archive that can be read: use zip, tar, 7z or rar")
}

// passage is one walk through one archive.
type passage struct {
	Walker
	ctx   context.Context //nolint:containedctx // of the one walk that this is
	guard *guard
	src   *counter
	made  int64 // bytes unpacked so far
}

func (p *passage) tar(in io.Reader) error {
	return walkTar(p.ctx, in, p.guard, p.Progress, func(name string, _ int64, content io.Reader) error {
		return p.Visit(Member{Name: name, Reader: content})
	})
}

// packedTar walks a tar that was packed as a whole.
func (p *passage) packedTar(format Format, in io.Reader) error {
	unpacked, err := p.unpacker(format, in)
	if err != nil {
		return p.streamError(format, err)
	}
	content := &meter{p: p, r: unpacked}
	err = p.tar(content)
	if err != nil && content.ended && p.guard.members == 0 {
		err = errNoTar
	}
	return p.streamError(format, err)
}

func (p *passage) unpacker(format Format, in io.Reader) (io.Reader, error) {
	switch format {
	case Gzip:
		return gzip.NewReader(in)
	case Bzip2:
		return bzip2.NewReader(in), nil
	}
	return xz.NewReader(in, uint32(p.guard.lim.Dictionary))
}

// streamError blames the archive for what its unpacker complains about.
func (p *passage) streamError(format Format, err error) error {
	switch {
	case errors.Is(err, xz.ErrMemlimit):
		return limits("", "unpacking needs a dictionary of more than %d bytes", p.guard.lim.Dictionary)
	case errors.Is(err, errNoTar):
		return pipeline.Failf(pipeline.CodeUnsupportedFormat, "", "the file is packed by %s, and what is in it is no tar archive", format)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, xz.ErrBuf):
		return bad("", "the archive ends early")
	case damaged(err):
		return bad("", "the archive is damaged: its %s data cannot be unpacked", format)
	}
	return err
}

func damaged(err error) bool {
	if _, ok := errors.AsType[bzip2.StructuralError](err); ok {
		return true
	}
	for _, known := range []error{gzip.ErrChecksum, gzip.ErrHeader, xz.ErrData, xz.ErrFormat, xz.ErrOptions, xz.ErrUnsupportedCheck} {
		if errors.Is(err, known) {
			return true
		}
	}
	return flateDamaged(err)
}

// meter counts what is unpacked and holds it to the limits. It is asked for
// every byte, also of members that nobody wants.
type meter struct {
	p     *passage
	r     io.Reader
	ended bool // there is no more, and all went well
}

// Read implements io.Reader.
func (m *meter) Read(b []byte) (int, error) {
	if m.p.ctx.Err() != nil {
		return 0, context.Cause(m.p.ctx)
	}
	n, err := m.r.Read(b)
	m.p.made += int64(n)
	m.ended = err == io.EOF //nolint:errorlint // unpackers do not wrap it
	m.p.Progress()
	if over := m.p.overdone(); over != nil {
		return n, over
	}
	return n, err
}

// overdone is the error of having unpacked too much.
func (p *passage) overdone() error {
	lim := p.guard.lim
	switch {
	case p.made > lim.Expanded:
		return limits("", "the archive expands to more than %d bytes", lim.Expanded)
	case p.made > free && (p.made-free)/lim.Ratio > p.src.read:
		return limits("", "the archive expands to more than %d times its size", lim.Ratio)
	}
	return nil
}

// counter counts the bytes that are read of an archive, each once.
type counter struct {
	r    io.ReaderAt
	size int64
	read int64
}

// ReadAt implements io.ReaderAt.
func (c *counter) ReadAt(b []byte, off int64) (int, error) {
	n, err := c.r.ReadAt(b, off)
	c.read = max(c.read, off+int64(n))
	if err != nil && !errors.Is(err, io.EOF) {
		return n, &sourceError{err}
	}
	return n, err
}

// sourceError is an error of the file that the archive is, and never its fault.
type sourceError struct{ cause error }

// Error implements error.
func (e *sourceError) Error() string { return fmt.Sprintf("read the archive: %v", e.cause) }

// Unwrap returns what went wrong.
func (e *sourceError) Unwrap() error { return e.cause }

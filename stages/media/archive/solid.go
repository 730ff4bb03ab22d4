package archive

import (
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/bodgit/sevenzip"
	"github.com/nwaples/rardecode/v2"

	"framemill/pipeline"
)

// sevenZip walks a 7z. Its directory says beforehand what every member has.
func (p *passage) sevenZip() (err error) {
	defer recovered(&err)
	z, err := patiently(func() (*sevenzip.Reader, error) { return sevenzip.NewReader(p.src, p.src.size) })
	if err != nil {
		return solidError("", err)
	}
	p.src.read = p.src.size // the directory is at the end, and names sizes
	for _, f := range z.File {
		if p.ctx.Err() != nil {
			return context.Cause(p.ctx)
		}
		name, take, err := p.guard.admit(header{name: f.Name, mode: f.Mode(), bytes: int64(f.UncompressedSize)})
		if err == nil {
			p.made = p.guard.expanded // what is passed over is unpacked as well
			err = p.overdone()
		}
		if err == nil && take {
			err = p.sevenZipMember(name, f)
		}
		if err != nil {
			return err
		}
		p.Progress()
	}
	return nil
}

func (p *passage) sevenZipMember(name string, f *sevenzip.File) error {
	in, err := patiently(f.Open)
	if err != nil {
		return solidError(name, err)
	}
	m := Member{Name: name, Reader: &blaming{p, name, in}}
	if f.CRC32 != 0 {
		sum := int64(f.CRC32)
		m.CRC32 = &sum
	}
	if err := p.Visit(m); err != nil {
		return err
	}
	return solidError(name, in.Close())
}

// openTime is how long it may take to open something in a 7z, which takes next to
// no time unless a password is stretched: an archive says for how long, up to
// centuries.
const openTime = 5 * time.Second

// errStretched is the error of a 7z that takes too long to open.
var errStretched = &sevenzip.ReadError{Encrypted: true, Err: errors.New("opening takes too long")}

// patiently opens something in a 7z. Where that takes too long it is left to
// itself: this process ends soon.
func patiently[T any](open func() (T, error)) (T, error) {
	type opened struct {
		what T
		err  error
	}
	done := make(chan opened, 1)
	go func() {
		var o opened
		defer func() { done <- o }()
		defer recovered(&o.err)
		o.what, o.err = open()
	}()
	select {
	case o := <-done:
		return o.what, o.err
	case <-time.After(openTime):
		var none T
		return none, errStretched
	}
}

// rar walks a rar, entry by entry.
func (p *passage) rar(in io.Reader) (err error) {
	defer recovered(&err)
	r, err := rardecode.NewReader(in, rardecode.MaxDictionarySize(p.guard.lim.Dictionary))
	if err != nil {
		return solidError("", err)
	}
	content := &meter{p: p, r: r}
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return solidError("", err)
		}
		bytes := h.UnPackedSize
		if h.UnKnownSize {
			bytes = 0 // the meter counts
		}
		name, take, err := p.guard.admit(header{name: h.Name, mode: rarMode(h), bytes: bytes, locked: h.Encrypted || h.HeaderEncrypted})
		if err == nil && !take && h.Solid { // it is unpacked all the same
			p.made += bytes
			err = p.overdone()
		}
		if err == nil && take {
			err = p.Visit(Member{Name: name, Reader: &blaming{p, name, content}})
		}
		if err != nil {
			return err
		}
		p.Progress()
	}
}

// rarMode returns the mode of an entry with the kinds that the library passes
// over.
func rarMode(h *rardecode.FileHeader) fs.FileMode {
	const kind, folder, regular = 0xf000, 0x4000, 0x8000
	mode := h.Mode()
	if k := h.Attributes & kind; h.HostOS == rardecode.HostOSUnix && k != 0 && k != folder && k != regular {
		mode |= fs.ModeIrregular
	}
	return mode
}

// blaming is the content of a member. What the unpacker complains about is the
// member's fault.
type blaming struct {
	p    *passage
	name string
	r    io.Reader
}

// Read implements io.Reader.
func (b *blaming) Read(to []byte) (int, error) {
	if b.p.ctx.Err() != nil {
		return 0, context.Cause(b.p.ctx)
	}
	n, err := b.r.Read(to)
	b.p.Progress()
	if err != nil && !errors.Is(err, io.EOF) {
		err = solidError(b.name, err)
	}
	return n, err
}

// solidError blames a 7z or a rar, or a member of it, for every error of its
// unpacker. Those that come from elsewhere stay what they are.
func solidError(name string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*sourceError](err); ok {
		return err
	}
	if _, ok := errors.AsType[*pipeline.Error](err); ok {
		return err
	}
	if locked, ok := errors.AsType[*sevenzip.ReadError](err); ok && locked.Encrypted {
		return encrypted(name)
	}
	for _, e := range []error{rardecode.ErrArchiveEncrypted, rardecode.ErrArchivedFileEncrypted, rardecode.ErrBadPassword} {
		if errors.Is(err, e) {
			return encrypted(name)
		}
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, rardecode.ErrDictionaryTooLarge):
		return limits(name, "unpacking needs too large a dictionary")
	case errors.Is(err, rardecode.ErrMultiVolume):
		return bad(name, "the archive goes on in another file: pack it in one")
	case name == "":
		return bad("", "the archive is damaged, or packed in a way that is not supported")
	}
	return bad(name, "the archive member %q is damaged, or packed in a way that is not supported", name)
}

// recovered turns a panic of an unpacker, which a damaged archive can cause,
// into an error that blames the archive.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = bad("", "the archive is damaged: its unpacker gave up")
		if e, ok := errors.AsType[*pipeline.Error](*err); ok {
			*err = e.Because(fmt.Errorf("the unpacker said: %v", r))
		}
	}
}

func flateDamaged(err error) bool {
	_, ok := errors.AsType[flate.CorruptInputError](err)
	return ok
}

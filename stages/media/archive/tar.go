package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"framemill/stages/media/ziparchive"
)

// List finds the wanted members of a plain tar, in its order, so that they can
// be read where they lie. It reads the headers alone.
func List(ctx context.Context, r io.ReaderAt, size int64, lim Limits, wanted func(name string) bool, progress func()) ([]ziparchive.Member, error) {
	lim = lim.withDefaults()
	lim.Wanted = lim.Members // nothing is unpacked, so a name is all that each costs
	g := newGuard(lim, wanted)
	in := io.NewSectionReader(r, 0, size)
	var out []ziparchive.Member
	err := walkTar(ctx, in, g, progress, func(name string, bytes int64, _ io.Reader) error {
		at, err := in.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		if bytes > size-at {
			return bad(name, "the archive ends early")
		}
		out = append(out, ziparchive.Member{Name: name, Offset: at, Packed: bytes, Bytes: bytes, Method: ziparchive.Stored})
		return nil
	})
	return out, err
}

// walkTar visits the wanted members of a tar.
func walkTar(ctx context.Context, in io.Reader, g *guard, progress func(), visit func(name string, bytes int64, content io.Reader) error) error {
	t := tar.NewReader(in)
	for first := true; ; first = false {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return tarError(err, first)
		}
		progress()
		if h.Typeflag == tar.TypeXGlobalHeader { // a comment of the program that packed
			continue
		}
		name, take, err := g.admit(tarHeader(h))
		if err == nil && take {
			err = visit(name, h.Size, t)
		}
		if err != nil {
			return err
		}
	}
}

func tarHeader(h *tar.Header) header {
	out := header{name: h.Name, mode: h.FileInfo().Mode(), bytes: h.Size, sparse: h.Typeflag == tar.TypeGNUSparse}
	if h.Typeflag == tar.TypeLink { // which the library takes for a file
		out.mode |= fs.ModeIrregular
	}
	for key := range h.PAXRecords {
		out.sparse = out.sparse || strings.HasPrefix(key, "GNU.sparse.")
	}
	return out
}

// tarError blames the archive, but for errors of those who read it.
func tarError(err error, first bool) error {
	switch {
	case errors.Is(err, tar.ErrHeader) && first:
		return errNoTar
	case errors.Is(err, tar.ErrHeader):
		return bad("", "the archive is damaged")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return bad("", "the archive ends early")
	}
	return fmt.Errorf("read a tar archive: %w", err)
}

// errNoTar is the error of a stream that is no tar.
var errNoTar = errors.New("not a tar archive")

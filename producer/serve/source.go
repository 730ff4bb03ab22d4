package serve

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"path"
	"strings"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/source"
)

// framePage is how many frames are in memory at once.
const framePage = 2000

// frames yields the frames of a slice in order. What fits into one page is read
// only once, however often the sequence is run.
func (s *Server) frames(ctx context.Context, v View, of slice) iter.Seq2[*pipeline.FrameFile, error] {
	var page []pipeline.FrameFile
	return func(yield func(*pipeline.FrameFile, error) bool) {
		for lo := int64(0); lo < of.size(); lo += framePage {
			if page == nil || of.size() > framePage {
				var err error
				if page, err = s.page(ctx, v, of, lo, min(lo+framePage, of.size())); err != nil {
					yield(nil, err)
					return
				}
			}
			for i := range page {
				if !yield(&page[i], nil) {
					return
				}
			}
		}
	}
}

// page reads the frames of a slice from lo to hi-1.
func (s *Server) page(ctx context.Context, v View, of slice, lo, hi int64) (page []pipeline.FrameFile, err error) {
	if of.numbers != nil {
		page, err = s.db.FrameFilesAt(ctx, v.Data.ID, of.numbers[lo:hi])
	} else {
		page, err = s.db.FrameFiles(ctx, v.Data.ID, of.frames.Start+lo, of.frames.Start+hi)
	}
	if err == nil && int64(len(page)) != hi-lo {
		err = fmt.Errorf("data %d has %d of %d frames of segment %d", v.Data.ID, len(page), hi-lo, of.seg.ID)
	}
	return page, err
}

// originals yields the sources of frames. Those whose original is not the
// source itself come from the chunk that holds what was made of it.
func (a *answer) originals(parts []slice) entries {
	pages := make([]iter.Seq2[*pipeline.FrameFile, error], len(parts))
	for i := range parts {
		pages[i] = a.s.frames(a.r.Context(), a.v, parts[i])
	}
	return func(yield func(entry, error) bool) {
		for i, part := range parts {
			if !a.originalsOf(part, pages[i], yield) {
				return
			}
		}
	}
}

func (a *answer) originalsOf(part slice, frames iter.Seq2[*pipeline.FrameFile, error], yield func(entry, error) bool) bool {
	var derived *pack
	defer func() { derived.close() }()
	place := part.first
	for f, err := range frames {
		var e entry
		switch {
		case err != nil:
		case !f.Derived():
			e = a.s.original(a.r.Context(), f)
		default:
			if derived == nil {
				derived, err = a.openPack(part)
			}
			if err == nil {
				e, err = derived.numbered(place)
			}
		}
		place++
		if !yield(e, err) || err != nil {
			return false
		}
	}
	return true
}

// original is the source of a frame as it lies.
func (s *Server) original(ctx context.Context, f *pipeline.FrameFile) entry {
	e := entry{ext: extension(f), size: f.Bytes, crc: -1, open: func() (io.ReadCloser, error) { return s.openSource(ctx, f) }}
	if f.CRC32 != nil {
		e.crc = *f.CRC32
	}
	return e
}

// openSource opens the source of a frame. Its errors name the file as the task
// knows it.
func (s *Server) openSource(ctx context.Context, f *pipeline.FrameFile) (source.File, error) {
	src, err := s.sources.Open(ctx, f.Ref, f.Stamp())
	if err == nil {
		return src, nil
	}
	switch code := pipeline.CodeOf(err); code {
	case pipeline.CodeSourceGone:
		return nil, failure(code, f.Name, missing(f)).Because(err)
	case pipeline.CodeSourceChanged:
		return nil, failure(code, f.Name, fmt.Sprintf("The file '%s' has changed since the task was created", f.Name)).Because(err)
	case pipeline.CodeForbidden, pipeline.CodeStorageDetached, pipeline.CodeDownloadFailed:
		return nil, err
	}
	return nil, fmt.Errorf("open the source of frame %d: %w", f.N, err)
}

// missing says that a source is not where it was.
func missing(f *pipeline.FrameFile) string {
	scheme, rest := f.Ref.Split()
	if id, _, err := pipeline.ParseCloud(rest); scheme == "cloud" && err == nil {
		return fmt.Sprintf("The file '%s' not found on the cloud storage '%d'", f.Name, id)
	}
	return fmt.Sprintf("The file '%s' is gone", f.Name)
}

// extension returns the extension of a frame's name, or that of its format if
// the name has none that is safe to repeat.
func extension(f *pipeline.FrameFile) string {
	const most = 8
	ext := path.Ext(f.Name)
	if len(ext) < 2 || len(ext) > most || strings.ContainsFunc(ext[1:], func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9')
	}) {
		return "." + f.Format
	}
	return ext
}

// pack is an open chunk that is a zip.
type pack struct {
	obj   blob.Object
	zip   *zip.Reader
	stems map[string]*zip.File // by name without extension
}

// openPack opens the chunk of a slice.
func (a *answer) openPack(at slice) (*pack, error) {
	c, obj, err := a.s.open(a.r.Context(), a.order(at))
	if err != nil {
		return nil, err
	}
	r, err := zip.NewReader(obj, obj.Size())
	if err != nil {
		obj.Close()
		return nil, fmt.Errorf("read chunk %q: %w", c.Key, err)
	}
	return &pack{obj: obj, zip: r}, nil
}

func (p *pack) close() {
	if p != nil {
		p.obj.Close()
	}
}

// numbered returns the entry that has a number for its name.
func (p *pack) numbered(n int64) (entry, error) {
	if p.stems == nil {
		p.stems = make(map[string]*zip.File, len(p.zip.File))
		for _, f := range p.zip.File {
			p.stems[strings.TrimSuffix(f.Name, path.Ext(f.Name))] = f
		}
	}
	f, ok := p.stems[fmt.Sprintf("%06d", n)]
	if !ok {
		return entry{}, fmt.Errorf("a chunk of %d entries has none for frame %d", len(p.zip.File), n)
	}
	return p.entry(f), nil
}

// at returns the entry at a place.
func (p *pack) at(i int64) (entry, error) {
	if i >= int64(len(p.zip.File)) {
		return entry{}, fmt.Errorf("a chunk of %d entries has none at %d", len(p.zip.File), i)
	}
	return p.entry(p.zip.File[i]), nil
}

func (p *pack) entry(f *zip.File) entry {
	return entry{
		ext: path.Ext(f.Name), size: int64(f.UncompressedSize64), crc: int64(f.CRC32),
		open: func() (io.ReadCloser, error) { return p.open(f) },
	}
}

// open opens an entry; a stored one without checking it, for the reader does.
func (p *pack) open(f *zip.File) (io.ReadCloser, error) {
	if f.Method != zip.Store {
		return f.Open()
	}
	at, err := f.DataOffset()
	if err != nil {
		return nil, err
	}
	return io.NopCloser(io.NewSectionReader(p.obj, at, int64(f.UncompressedSize64))), nil
}

// copies yields the entries that slices of chunks hold.
func (a *answer) copies(parts []slice) entries {
	return func(yield func(entry, error) bool) {
		for _, part := range parts {
			if !a.copiesOf(part, yield) {
				return
			}
		}
	}
}

func (a *answer) copiesOf(part slice, yield func(entry, error) bool) bool {
	p, err := a.openPack(part)
	if err != nil {
		yield(entry{}, err)
		return false
	}
	defer p.close()
	for k := range part.size() {
		e, err := p.at(part.first + k)
		if !yield(e, err) || err != nil {
			return false
		}
	}
	return true
}

// fileOf returns the local file that src reads from its beginning, nil if
// there is none.
func fileOf(src io.Reader) *os.File {
	if d, ok := src.(blob.OnDisk); ok {
		return d.File()
	}
	return nil
}

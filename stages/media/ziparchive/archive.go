// Package ziparchive lists the members of a zip archive so that they can be
// read where they lie: nothing is ever extracted. It reads the central
// directory and the header of each member that is wanted, never their content,
// and it trusts neither: names, kinds, sizes and places are checked, and how
// much memory a directory may take is bounded before it is read.
package ziparchive

import (
	"cmp"
	"errors"
	"io"
	"slices"

	"framemill/pipeline"
	"framemill/pipeline/plan"
)

// Limits bound what an archive may hold. Zero fields mean the defaults.
type Limits struct {
	Members  int64 // entries of the directory, 1,000,000 by default
	Expanded int64 // bytes of all members together, 1 TiB by default
	Ratio    int64 // of a large member's size to its packed size, 200 by default
}

// smallMember is a size up to which any compression ratio is believed: text and
// blank pictures shrink a lot.
const smallMember = 100 << 20

func (l Limits) withDefaults() Limits {
	l.Members = cmp.Or(l.Members, 1_000_000)
	l.Expanded = cmp.Or(l.Expanded, 1<<40)
	l.Ratio = cmp.Or(l.Ratio, 200)
	return l
}

// Compression methods that a member may have.
const (
	Stored   = 0
	Deflated = 8
)

// Member is one file of an archive.
type Member struct {
	Name   string // relative, / between components
	Offset int64  // where its data begin
	Packed int64  // length of the data
	Bytes  int64  // length of the content
	Method uint16 // Stored or Deflated
	CRC32  uint32 // of the content
}

// In returns where the member lies if the archive is ref.
func (m *Member) In(ref pipeline.Ref) pipeline.Ref {
	return pipeline.ZipMember{Archive: ref, Offset: m.Offset, Packed: m.Packed, Method: m.Method, Sum: m.CRC32}.Ref()
}

// List returns the members of the archive of size bytes that are wanted by
// name, in the order of its directory. Folders and debris of operating systems
// are left out, and a nil wanted takes the rest.
//
// Errors that blame the archive are *pipeline.Error: unsupported_format if it
// is no zip, unsafe_path, unsafe_member, bad_member, or archive_limits. Any
// other is of the reader.
func List(r io.ReaderAt, size int64, lim Limits, wanted func(name string) bool) ([]Member, error) {
	l := lister{r: r, lim: lim.withDefaults(), wanted: wanted}
	dir, err := findDirectory(r, size)
	if err != nil {
		return nil, err
	}
	if dir.records > l.lim.Members {
		return nil, limits("", "the archive has %d members, at most %d are taken", dir.records, l.lim.Members)
	}
	l.room = dir.start
	if err := dir.walk(r, l.add); err != nil {
		return nil, err
	}
	if err := checkDistinct(l.members); err != nil {
		return nil, err
	}
	return l.members, nil
}

// lister gathers members and holds them to the limits.
type lister struct {
	r        io.ReaderAt
	lim      Limits
	wanted   func(name string) bool
	members  []Member
	count    int64
	room     int64 // bytes before the directory
	expanded int64
}

// add judges one entry and takes it if it is wanted.
func (l *lister) add(e *entry) error {
	if l.count++; l.count > l.lim.Members {
		return limits("", "the archive has more than %d members", l.lim.Members)
	}
	if l.count*localHeader > l.room {
		// Found out here, before a million headers are read at one place.
		return limits("", "the archive has %d members or more in %d bytes: they overlap", l.count, l.room)
	}
	folder := e.folder()
	if folder {
		e.name = e.name[:len(e.name)-1]
	}
	name, err := plan.MemberName(e.name)
	if err != nil {
		return err
	}
	if !folder && !e.plainFile() {
		return pipeline.Failf(pipeline.CodeUnsafeMember, name, "the archive member %q is a link or a device", name)
	}
	if err := l.budget(name, e); err != nil {
		return err
	}
	if folder || plan.Ignored(name) || l.wanted != nil && !l.wanted(name) {
		return nil
	}
	m, err := e.member(l.r, name)
	if err != nil {
		return err
	}
	l.members = append(l.members, m)
	return nil
}

// budget holds one entry, and all so far, to the limits of expansion.
func (l *lister) budget(name string, e *entry) error {
	if e.bytes > smallMember && e.bytes/l.lim.Ratio > e.packed {
		return limits(name, "the archive member %q expands %d bytes to %d", name, e.packed, e.bytes)
	}
	if e.bytes > l.lim.Expanded-l.expanded {
		return limits(name, "the archive expands to more than %d bytes", l.lim.Expanded)
	}
	l.expanded += e.bytes
	return nil
}

// checkDistinct refuses members that share a name or bytes of the archive.
func checkDistinct(members []Member) error {
	order := make([]*Member, len(members))
	for i := range members {
		order[i] = &members[i]
	}
	slices.SortFunc(order, func(a, b *Member) int { return cmp.Compare(a.Offset, b.Offset) })
	for i := 1; i < len(order); i++ {
		if a, b := order[i-1], order[i]; a.Offset+a.Packed+localHeader > b.Offset {
			return limits(b.Name, "the archive members %q and %q overlap", a.Name, b.Name)
		}
	}
	slices.SortFunc(order, func(a, b *Member) int { return cmp.Compare(a.Name, b.Name) })
	for i := 1; i < len(order); i++ {
		if name := order[i].Name; name == order[i-1].Name {
			return bad(name, "the archive has two members named %q", name)
		}
	}
	return nil
}

func limits(name, format string, args ...any) error {
	return pipeline.Failf(pipeline.CodeArchiveLimits, name, format, args...)
}

func bad(name, format string, args ...any) error {
	return pipeline.Failf(pipeline.CodeBadMember, name, format, args...)
}

// readAt fills p from off. An early end blames the archive.
func readAt(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return bad("", "the archive ends early")
	}
	return err
}
